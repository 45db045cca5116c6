// Weighs what a browser downloads to show the page: asks the running server ($BASE_URL) as a browser does, counts the
// bytes as they cross the wire, and fails over the limit. PAGE chooses the page.
import http from "node:http";

const LIMIT = 120_000;
const page = new URL(process.env.PAGE ?? "/", process.env.BASE_URL);

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

const shown = await fetch(page); // where the redirect from / leads
const html = await shown.text();
const tags = html.match(/<(?:link|script|img)\b[^>]*>/g) ?? [];
const loads = tags.filter((tag) => !tag.startsWith("<link") || /rel="?(?:stylesheet|modulepreload|preload|icon)\b/.test(tag));
const urls = loads.flatMap((tag) => tag.match(/\b(?:href|src)="?([^"\s>]+)/)?.[1] ?? []).filter((url) => !url.startsWith("data:"));
const files = await Promise.all([shown.url, ...new Set(urls.map((url) => new URL(url, shown.url).href))].map(download));
const scripts = files.filter(({ url }) => url.endsWith(".js"));
for (const { url } of scripts) {
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
console.log(`${String(total).padStart(8)}  in all, of ${LIMIT} allowed`);
if (!files.some(({ url }) => url.endsWith(".wasm"))) throw new Error("the page names no wasm file: this weighed too little");
if (total > LIMIT) throw new Error(`the page is ${total - LIMIT} bytes over the limit`);
