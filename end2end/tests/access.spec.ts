// Signing in, people, tokens, share links, as people meet them: from a first run on, on a server of their own, since nobody may sign in
// on the one that the other specs share. Hostile text in names and reasons is shown as it was written, and never run.
import { expect, test, type Page } from "@playwright/test";
import { form, notice, PAGE } from "./helpers";
import { freePort, ownServer, type OwnServer } from "./own_server";
import { another, sound } from "./sound";

const PASSWORD = "zebra lamp quietly";
const HOSTILE = `<img src=x onerror="document.title='run'">"'><script>document.title='run'</script>`;

let server: OwnServer;
let base: string;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  server = await ownServer(await freePort());
  base = server.base;
});

test.afterAll(() => server.end());

const go = (page: Page, path: string) => page.goto(base + path);

async function signIn(page: Page, email: string) {
  await go(page, "/founder/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("the first run is open, says so, and ends with the founder", async ({ page, javaScriptEnabled }) => {
  await go(page, PAGE);
  await expect(page.getByText("Sign-in is off.")).toBeVisible();
  await sound(page, "the open page", javaScriptEnabled);
  await page.goto(server.founderLink);
  await expect(page.getByText("You will be founder everywhere.")).toBeVisible();
  await sound(page, "joining", javaScriptEnabled);
  const join = form(page, "join");
  await join.getByLabel("E-mail address").fill("anna@example.com");
  await join.getByLabel("Your name").fill(HOSTILE.slice(0, 100));
  await join.getByLabel("Password").fill("password123");
  await join.getByRole("button").click();
  await expect(notice(page)).toContainText("among the first that would be guessed");
  await join.getByLabel("E-mail address").fill("anna@example.com");
  await join.getByLabel("Your name").fill(HOSTILE.slice(0, 100));
  await join.getByLabel("Password").fill(PASSWORD);
  await join.getByRole("button").click();
  await expect(page).toHaveURL(new RegExp(`${PAGE}$`));
  await expect(page.getByText("Sign-in is off.")).toHaveCount(0);
  await expect(page.getByRole("navigation", { name: "Account" })).toContainText("<img src=x");
  await form(page, "sign-out").getByRole("button").click();
  await expect(notice(page)).toContainText("You are signed out.");
  await sound(page, "signing in", javaScriptEnabled);
});

