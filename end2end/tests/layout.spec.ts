// Every page fits a narrow screen: only tables, code and the chart scroll, in regions of their own.
import { expect, test } from "@playwright/test";
import { PAGE, open } from "./helpers";

for (const width of [320, 768, 1440]) {
  test(`no page scrolls sideways at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    const fits = async (what: string) => {
      const [content, view] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      expect(content, what).toBeLessThanOrEqual(view);
    };
    for (const environment of ["production", "this-server", "demo"]) {
      await open(page, environment);
      await fits(environment);
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
      await fits(`${environment}, all opened`);
    }
    await page.locator("#snapshots tbody th a").first().click();
    await fits("snapshot");
    await page.goto(`${PAGE}?environment=nowhere`);
    await fits("error");
  });
}

test("what can be pressed is at least 24 px high and wide", async ({ page }) => {
  await open(page, "demo");
  const small = await page.locator("main :is(button, select, input:not([type=hidden]), summary), nav a, .samples-link:visible").evaluateAll((targets) =>
    targets
      .map((target) => ({ text: target.textContent?.trim().slice(0, 40), box: target.getBoundingClientRect() }))
      .filter(({ box }) => box.height > 0 && (box.height < 24 || box.width < 24))
      .map(({ text, box }) => `${text}: ${box.width} x ${box.height}`),
  );
  expect(small).toEqual([]);
});
