// Nothing moves once it is shown: the browser's own measure of layout shift, through hydration and a while after it.
import { expect, test } from "@playwright/test";
import { PAGE, takenOver } from "./helpers";

test.use({ timezoneId: "America/New_York" });

for (const width of [360, 1280]) {
  test(`at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    for (const path of ["?environment=production", "?environment=demo", "?environment=demo#over-time", "?environment=demo#history", "/what-if?environment=demo", "/settings?environment=demo"]) {
      await page.goto("about:blank");
      await page.goto(`${PAGE}${path}`);
      if (path.startsWith("?")) await takenOver(page);
      else await page.waitForLoadState("networkidle");
      const shifts = await page.evaluate(async () => {
        await new Promise((later) => setTimeout(later, 600));
        return new Promise<string[]>((done) => {
          const found: string[] = [];
          new PerformanceObserver((list, observer) => {
            for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean; sources: { node: Node | null }[] })[]) {
              if (entry.hadRecentInput) continue;
              const nodes = entry.sources.map(({ node }) => (node instanceof Element ? node.outerHTML : node?.parentElement?.outerHTML ?? "?").slice(0, 90));
              found.push(`${entry.value.toFixed(4)} ${nodes.join(" | ")}`);
            }
            observer.disconnect();
            done(found);
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => done(found), 200);
        });
      });
      const score = shifts.reduce((sum, shift) => sum + parseFloat(shift), 0);
      expect.soft(score, `${path}: ${shifts.join("\n")}`).toBeLessThan(0.01);
    }
  });
}
