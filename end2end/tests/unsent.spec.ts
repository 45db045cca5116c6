// A form that is sent once the session has ended: it is not done, and offered again after signing in, with JavaScript and without.
import { expect, test, type Page } from "@playwright/test";
import { form, notice, PAGE } from "./helpers";
import { freePort, joinAsFounder, ownServer, type OwnServer } from "./own_server";
import { sound } from "./sound";

const PASSWORD = "zebra lamp quietly";
const REASON = `payments are down since nine: "wait" for the <b>bank</b>`;

let server: OwnServer;

test.describe.configure({ mode: "serial" });
test.beforeAll(async () => {
  server = await ownServer(await freePort());
});
test.afterAll(() => server.end());

async function signIn(page: Page) {
  await page.getByLabel("E-mail address").fill("anna@example.com");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

test("a freeze that came too late is offered with its reason, and done by a click", async ({ page, context, javaScriptEnabled }) => {
  await joinAsFounder(page, server, PASSWORD);
  await page.goto(`${server.base}${PAGE}?environment=production`);
  await form(page, "freeze").getByLabel("Reason").fill(REASON);
  // News would tell an open page that its session has ended, and take the form away before it is sent.
  const isNews = (type: string) => ["fetch", "xhr", "eventsource"].includes(type);
  await page.route("**/*", (route) => (isNews(route.request().resourceType()) ? route.abort() : route.continue()));
  await context.clearCookies();
  await form(page, "freeze").getByRole("button").click();
  await expect(notice(page)).toContainText("It is kept for 15 minutes");
  await page.unroute("**/*");
  await signIn(page);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Not sent yet");
  await expect(page.getByText(REASON)).toBeVisible();
  await sound(page, "a form that was not sent", javaScriptEnabled);
  await page.getByRole("button", { name: "Send: Freeze" }).click();
  await expect(page.locator(".banner-frozen")).toBeVisible();
  await expect(page.locator("#history")).toContainText(REASON);
  await page.goto(`${server.base}/founder/unsent`);
  await expect(page.getByText("No form is waiting.")).toBeVisible();
  await sound(page, "no form that was not sent", javaScriptEnabled);
});
