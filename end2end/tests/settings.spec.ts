// Limits, guardrails, weights and windows, edited: shown beside their defaults, reviewed, saved, restored. Each project has
// an environment of its own for it, so that no other spec's acts move the version meanwhile.
import { expect, test, type Page, type TestInfo } from "@playwright/test";
import { PAGE, act, config, notice, open, reason, tabTo } from "./helpers";
import { create } from "./states";

test.describe.configure({ mode: "serial" });
test.skip(!process.env.SERVER_DATA_DIR, "the suite makes environments in the store of its own server only");

const own = (info: TestInfo) => `settings-${info.project.name}`;
const address = (environment: string, more = "") => `${PAGE}/settings?environment=${environment}${more}`;
const setting = (page: Page, path: string) => page.locator(`[id="${path}"]`);
const message = (page: Page, path: string) => page.locator(`[id="error-${path}"]`);
const review = (page: Page) => page.getByRole("button", { name: "Review changes" }).click();
const hasScript = (info: TestInfo) => info.project.name === "javascript";

test.beforeAll(async ({ request }, info) => {
  const found = await request.get(`/api/scaling-mode/config?environment=${own(info)}`);
  if (found.ok()) return;
  create(own(info));
});

test("the founder's page leads to the settings, and back", async ({ page }, info) => {
  await open(page, own(info));
  await page.getByRole("link", { name: "Edit limits and guardrails" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(`Limits and guardrails of ${own(info)}`);
  await expect(page.getByLabel("Most clients in Pilot")).toHaveValue("15");
  await expect(page.getByLabel("Most churn risk")).toHaveValue("0.2");
  await expect(page.locator('[id="default-guardrails.max_churn_risk"]')).toContainText("default 0.2");
  await expect(page.locator(".mark:visible", { hasText: "not the default" })).toHaveCount(0);
  await page.getByRole("link", { name: `Back to ${own(info)}` }).click();
  await expect(page).toHaveURL(new RegExp(`${PAGE}\\?environment=${own(info)}$`));
});

test("a change is reviewed, saved with its reason, and marked beside its default", async ({ page, request }, info) => {
  const why = reason("churn hurts more than it did");
  const before = await config(request, own(info));
  await page.goto(address(own(info)));
  await setting(page, "guardrails.max_churn_risk").fill("0.15");
  await setting(page, "limits.lab.max_clients").fill("6");
  await review(page);
  const changes = page.locator("#review");
  await expect(changes.locator("tbody tr")).toHaveCount(2);
  await expect(changes.locator("tbody tr", { hasText: "Most churn risk" })).toContainText(/0\.2 of 1\s*0\.15 of 1/);
  await expect(changes).toContainText("Stabilization starts anew");
  await expect(changes).toContainText("Lab carries up to 6 clients");
  expect((await config(request, own(info))).version, "a review saves nothing").toBe(before.version);
  await changes.getByLabel("Reason (optional)").fill(why);
  await changes.getByRole("button", { name: "Save these changes" }).click();
  await expect(notice(page)).toHaveRole("status");
  await expect(notice(page)).toContainText("Saved as a new version");
  await expect(setting(page, "guardrails.max_churn_risk")).toHaveValue("0.15");
  await expect(page.locator('[id="mark-guardrails.max_churn_risk"]')).toBeVisible();
  await expect(page.locator("#versions .event").first()).toContainText(why);
  const saved = await config(request, own(info));
  expect([saved.version, saved.guardrails.max_churn_risk, saved.limits.lab.max_clients]).toEqual([before.version + 1, 0.15, 6]);
  await open(page, own(info));
  await expect(page.locator("#history .event", { hasText: why })).toContainText("Configuration changed");
});

test("what cannot be is named beside its field, and the summary leads there", async ({ page, request }, info) => {
  const before = await config(request, own(info));
  await page.goto(address(own(info)));
  await setting(page, "guardrails.max_ai_cost_pressure").fill("1.5");
  await setting(page, "weights.infra").fill("0.5");
  await review(page);
  const summary = page.locator("#errors");
  await expect(summary).toHaveRole("alert");
  await expect(summary.getByRole("link")).toHaveText(["Most AI cost pressure: must lie from 0 to 1.", /^Weights: must sum to 1, not 1\.2/]);
  await expect(message(page, "guardrails.max_ai_cost_pressure")).toHaveText("Must lie from 0 to 1.");
  await expect(setting(page, "guardrails.max_ai_cost_pressure")).toHaveAttribute("aria-invalid", "true");
  await expect(setting(page, "guardrails.max_ai_cost_pressure")).toHaveValue("1.5");
  await expect(page.getByRole("button", { name: "Save these changes" })).toHaveCount(0);
  await summary.getByRole("link").first().click();
  await expect(page).toHaveURL(/#guardrails\.max_ai_cost_pressure$/);
  expect(await config(request, own(info))).toEqual(before);
});

test("what is typed is judged at once, and the server has the last word", async ({ page }, info) => {
  test.skip(!hasScript(info), "typing is judged in the browser");
  await page.goto(address(own(info)));
  await page.waitForLoadState("networkidle");
  const field = setting(page, "limits.pilot.max_clients");
  await expect(message(page, "limits.pilot.max_clients")).toHaveAttribute("aria-live", "polite");
  await field.fill("2");
  await expect(message(page, "limits.pilot.max_clients")).toHaveText("Must be higher than in lab, the mode below.");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(page.locator(".form-state")).toHaveText("One thing needs correcting.");
  await field.fill("");
  await expect(message(page, "limits.pilot.max_clients")).toHaveText("Needs a number.");
  await field.fill("20");
  await expect(message(page, "limits.pilot.max_clients")).toHaveText("");
  await expect(field).not.toHaveAttribute("aria-invalid");
  await expect(page.locator('[id="mark-limits.pilot.max_clients"]')).toBeVisible();
  await setting(page, "weights.churn").fill("0.9");
  await expect(message(page, "weights")).toContainText("Must sum to 1");
  await expect(page.getByRole("button", { name: "Review changes" })).toBeEnabled();
});

test("a configuration that moved in between is not overwritten, and what was entered is kept", async ({ page, request }, info) => {
  const environment = own(info);
  await page.goto(address(environment));
  await setting(page, "windows.proposal_hours").fill("12");
  await review(page);
  const { version } = await config(request, environment);
  const hours = (await config(request, environment)).guardrails.cooldown_hours === 48 ? 36 : 48;
  await act(request, { environment, action: "update", version, guardrails: { cooldown_hours: hours } });
  const why = reason("proposals go stale by noon");
  await page.locator("#review").getByLabel("Reason (optional)").fill(why);
  await page.getByRole("button", { name: "Save these changes" }).click();
  await expect(notice(page)).toHaveRole("alert");
  await expect(notice(page)).toContainText("changed in between");
  await expect(page.locator("#review").getByLabel("Reason (optional)")).toHaveValue(why);
  await expect(page.locator("#review tbody tr")).toHaveCount(1);
  await expect(setting(page, "guardrails.cooldown_hours")).toHaveValue(String(hours));
  await page.getByRole("button", { name: "Save these changes" }).click();
  await expect(notice(page)).toContainText("Saved as a new version");
  const saved = await config(request, environment);
  expect([saved.windows.proposal_hours, saved.guardrails.cooldown_hours]).toEqual([12, hours]);
});

test("an earlier version is restored as a new one", async ({ page, request }, info) => {
  const before = await config(request, own(info));
  await page.goto(address(own(info)));
  await page.getByRole("link", { name: "Restore this version, 1", exact: true }).click();
  await expect(page.locator("#review tbody tr", { hasText: "Most churn risk" })).toContainText(/0\.15 of 1\s*0\.2 of 1/);
  await page.getByRole("button", { name: "Save these changes" }).click();
  await expect(notice(page)).toContainText("Saved as a new version");
  const after = await config(request, own(info));
  expect([after.version, after.guardrails.max_churn_risk, after.limits.lab.max_clients]).toEqual([before.version + 1, 0.2, 5]);
  await expect(page.locator("#versions .event").first()).toContainText("in force");
});

test("signals that the business does not have are ticked", async ({ page, request }, info) => {
  await page.goto(address(own(info)));
  await page.getByRole("checkbox", { name: "CPU" }).check();
  await review(page);
  await expect(page.locator("#review tbody tr")).toContainText(/none\s*CPU/);
  await page.getByRole("button", { name: "Save these changes" }).click();
  await expect(page.getByRole("checkbox", { name: "CPU" })).toBeChecked();
  await page.getByRole("checkbox", { name: "CPU" }).uncheck();
  await review(page);
  await page.getByRole("button", { name: "Save these changes" }).click();
  await expect(notice(page)).toContainText("Saved as a new version");
  expect((await config(request, own(info))).not_applicable).toEqual([]);
});

test("an address fills the form, as a what-if does", async ({ page }, info) => {
  await page.goto(address(own(info), "&guardrails.max_churn_risk=0.11&weights.infra=0.3"));
  await expect(setting(page, "guardrails.max_churn_risk")).toHaveValue("0.11");
  await expect(page.locator("main")).toContainText("1 of the settings below is filled in anew. Nothing is saved yet.");
});

test("all of it without a mouse", async ({ page }, info) => {
  await page.goto(address(own(info)));
  await tabTo(page, setting(page, "guardrails.recovery_hours"));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("7");
  await page.keyboard.press("Enter");
  await expect(page.locator("#review tbody tr")).toHaveCount(1);
  await tabTo(page, page.getByRole("button", { name: "Save these changes" }));
  await page.keyboard.press("Enter");
  await expect(notice(page)).toHaveRole("status");
  await expect(setting(page, "guardrails.recovery_hours")).toHaveValue("7");
});

test("the page fits 320 px, and what can be pressed is at least 24 px", async ({ page }, info) => {
  await page.setViewportSize({ width: 320, height: 800 });
  for (const more of ["", "&review=1&guardrails.max_churn_risk=0.1", "&review=1&guardrails.max_churn_risk=9"]) {
    await page.goto(address(own(info), more));
    const [content, view] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    expect(content, more).toBeLessThanOrEqual(view);
    const small = await page.locator("main :is(button, input:not([type=hidden]), a.button), nav a, .error-summary a").evaluateAll((targets) =>
      targets
        .map((target) => ({ text: target.id || target.textContent, box: target.getBoundingClientRect() }))
        .filter(({ box }) => box.height > 0 && (box.height < 24 || box.width < 24))
        .map(({ text, box }) => `${text}: ${box.width} x ${box.height}`),
    );
    expect(small, more).toEqual([]);
  }
});
