// The browser takes over the islands without a word in the console, and adds what only it knows.
import { expect, test } from "@playwright/test";
import { PAGE, form, open, watch } from "./helpers";

test.use({ timezoneId: "America/New_York" });

test("times gain the reader's own zone, nothing is warned of, nothing comes from elsewhere", async ({ page, baseURL }) => {
  const wrong = watch(page, baseURL!);
  for (const environment of ["production", "this-server", "demo"]) {
    await open(page, environment);
    await expect(page.locator("#history .local-time").first()).toHaveText(/^\(\d{1,2} \w{3,4}, \d{2}:\d{2} .+\)$/);
  }
  await page.locator("#snapshots tbody th a").first().click();
  await expect(page.locator("h1 .local-time")).not.toBeEmpty();
  await page.locator("#inputs > summary").click();
  await page.locator("#inputs .samples-link").first().click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Samples behind");
  await page.waitForLoadState("networkidle");
  await page.goto(`${PAGE}/settings?environment=demo`);
  await page.waitForLoadState("networkidle");
  await page.getByLabel("Most churn risk").fill("2");
  await expect(page.locator(".form-state")).not.toBeEmpty();
  expect(wrong).toEqual([]);
});

test("choosing a mode says what it would mean before it is set", async ({ page }) => {
  await open(page, "demo");
  await expect(page.locator(".local-time").first()).not.toBeEmpty();
  const set = form(page, "set-mode");
  const said = page.locator("#mode-consequence > :visible");
  await expect(said).toContainText("It is the mode in force.");
  await set.getByLabel("New mode").selectOption("lab");
  await expect(said).toContainText("Lab carries up to 5 clients");
  await expect(said).toContainText("Today's load would be over it");
  await set.getByLabel("New mode").selectOption("scale");
  await expect(said).toContainText("Scale carries up to 500 clients, 10,000 posts and $2,000.00");
  await expect(said).toContainText("Today's load fits.");
});

test("an unknown load is not said to fit", async ({ page }) => {
  await open(page, "production");
  await expect(page.locator(".local-time").first()).not.toBeEmpty();
  await form(page, "set-mode").getByLabel("New mode").selectOption("scale");
  await expect(page.locator("#mode-consequence > :visible")).toContainText("Whether today's load fits is not known");
});

test("a reader in UTC sees UTC once", async ({ browser, baseURL }) => {
  const context = await browser.newContext({ timezoneId: "UTC", baseURL });
  const page = await context.newPage();
  await page.goto(`${PAGE}?environment=demo`);
  await page.waitForLoadState("networkidle");
  await expect(page.locator("#history time").first()).toContainText("UTC");
  for (const text of await page.locator(".local-time").allTextContents()) expect(text).toBe("");
  await context.close();
});
