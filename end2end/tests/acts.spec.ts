// What a founder does: each act from its form, its notice, its event. One after the other, in an environment of the
// project's own, and left as it was found.
import { expect, test } from "@playwright/test";
import { act, answer, config, events, form, notice, open, ownEnvironment, reason, tabTo } from "./helpers";

test.describe.configure({ mode: "serial" });

test.beforeEach(async ({ page, request }, info) => {
  const environment = ownEnvironment(info);
  const found = await config(request, environment);
  if (found.frozen) await act(request, { environment, action: "unfreeze", reason: "browser suite begins" });
  if (found.mode !== "lab") await act(request, { environment, action: "set_mode", mode: "lab", old_mode: found.mode });
  if (found.auto_mode) await act(request, { environment, action: "set_auto_mode", enabled: false });
  await open(page, environment);
});

test("a snapshot is generated, shown and linked to its whole record", async ({ page }) => {
  await form(page, "evaluate").getByRole("button", { name: "Generate snapshot" }).click();
  await expect(notice(page)).toHaveRole("status");
  await expect(notice(page)).toBeVisible();
  await expect(answer(page).locator(".badge")).toHaveText("Hold");
  await expect(page.locator("#decision")).toContainText("What would change this answer");
  await page.getByRole("link", { name: "The whole snapshot" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Snapshot of");
  await expect(page.locator("#verify")).toContainText("scaling-mode verify");
  await expect(page.locator(".digests")).toContainText(/[0-9a-f]{64}/);
});

test("the decision shows every rule with its outcome in words", async ({ page }) => {
  await form(page, "evaluate").getByRole("button").click();
  const rules = page.locator("#decision .rule-group tbody tr");
  await expect(rules).toHaveCount(23);
  for (const outcome of await rules.locator("td:first-child").allTextContents()) {
    expect(["Passed", "Failed", "Unknown"]).toContain(outcome.trim());
  }
  // Each rule that did not pass is open.
  await expect(page.locator("#decision").getByText("Conditions of an Increase")).toBeVisible();
  await expect(page.locator("#decision code", { hasText: "increase.demand" })).toBeVisible();
});

test("setting the mode shows in the track and, with its reason, in the history", async ({ page }) => {
  const why = reason("first real client");
  const set = form(page, "set-mode");
  await set.getByLabel("New mode").selectOption("pilot");
  await set.getByLabel("Reason (optional)").fill(why);
  await set.getByRole("button", { name: "Set mode" }).click();
  await expect(notice(page)).toHaveRole("status");
  await expect(page.locator('.track [aria-current="step"]')).toContainText("Pilot");
  const event = events(page).filter({ hasText: why });
  await expect(event).toContainText("Mode changed");
  await expect(event).toContainText("Lab → Pilot");
  await expect(event).toContainText("by local");
});

test("a mode that has moved in between is not overwritten, and the page says so", async ({ page, request }, info) => {
  const environment = ownEnvironment(info);
  // The form is being filled in: an open page leaves it alone, where it would bring an untouched one up to date.
  await form(page, "set-mode").getByLabel("New mode").selectOption("pilot");
  await act(request, { environment, action: "set_mode", mode: "growth", old_mode: "lab" });
  await form(page, "set-mode").getByRole("button", { name: "Set mode" }).click();
  await expect(notice(page)).toHaveRole("alert");
  await expect(notice(page)).toContainText("changed in between");
  await expect(notice(page)).toContainText("growth");
  expect((await config(request, environment)).mode).toBe("growth");
});

test("freezing needs a reason", async ({ page, request }, info) => {
  const field = form(page, "freeze").getByLabel("Reason");
  await expect(field).toHaveAttribute("required", "");
  await form(page, "freeze").getByRole("button", { name: "Freeze" }).click();
  await expect(notice(page)).toHaveCount(0);
  // A reason of blanks passes the browser, not the server.
  await field.fill("   ");
  await form(page, "freeze").getByRole("button", { name: "Freeze" }).click();
  await expect(notice(page)).toHaveRole("alert");
  await expect(notice(page)).toContainText("reason");
  expect((await config(request, ownEnvironment(info))).frozen).toBe(false);
});

test("freeze and unfreeze, each with its reason in the history", async ({ page }) => {
  const [frozen, unfrozen] = [reason("invoices look wrong"), reason("invoices are right")];
  await form(page, "freeze").getByLabel("Reason").fill(frozen);
  await form(page, "freeze").getByRole("button", { name: "Freeze" }).click();
  await expect(page.locator(".banner-frozen")).toContainText("Frozen by the founder");
  await expect(form(page, "freeze")).toHaveCount(0);
  await form(page, "unfreeze").getByLabel("Reason").fill(unfrozen);
  await form(page, "unfreeze").getByRole("button", { name: "Unfreeze" }).click();
  await expect(page.locator(".banner-frozen")).toHaveCount(0);
  await expect(events(page).filter({ hasText: frozen })).toContainText("Frozen");
  await expect(events(page).filter({ hasText: unfrozen })).toContainText("Unfrozen");
});

test("auto-mode is switched on and off", async ({ page }) => {
  await page.getByRole("button", { name: "Turn auto-mode on" }).click();
  await expect(notice(page)).toHaveRole("status");
  await expect(page.getByText("Auto-mode is on: a changed answer")).toBeVisible();
  await page.getByRole("button", { name: "Turn auto-mode off" }).click();
  await expect(page.getByText("Auto-mode is off: nothing is proposed")).toBeVisible();
  await expect(events(page).first()).toContainText("Auto-mode changed");
});

test("an act that changes nothing leaves no event", async ({ page }) => {
  const newest = await events(page).first().getAttribute("id");
  await form(page, "set-mode").getByRole("button", { name: "Set mode" }).click();
  await expect(notice(page)).toHaveRole("status");
  expect(await events(page).first().getAttribute("id")).toBe(newest);
});

test("all of it without a mouse", async ({ page }, info) => {
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/#main$/);
  await tabTo(page, form(page, "freeze").getByLabel("Reason"));
  const why = reason("frozen from the keyboard");
  await page.keyboard.type(why);
  await page.keyboard.press("Enter");
  await expect(page.locator(".banner-frozen")).toBeVisible();
  await expect(events(page).filter({ hasText: why })).toBeVisible();
  await tabTo(page, form(page, "unfreeze").getByLabel("Reason"));
  await page.keyboard.type(reason("unfrozen from the keyboard"));
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.locator(".banner-frozen")).toHaveCount(0);
  await tabTo(page, form(page, "evaluate").getByRole("button"));
  await page.keyboard.press("Space");
  await expect(notice(page)).toHaveRole("status");
  const score = page.locator("#score-overall > summary");
  await tabTo(page, score);
  await page.keyboard.press("Enter");
  await expect(page.locator("#score-overall")).toHaveAttribute("open", "");
  await tabTo(page, page.getByLabel("Environment", { exact: true }), 400);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(`environment=${ownEnvironment(info)}`));
});
