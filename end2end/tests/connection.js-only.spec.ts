// An open page whose connection breaks: behind a proxy that answers anything, after a silence, out of the browser's memory, signed out. It
// says since when it knows nothing, comes back by itself, and shows no number to somebody who can't see it any more.
import { expect, test, type Page } from "@playwright/test";
import { createServer, request as ask, type Server } from "node:http";
import type { Socket } from "node:net";
import { form, PAGE } from "./helpers";
import { freePort, joinAsFounder, ownServer, type OwnServer } from "./own_server";
import { translate } from "./strangers";

const PASSWORD = "zebra lamp quietly";
/** Pauses grow to half a minute: patience for two of them. */
const PATIENCE = { timeout: 90_000 };

test.describe.configure({ mode: "serial" });

/** What the proxy does: lets through, answers with a status, leads to a page for signing in, breaks off, or lets nothing through any more. */
let mode: "pass" | "redirect" | "login" | "drop" | "silent" | number = "pass";
let server: OwnServer;
let proxy: Server;
let base: string;
const sockets = new Set<Socket>();

test.beforeAll(async () => {
  server = await ownServer(await freePort());
  const port = await freePort();
  base = `http://localhost:${port}`;
  proxy = createServer((from, to) => {
    if (typeof mode === "number") return void to.writeHead(mode, { "content-type": "text/html" }).end("<h1>proxy</h1>");
    if (from.url === "/login" || mode === "login") return void to.writeHead(200, { "content-type": "text/html" }).end("<title>Log in</title>Log in");
    if (mode === "redirect") return void to.writeHead(302, { location: "/login" }).end();
    if (mode === "drop") return void from.socket.destroy();
    const on = ask(server.base + from.url, { method: from.method, headers: { ...from.headers, host: new URL(server.base).host } }, (answer) => {
      to.writeHead(answer.statusCode!, answer.headers);
      answer.on("data", (part) => mode === "silent" || to.write(part));
      answer.on("end", () => to.end());
    });
    on.on("error", () => to.destroy());
    to.on("close", () => on.destroy());
    from.pipe(on);
  });
  proxy.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((ready) => proxy.listen(port, "127.0.0.1", ready));
});

test.beforeEach(() => {
  mode = "pass";
});

test.afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((done) => proxy.close(done));
  await server.end();
});

/** Breaks off what is open; from now on the proxy does something else. */
function turn(to: typeof mode) {
  mode = to;
  for (const socket of sockets) socket.destroy();
}

const state = (page: Page) => page.locator("#live-state");
const act = async (body: Record<string, unknown>) => {
  const answer = await fetch(`${server.base}/api/scaling-mode/config`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ environment: "production", ...body }),
  });
  expect(answer.ok, await answer.clone().text()).toBe(true);
};

async function openLive(page: Page) {
  await page.goto(`${base}${PAGE}?environment=production`);
  await expect(state(page)).toHaveText("Live");
  await page.evaluate(() => document.body.setAttribute("data-same-page", "yes"));
}

for (const away of [502, 503, 404, 403, "drop"] as const) {
  test(`after ${away} of a proxy the page comes back by itself with what it missed`, async ({ page }) => {
    await openLive(page);
    turn(away);
    await expect(state(page)).toHaveText(/^Connection lost since \d\d:\d\d UTC$/);
    await expect(page.locator("#answer .verdict")).toBeVisible();
    await act({ action: "freeze", reason: `while ${away}` });
    mode = "pass";
    await expect(state(page)).toHaveText("Live", PATIENCE);
    await expect(page.locator(".banner-frozen")).toBeVisible();
    await act({ action: "unfreeze", reason: "and back" });
    await expect(page.locator(".banner-frozen")).toHaveCount(0);
    await expect(page.locator("body")).toHaveAttribute("data-same-page", "yes");
  });
}

