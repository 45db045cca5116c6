// The command palette: every place and act by typing, without a mouse.
import { expect, test } from "@playwright/test";
import { PAGE, open, takenOver } from "./helpers";

test.beforeEach(async ({ page }) => {
  await open(page, "demo");
  await takenOver(page);
});

for (const key of ["Control+k", "Meta+k"]) {
  test(`${key} opens it, typing narrows it, Enter goes there`, async ({ page }) => {
    await page.keyboard.press(key);
    const palette = page.getByRole("dialog", { name: "Go to" });
    const field = palette.getByRole("combobox", { name: "A place or an act" });
    await expect(field).toBeFocused();
    const all = await palette.getByRole("option").count();
    expect(all).toBeGreaterThan(15);
    await page.keyboard.type("days charts");
    await expect(palette.getByRole("option")).toHaveCount(4);
    await expect(palette.getByRole("option", { selected: true })).toHaveText("Charts over 7 days");
    await page.keyboard.press("ArrowDown");
    await expect(palette.getByRole("option", { selected: true })).toHaveText("Charts over 30 days");
    const active = await field.getAttribute("aria-activedescendant");
    await expect(page.locator(`[id="${active}"]`)).toHaveText("Charts over 30 days");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    await expect(palette.getByRole("option", { selected: true })).toHaveText("Charts over 365 days");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/range=365#over-time$/);
  });
}

test("a place on the page is gone to, and the palette is closed", async ({ page }) => {
  await page.keyboard.press("Control+k");
  await page.keyboard.type("freeze");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Go to" })).toBeHidden();
  await expect(page).toHaveURL(/#freeze-reason$/);
  await page.keyboard.type("typed at once");
  await expect(page.locator("#freeze-reason")).toHaveValue("typed at once");
});

test("Escape closes it and gives the focus back", async ({ page }) => {
  const button = page.getByRole("button", { name: /^Go to/ });
  await button.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Go to" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog", { name: "Go to" })).toBeHidden();
  await expect(button).toBeFocused();
});

test("what finds nothing says so, and Enter stays", async ({ page }) => {
  await page.keyboard.press("Control+k");
  await page.keyboard.type("no such thing");
  const palette = page.getByRole("dialog", { name: "Go to" });
  await expect(palette.getByRole("option")).toHaveCount(0);
  await expect(palette.getByRole("status")).toHaveText("Nothing has these words.");
  await expect(palette.getByRole("combobox")).not.toHaveAttribute("aria-activedescendant");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${PAGE}?environment=demo`);
});

test("another environment is a few keys away", async ({ page }) => {
  await page.keyboard.press("Control+k");
  await page.keyboard.type("environment produ");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${PAGE}?environment=production`);
});

test("a long list keeps the chosen one in sight", async ({ page }) => {
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Go to" });
  await page.keyboard.press("ArrowUp");
  const chosen = palette.getByRole("option", { selected: true });
  await expect(chosen).toHaveText(/^Environment /);
  await expect(chosen).toBeInViewport({ ratio: 0.9 });
});
