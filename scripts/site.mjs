// Makes the site that the server serves: node scripts/site.mjs release|debug, called by build.sh after both cargo builds.
//
// The same result as cargo-leptos with hash-files and --precompress: style/main.css with its imports inlined, the
// browser's wasm and JavaScript, each with a hash of its content in its name; hash.txt beside the server's binary tells
// Leptos those names. Files of the other profile's hash.txt stay, so a debug build does not break a release binary.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";

const NAME = "scaling-mode"; // output-name in Cargo.toml
// The browser's two bundles: what most pages need, and all of it. `ui/bundle.rs` says which page loads which.
const BUNDLES = [
  { name: NAME, wasm: "scaling_mode.lean.wasm" },
  { name: `${NAME}-whole`, wasm: "scaling_mode.wasm" },
];
const TEXT = /\.(css|html|ico|js|json|svg|txt|wasm|webmanifest|xml)$/;
// What rustc turns on for wasm32 by default; named, since stripping may have taken the file's own list of them.
const WASM_FEATURES = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];

const profile = process.argv[2];
const release = profile === "release";
if (!release && profile !== "debug") throw new Error("usage: site.mjs release|debug");

const self = fileURLToPath(import.meta.url);
const root = path.dirname(path.dirname(self));
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");
const site = path.join(target, "site");
const pkg = path.join(site, "pkg");
const bindgenDir = path.join(target, `site-${profile}`);

const sha = (data) => createHash("sha256").update(data).digest("hex").slice(0, 16);
const kb = (n) => `${(n / 1000).toFixed(1)} kB`;

/// Written under another name first: a running server never sees half a file.
function write(file, data) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.new`, data);
  fs.renameSync(`${file}.new`, file);
}

/// wasm-bindgen and wasm-opt take a minute: they run only when the compiled wasm has changed.
function bindgen() {
  const folder = path.join(target, "wasm32-unknown-unknown", release ? "wasm-release" : "debug", "deps");
  const stamp = path.join(bindgenDir, "made-from");
  const madeFrom = [...BUNDLES.map(({ wasm }) => sha(fs.readFileSync(path.join(folder, wasm)))), sha(fs.readFileSync(self))].join(" ");
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === madeFrom) return;

  fs.rmSync(bindgenDir, { recursive: true, force: true });
  const run = (command, ...args) => execFileSync(command, args, { stdio: "inherit" });
  for (const { name, wasm } of BUNDLES) {
    run("wasm-bindgen", path.join(folder, wasm), "--target=web", "--no-typescript", `--out-name=${name}`, `--out-dir=${bindgenDir}`);
    if (release) {
      const out = path.join(bindgenDir, `${name}_bg.wasm`);
      run("wasm-opt", "-Oz", "--strip-producers", "--strip-target-features", ...WASM_FEATURES.map((f) => `--enable-${f}`), out, "-o", out);
    }
  }
  fs.writeFileSync(stamp, madeFrom);
}

/// The style sheet as one file. Only plain imports: what cargo-leptos's bundler would make of others must not differ.
function stylesheet(file, seen = []) {
  if (seen.includes(file)) throw new Error(`${file} imports itself`);
  const css = fs.readFileSync(file, "utf8").replace(/("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\/\*[\s\S]*?\*\//g, (_, string) => string ?? "");
  return css
    .replace(/@import\s+([^;]+);/g, (rule, what) => {
      const plain = what.match(/^(?:url\(\s*)?["']([^"':]+\.css)["']\s*\)?\s*$/);
      if (!plain) throw new Error(`${file}: only @import "file.css"; is supported, not ${rule}`);
      return stylesheet(path.join(path.dirname(file), plain[1]), [...seen, file]);
    })
    .replace(/[ \t]*\n\s*/g, "\n")
    .trim();
}

function compress(dir) {
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const file = path.join(dir, entry.name);
    if (entry.isDirectory()) compress(file);
    else if (TEXT.test(file) && !fs.existsSync(`${file}.gz`)) {
      const data = fs.readFileSync(file);
      write(`${file}.br`, zlib.brotliCompressSync(data, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: data.length } }));
      write(`${file}.gz`, zlib.gzipSync(data, { level: 9 }));
    }
  }
}

bindgen();

// public/ as it is, at the site's root
fs.mkdirSync(pkg, { recursive: true });
for (const old of fs.readdirSync(site)) if (old !== "pkg") fs.rmSync(path.join(site, old), { recursive: true });
const assets = path.join(root, "public");
if (fs.existsSync(assets)) fs.cpSync(assets, site, { recursive: true });
const snippets = path.join(bindgenDir, "snippets");
if (fs.existsSync(snippets)) fs.cpSync(snippets, path.join(pkg, "snippets"), { recursive: true });

// The files with a hash in their names. Leptos knows one hash for each kind of file, so both bundles are named by what is in
// the two of them; the JavaScript names the wasm, so its hash is taken last.
const read = (name) => fs.readFileSync(path.join(bindgenDir, name));
const wasms = BUNDLES.map(({ name }) => read(`${name}_bg.wasm`));
const wasmHash = sha(Buffer.concat(wasms));
const scripts = BUNDLES.map(({ name }) => read(`${name}.js`).toString().replaceAll(`${name}_bg.wasm`, `${name}.${wasmHash}.wasm`));
const css = stylesheet(path.join(root, "style", "main.css"));
const hashes = { js: sha(scripts.join("")), wasm: wasmHash, css: sha(css) };
const made = [[`${NAME}.${hashes.css}.css`, css]];
BUNDLES.forEach(({ name }, place) => made.push([`${name}.${hashes.js}.js`, scripts[place]], [`${name}.${hashes.wasm}.wasm`, wasms[place]]));
for (const [name, data] of made) if (!fs.existsSync(path.join(pkg, name))) write(path.join(pkg, name), data);
if (release) compress(site);

// Leptos reads this file for every page, so it changes last; only then may the files that it named before go
write(path.join(target, profile, "hash.txt"), Object.entries(hashes).map(([kind, hash]) => `${kind}: ${hash}\n`).join(""));
const named = ["release", "debug"]
  .map((p) => path.join(target, p, "hash.txt"))
  .filter((file) => fs.existsSync(file))
  .flatMap((file) => fs.readFileSync(file, "utf8").trim().split("\n"))
  .flatMap((line) => BUNDLES.map(({ name }) => `${name}.${line.split(": ")[1]}.${line.split(": ")[0]}`));
for (const file of fs.readdirSync(pkg)) {
  if (file !== "snippets" && !named.includes(file.replace(/\.(br|gz)$/, ""))) fs.rmSync(path.join(pkg, file));
}

console.log(`site: ${site}: ${made.map(([name, data]) => `${name.replace(/\.[0-9a-f]{16}/, "")} ${kb(Buffer.byteLength(data))}`).join(", ")}`);
