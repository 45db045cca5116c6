// Where each number comes from: sources with their state, what is wrong with them, and asking again.
import { expect, test } from "@playwright/test";
import { form, notice, ownEnvironment, PAGE } from "./helpers";

test("each source says how much of the last day it covers", async ({ page }) => {
  await page.goto(`${PAGE}?environment=measured`);
  await page.getByRole("navigation", { name: "On this page" }).getByRole("link", { name: "Connections" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Connections of measured");
  const host = page.getByRole("region", { name: "Signals of host" });
  await expect(host.getByRole("rowheader")).toContainText("CPU");
  await expect(host.getByRole("img")).toHaveAttribute("aria-label", /^[1-9]\d? % of the last 24 hours covered$/);
  await expect(page.locator(".connection", { has: page.getByRole("heading", { name: "host" }) })).toContainText("Receiving");
});

test("a source that does not answer says why, what to do, and is asked again", async ({ page }) => {
  await page.goto(`${PAGE}/connections?environment=asked`);
  const source = page.locator(".connection");
  await expect(source.locator(".badge").first()).toHaveText("Failing");
  await expect(source).toContainText("nothing answers there");
  await expect(source).toContainText("Check that the system runs");
  await source.getByRole("button", { name: "Ask metrics now" }).click();
  await expect(page).toHaveURL(`${PAGE}/connections?environment=asked`);
  await expect(source.locator(".badge").first()).toHaveText("Failing");
});

test("a source that has been silent for days is late, not unheard", async ({ page, javaScriptEnabled }) => {
  await page.goto(`${PAGE}/connections?environment=stale`);
  const source = page.locator(".connection", { has: page.getByRole("heading", { name: "crm" }) });
  await expect(source.locator(".badge").first()).toHaveText("Late");
  const cell = source.getByRole("cell").first();
  await expect(cell).toHaveText(/\d{4}, \d{2}:\d{2} UTC/);
  // An age of the server's making would not move on: without JavaScript only the time is there.
  await expect(cell.locator(".age")).toHaveText(javaScriptEnabled === false ? "" : "3 days ago");
});

test("an environment that nothing was sent to leads to how to connect", async ({ page }) => {
  await page.goto(`${PAGE}/connections?environment=frozen`);
  await page.getByRole("link", { name: "How to connect each signal" }).click();
  await expect(page).toHaveURL(/environment=frozen#connect$/);
});

test("a source is added in the page, says what is wrong with it, is asked again and removed", async ({ page }, info) => {
  const environment = ownEnvironment(info);
  // No earlier run has used the name.
  const name = `shop-${Date.now()}`;
  await page.goto(`${PAGE}/connections?environment=${environment}`);
  const add = form(page, "add-source");
  await add.getByLabel("Name", { exact: true }).fill(name);
  await add.getByLabel("Kind").selectOption({ label: "Prometheus" });
  await add.getByLabel("Address", { exact: true }).fill("http://127.0.0.1:9");
  await add.getByLabel("Variable with the token").fill("HOME");
  await add.getByLabel("Signal", { exact: true }).selectOption("clients.active");
  await add.getByLabel("Query").fill("count(subscription_active == 1)");
  await add.getByRole("button", { name: "Add source" }).click();

  await expect(page.getByRole("alert")).toContainText("Nothing was added");
  const token = add.getByLabel("Variable with the token");
  await expect(token).toHaveAttribute("aria-invalid", "true");
  await expect(token).toHaveAccessibleDescription(/SCALING_MODE_SOURCE_, in capital letters/);
  await expect(add.getByLabel("Name", { exact: true })).toHaveValue(name);
  await expect(add.getByLabel("Query")).toHaveValue("count(subscription_active == 1)");
  await token.fill("");
  await add.getByRole("button", { name: "Add source" }).click();

  await expect(notice(page)).toContainText("The source was added");
  const source = page.locator(".connection", { has: page.getByRole("heading", { name, exact: true }) });
  await source.getByRole("button", { name: `Ask ${name} now` }).click();
  await expect(page).toHaveURL(`${PAGE}/connections?environment=${environment}`);
  await expect(source.locator(".badge").first()).toHaveText("Failing");
  await expect(source).toContainText("nothing answers there");
  await expect(source).toContainText("Check that the system runs");

  await source.getByText(`Add a signal to ${name}`, { exact: true }).click();
  await source.getByLabel("Signal", { exact: true }).selectOption("warnings.open");
  await source.getByLabel("Query").fill("count(ALERTS)");
  await source.getByRole("button", { name: `Add this signal to ${name}` }).click();
  await expect(page.getByRole("alert")).toContainText("Nothing was added");
  await expect(source.getByLabel("Severity")).toHaveAccessibleDescription(/needs a severity/);
  await source.getByLabel("Severity").selectOption("critical");
  await source.getByRole("button", { name: `Add this signal to ${name}` }).click();
  await expect(notice(page)).toContainText("The signal was added");

  await source.getByText(`Remove ${name}`, { exact: true }).click();
  await source.getByLabel("Reason (optional)").fill("only tried");
  await source.getByRole("button", { name: `Remove ${name} now` }).click();
  await expect(notice(page)).toContainText("Its numbers stay");
  await expect(source).toHaveCount(0);
  await page.goto(`${PAGE}?environment=${environment}`);
  await expect(page.locator("#history")).toContainText(`source ${name} was removed and is no longer asked; its numbers stay: only tried`);
});
