// Charts over time, drawn by the server: named for those who cannot see them, and a table that says the same.
import { expect, test } from "@playwright/test";
import { PAGE, open } from "./helpers";

test("each chart has a title and a description", async ({ page }) => {
  await page.goto(`${PAGE}?environment=demo&range=90`);
  const charts = page.locator("#charts .chart-figure");
  await expect(charts).toHaveCount(5);
  for (const chart of await charts.all()) {
    const title = (await chart.locator("svg > title").textContent())!;
    await expect(chart.getByRole("img", { name: title })).toBeVisible();
    await expect(chart.locator("figcaption")).toHaveText(title);
    expect((await chart.locator("svg > desc").textContent())!.length).toBeGreaterThan(20);
    expect(await chart.locator("svg").getAttribute("style")).toBeNull();
  }
});

test("the range is chosen by links, and short ranges have no calendar", async ({ page }) => {
  await open(page, "demo");
  const ranges = page.getByRole("navigation", { name: "Range of the charts" });
  await expect(ranges.locator('[aria-current="true"]')).toHaveText("7 days");
  for (const [days, charts] of [[7, 4], [30, 4], [90, 5], [365, 5]]) {
    await ranges.getByRole("link", { name: `${days} days`, exact: true }).click();
    await expect(page).toHaveURL(new RegExp(`range=${days}#over-time$`));
    await expect(ranges.locator('[aria-current="true"]')).toHaveText(`${days} days`);
    await expect(page.locator("#charts .chart-figure")).toHaveCount(charts);
  }
});

test("a range that is not offered is a page that helps", async ({ page }) => {
  const response = await page.goto(`${PAGE}?environment=demo&range=12`);
  expect(response?.status()).toBe(400);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
});

test("the table says the same, oldest first", async ({ page }) => {
  await page.goto(`${PAGE}?environment=demo&range=7`);
  await page.locator("#over-time").getByText("The same as a table").click();
  const rows = page.locator("#over-time-rows tr");
  expect(await rows.count()).toBeGreaterThan(20);
  await expect(rows.last()).toContainText("Hold");
  const times = await rows.locator("time").evaluateAll((all) => all.map((time) => time.getAttribute("datetime")!));
  expect(times).toEqual([...times].sort());
});

test("where there is too little to draw it says so", async ({ page }) => {
  await open(page, "measured");
  await expect(page.locator("#over-time")).toContainText("There is too little to draw yet");
  await expect(page.locator("#charts")).toHaveCount(0);
});
