// The replay of real recordings, opened as a founder would: marked as recorded, with the failing night in its history.
import { expect, test } from "@playwright/test";

test.skip(process.env.SCALING_MODE_RECORDINGS === "none", "the recordings are left out on purpose");

const page_of_replay = "/founder/scaling-mode?environment=replay";

test("the replay shows its answer, its kind and where its numbers come from", async ({ page }) => {
  await page.goto(page_of_replay);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator("body")).toContainText(/recorded|recording/i);
  await expect(page.locator("body")).toContainText("recorded: ec2_cpu_utilization_5f5533.csv");
  await expect(page.locator("body")).toContainText("constructed: requests.csv");
});

test("the failing night stands in the timeline, into Freeze and out of it", async ({ page }) => {
  await page.goto(`${page_of_replay}&type=recommendation_changed`);
  await expect(page.locator("body")).toContainText("increase to freeze. Freeze, take nobody: infra health is 0");
  await expect(page.locator("body")).toContainText("freeze to hold");
});