test("who is not signed in is led to where that is done, and back", async ({ page }) => {
  await go(page, `${PAGE}/settings?environment=this-server`);
  await expect(page).toHaveURL(/sign-in\?next=/);
  await page.getByLabel("E-mail address").fill("anna@example.com");
  await page.getByLabel("Password").fill("not this one");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(notice(page)).toContainText("is not right");
  await page.getByLabel("E-mail address").fill("anna@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`${PAGE}/settings\\?environment=this-server`));
});

test("a founder invites, gives out tokens and links, and sees each secret once", async ({ page, browser, javaScriptEnabled }) => {
  await signIn(page, "anna@example.com");
  await page.getByRole("link", { name: "People", exact: true }).click();
  await sound(page, "people", javaScriptEnabled);

  const invite = form(page, "invite");
  await invite.getByLabel("E-mail address").fill("vera@example.com");
  await invite.getByLabel("Role").selectOption("viewer");
  await invite.getByRole("button").click();
  const link = await page.locator("#made input").inputValue();
  expect(link).toMatch(new RegExp(`^${base}/founder/join/[0-9a-f]{64}$`));
  await page.reload();
  await expect(page.locator("#made")).toHaveCount(0);

  const make = form(page, "make-token");
  await make.getByLabel("Name", { exact: true }).fill(HOSTILE.slice(0, 100));
  await make.getByLabel("health:read").check();
  await make.getByRole("button").click();
  const token = await page.locator("#made input").inputValue();
  const read = (token: string) => fetch(`${base}/api/scaling-mode/health`, { headers: { authorization: `Bearer ${token}` } });
  expect((await read(token)).status).toBe(200);
  await sound(page, "people, with a token just made", javaScriptEnabled);
  await form(page, "revoke-token").getByRole("button").click();
  await expect(notice(page)).toContainText("opens nothing from now on");
  expect((await read(token)).status).toBe(401);

  const share = form(page, "make-share-link");
  await share.getByLabel("Name", { exact: true }).fill("Seed round");
  await share.getByLabel("the five scores").check();
  await share.getByRole("button").click();
  const shared = await page.locator("#made input").inputValue();
  const guest = await another(browser, javaScriptEnabled);
  await guest.goto(shared);
  await sound(guest, "the door of a share link", javaScriptEnabled);
  await guest.getByRole("button", { name: "Open" }).click();
  await expect(guest.getByRole("heading", { name: "Scores, 0 to 100" })).toBeVisible();
  await expect(guest.getByRole("heading", { name: "The answer" })).toHaveCount(0);
  await sound(guest, "what was shared", javaScriptEnabled);
  await guest.goto(base + PAGE);
  await expect(guest).toHaveURL(/\/founder\/shared$/);
  await guest.context().close();

  const vera = await another(browser, javaScriptEnabled);
  await vera.goto(link);
  await vera.getByLabel("Your name").fill("Vera");
  await vera.getByLabel("Password").fill(PASSWORD);
  await vera.getByRole("button", { name: "Join" }).click();
  await expect(vera.locator("#answer")).toBeVisible();
  await expect(vera.getByText("Your role does not let you freeze and unfreeze.")).toBeVisible();
  for (const name of ["evaluate", "set-mode", "freeze", "auto-mode"]) await expect(form(vera, name)).toHaveCount(0);
  await sound(vera, "the page of a viewer", javaScriptEnabled);
  await vera.goto(`${base}${PAGE}/people`);
  await expect(vera.getByRole("heading", { name: "Your role does not allow this" })).toBeVisible();
  await vera.goto(`${base}/founder/account`);
  await expect(vera.getByText("viewer of production")).toBeVisible();
  await sound(vera, "one's own account", javaScriptEnabled);
  await vera.context().close();
});

test("what is hostile in a reason is shown and never run", async ({ page, javaScriptEnabled }) => {
  await signIn(page, "anna@example.com");
  const freeze = form(page, "freeze");
  await freeze.getByLabel("Reason").fill(HOSTILE);
  await freeze.getByRole("button").click();
  await expect(page.locator("#history")).toContainText("<img src=x onerror");
  await go(page, `${PAGE}?environment=production&type=access_changed`);
  await expect(page.locator("#history")).toContainText("<img src=x onerror");
  await sound(page, "the history of who may do what", javaScriptEnabled);
});

/** A page of another origin that does this. */
async function foreign(page: Page, html: string) {
  await page.route("http://evil.localhost/**", (route) => route.fulfill({ contentType: "text/html", body: html }));
  await page.goto("http://evil.localhost/");
}

test("a foreign page frames nothing and acts for nobody", async ({ page, javaScriptEnabled }) => {
  await signIn(page, "anna@example.com");
  await expect(page.locator("#answer")).toBeVisible();
  await foreign(page, `<h1>Win</h1><iframe src="${base}${PAGE}" width="900" height="900"></iframe>`);
  await expect(page.getByRole("heading", { name: "Win" })).toBeVisible();
  const framed = page.frames().find((frame) => frame !== page.mainFrame());
  await expect.poll(() => framed?.url()).toMatch(/^(chrome-error:|about:)/);
  const target = `${base}/api/scaling-mode/forms/freeze`;
  const hidden = `<input type="hidden" name="environment" value="production"><input type="hidden" name="reason" value="by a foreign page">`;
  await foreign(page, `<form method="post" action="${target}">${hidden}<button>Win</button></form>`);
  await page.getByRole("button", { name: "Win" }).click();
  await expect(page.locator("body")).toContainText("foreign-origin");
  await go(page, PAGE);
  await expect(page.locator("#history")).not.toContainText("by a foreign page");
  if (javaScriptEnabled === false) return;
  // A script of another origin is let read nothing, and its write says where it comes from.
  await foreign(page, "<h1>Win</h1>");
  const read = (address: string, init?: RequestInit) =>
    page.evaluate(([address, init]) => fetch(address, { credentials: "include", ...init }).then((answer) => answer.text(), () => "kept away"), [address, init] as const);
  expect(await read(`${base}/api/scaling-mode/health`)).toBe("kept away");
  const body = JSON.stringify({ environment: "production", action: "freeze", reason: "by a foreign page" });
  expect(await read(`${base}/api/scaling-mode/config`, { method: "PUT", body, headers: { "content-type": "application/json" } })).toBe("kept away");
  await go(page, PAGE);
  await expect(page.locator("#history")).not.toContainText("by a foreign page");
});
