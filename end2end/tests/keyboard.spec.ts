// Whole flows by keyboard alone, one after the other, in an environment of the project's own.
import { expect, test } from "@playwright/test";
import { PAGE, act, config, events, form, notice, open, reason, tabTo } from "./helpers";
import { send } from "./states";

test.describe.configure({ mode: "serial" });
test.skip(!process.env.SERVER_DATA_DIR, "the suite makes environments in the store of its own server only");

test("skip link, set mode, freeze, unfreeze", async ({ page, request }, info) => {
  const environment = `keyboard-${info.project.name}`;
  const found = await config(request, environment);
  if (found.frozen) await act(request, { environment, action: "unfreeze", reason: reason("the spec begins") });
  if (found.mode !== "lab") await act(request, { environment, action: "set_mode", mode: "lab", old_mode: found.mode });
  await open(page, environment);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeInViewport();
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
  await tabTo(page, form(page, "set-mode").getByLabel("New mode"));
  await page.keyboard.type("Gr");
  await page.keyboard.press("Tab");
  const why = reason("set from the keyboard");
  await page.keyboard.type(why);
  await page.keyboard.press("Enter");
  await expect(notice(page)).toHaveRole("status");
  await expect(page.locator('.track [aria-current="step"]')).toContainText("Growth");
  await expect(events(page).filter({ hasText: why })).toContainText("Lab → Growth");
  await tabTo(page, form(page, "freeze").getByLabel("Reason"));
  await page.keyboard.type(reason("frozen from the keyboard"));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await expect(page.locator(".banner-frozen")).toBeVisible();
  await tabTo(page, form(page, "unfreeze").getByLabel("Reason"));
  await page.keyboard.type(reason("unfrozen from the keyboard"));
  await page.keyboard.press("Enter");
  await expect(page.locator(".banner-frozen")).toHaveCount(0);
});

test("from the verdict to the samples behind a score, and back", async ({ page, request }, info) => {
  const environment = `keyboard-${info.project.name}`;
  await send(environment, Date.now(), 3, 0);
  await request.post("/api/scaling-mode/health", { data: { environment } });
  await open(page, environment);
  await tabTo(page, page.locator(".on-this-page").getByRole("link", { name: "Health" }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#health$/);
  const score = page.locator("#score-infra-health");
  await tabTo(page, score.locator("> summary"));
  await page.keyboard.press("Enter");
  await expect(score.locator(".details-body")).toBeVisible();
  await tabTo(page, score.locator(".samples-link").first());
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Samples behind");
  await tabTo(page, page.getByRole("link", { name: `Back to ${environment}` }));
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${PAGE}?environment=${environment}`);
});

test("two snapshots are chosen with the arrow keys and compared", async ({ page, request }, info) => {
  const environment = `keyboard-${info.project.name}`;
  await request.post("/api/scaling-mode/health", { data: { environment } });
  await open(page, environment);
  await tabTo(page, page.locator('#snapshots input[name="from"]:checked'), 300);
  await page.keyboard.press("ArrowDown");
  await tabTo(page, page.getByRole("button", { name: "Compare the two chosen" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Two snapshots of ${environment}`);
});

test("the focus is always to be seen", async ({ page }) => {
  // Without motion: what the page is still gliding to is not to be seen yet.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open(page, "demo");
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const active = document.activeElement!;
      const style = getComputedStyle(active);
      const box = active.getBoundingClientRect();
      const inView = box.bottom > 0 && box.top < innerHeight;
      return inView && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 ? null : active.outerHTML.slice(0, 120);
    });
    expect(seen, `after ${presses + 1} presses of Tab`).toBeNull();
  }
});
