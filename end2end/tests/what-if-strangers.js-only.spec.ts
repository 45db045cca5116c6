// The what-if beside what others do to its page: translations, extensions, a slow network. The page shows what was judged, or it says
// that it does not follow.
import { expect, test, type Page } from "@playwright/test";
import { PAGE } from "./helpers";
import { beforeScripts, translate } from "./strangers";

const OWN = "what-if-javascript";
const LAB =
  "mode=lab&inputs.clients=4&inputs.at_risk=0&inputs.warnings=0&inputs.critical=0&inputs.posts=10" +
  "&inputs.ai_spend=2&inputs.cpu=0.3&inputs.latency_ms=120&inputs.error_rate=0";

const address = `${PAGE}/what-if?environment=${OWN}&${LAB}`;
const live = (page: Page) => expect(page.locator(".what-if.is-live")).toBeVisible();
const behind = (page: Page) => page.locator(".what-if-behind");
const badge = (page: Page) => page.locator(".side-supposed .side-answer .badge");
const clients = (page: Page, count: string) => page.locator(`[id="inputs.clients"]`).fill(count);

/** The complete result as text, as a page that nobody has touched shows it. */
async function untouched(page: Page, count: string) {
  const other = await page.context().newPage();
  await other.goto(address);
  await live(other);
  await clients(other, count);
  const text = await other.locator(".what-if-result").innerText();
  await other.close();
  return text;
}

test.beforeEach(async ({ request }) => {
  const answered = await request.post("/api/scaling-mode/health", { data: { environment: OWN } });
  expect(answered.ok()).toBe(true);
});

test("under a translation the result is the same as without, change by change", async ({ page }) => {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(address);
  await live(page);
  await translate(page, " [xx]");
  for (const [count, says] of [["6", "Freeze"], ["5", "Hold"], ["9", "Freeze"]]) {
    await clients(page, count);
    await expect(badge(page)).toHaveText(says);
    expect(await page.locator(".what-if-result").innerText()).toBe(await untouched(page, count));
    await expect(behind(page)).toBeHidden();
  }
  expect(errors).toEqual([]);
});

test("what changes the result's words in spite of it makes the page say so, until the next result is shown", async ({ page }) => {
  await page.goto(address);
  await live(page);
  await translate(page, " [xx]", false);
  await expect(behind(page)).toBeVisible();
  await expect(page.locator(".what-if.is-live")).toHaveCount(0);
  await clients(page, "6");
  await expect(badge(page)).toHaveText("Freeze");
  await live(page);
  await expect(behind(page)).toBeHidden();
});

test("a result that something has taken off the page, or doubled, is not passed for live", async ({ page }) => {
  for (const act of [
    () => document.querySelector(".what-if-result")!.remove(),
    () => document.querySelector(".what-if-result")!.after(document.querySelector(".what-if-result")!.cloneNode(true)),
  ]) {
    await page.goto(address);
    await live(page);
    await page.evaluate(act);
    await clients(page, "6");
    const isShown = await badge(page).evaluateAll((badges) => badges.length === 1 && badges[0].textContent === "Freeze");
    if (!isShown) {
      await expect(behind(page)).toBeVisible();
      await expect(page.locator(".what-if.is-live")).toHaveCount(0);
    }
    await page.getByRole("button", { name: "Show this scenario" }).click();
    await expect(page).toHaveURL(/inputs\.clients=6/);
    await expect(badge(page)).toHaveText("Freeze");
  }
});

const EARLY: Record<string, () => void> = {
  "a word is marked in the result": () => {
    const walk = document.createTreeWalker(document.querySelector(".what-if-result") ?? document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const text = walk.currentNode as Text;
      if (!/\d/.test(text.data)) continue;
      const mark = document.createElement("mark");
      text.replaceWith(mark);
      mark.append(text);
      return;
    }
  },
  "every text of the page is put into elements": () => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts: Text[] = [];
    while (walk.nextNode()) texts.push(walk.currentNode as Text);
    for (const text of texts) {
      if (!text.data.trim() || text.parentElement!.closest("script, style")) continue;
      const font = document.createElement("font");
      text.replaceWith(font);
      font.append(text);
    }
  },
  "an icon follows each field, and elements around the islands": () => {
    for (const field of document.querySelectorAll("input, select")) field.after(document.createElement("div"));
    for (const island of document.querySelectorAll("leptos-island, leptos-children, .what-if")) {
      island.prepend(document.createElement("span"));
      island.append(document.createElement("span"));
    }
  },
  "comments and empty texts are taken out of the page": () => {
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_COMMENT | NodeFilter.SHOW_TEXT);
    const found: ChildNode[] = [];
    while (walk.nextNode()) found.push(walk.currentNode as ChildNode);
    for (const node of found) if (!node.textContent!.trim() || node.nodeType === Node.COMMENT_NODE) node.remove();
  },
};

for (const [name, act] of Object.entries(EARLY)) {
  test(`before the script comes, ${name}: the page follows, or says that it does not`, async ({ page }) => {
    await beforeScripts(page, act);
    await page.goto(address);
    await page.waitForLoadState("networkidle");
    await clients(page, "6");
    if (await page.locator(".what-if.is-live").count()) await expect(badge(page)).toHaveText("Freeze");
    await page.getByRole("button", { name: "Show this scenario" }).click();
    await expect(page).toHaveURL(/inputs\.clients=6/);
    await expect(badge(page)).toHaveText("Freeze");
  });
}

test("what was typed before the script came is judged once it is there", async ({ page }) => {
  let come = () => {};
  const held = new Promise<void>((resolve) => (come = resolve));
  await page.route("**/*.wasm", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(address, { waitUntil: "commit" });
  await clients(page, "6");
  await expect(page.locator(".what-if.is-live")).toHaveCount(0);
  come();
  await live(page);
  await expect(badge(page)).toHaveText("Freeze");
  await expect(page).toHaveURL(/inputs\.clients=6/);
});

test("a changed answer is said to readers of the screen, once", async ({ page }) => {
  await page.goto(address);
  await live(page);
  const said = page.locator("#what-if-said");
  await expect(said).toHaveText("");
  await clients(page, "6");
  await expect(said).toContainText("Freeze");
});
