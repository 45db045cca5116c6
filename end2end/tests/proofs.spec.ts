// Codes, and signing in by a provider, as people meet them: with a real OpenID provider that runs beside the server, and codes calculated
// as an authenticator app does. Passkeys have a spec of their own, since they need JavaScript.
import { expect, test, type Page } from "@playwright/test";
import { createHmac } from "node:crypto";
import type { Server } from "node:http";
import { Provider } from "oidc-provider";
import { device } from "./authenticator";
import { form, notice, PAGE } from "./helpers";
import { freePort, ownServer, type OwnServer } from "./own_server";
import { another, sound } from "./sound";

const PASSWORD = "zebra lamp quietly";
const SECRET = "a secret that both know, of some length";

let server: OwnServer;
let provider: Server;
let base: string;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  const [port, elsewhere] = [await freePort(), await freePort()];
  // Another site than the server's, as a provider's is.
  const issuer = `http://127.0.0.1:${elsewhere}`;
  const honest = new Provider(issuer, {
    clients: [{ client_id: "scaling-mode", client_secret: SECRET, redirect_uris: [`http://localhost:${port}/founder/sign-in/callback`] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    cookies: { keys: ["only for a test"] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: `${id} of the provider` }) }),
    pkce: { required: () => true },
  });
  provider = honest.listen(elsewhere, "127.0.0.1");
  const settings = `[openid]\nname = "Example"\nissuer = "${issuer}"\nclient_id = "scaling-mode"\nsecret_env = "OPENID_SECRET"\n`;
  server = await ownServer(port, settings, { OPENID_SECRET: SECRET });
  base = server.base;
});

test.afterAll(async () => {
  await server.end();
  await new Promise((done) => {
    provider.close(done);
    provider.closeAllConnections();
  });
});

const go = (page: Page, path: string) => page.goto(base + path);

