// The history: spans of modes, events narrowed by type, actor and day, read page by page, each with a page of its own.
import { expect, test } from "@playwright/test";
import { PAGE, act, events, open, reason } from "./helpers";

const places = (page: import("@playwright/test").Page) =>
  events(page).evaluateAll((items) => items.map((item) => Number(item.id.replace("event-", ""))));

test("the history is narrowed by type and read page by page", async ({ page }) => {
  await open(page, "demo");
  await page.getByLabel("Events", { exact: true }).selectOption("snapshot_recorded");
  await page.locator("#history").getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(/type=snapshot_recorded/);
  await expect(page.getByLabel("Events", { exact: true })).toHaveValue("snapshot_recorded");
  const first = await places(page);
  expect(first.length).toBe(20);
  await page.getByRole("link", { name: "Older events" }).click();
  await expect(page).toHaveURL(/before=\d+/);
  const second = await places(page);
  expect(Math.max(...second)).toBeLessThan(Math.min(...first));
  await page.getByRole("link", { name: "Newest events" }).click();
  // Not the very same: a tick may have come meanwhile.
  expect(Math.max(...(await places(page)))).toBeGreaterThanOrEqual(Math.max(...first));
  await page.getByRole("link", { name: "All events" }).click();
  await expect(page.getByLabel("Events", { exact: true })).toHaveValue("");
});

test("events are narrowed by who acted", async ({ page }) => {
  await open(page, "frozen");
  const history = page.locator("#history");
  await history.getByLabel("By", { exact: true }).fill("local");
  await history.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(/actor=local/);
  await expect(events(page).filter({ hasText: "Frozen" })).toContainText("by local");
  await history.getByLabel("By", { exact: true }).fill("nobody");
  await history.getByRole("button", { name: "Show" }).click();
  await expect(history).toContainText("No such events here.");
});

test("events are narrowed by day, both days whole", async ({ page }) => {
  await open(page, "demo");
  const history = page.locator("#history");
  const dates = await history.locator(".event time").evaluateAll((all) => all.map((time) => time.getAttribute("datetime")!.slice(0, 10)));
  const oldest = dates.at(-1)!;
  await history.getByLabel("From").fill(oldest);
  await history.getByLabel("To", { exact: true }).fill(oldest);
  await history.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(new RegExp(`from=${oldest}&to=${oldest}`));
  await expect(history.getByLabel("From")).toHaveValue(oldest);
  const kept = await history.locator(".event time").evaluateAll((all) => all.map((time) => time.getAttribute("datetime")!.slice(0, 10)));
  expect(kept.length).toBeGreaterThan(0);
  expect(new Set(kept)).toEqual(new Set([oldest]));
});

test("an event has a page of its own, with its hashes and its neighbours", async ({ page, request }, info) => {
  const why = reason("an event to look at");
  const environment = `timeline-${info.project.name}`;
  await act(request, { environment, action: "freeze", reason: why });
  await act(request, { environment, action: "unfreeze", reason: reason("seen") });
  await open(page, environment);
  const event = events(page).filter({ hasText: why });
  const seq = Number((await event.getAttribute("id"))!.replace("event-", ""));
  await event.getByRole("link", { name: `event ${seq}`, exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`/events/${seq}\\?environment=${environment}$`));
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Frozen");
  await expect(page.locator("main")).toContainText(why);
  const hash = page.locator(".digests div", { hasText: "Hash of this event" }).locator("code");
  await expect(hash).toHaveText(/^[0-9a-f]{64}$/);
  const own = (await hash.textContent())!;
  await page.getByRole("link", { name: `Event ${seq + 1}`, exact: true }).click();
  // The chain: the next event names this one's hash.
  await expect(page.locator(".digests div", { hasText: "Hash of the event before" }).locator("code")).toHaveText(own);
  await page.getByRole("link", { name: `Event ${seq}`, exact: true }).click();
  await page.getByRole("link", { name: `Back to ${environment}` }).click();
  await expect(page).toHaveURL(`${PAGE}?environment=${environment}`);
});

test("an event that is not there is a page that helps", async ({ page }) => {
  for (const seq of ["0", "999999999", "first"]) {
    const response = await page.goto(`${PAGE}/events/${seq}?environment=demo`);
    expect(response?.status(), seq).toBe(404);
    await expect(page.getByRole("link", { name: "Go to the founder's page" })).toBeVisible();
  }
});

test("the spans of modes and freezes are told in words", async ({ page }) => {
  await open(page, "demo");
  await expect(page.locator("#history .spans > li").first()).toHaveText(/^(Lab|Pilot|Growth|Scale) \d/);
});
