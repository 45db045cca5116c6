// The what-if, whole without JavaScript: the address says the scenario, the server renders both sides.
import { expect, test, type APIRequestContext, type Page } from "@playwright/test";
import { PAGE } from "./helpers";

const WHAT_IF = `${PAGE}/what-if`;

/** Every input said, in lab: what was measured or not plays no part. */
const SIX_CLIENTS =
  "mode=lab&inputs.clients=6&inputs.at_risk=0&inputs.warnings=0&inputs.critical=0&inputs.posts=10" +
  "&inputs.ai_spend=2&inputs.cpu=0.3&inputs.latency_ms=120&inputs.error_rate=0";

/** Evaluates the project's own environment, which no other spec acts in, and names it. */
const evaluate = async (request: APIRequestContext) => {
  const environment = `what-if-${test.info().project.name}`;
  const response = await request.post("/api/scaling-mode/health", { data: { environment } });
  expect(response.ok()).toBe(true);
  return environment;
};
const baseline = (page: Page) => page.locator(".side").first();
const supposed = (page: Page) => page.locator(".side-supposed");
const turns = (page: Page, input: string) => page.locator("tbody tr", { has: page.getByRole("rowheader", { name: input, exact: true }) });

test("both sides stand beside each other, and the scenario is marked hypothetical", async ({ page }) => {
  await page.goto(`${WHAT_IF}?environment=demo`);
  await expect(page).toHaveTitle(/hypothetical/);
  await expect(page.locator(".banner-hypothetical")).toContainText("Hypothetical.");
  await expect(page.locator(".banner-synthetic")).toBeVisible();
  // Invented data is no measurement, so the baseline of demo is not called one.
  await expect(baseline(page).locator(".mark")).toHaveText("Synthetic data");
  await expect(supposed(page).locator(".mark")).toHaveText("Hypothetical");
  await expect(supposed(page).locator(".side-answer p")).toHaveText(/^Hypothetical: /);
  await expect(page.getByText("No rule comes out differently.")).toBeVisible();
  await expect(page.getByRole("rowheader")).toHaveCount(9);
});

test("a scenario says which rule flips and where the answer changes", async ({ page, request }) => {
  const own = await evaluate(request);
  await page.goto(`${WHAT_IF}?environment=${own}&${SIX_CLIENTS}`);
  await expect(baseline(page).locator(".mark")).toHaveText("Measured");
  await expect(baseline(page).locator(".badge")).toHaveText("Hold");
  await expect(supposed(page).locator(".badge")).toHaveText("Freeze");
  await expect(page.locator(".flips li", { hasText: "limit.clients" })).toContainText("Failed");
  await expect(turns(page, "Active clients")).toContainText("Hold at 5 clients (limit.clients)");
  await expect(turns(page, "Active clients")).toContainText("The answer stays");
  // One client less is within the limit: the answer is as the table says.
  await page.goto(`${WHAT_IF}?environment=${own}&${SIX_CLIENTS.replace("clients=6", "clients=5")}`);
  await expect(supposed(page).locator(".badge")).toHaveText("Hold");
  await expect(turns(page, "Active clients")).toContainText("Freeze at 6 clients (limit.clients)");
});

test("what is not set stays unknown", async ({ page, request }) => {
  const own = await evaluate(request);
  await page.goto(`${WHAT_IF}?environment=${own}&inputs.clients=4`);
  await expect(supposed(page)).not.toContainText("NaN");
  await expect(turns(page, "AI spend, trailing day (USD)")).toContainText("unknown");
  await expect(turns(page, "AI spend, trailing day (USD)")).toContainText("Not one value: set it to see");
});

test("the form leads to its scenario, and the shared address holds only what differs", async ({ page, request }) => {
  const own = await evaluate(request);
  await page.goto(`${WHAT_IF}?environment=${own}&mode=lab`);
  await page.getByRole("spinbutton", { name: "Active clients", exact: true }).fill("6");
  await page.getByRole("spinbutton", { name: "Most clients in Lab", exact: true }).fill("7");
  await page.getByRole("button", { name: "Show this scenario" }).click();
  await expect(page).toHaveURL(/inputs\.clients=6/);
  await expect(page.getByRole("spinbutton", { name: "Active clients", exact: true })).toHaveValue("6");
  const shared = await page.getByRole("link", { name: "Share this scenario" }).getAttribute("href");
  expect(shared).toMatch(new RegExp(`environment=${own}&inputs\\.clients=6(&mode=lab)?&limits\\.lab\\.max_clients=7$`));
  await expect(page.getByRole("link", { name: "Use these limits and guardrails" })).toHaveAttribute(
    "href",
    `${PAGE}/settings?environment=${own}&limits.lab.max_clients=7`,
  );
  await page.getByRole("link", { name: "Back to baseline" }).click();
  await expect(page).toHaveURL(`${WHAT_IF}?environment=${own}`);
});

test("mistakes are named, and the address puts no words into the page's mouth", async ({ page, request }) => {
  const own = await evaluate(request);
  await page.goto(`${WHAT_IF}?environment=${own}&inputs.clients=many&weights.infra=0.5&prize=yours`);
  const alert = page.locator(".side-supposed").getByRole("alert");
  await expect(alert).toContainText("Active clients: is not a number.");
  await expect(alert).toContainText("The weights: must sum to 1");
  await expect(alert).toContainText("cannot be tried in a scenario");
  await expect(page.locator("main")).not.toContainText("prize");
  await expect(supposed(page).locator(".badge")).toHaveCount(0);
});

test("the decision and the links of the page lead to it", async ({ page }) => {
  await page.goto(`${PAGE}?environment=demo`);
  await page.locator("#decision").getByRole("link", { name: /^What if/ }).click();
  await expect(page).toHaveURL(/\/what-if\?environment=demo$/);
  await page.getByRole("link", { name: "Back to demo" }).click();
  await page.locator(".on-this-page").getByRole("link", { name: "What if" }).click();
  await expect(page).toHaveURL(/\/what-if\?environment=demo$/);
});

test("an environment that is not there is a page that helps", async ({ page }) => {
  const response = await page.goto(`${WHAT_IF}?environment=nowhere`);
  expect(response?.status()).toBe(404);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("There is no such environment");
});

for (const width of [320, 768, 1440]) {
  test(`it does not scroll sideways at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`${WHAT_IF}?environment=demo&inputs.clients=400`);
    const [content, view] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    expect(content).toBeLessThanOrEqual(view);
  });
}
