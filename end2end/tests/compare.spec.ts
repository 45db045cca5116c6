// Two snapshots side by side: what moved, which rule flipped.
import { expect, test } from "@playwright/test";
import { PAGE, open } from "./helpers";

const COMPARE = `${PAGE}/compare`;

test("the list offers the two newest, and any two can be chosen", async ({ page }) => {
  await open(page, "demo");
  const list = page.locator("#snapshots");
  await expect(list.getByRole("radio", { checked: true })).toHaveCount(2);
  // By what they are, not by their place: a tick meanwhile moves them down.
  const [from, to] = [await list.locator('input[name="from"]').nth(5).inputValue(), await list.locator('input[name="to"]').nth(1).inputValue()];
  await list.locator(`input[name="from"][value="${from}"]`).check();
  await list.locator(`input[name="to"][value="${to}"]`).check();
  await list.getByRole("button", { name: "Compare the two chosen" }).click();
  await expect(page).toHaveURL((address) => address.pathname === COMPARE && address.searchParams.get("from") === from && address.searchParams.get("to") === to);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Two snapshots of demo");
  await expect(page.locator(".banner-synthetic")).toBeVisible();
  const sides = page.locator(".pair-side");
  await expect(sides).toHaveCount(2);
  await expect(sides.nth(0).getByRole("link")).toHaveAttribute("href", new RegExp(`${from}$`));
  await expect(sides.nth(1).getByRole("link")).toHaveAttribute("href", new RegExp(`${to}$`));
  await expect(page.locator('[aria-labelledby="moved-title"] tbody tr').first()).toBeVisible();
});

test("snapshots of two environments are not compared, and the page says so", async ({ page, request }) => {
  const { snapshots } = await (await request.get("/api/scaling-mode/health?environment=trouble&type=list&limit=1")).json();
  const { snapshots: before } = await (await request.get("/api/scaling-mode/health?environment=measured&type=list&limit=1")).json();
  const response = await page.goto(`${COMPARE}?from=${before[0].id}&to=${snapshots[0].id}`);
  expect(response?.status()).toBe(400);
  await expect(page.locator("main")).toContainText("of different environments; there is nothing to compare");
  await expect(page.getByRole("link", { name: "Go to the founder's page" })).toBeVisible();
});

test("a snapshot beside itself says that nothing moved", async ({ page, request }) => {
  const { snapshots } = await (await request.get("/api/scaling-mode/health?environment=measured&type=list&limit=1")).json();
  await page.goto(`${COMPARE}?from=${snapshots[0].id}&to=${snapshots[0].id}`);
  for (const words of ["The answer is the same, and no rule flipped.", "No rule flipped.", "No score and no load moved.", "No input changed."]) {
    await expect(page.getByText(words, { exact: true })).toBeVisible();
  }
});

test("a snapshot's page leads to the comparison with the newest", async ({ page }) => {
  await open(page, "demo");
  await page.locator("#snapshots tbody th a").nth(3).click();
  await page.getByRole("link", { name: "Compare with the newest snapshot" }).click();
  await expect(page).toHaveURL(new RegExp(`${COMPARE}\\?from=snapshot-[0-9a-f]{24}$`));
  await expect(page.locator(".pair-side")).toHaveCount(2);
});

test("a snapshot that is not there is a page that helps", async ({ page }) => {
  const response = await page.goto(`${COMPARE}?from=snapshot-000000000000000000000000`);
  expect(response?.status()).toBe(404);
  await expect(page.getByRole("link", { name: "Go to the founder's page" })).toBeVisible();
});