for (const away of [401, "redirect", "login"] as const) {
  test(`a proxy that asks for signing in (${away}) is no fresh page: the numbers go, and come back`, async ({ page }) => {
    await openLive(page);
    turn(away);
    await expect(state(page)).toHaveText("Signed out", PATIENCE);
    await expect(page.locator("#signed-out")).toBeVisible();
    await expect(page.locator("#answer, #decision, #history, #snapshots, #connect")).toHaveCount(0);
    await expect(page).toHaveTitle("Signed out · Scaling Mode");
    mode = "pass";
    await expect(state(page)).toHaveText("Live", PATIENCE);
    await expect(page.locator("#answer .verdict")).toBeVisible();
    await expect(page.locator("#signed-out")).toBeHidden();
    await expect(page).toHaveTitle(/production · Scaling Mode/);
  });
}

test("news that come while the proxy leads elsewhere take nothing over", async ({ page }) => {
  await openLive(page);
  // The connection stays; only what is loaded is led elsewhere.
  mode = "redirect";
  await act({ action: "freeze", reason: "seen by nobody" });
  await expect(state(page)).toHaveText("Signed out");
  await expect(page).toHaveTitle("Signed out · Scaling Mode");
  mode = "pass";
  await act({ action: "unfreeze", reason: "seen again" });
  await expect(page.locator("#answer .verdict")).toBeVisible(PATIENCE);
});

test("a connection over which nothing comes any more is lost, even if the browser thinks otherwise", async ({ page }) => {
  await page.clock.install();
  await openLive(page);
  mode = "silent";
  await page.clock.fastForward(65_000);
  await expect(state(page)).toHaveText(/^Connection lost since/);
  turn("pass");
  for (let turns = 0; turns < 4; turns++) await page.clock.fastForward(40_000);
  await expect(state(page)).toHaveText("Live", PATIENCE);
});

test("ages move on by themselves", async ({ page }) => {
  await fetch(`${server.base}/api/scaling-mode/health`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"environment":"production"}' });
  await page.clock.install();
  await openLive(page);
  const age = page.locator("#answer .facts").getByText("Answer computed").locator("..").locator(".age");
  await expect(age).toHaveText("just now");
  turn("drop");
  await page.clock.fastForward(12 * 60_000);
  await expect(age).toHaveText(/^1[23] min ago$/);
  await page.clock.fastForward(3 * 3_600_000);
  await expect(age).toHaveText("3 h ago");
});

test("a second page that is opened while the first has lost its connection says nothing untrue", async ({ context, page }) => {
  await openLive(page);
  turn(502);
  await expect(state(page)).toHaveText(/^Connection lost/);
  mode = "pass";
  // Opening it shows that the server is there: both are live without waiting for the first one's pause to end.
  const second = await context.newPage();
  await openLive(second);
  await expect(state(page)).toHaveText("Live");
  await second.close();
});

test("a translated page takes news over and announces no answer that did not change", async ({ page }) => {
  await openLive(page);
  await translate(page, " [xx]");
  await act({ action: "set_auto_mode", enabled: true });
  await expect(page.locator("#actions")).toContainText("Auto-mode is on");
  await expect(page.locator("#live-said")).toHaveText("");
  await act({ action: "set_auto_mode", enabled: false });
});

test("who is signed out elsewhere loses the numbers, and what was half typed, until they sign in again", async ({ context, page }) => {
  await joinAsFounder(page, server, PASSWORD);
  await page.goto(`${server.base}${PAGE}?environment=production`);
  await expect(state(page)).toHaveText("Live");
  await form(page, "freeze").getByLabel("Reason").fill("half a sent");
  const settings = await context.newPage();
  await settings.goto(`${server.base}${PAGE}/settings?environment=production`);

  const other = await context.newPage();
  await other.goto(`${server.base}/founder/account`);
  await form(other, "sign-out").getByRole("button").click();
  await expect(state(page)).toHaveText("Signed out", PATIENCE);
  await expect(page.locator("#answer, #actions")).toHaveCount(0);
  await expect(page.locator("body")).not.toContainText("half a sent");

  // Another page, as it comes out of the browser's memory.
  await settings.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await expect(settings).toHaveURL(/sign-in\?next=/);

  await other.goto(`${server.base}/founder/sign-in`);
  await other.getByLabel("E-mail address").fill("anna@example.com");
  await other.getByLabel("Password").fill(PASSWORD);
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(other).toHaveURL(new RegExp(`${PAGE}$`));
  await expect(state(page)).toHaveText("Live", PATIENCE);
  await expect(page.locator("#answer .verdict")).toBeVisible();
});