/** The code of a time, in seconds (RFC 6238). */
function code(secret: string, seconds = Date.now() / 1000) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replaceAll(" ", "")].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)));
  const hash = createHmac("sha1", key).update(counter).digest();
  return String((hash.readUInt32BE(hash[19]! & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function withPassword(page: Page, email: string) {
  await go(page, "/founder/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** Signs in at the provider, as its own pages have it; it asks for leave once. */
async function atProvider(page: Page, account: string, isKnown = false) {
  await page.locator("input[name=login]").fill(account);
  await page.locator("input[name=password]").fill("anything");
  await page.getByRole("button", { name: /sign-in/i }).click();
  if (!isKnown) await page.getByRole("button", { name: /continue/i }).click();
}

/** Adds a passkey, ends the session, and is back with it: which is a proof of its own, where the provider's is gone with the session. */
async function withPasskeyAlone(page: Page) {
  await device(page);
  const add = page.locator("[data-passkey=add]");
  await add.getByLabel("What to call it").fill("The laptop");
  await add.getByRole("button").click();
  await expect(notice(page)).toContainText("The passkey is added");
  await form(page, "sign-out").getByRole("button").click();
  await page.getByRole("link", { name: "Sign in with Example" }).click();
  await expect(page.locator("#answer")).toBeVisible();
  await go(page, "/founder/account");
  await expect(page.getByRole("heading", { name: "Prove once more that it is you" })).toBeVisible();
  await form(page, "sign-out").getByRole("button").click();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.locator("#answer")).toBeVisible();
  await go(page, "/founder/account");
  await expect(page.getByRole("heading", { name: "Prove once more that it is you" })).toHaveCount(0);
}

test("codes are turned on by the first of them, and asked for from then on", async ({ page, browser, javaScriptEnabled }) => {
  await go(page, PAGE);
  await page.goto(server.founderLink);
  await page.getByLabel("E-mail address").fill("anna@example.com");
  await page.getByLabel("Your name").fill("Anna");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await page.getByRole("link", { name: "Anna" }).click();
  await sound(page, "the account", javaScriptEnabled);
  await expect(page.getByRole("button", { name: "Add a passkey" })).toHaveCount(javaScriptEnabled === false ? 0 : 1);
  const begin = form(page, "begin-codes");
  await begin.getByLabel("Your password").fill("not this one");
  await begin.getByRole("button").click();
  await expect(notice(page)).toContainText("is not right");
  await begin.getByLabel("Your password").fill(PASSWORD);
  await begin.getByRole("button").click();
  await expect(page.getByRole("img", { name: "The secret, as a picture" })).toBeVisible();
  await page.getByText("Without a camera").click();
  await sound(page, "turning codes on", javaScriptEnabled);
  const secret = await page.locator(".secret").innerText();
  await page.getByLabel("Code", { exact: true }).fill("000000");
  await page.getByRole("button", { name: "Turn codes on" }).click();
  await expect(notice(page)).toContainText("not the code of now");
  await page.getByLabel("Code", { exact: true }).fill(code(secret));
  await page.getByRole("button", { name: "Turn codes on" }).click();
  const recovery = await page.locator("#made li").allInnerTexts();
  expect(recovery).toHaveLength(10);
  await sound(page, "recovery codes", javaScriptEnabled);
  await page.reload();
  await expect(page.locator("#made")).toHaveCount(0);
  await expect(page.getByText("10 recovery codes are left")).toBeVisible();

  const elsewhere = await another(browser, javaScriptEnabled);
  await elsewhere.goto(`${base}${PAGE}/settings?environment=this-server`);
  await elsewhere.getByLabel("E-mail address").fill("anna@example.com");
  await elsewhere.getByLabel("Password").fill(PASSWORD);
  await elsewhere.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(elsewhere.getByRole("heading", { name: "One more thing" })).toBeVisible();
  await sound(elsewhere, "the question for a code", javaScriptEnabled);
  // The password alone opens nothing.
  const asked = elsewhere.url();
  await elsewhere.goto(base + PAGE);
  await expect(elsewhere).toHaveURL(/\/founder\/sign-in\?next=/);
  await elsewhere.goto(asked);
  await elsewhere.getByLabel("Code of your authenticator app").fill("000000");
  await elsewhere.getByRole("button", { name: "Go on" }).click();
  await expect(notice(elsewhere)).toContainText("A code works once");
  await elsewhere.getByLabel("Code of your authenticator app").fill(recovery[0]!.toUpperCase());
  await elsewhere.getByRole("button", { name: "Go on" }).click();
  await expect(elsewhere).toHaveURL(`${base}${PAGE}/settings?environment=this-server`);
  await elsewhere.context().close();

  const end = form(page, "end-codes");
  await end.getByLabel("Your password").fill(PASSWORD);
  await end.getByRole("button").click();
  await expect(notice(page)).toContainText("Codes are off");
});

test("an account at the provider is connected, signs in, and joins by an invitation", async ({ page, browser, javaScriptEnabled }) => {
  await withPassword(page, "anna@example.com");
  await go(page, "/founder/account");
  const allow = form(page, "allow-provider");
  await allow.getByLabel("Your password").fill(PASSWORD);
  await allow.getByRole("button").click();
  await page.getByRole("link", { name: "Go on to Example" }).click();
  await atProvider(page, "anna.p");
  await expect(notice(page)).toContainText("You can sign in by that account from now on");
  await expect(page.getByText("anna.p@example.com").first()).toBeVisible();
  await sound(page, "the account with a provider", javaScriptEnabled);
  await form(page, "sign-out").getByRole("button").click();

  await go(page, `${PAGE}/settings?environment=this-server`);
  await sound(page, "signing in with a provider", javaScriptEnabled);
  await page.getByRole("link", { name: "Sign in with Example" }).click();
  await expect(page).toHaveURL(`${base}${PAGE}/settings?environment=this-server`);

  await go(page, `${PAGE}/people`);
  const invite = form(page, "invite");
  await invite.getByLabel("E-mail address").fill("vera@example.com");
  await invite.getByLabel("Role").selectOption("viewer");
  await invite.getByRole("button").click();
  const link = await page.locator("#made input").inputValue();

  const vera = await another(browser, javaScriptEnabled);
  // Someone with an account at the provider that nobody here has learns so.
  await vera.goto(`${base}/founder/sign-in`);
  await vera.getByRole("link", { name: "Sign in with Example" }).click();
  await atProvider(vera, "vera.p");
  await expect(notice(vera)).toContainText("Nobody here signs in by that account");
  await vera.goto(link);
  await sound(vera, "joining with a provider", javaScriptEnabled);
  await vera.getByRole("link", { name: "Join with Example" }).click();
  await expect(vera.locator("#answer")).toBeVisible();
  await expect(vera.getByRole("navigation", { name: "Account" })).toContainText("vera.p of the provider");
  await vera.goto(`${base}/founder/account`);
  await expect(vera.getByRole("heading", { name: "Choose a password" })).toBeVisible();
  await expect(vera.getByText("vera@example.com: viewer of production")).toBeVisible();
  // Without a password she has to sign in there again, although the provider knows her still.
  const choose = form(vera, "change-password");
  await choose.getByLabel(/^The new one/).fill(PASSWORD);
  await choose.getByRole("button").click();
  await expect(notice(vera)).toContainText("Prove once more that it is you first.");
  await sound(vera, "an account without a password", javaScriptEnabled);
  await vera.getByRole("link", { name: "Sign in at Example once more" }).click();
  await atProvider(vera, "vera.p", true);
  await expect(notice(vera)).toContainText("That was you.");
  await sound(vera, "an account just proved", javaScriptEnabled);
  if (javaScriptEnabled !== false) await withPasskeyAlone(vera);
  await choose.getByLabel(/^The new one/).fill(PASSWORD);
  await choose.getByRole("button").click();
  await expect(notice(vera)).toContainText("The password is changed.");
  await vera.context().close();

  await go(page, "/founder/account");
  await page.getByText("Disconnect anna.p@example.com").click();
  const disconnect = form(page, "disconnect-provider");
  await disconnect.getByLabel("Your password").fill(PASSWORD);
  await disconnect.getByRole("button").click();
  await expect(notice(page)).toContainText("signs nobody in here from now on");
});
