// Passkeys, with an authenticator of Chromium's own: added, used, removed, and of no use once they are gone.
import { expect, test } from "@playwright/test";
import { device } from "./authenticator";
import { form, notice, PAGE } from "./helpers";
import { freePort, ownServer, type OwnServer } from "./own_server";
import { sound } from "./sound";

const PASSWORD = "zebra lamp quietly";

let server: OwnServer;

// Both need somebody who exists: a server that was just made has nobody to sign in.
test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  server = await ownServer(await freePort());
});

test.afterAll(() => server.end());

test("a passkey is added, signs in without password or code, and opens nothing once removed", async ({ page }) => {
  const { opens } = await device(page);
  await page.goto(server.base + PAGE);
  await page.goto(server.founderLink);
  await page.getByLabel("E-mail address").fill("anna@example.com");
  await page.getByLabel("Your name").fill("Anna");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByRole("link", { name: "Anna" }).click();

  const add = page.locator("[data-passkey=add]");
  await expect(add).toBeVisible();
  await add.getByLabel("What to call it").fill("The laptop");
  await add.getByLabel("Your password").fill("not this one");
  await add.getByRole("button").click();
  await expect(add.getByRole("alert")).toContainText("is not right");
  await add.getByLabel("Your password").fill(PASSWORD);
  await add.getByRole("button").click();
  await expect(notice(page)).toContainText("The passkey is added");
  await expect(page.getByRole("cell", { name: "never" })).toBeVisible();
  await sound(page, "an account with a passkey", true);
  // One device keeps one passkey of a person.
  await add.getByLabel("What to call it").fill("Once more");
  await add.getByLabel("Your password").fill(PASSWORD);
  await add.getByRole("button").click();
  await expect(add.getByRole("alert")).toContainText("on this device already");
  await form(page, "sign-out").getByRole("button").click();

  await page.goto(`${server.base}${PAGE}/settings?environment=this-server`);
  const signIn = page.getByRole("button", { name: "Sign in with a passkey" });
  await sound(page, "signing in with a passkey", true);
  // A device that somebody holds and cannot open proves nothing.
  await opens(false);
  await signIn.click();
  await expect(page.locator("[data-passkey=sign-in] [role=alert]")).toContainText("cancelled");
  await opens(true);
  await signIn.click();
  await expect(page).toHaveURL(`${server.base}${PAGE}/settings?environment=this-server`);
  await page.goto(`${server.base}/founder/account`);
  await expect(page.getByRole("cell", { name: "never" })).toHaveCount(0);

  await page.getByText("Remove The laptop").click();
  const remove = form(page, "remove-passkey");
  await remove.getByLabel("Your password").fill(PASSWORD);
  await remove.getByRole("button").click();
  await expect(notice(page)).toContainText("opens nothing from now on");
  await form(page, "sign-out").getByRole("button").click();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.locator("[data-passkey=sign-in] [role=alert]")).toContainText("not known here");
});

test("where a browser knows no passkeys none is offered", async ({ page }) => {
  await page.addInitScript(() => Reflect.deleteProperty(window, "PublicKeyCredential"));
  await page.goto(`${server.base}/founder/sign-in`);
  await expect(page.getByRole("button", { name: "Sign in", exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toHaveCount(0);
});
