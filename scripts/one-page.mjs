// Loads the main page and the what-if page of the running server ($BASE_URL) with all that they name, as a browser does, and
// checks that every file is there, complete, and of the right kind.
import { strict as assert } from "node:assert";

const UTF8 = "; charset=utf-8";
const KINDS = { css: `text/css${UTF8}`, js: `text/javascript${UTF8}`, wasm: "application/wasm", svg: `image/svg+xml${UTF8}` };
const loaded = new Set();

for (const page of ["/", "/founder/scaling-mode/what-if"]) {
  const shown = await fetch(new URL(page, process.env.BASE_URL));
  assert.equal(shown.status, 200, page);
  const html = await shown.text();
  const urls = [...html.matchAll(/<link\b[^>]*?\bhref="?([^"\s>]+)/g)].map(([, url]) => new URL(url, shown.url).href);
  for (const kind of Object.keys(KINDS)) assert(urls.some((url) => url.endsWith(`.${kind}`)), `${page} names no .${kind}`);
  for (const url of urls) {
    const kind = url.split(".").at(-1);
    // In every encoding, since the server has a copy of each.
    const copies = [];
    for (const encoding of ["br", "gzip", "identity"]) {
      const answer = await fetch(url, { headers: { "accept-encoding": encoding } });
      assert.equal(answer.status, 200, url);
      assert.equal(answer.headers.get("content-type"), KINDS[kind], url);
      assert.equal(answer.headers.get("content-encoding") ?? "identity", encoding, url);
      if (new URL(url).pathname.startsWith("/pkg/")) assert.match(answer.headers.get("cache-control"), /immutable/, url);
      copies.push(Buffer.from(await answer.arrayBuffer()));
    }
    assert(copies[0].length > 50 && copies.every((copy) => copy.equals(copies[0])), `${url} isn't the same in every encoding`);
    if (kind === "wasm") assert(WebAssembly.validate(copies[0]), `${url} isn't valid wasm`);
    loaded.add(url);
  }
}
assert.equal((await fetch(new URL("/pkg/none.js", process.env.BASE_URL))).status, 404);
console.log(`the installed binary serves both pages and their ${loaded.size} files`);
