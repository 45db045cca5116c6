// Where each number comes from: sources with their state, what is wrong with them, and asking again.
import { expect, test } from "@playwright/test";
import { PAGE } from "./helpers";

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

test("a source that has been silent for days is late, not unheard", async ({ page }) => {
  await page.goto(`${PAGE}/connections?environment=stale`);
  const source = page.locator(".connection", { has: page.getByRole("heading", { name: "crm" }) });
  await expect(source.locator(".badge").first()).toHaveText("Late");
  await expect(source.getByRole("cell").first()).toContainText("3 days ago");
});

test("an environment that nothing was sent to leads to how to connect", async ({ page }) => {
  await page.goto(`${PAGE}/connections?environment=frozen`);
  await page.getByRole("link", { name: "How to connect each signal" }).click();
  await expect(page).toHaveURL(/environment=frozen#connect$/);
});
