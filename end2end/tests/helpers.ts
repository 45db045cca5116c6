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

/** Until the browser has taken over the islands of the founder's page: only then is there a palette. */
export const takenOver = (page: Page) => expect(page.locator(".palette-button")).toBeVisible();

/** A page that holds nothing but what one server sent at one time scrolls nowhere sideways. */
export const overflow = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/**
 * What can be pressed and is smaller than 24 by 24 px. A link within a sentence is as large as its line (WCAG 2.2, 2.5.8),
 * and what its label encloses is as large as the label.
 */
export const tooSmall = (page: Page) =>
  page.locator("a[href], button, input:not([type=hidden]), select, summary, textarea").evaluateAll((targets) => {
    const inSentence = (target: Element) => {
      const around = target.parentElement?.closest("p, li, dd, td, th, figcaption, caption") ?? null;
      if (target.tagName !== "A" || around === null || !getComputedStyle(target).display.startsWith("inline")) return false;
      const copy = around.cloneNode(true) as Element;
      copy.querySelectorAll("a, button, time").forEach((other) => other.remove());
      return /\p{L}{2}/u.test(copy.textContent ?? "");
    };
    return targets
      .filter((target) => target.checkVisibility({ visibilityProperty: true }))
      .filter((target) => !inSentence(target))
      .map((target) => ({ target, box: (target.closest("label") ?? target).getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.height < 23.99 || box.width < 23.99))
      .map(({ target, box }) => `${target.outerHTML.slice(0, 120)}: ${box.width.toFixed(1)} x ${box.height.toFixed(1)}`);
  });
