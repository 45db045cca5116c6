// Weighs what a browser downloads to show the main page and the what-if page: asks the running server ($BASE_URL) as a browser
// does, counts the bytes as they cross the wire, and fails if there are too many.
import http from "node:http";

const MAIN = "/founder/scaling-mode";
const WHAT_IF = "/founder/scaling-mode/what-if";
const MAIN_LIMIT = 92_000;
const WHAT_IF_MORE = 100_000; // over what the main page weighs

function download(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers: { accept: "text/html,*/*", "accept-encoding": "br" } }, (response) => {
        let bytes = 0;
        response.on("data", (chunk) => (bytes += chunk.length));
        response.on("end", () => resolve({ url, status: response.statusCode, encoding: response.headers["content-encoding"] ?? "none", bytes }));
        response.on("error", reject);
      })
      .on("error", reject);
  });
}

/** The bytes of a page and all that it loads, each on a line. */
async function weigh(page, limit) {
  const shown = await fetch(new URL(page, process.env.BASE_URL));
  const html = await shown.text();
  const tags = html.match(/<(?:link|script|img)\b[^>]*>/g) ?? [];
  const loads = tags.filter((tag) => !tag.startsWith("<link") || /rel="?(?:stylesheet|modulepreload|preload|icon)\b/.test(tag));
  const urls = loads.flatMap((tag) => tag.match(/\b(?:href|src)="?([^"\s>]+)/)?.[1] ?? []).filter((url) => !url.startsWith("data:"));
  const files = await Promise.all([shown.url, ...new Set(urls.map((url) => new URL(url, shown.url).href))].map(download));
  for (const { url } of files.filter(({ url }) => url.endsWith(".js"))) {
    // what wasm-bindgen's file imports from beside it
    const imports = (await (await fetch(url)).text()).matchAll(/\bfrom ["'](\.[^"']+)["']/g);
    for (const [, name] of imports) files.push(await download(new URL(name, url).href));
  }
  let total = 0;
  for (const { url, status, encoding, bytes } of files) {
    if (status !== 200) throw new Error(`${url}: status ${status}`);
    total += bytes;
    console.log(`${String(bytes).padStart(8)}  ${encoding.padEnd(4)}  ${new URL(url).pathname}`);
  }
  console.log(`${String(total).padStart(8)}  in all for ${page}; at most ${limit}`);
  if (!files.some(({ url }) => url.endsWith(".wasm"))) throw new Error(`${page} names no wasm file: this weighed too little`);
  return total;
}

const main = await weigh(MAIN, MAIN_LIMIT);
const whatIf = await weigh(WHAT_IF, main + WHAT_IF_MORE);
const over = [[MAIN, main - MAIN_LIMIT], [WHAT_IF, whatIf - main - WHAT_IF_MORE]].filter(([, bytes]) => bytes > 0);
if (over.length) throw new Error(over.map(([page, bytes]) => `${page} is ${bytes} bytes over its limit`).join("; "));
