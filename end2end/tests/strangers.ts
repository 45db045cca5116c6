// What browsers and extensions do to a page without asking it.
import type { Page } from "@playwright/test";

/**
 * A translation, as Chrome does it: each text is put into elements of its own, marked with `say`. Parts that say translate="no" are left
 * alone by an honest one.
 */
export const translate = (page: Page, say = "", honest = true) =>
  page.evaluate(
    ([say, honest]) => {
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const texts: Text[] = [];
      while (walk.nextNode()) texts.push(walk.currentNode as Text);
      const left = "script, style, textarea, noscript" + (honest ? ", [translate=no], .notranslate" : "");
      for (const text of texts) {
        if (!text.data.trim() || text.parentElement!.closest(left)) continue;
        const outer = document.createElement("font");
        outer.append(document.createElement("font"));
        outer.firstElementChild!.append(text.data + say);
        text.replaceWith(outer);
      }
    },
    [say, honest] as const,
  );

/** Runs something as soon as the page's markup is there, before any script of it: as extensions do. */
export const beforeScripts = (page: Page, act: () => void) =>
  page.addInitScript(`document.addEventListener("readystatechange", () => { if (document.readyState === "interactive") (${act.toString()})(); });`);
