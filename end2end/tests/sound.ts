// What holds on every page that a person meets, and how another person comes.
import AxeBuilder from "@axe-core/playwright";
import { expect, type Browser, type Page } from "@playwright/test";
import { overflow, tooSmall } from "./helpers";

/** Somebody else's browser. */
export async function another(browser: Browser, javaScriptEnabled: boolean | undefined) {
  const context = await browser.newContext({ javaScriptEnabled });
  return context.newPage();
}

/** It fits, can be pressed, runs nothing that somebody wrote, and has no barrier. */
export async function sound(page: Page, name: string, javaScriptEnabled: boolean | undefined) {
  for (const width of [320, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    expect(await overflow(page), `${name} scrolls sideways at ${width}`).toBeLessThanOrEqual(0);
    expect(await tooSmall(page), name).toEqual([]);
  }
  expect(await page.title(), name).not.toBe("run");
  if (javaScriptEnabled !== false) {
    const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]).analyze();
    expect(found.violations.map((violation) => `${violation.id}: ${violation.nodes[0]?.html}`), name).toEqual([]);
  }
}
