// What holds on every page, with JavaScript and without: it fits the screen, can be pressed, and breaks no policy.
import { expect, test } from "@playwright/test";
import { overflow, tooSmall } from "./helpers";
import { everyPage } from "./pages";

/** The browser's own words on a page that is not there, and on an address that puts words into a field for numbers. */
const EXPECTED = /status of 404|The specified value "many" cannot be parsed/;

for (const width of [320, 768, 1440]) {
  test(`every page fits ${width} px, all can be pressed, nothing is refused by the policy`, async ({ page, request }) => {
    test.setTimeout(300_000);
    await page.setViewportSize({ width, height: 900 });
    const said: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !EXPECTED.test(message.text())) said.push(message.text());
    });
    page.on("pageerror", (error) => said.push(error.message));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy: ${event.violatedDirective} refused ${event.blockedURI} ${event.sample}`);
      });
    });
    for (const { name, path, status } of await everyPage(request)) {
      const response = await page.goto(path);
      expect(response?.status(), name).toBe(status);
      const policy = (await response?.headerValue("content-security-policy")) ?? "";
      expect(policy, name).toMatch(/default-src 'none'; script-src 'self'( 'sha256-[A-Za-z0-9+\/=]{44}')+ 'wasm-unsafe-eval'; style-src 'self'/);
      expect.soft(await overflow(page), `${name} scrolls sideways`).toBeLessThanOrEqual(0);
      await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
      expect.soft(await overflow(page), `${name}, all opened, scrolls sideways`).toBeLessThanOrEqual(0);
      expect.soft(await tooSmall(page), name).toEqual([]);
      expect.soft(said.splice(0), name).toEqual([]);
    }
  });
}

test("an inline script that the application did not write does not run, whatever the page says", async ({ page, javaScriptEnabled }) => {
  const violations: string[] = [];
  await page.exposeFunction("violated", (what: string) => violations.push(what));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => (window as any).violated(event.violatedDirective));
  });
  // A page that came with a foreign script in it, as if its data had not been escaped.
  await page.route("**/founder/scaling-mode", async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace("</main>", "<script>document.title = 'foreign'</script></main>");
    await route.fulfill({ response, body });
  });
  await page.goto("/founder/scaling-mode");
  // Without JavaScript nothing runs at all, and nothing reports a violation.
  if (javaScriptEnabled !== false) await expect.poll(() => violations).toContain("script-src-elem");
  expect(await page.title()).not.toBe("foreign");
});
