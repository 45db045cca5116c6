// The rules, worked through: what leads to which answer in each mode, under the environment's own policy.
import { expect, test } from "@playwright/test";
import { PAGE, open } from "./helpers";

test("the founder's page leads to the rules, one table for each mode", async ({ page }) => {
  await open(page, "demo");
  await page.locator(".on-this-page").getByRole("link", { name: "The rules" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("The rules, worked through");
  await expect(page.locator("main .mark").first()).toHaveText("Examples");
  for (const mode of ["Lab", "Pilot", "Growth", "Scale"]) {
    await expect(page.getByRole("heading", { level: 2, name: mode, exact: true })).toBeVisible();
  }
  await page.getByText("The guardrails in force").first().click();
  await expect(page.getByRole("rowheader", { name: "Most churn risk" })).toBeVisible();
  await page.getByRole("link", { name: "Back to demo" }).click();
  await expect(page).toHaveURL(`${PAGE}?environment=demo`);
});

test("the tables turn at the limits in force: a lab carries fifty posts a day", async ({ page }) => {
  await page.goto(`${PAGE}/rules?environment=measured`);
  const lab = page.locator("section", { has: page.locator("#rules-lab") });
  const turn = lab.locator("tbody tr", { hasText: "limit.posts" });
  await expect(turn).toHaveCount(1);
  await expect(turn).toContainText("51 posts and more");
  await expect(turn).toContainText("Freeze");
  // Every row says which number it moves.
  for (const name of await lab.locator("tbody th").allTextContents()) expect(name.trim()).not.toBe("");
});

test("an environment that is not there is a page that helps", async ({ page }) => {
  const response = await page.goto(`${PAGE}/rules?environment=nowhere`);
  expect(response?.status()).toBe(404);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("There is no such environment");
});
