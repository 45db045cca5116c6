// Axe finds nothing: on every page, light and dark, wide and narrow, with everything opened.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { PAGE, open } from "./helpers";

async function finds(page: Page) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [320, 1280]) {
    test.describe(`${colorScheme}, ${width} px`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 } });

      for (const environment of ["production", "this-server", "demo"]) {
        test(`the page of ${environment}`, async ({ page }) => {
          await open(page, environment);
          expect(await finds(page)).toEqual([]);
        });
      }

      test("a snapshot, samples and an error", async ({ page }) => {
        await open(page, "demo");
        await page.locator("#snapshots tbody th a").first().click();
        expect(await finds(page)).toEqual([]);
        await page.locator("#inputs .samples-link").first().click();
        expect(await finds(page)).toEqual([]);
        await page.goto(`${PAGE}?environment=nowhere`);
        expect(await finds(page)).toEqual([]);
      });

      test("the settings, as they are, reviewed and with a mistake", async ({ page }) => {
        for (const more of ["", "&review=1&guardrails.max_churn_risk=0.1", "&review=1&guardrails.max_churn_risk=9&weights.infra=1"]) {
          await page.goto(`${PAGE}/settings?environment=demo${more}`);
          expect(await finds(page)).toEqual([]);
        }
      });
    });
  }
}

test("the backtest, with a result and with mistakes", async ({ page }) => {
  for (const query of ["", "&limits.pilot.max_clients=9", "&limits.pilot.max_clients=many&guardrails.max_churn_risk=2"]) {
    await page.goto(`${PAGE}/backtest?environment=demo${query}`);
    expect(await finds(page), query).toEqual([]);
  }
});

test("a notice and a frozen environment", async ({ page }) => {
  await page.goto(`${PAGE}?environment=demo&notice=conflict`);
  await expect(page.getByRole("alert")).toBeVisible();
  expect(await finds(page)).toEqual([]);
});
