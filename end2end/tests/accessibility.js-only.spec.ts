// Axe finds nothing: on every page in every state, light and dark, narrow and wide, on paper, with everything opened.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { everyPage } from "./pages";

async function finds(page: Page) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  // Only what is wrong is gathered; all is looked at as before.
  const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ["violations"] }).analyze();
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** The pages are many: they are shared out, so that both workers have about as much to do. */
const PARTS = 3;

for (const width of [320, 1280]) {
  for (let part = 0; part < PARTS; part++) {
    test(`every page at ${width} px, light, dark and on paper, part ${part + 1} of ${PARTS}`, async ({ page, request }) => {
      test.setTimeout(600_000);
      await page.setViewportSize({ width, height: 900 });
      const pages = (await everyPage(request)).filter((_, place) => place % PARTS === part);
      for (const { name, path } of pages) {
        // Without motion: a button that is still fading from light to dark has the colours of neither.
        await page.emulateMedia({ media: "screen", colorScheme: "light", reducedMotion: "reduce" });
        await page.goto(path);
        expect.soft(await finds(page), `${name}, light`).toEqual([]);
        await page.emulateMedia({ colorScheme: "dark" });
        expect.soft(await finds(page), `${name}, dark`).toEqual([]);
        // Paper is of one width.
        if (width === 320) continue;
        await page.emulateMedia({ media: "print" });
        expect.soft(await finds(page), `${name}, on paper`).toEqual([]);
      }
    });
  }
}

test("the palette, opened", async ({ page }) => {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto("/founder/scaling-mode?environment=demo");
    await expect(page.locator(".palette-button")).toBeVisible();
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("dialog", { name: "Go to" })).toBeVisible();
    const { violations } = await new AxeBuilder({ page }).include("dialog").analyze();
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`)).toEqual([]);
    await page.keyboard.press("Escape");
  }
});
