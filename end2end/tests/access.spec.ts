// Signing in, people, tokens, share links, as people meet them: from a first run on, on a server of their own, since nobody may sign in
// on the one that the other specs share. What is hostile in names and reasons is shown as it was written, and never run.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Browser, type Page } from "@playwright/test";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "./states";
import { form, notice, overflow, PAGE, tooSmall } from "./helpers";

const PASSWORD = "zebra lamp quietly";
const HOSTILE = `<img src=x onerror="document.title='run'">"'><script>document.title='run'</script>`;

let server: ChildProcess;
let folder: string;
let base: string;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scaling-mode-access-"));
  const port = await new Promise<number>((found) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => found(port));
    });
  });
  base = `http://localhost:${port}`;
  const { SCALING_MODE_SETTINGS: _, ...env } = process.env;
  server = spawn(program(), ["serve", "--no-demo", "--log", "warn", "--addr", `127.0.0.1:${port}`, "--data-dir", folder], { env, stdio: "ignore" });
  await expect.poll(() => fetch(`${base}/readyz`).then((answer) => answer.ok, () => false), { timeout: 30_000 }).toBe(true);
});

test.afterAll(async () => {
  const ended = new Promise((done) => server.once("exit", done));
  server.kill();
  await ended;
  rmSync(folder, { recursive: true });
});

const go = (page: Page, path: string) => page.goto(base + path);

async function signIn(page: Page, email: string) {
  await go(page, "/founder/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Somebody else's browser. */
async function another(browser: Browser, javaScriptEnabled: boolean | undefined) {
  const context = await browser.newContext({ javaScriptEnabled });
  return context.newPage();
}

/** What holds on every page: it fits, can be pressed, runs nothing that somebody wrote, and has no barrier. */
async function sound(page: Page, name: string, javaScriptEnabled: boolean | undefined) {
  for (const width of [320, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await overflow(page), `${name} scrolls sideways at ${width}`).toBeLessThanOrEqual(0);
    expect(await tooSmall(page), name).toEqual([]);
  }
  expect(await page.title(), name).not.toBe("run");
  if (javaScriptEnabled !== false) {
    const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
    expect(found.violations.map((violation) => `${violation.id}: ${violation.nodes[0]?.html}`), name).toEqual([]);
  }
}

test("the first run is open, says so, and ends with the founder", async ({ page, javaScriptEnabled }) => {
  await go(page, PAGE);
  await expect(page.getByText("Nobody has to sign in yet.")).toBeVisible();
  await sound(page, "the open page", javaScriptEnabled);
  await page.getByRole("button", { name: "Create the founder" }).click();
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
  await expect(page.getByText("Nobody has to sign in yet.")).toHaveCount(0);
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
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(notice(page)).toContainText("is not right");
  await page.getByLabel("E-mail address").fill("anna@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(new RegExp(`${PAGE}/settings\\?environment=this-server`));
});

test("a founder invites, gives out tokens and links, and sees each secret once", async ({ page, browser, javaScriptEnabled }) => {
  await signIn(page, "anna@example.com");
  await page.getByRole("link", { name: "People" }).click();
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
