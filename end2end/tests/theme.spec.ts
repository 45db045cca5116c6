// Light and dark: the system's until the reader chooses; the choice stays.
import { expect, test, type Page } from "@playwright/test";
import { PAGE, open } from "./helpers";

const ground = (page: Page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const choose = (page: Page, name: string) => page.getByRole("group", { name: "Colours" }).getByRole("button", { name, exact: true });

test("without a choice the system decides", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await open(page, "demo");
  await expect(page.locator("html")).not.toHaveAttribute("data-theme");
  await expect(choose(page, "System")).toHaveAttribute("aria-pressed", "true");
  const light = await ground(page);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await ground(page)).not.toBe(light);
});

test("a choice leads back, stays on every page and is taken back", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(`${PAGE}?environment=demo&range=30`);
  const light = await ground(page);
  await choose(page, "Dark").click();
  await expect(page).toHaveURL(`${PAGE}?environment=demo&range=30`);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(choose(page, "Dark")).toHaveAttribute("aria-pressed", "true");
  await expect(choose(page, "System")).toHaveAttribute("aria-pressed", "false");
  const dark = await ground(page);
  expect(dark).not.toBe(light);
  for (const path of ["/settings?environment=demo", "/what-if?environment=demo", "/events/1?environment=demo", "?environment=nowhere"]) {
    await page.goto(`${PAGE}${path}`);
    await expect(page.locator("html"), path).toHaveAttribute("data-theme", "dark");
    expect(await ground(page), path).toBe(dark);
  }
  await page.emulateMedia({ colorScheme: "dark" });
  await choose(page, "Light").click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  expect(await ground(page)).toBe(light);
  await choose(page, "System").click();
  await expect(page.locator("html")).not.toHaveAttribute("data-theme");
  expect(await ground(page)).toBe(dark);
});

test("paper is white whatever the choice", async ({ page }) => {
  await open(page, "demo");
  await choose(page, "Dark").click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.emulateMedia({ media: "print" });
  expect(await ground(page)).toBe("rgb(255, 255, 255)");
});

test("who wants less motion gets none", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open(page, "demo");
  const moving = await page.evaluate(() => [
    getComputedStyle(document.documentElement).scrollBehavior,
    ...[...document.querySelectorAll("*")].map((element) => getComputedStyle(element)).flatMap((style) =>
      style.transitionDuration === "0s" && style.animationName === "none" ? [] : ["moves"],
    ),
  ]);
  expect(moving).toEqual(["auto"]);
});
