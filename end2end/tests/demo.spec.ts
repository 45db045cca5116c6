// The synthetic environment: full of numbers, marked everywhere, deciding nothing; and every number leads to its samples.
import { expect, test } from "@playwright/test";
import { PAGE, answer, open } from "./helpers";

test("the switcher leads to demo, which is marked synthetic and holds", async ({ page }) => {
  await open(page, "production");
  await page.getByLabel("Environment", { exact: true }).selectOption("demo");
  await page.getByRole("button", { name: "Switch" }).click();
  await expect(page).toHaveURL(/environment=demo/);
  await expect(page.locator(".banner-synthetic")).toContainText("Synthetic data: for showing the product; decides nothing.");
  await expect(answer(page).locator(".badge")).toHaveText("Hold");
  for (const panel of ["answer", "decision", "health", "over-time", "history", "snapshots"]) {
    await expect(page.locator(`#${panel} .mark-synthetic`).first(), panel).toHaveText("Synthetic data");
  }
});

test("demo offers no command that would send numbers", async ({ page }) => {
  await open(page, "demo");
  await page.locator("#connect > details > summary").click();
  await expect(page.locator("#connect")).toContainText("nothing to connect");
  await expect(page.locator("#connect pre")).toHaveCount(0);
});

test("each score opens to its formula, its inputs and their samples", async ({ page }) => {
  await open(page, "demo");
  for (const score of ["overall", "infra-health", "ai-cost-pressure", "warning-density", "churn-risk"]) {
    const details = page.locator(`#score-${score}`);
    await details.locator("> summary").click();
    await expect(details.locator(".details-body")).toBeVisible();
    await expect(details.locator("table")).toBeVisible();
  }
  const spend = page.locator("#score-ai-cost-pressure");
  await expect(spend).toContainText("AI spend of the trailing day");
  for (const column of ["State", "Value", "Window", "Covered", "Source", "Data through", "Fetched at", "Samples"]) {
    await expect(spend.getByRole("columnheader", { name: column, exact: true })).toBeVisible();
  }
  await spend.locator(".samples-link").first().click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Samples behind AI spend");
  await expect(page.locator(".banner-synthetic")).toBeVisible();
  await expect(page.locator("tbody tr").first()).toContainText("USD");
  await page.getByRole("link", { name: "Back to demo" }).click();
  await expect(page).toHaveURL(/environment=demo/);
});

test("a link to a proof opens it", async ({ page }) => {
  await page.goto(`${PAGE}?environment=demo#score-churn-risk-proof`);
  await expect(page.locator("#score-churn-risk-proof")).toBeVisible();
});

test("snapshots are listed, each leading to its record with all rules and inputs", async ({ page }) => {
  await open(page, "demo");
  await page.locator("#snapshots tbody th a").nth(1).click();
  await expect(page).toHaveURL(/\/snapshots\/snapshot-[0-9a-f]{24}$/);
  await expect(page.locator("#decision .rule-group tbody tr")).toHaveCount(23);
  await page.locator("#inputs > summary").click();
  await expect(page.locator("#inputs tbody tr").first()).toBeVisible();
  await expect(page.locator(".facts")).toContainText("Configuration version");
  await page.getByRole("link", { name: "Back to demo" }).click();
  await expect(page).toHaveURL(/environment=demo/);
});

test("the page's title begins with the answer", async ({ page }) => {
  await open(page, "demo");
  await expect(page).toHaveTitle("Hold · demo · Scaling Mode");
});
