// What a founder sees before anything is connected.
import { expect, test } from "@playwright/test";
import { PAGE, answer, open } from "./helpers";

test("the root leads to the founder's page of production", async ({ page }) => {
  await page.goto("/");
  await expect(page).toHaveURL(new RegExp(`${PAGE}$`));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("May production safely take on more?");
});

test("with nothing connected the answer is Hold, with its reason", async ({ page }) => {
  await open(page, "production");
  await expect(answer(page).locator(".badge")).toHaveText("Hold");
  await expect(answer(page).locator(".verdict-text")).toHaveText(/^Hold.*(nothing has been evaluated yet|nothing is connected yet|frozen it)/);
  await expect(page.locator("#answer")).toContainText("Active clients: unknown.");
});

test("the checklist says what is missing and how to send it to this very server", async ({ page, baseURL }) => {
  await open(page, "production");
  const checklist = page.locator("#connect");
  await expect(checklist).toContainText("0 of 11 signals connected");
  await expect(checklist.locator(".checklist > li")).toHaveCount(11);
  await expect(checklist.locator(".checklist .badge").first()).toHaveText("Missing");
  await checklist.getByText("Command for AI spend").click();
  const command = checklist.locator("pre", { hasText: '"ai.spend"' });
  await expect(command).toBeVisible();
  await expect(command).toContainText(`curl -X POST ${baseURL}/api/telemetry`);
  await expect(command).toContainText('"environment": "production"');
  await expect(command).toContainText("YOUR_NUMBER");
});

test("nothing unknown is shown as a number", async ({ page }) => {
  await open(page, "production");
  const facts = page.locator("#answer");
  await expect(facts.getByText("Data through").locator("..")).toContainText("unknown");
  await expect(facts).not.toContainText("NaN");
  await expect(facts).not.toContainText("—");
});

test("an unknown environment is a page that helps, with its status", async ({ page }) => {
  const response = await page.goto(`${PAGE}?environment=nowhere`);
  expect(response?.status()).toBe(404);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("There is no such environment");
  await page.getByRole("link", { name: "Go to the founder's page" }).click();
  await expect(page).toHaveURL(new RegExp(`${PAGE}$`));
});

for (const [name, path] of [
  ["an unknown snapshot", `${PAGE}/snapshots/snapshot-000000000000000000000000`],
  ["an unknown address", "/founder/nothing-here"],
] as const) {
  test(`${name} is a friendly 404`, async ({ page }) => {
    const response = await page.goto(path);
    expect(response?.status()).toBe(404);
    await expect(page.getByRole("heading", { level: 1 })).toContainText("There is no such");
    await expect(page.getByRole("link", { name: "Go to the founder's page" })).toBeVisible();
  });
}
