// The backtest: a plain form over the environment's own past, marked hypothetical, that leads to the stored snapshots.
import { expect, test } from "@playwright/test";
import { PAGE, open } from "./helpers";

const BACKTEST = `${PAGE}/backtest`;

test("the founder's page leads to the backtest, whose form holds what is in force", async ({ page }) => {
  await open(page, "demo");
  await page.getByRole("link", { name: "Test other limits and guardrails on your own past" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Backtest of demo");
  await expect(page.locator('[name="limits.pilot.max_clients"]')).toHaveValue("15");
  await expect(page.locator('[name="guardrails.max_churn_risk"]')).toHaveValue("0.2");
  await expect(page.locator('[name="weights.infra"]')).toHaveValue("0.3");
  await expect(page.locator("#backtest")).toHaveCount(0);
});

test("running it says what would have been, marked hypothetical, and the address holds the proposal", async ({ page }) => {
  await page.goto(`${BACKTEST}?environment=demo`);
  await page.locator('[name="limits.pilot.max_clients"]').fill("9");
  await page.getByRole("button", { name: "Run the backtest" }).click();
  await expect(page).toHaveURL(/limits\.pilot\.max_clients=9/);
  const result = page.locator("#backtest");
  await expect(result.getByRole("heading", { level: 2 })).toHaveText(/^All [\d,]+ evaluations would have answered the same\.$/);
  await expect(result.locator(".mark")).toHaveText("Hypothetical");
  await expect(result).toContainText("Synthetic data decides nothing");
  await expect(page.locator('[name="limits.pilot.max_clients"]')).toHaveValue("9");
  await expect(page.locator('[id="limits.pilot.max_clients-note"]')).toContainText("in force: 15");
  await page.reload();
  await expect(page.locator("#backtest .mark")).toHaveText("Hypothetical");
});

test("a mistake is said at the head and at its field, and nothing is tested", async ({ page }) => {
  await page.goto(`${BACKTEST}?environment=demo&guardrails.max_churn_risk=2&limits.pilot.max_clients=many`);
  await expect(page.getByRole("alert")).toContainText("Nothing was tested yet");
  await expect(page.locator("#backtest")).toHaveCount(0);
  const field = page.locator('[name="limits.pilot.max_clients"]');
  await expect(field).toHaveValue("many");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await page.getByRole("alert").getByRole("link", { name: "Most clients in Pilot" }).click();
  await expect(page).toHaveURL(/#limits\.pilot\.max_clients$/);
});

test("the backtest fits a narrow screen", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 800 });
  await page.goto(`${BACKTEST}?environment=demo&limits.pilot.max_clients=9`);
  const [content, view] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  expect(content).toBeLessThanOrEqual(view);
});

test.describe("over recordings", () => {
  test.skip(process.env.SCALING_MODE_RECORDINGS === "none", "the recordings are left out on purpose");

  test("a stricter guardrail answers differently, and the first difference leads to its snapshot", async ({ page }) => {
    await page.goto(`${BACKTEST}?environment=replay&guardrails.min_infra_health=90`);
    const result = page.locator("#backtest");
    await expect(result.getByRole("heading", { level: 2 })).toHaveText(/would have answered differently\.$/);
    await expect(result.locator("tbody").first()).toContainText("Freeze");
    await result.locator('a[href*="/snapshots/"]').first().click();
    await expect(page).toHaveURL(/\/snapshots\/snapshot-[0-9a-f]{24}$/);
  });
});
