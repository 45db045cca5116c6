// What the specs share: where things are on the page, and the watch over console and network.
import { expect, type APIRequestContext, type Locator, type Page, type TestInfo } from "@playwright/test";

export const PAGE = "/founder/scaling-mode";

/** The environment that a project's acts happen in: both projects run against one server, at the same time. */
export const ownEnvironment = (info: TestInfo) => (info.project.name === "javascript" ? "production" : "this-server");

export const open = (page: Page, environment: string) => page.goto(`${PAGE}?environment=${environment}`);

/** The answer: badge and sentence. */
export const answer = (page: Page) => page.locator("#answer .verdict");
export const notice = (page: Page) => page.locator("#notice");
export const form = (page: Page, name: string): Locator => page.locator(`form[action="/api/scaling-mode/forms/${name}"]`);
export const events = (page: Page) => page.locator("#history .event");

/** A reason that no other test and no earlier run has used. */
let reasons = 0;
export const reason = (text: string) => `${text} (${Date.now()}-${++reasons})`;

/** What a script would send. */
export async function act(request: APIRequestContext, body: Record<string, unknown>) {
  const response = await request.put("/api/scaling-mode/config", { data: body });
  expect(response.ok(), await response.text()).toBe(true);
  return response.json();
}

export async function config(request: APIRequestContext, environment: string) {
  return (await request.get(`/api/scaling-mode/config?environment=${environment}`)).json();
}

/** Collects all that a page must not do: warn, fail, ask another origin. */
export function watch(page: Page, baseURL: string) {
  const wrong: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) wrong.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("requestfailed", (request) => {
    // A page that is left behind cuts off what it was still loading.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") wrong.push(`failed: ${request.url()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith("data:") && new URL(url).origin !== new URL(baseURL).origin) wrong.push(`other origin: ${url}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) wrong.push(`${response.status()}: ${response.url()}`);
  });
  return wrong;
}

/** Presses Tab until an element has the focus, as somebody without a mouse does. */
export async function tabTo(page: Page, target: Locator, most = 200) {
  for (let presses = 0; presses < most; presses++) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === element.ownerDocument.activeElement)) return;
  }
  throw new Error(`${most} presses of Tab did not reach ${target}`);
}
