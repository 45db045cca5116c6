// An open page follows what happens elsewhere without being loaded again, and takes nothing away from somebody who is at work on it.
// How soon it follows is measured (`make listeners`), not tested: nothing but the news itself ever changes an open page, however long
// a spec waits.
import { expect, test, type Page } from "@playwright/test";
import { act, config, events, form, open, reason, takenOver } from "./helpers";

test.describe.configure({ mode: "serial" });

const ENVIRONMENT = "live-javascript";

/** A mark that a page which is loaded again would have lost. */
const mark = (page: Page) => page.evaluate(() => document.body.setAttribute("data-same-page", "yes"));
const isSamePage = (page: Page) => expect(page.locator("body")).toHaveAttribute("data-same-page", "yes");

/** The connections that the page has asked for: one that broke off and was opened again would catch up, and hide that nothing was pushed. */
let connections: string[] = [];

test.beforeEach(async ({ page, request }) => {
  connections = [];
  page.on("request", (one) => {
    if (one.url().includes("/api/scaling-mode/events?")) connections.push(one.url());
  });
  const found = await config(request, ENVIRONMENT);
  if (found.frozen) await act(request, { environment: ENVIRONMENT, action: "unfreeze", reason: reason("the spec begins") });
  await open(page, ENVIRONMENT);
  await takenOver(page);
  await expect(page.locator(".live-state")).toHaveText("Live");
  await mark(page);
});

test.afterEach(() => expect(connections).toHaveLength(1));

test("an act done elsewhere shows in banner, verdict and history", async ({ page, request }) => {
  const why = reason("frozen from elsewhere");
  await act(request, { environment: ENVIRONMENT, action: "freeze", reason: why });
  await expect(page.locator(".banner-frozen")).toBeVisible();
  await expect(events(page).filter({ hasText: why })).toContainText("Frozen");
  await act(request, { environment: ENVIRONMENT, action: "unfreeze", reason: reason("and back") });
  await expect(page.locator(".banner-frozen")).toHaveCount(0);
  await isSamePage(page);
});

test("the form of a freeze turns into the form of its end", async ({ page, request }) => {
  await expect(form(page, "freeze")).toBeVisible();
  await act(request, { environment: ENVIRONMENT, action: "freeze", reason: reason("from elsewhere") });
  await expect(form(page, "unfreeze")).toBeVisible();
  await act(request, { environment: ENVIRONMENT, action: "unfreeze", reason: reason("from elsewhere") });
  await expect(form(page, "freeze")).toBeVisible();
  await isSamePage(page);
});

test("a mode set elsewhere shows, and can be changed from here without a conflict", async ({ page, request }) => {
  const { mode } = await config(request, ENVIRONMENT);
  const next = mode === "pilot" ? "growth" : "pilot";
  const title = next === "pilot" ? "Pilot" : "Growth";
  await act(request, { environment: ENVIRONMENT, action: "set_mode", mode: next, old_mode: mode });
  await expect(page.locator('.track [aria-current="step"]')).toContainText(title);
  await expect(form(page, "set-mode").locator('[name="old_mode"]')).toHaveValue(next);
  await isSamePage(page);
});

test("telemetry that arrives makes the checklist say so", async ({ page, request }) => {
  const at = new Date().toISOString();
  const sent = await request.post("/api/telemetry", {
    data: { environment: ENVIRONMENT, source: `spec-${Date.now()}`, data_through: at, samples: [{ signal: "clients.active", at, value: 3, unit: "clients" }] },
  });
  expect(sent.ok()).toBe(true);
  await expect(page.locator("#connect")).toContainText("1 of 11 signals connected");
  await isSamePage(page);
});

