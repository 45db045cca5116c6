// Pictures of every page in every state, light and dark, narrow to wide, for people to look at: called by
// scripts/screenshots.sh with the server's address in BASE_URL and the folder in SCREENSHOTS.
import { expect, test } from "@playwright/test";
import { join } from "node:path";
import { everyPage } from "./tests/pages";

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [360, 768, 1440]) {
    test.describe(`${colorScheme}, ${width} px`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 } });

      test("every page", async ({ page, request }) => {
        test.setTimeout(180_000);
        for (const { name, path } of await everyPage(request)) {
          await page.goto(path);
          // What only the browser adds is there, too.
          await page.waitForTimeout(400);
          const file = `${name.replaceAll(" ", "-")}-${width}-${colorScheme}.png`;
          await page.screenshot({ path: join(process.env.SCREENSHOTS!, file), fullPage: true });
        }
        expect(page.url()).toContain("nothing-here");
      });
    });
  }
}
