// The read-out of the charts: by keyboard, and by pointing.
import { expect, test } from "@playwright/test";
import { PAGE, takenOver } from "./helpers";

test.beforeEach(async ({ page }) => {
  await page.goto(`${PAGE}?environment=demo&range=7`);
  await takenOver(page);
  // Read once opened: a table that is closed has no text of its own to compare with.
  await page.locator("#over-time").getByText("The same as a table").click();
});

test("arrow keys walk the points, and each says what the table says of it", async ({ page }) => {
  const slider = page.getByRole("slider", { name: "Walk the points" });
  const said = page.locator(".chart-readout output");
  const rows = page.locator("#over-time-rows tr");
  const says = async (place: number) => {
    const cells = (await rows.nth(place).locator("th, td").allTextContents()).map((cell) => cell.trim());
    const words = `${cells[0]}: health ${cells[1]}, load ${cells[2]}, ${cells[3]}, ${cells[4]}, ${cells[5]}`;
    await expect(said).toHaveText(words);
    await expect(slider).toHaveAttribute("aria-valuetext", words);
  };
  const last = (await rows.count()) - 1;
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  await says(last - 1);
  await page.keyboard.press("ArrowLeft");
  await says(last - 2);
  await page.keyboard.press("ArrowRight");
  await says(last - 1);
  await page.keyboard.press("Home");
  await says(0);
  await page.keyboard.press("End");
  await says(last);
});

test("pointing at a chart reads the point below, on all charts", async ({ page }) => {
  const chart = page.locator("#charts svg").first();
  await chart.scrollIntoViewIfNeeded();
  const box = (await chart.boundingBox())!;
  const said = page.locator(".chart-readout output");
  await page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2);
  await expect(page.locator("#charts")).toHaveClass(/is-read/);
  const early = await said.textContent();
  await page.mouse.move(box.x + box.width * 0.9, box.y + box.height / 2);
  await expect(said).not.toHaveText(early!);
  const at = await page.locator("#charts").evaluate((charts) => parseFloat(charts.style.getPropertyValue("--chart-at")));
  expect(Math.abs(at - 90)).toBeLessThan(3);
});