test("telemetry that comes while a page is still on its way to listening is not missed", async ({ page, request }) => {
  const own = await page.context().browser()!.newContext();
  const late = await own.newPage();
  let connects = () => {};
  const held = new Promise<void>((resolve) => (connects = resolve));
  await late.route("**/api/scaling-mode/events?**", async (route) => {
    await held;
    await route.continue();
  });
  await late.goto(new URL(page.url()).href);
  await takenOver(late);
  const before = await late.locator("#connect").textContent();
  const at = new Date().toISOString();
  const sample = { signal: "clients.at_risk", at, value: 1, unit: "clients" };
  const sent = await request.post("/api/telemetry", { data: { environment: ENVIRONMENT, source: `late-${Date.now()}`, data_through: at, samples: [sample] } });
  expect(sent.ok()).toBe(true);
  expect(await late.locator("#connect").textContent()).toBe(before);
  connects();
  await expect(late.locator("#connect")).not.toHaveText(before!);
  await own.close();
});

test("what was opened stays open, and a field that has the focus keeps it with what was typed", async ({ page, request }) => {
  const answered = await request.post("/api/scaling-mode/health", { data: { environment: ENVIRONMENT } });
  expect(answered.ok()).toBe(true);
  const details = page.locator("#score-churn-risk");
  await details.locator("> summary").click();
  await expect(details).toHaveAttribute("open", "");
  const field = form(page, "set-mode").getByLabel("Reason (optional)");
  await field.fill("half a sent");
  const why = reason("while somebody types");
  await act(request, { environment: ENVIRONMENT, action: "freeze", reason: why });
  await expect(events(page).filter({ hasText: why })).toBeVisible();
  await expect(details).toHaveAttribute("open", "");
  await expect(field).toBeFocused();
  await page.keyboard.type("ence");
  await expect(field).toHaveValue("half a sentence");
  await isSamePage(page);
});

test("a link or an opened proof that has the focus keeps it", async ({ page, request }) => {
  const summary = page.locator("#score-churn-risk > summary");
  await summary.focus();
  await page.keyboard.press("Enter");
  await expect(page.locator("#score-churn-risk")).toHaveAttribute("open", "");
  const before = await page.locator("#health").evaluate((panel) => panel.textContent);
  const at = new Date().toISOString();
  await request.post("/api/telemetry", {
    data: { environment: ENVIRONMENT, source: "crm", data_through: at, samples: [{ signal: "clients.at_risk", at, value: 1, unit: "clients" }] },
  });
  await request.post("/api/scaling-mode/health", { data: { environment: ENVIRONMENT } });
  await expect(page.locator("#health")).not.toHaveText(before!);
  await expect(page.locator("#score-churn-risk")).toHaveAttribute("open", "");
  await expect(summary).toBeFocused();
});

test("times in new parts gain the reader's zone too", async ({ browser, baseURL, request }) => {
  const context = await browser.newContext({ timezoneId: "America/New_York", baseURL });
  const page = await context.newPage();
  await open(page, ENVIRONMENT);
  await takenOver(page);
  const why = reason("with a time of its own");
  const { frozen } = await config(request, ENVIRONMENT);
  await act(request, { environment: ENVIRONMENT, action: frozen ? "unfreeze" : "freeze", reason: why });
  await expect(events(page).filter({ hasText: why }).locator(".local-time")).toHaveText(/^\(\d{1,2} \w{3,4}, \d{2}:\d{2} .+\)$/);
  await context.close();
});

test("a second page of the environment follows as well, over one connection", async ({ context, page, request }) => {
  const asked: string[] = [];
  context.on("request", (one) => {
    if (one.url().includes("/api/scaling-mode/events")) asked.push(one.url());
  });
  const second = await context.newPage();
  await open(second, ENVIRONMENT);
  await takenOver(second);
  const why = reason("seen on both");
  const { frozen } = await config(request, ENVIRONMENT);
  await act(request, { environment: ENVIRONMENT, action: frozen ? "unfreeze" : "freeze", reason: why });
  for (const open of [page, second]) await expect(events(open).filter({ hasText: why })).toBeVisible();
  expect(asked).toEqual([]);
  // The page that listened goes; the other takes over.
  await page.close();
  await expect.poll(() => asked.length).toBe(1);
  const later = reason("seen on the one that is left");
  await act(request, { environment: ENVIRONMENT, action: frozen ? "freeze" : "unfreeze", reason: later });
  await expect(events(second).filter({ hasText: later })).toBeVisible();
});
