// Makes the site that the server serves: node scripts/site.mjs release|debug, called by build.sh after cargo has built the
// browser's wasm.
//
// release: style/main.css with its imports inlined, the browser's wasm and JavaScript, each with a hash of its content in its
// name, and compressed copies. Below the target folder they are in site/ and, packed into one file, in site.pack: that file
// becomes part of the server (build.rs, src/server/site.rs), so a change in the site links the server again.
// debug: the same files as `cargo leptos watch` makes, under plain names, in site/ only.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";

const NAME = "scaling-mode"; // output-name in Cargo.toml
// The browser's two bundles: what most pages need, and all of it. `ui/bundle.rs` says which page loads which. A debug build has
// the second under the first one's name.
const LEAN = { name: NAME, wasm: "scaling_mode.lean.wasm" };
const WHOLE = { name: `${NAME}-whole`, wasm: "scaling_mode.wasm" };
// The kinds of files that the server knows how to serve (content_type in src/server/http/assets.rs).
const TEXT = /\.(css|ico|js|svg|txt|wasm)$/;
const OTHER = /\.png$/;
// What rustc turns on for wasm32 by default; named, since stripping may have taken the file's own list of them.
const WASM_FEATURES = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];

const profile = process.argv[2];
const release = profile === "release";
if (!release && profile !== "debug") throw new Error("usage: site.mjs release|debug");
const bundles = release ? [LEAN, WHOLE] : [{ name: NAME, wasm: WHOLE.wasm }];

const self = fileURLToPath(import.meta.url);
const root = path.dirname(path.dirname(self));
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, "target");
const site = path.join(target, "site");
const pkg = path.join(site, "pkg");
const bindgenDir = path.join(target, `site-${profile}`);

const sha = (data) => createHash("sha256").update(data).digest("hex").slice(0, 16);
const kb = (n) => `${(n / 1000).toFixed(1)} kB`;

/// Written under another name first, so that a running server never sees half a file; and only if it changed, since cargo goes
/// by times.
function write(file, data) {
  if (fs.existsSync(file) && fs.readFileSync(file).equals(Buffer.from(data))) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.new`, data);
  fs.renameSync(`${file}.new`, file);
}

/// wasm-bindgen, wasm-opt and terser take a minute: they run only when the compiled wasm has changed.
function bindgen() {
  const folder = path.join(target, "wasm32-unknown-unknown", release ? "wasm-release" : "debug", "deps");
  const stamp = path.join(bindgenDir, "made-from");
  const madeFrom = [...bundles.map(({ wasm }) => sha(fs.readFileSync(path.join(folder, wasm)))), sha(fs.readFileSync(self))].join(" ");
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === madeFrom) return;

  fs.rmSync(bindgenDir, { recursive: true, force: true });
  const run = (command, ...args) => execFileSync(command, args, { stdio: "inherit" });
  for (const { name, wasm } of bundles) {
    run("wasm-bindgen", path.join(folder, wasm), "--target=web", "--no-typescript", `--out-name=${name}`, `--out-dir=${bindgenDir}`);
    if (release) {
      const out = path.join(bindgenDir, `${name}_bg.wasm`);
      run("wasm-opt", "-Oz", "--strip-producers", "--strip-target-features", ...WASM_FEATURES.map((f) => `--enable-${f}`), out, "-o", out);
      const script = path.join(bindgenDir, `${name}.js`);
      run("terser", "--module", "--compress", "passes=2", "--mangle", "--output", script, "--", script);
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

/// Every file below a folder, by its path from there with slashes, in order.
function below(dir, from = dir) {
  return fs
    .readdirSync(dir, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? below(path.join(dir, entry.name), from) : [path.relative(from, path.join(dir, entry.name))]))
    .map((file) => file.split(path.sep).join("/"))
    .sort();
}

function compress(files) {
  for (const file of files.map((name) => path.join(site, name)).filter((name) => TEXT.test(name) && !fs.existsSync(`${name}.gz`))) {
    const data = fs.readFileSync(file);
    write(`${file}.br`, zlib.brotliCompressSync(data, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: data.length } }));
    write(`${file}.gz`, zlib.gzipSync(data, { level: 9 }));
  }
}

/// The whole site as one file: a header of lines, an empty line, then the files' bytes one after the other.
function pack(files, style, scripts) {
  const header = ["scaling-mode site 1", `style ${style}`, `scripts ${scripts}`];
  const parts = [];
  for (const file of files) {
    if (/\s/.test(file) || !(TEXT.test(file) || OTHER.test(file))) throw new Error(`${file}: the server doesn't know how to serve this file`);
    for (const [ending, encoding] of [["", "-"], [".br", "br"], [".gz", "gzip"]]) {
      const from = path.join(site, file + ending);
      if (!fs.existsSync(from)) continue;
      const data = fs.readFileSync(from);
      header.push(`file ${file} ${encoding} ${data.length}`);
      parts.push(data);
    }
  }
  const packed = Buffer.concat([Buffer.from(`${header.join("\n")}\n\n`), ...parts]);
  write(path.join(target, "site.pack"), packed);
  return packed.length;
}

bindgen();

// public/ as it is, at the site's root
fs.mkdirSync(pkg, { recursive: true });
for (const old of fs.readdirSync(site)) if (old !== "pkg") fs.rmSync(path.join(site, old), { recursive: true });
const assets = path.join(root, "public");
if (fs.existsSync(assets)) fs.cpSync(assets, site, { recursive: true });
const snippets = path.join(bindgenDir, "snippets");
fs.rmSync(path.join(pkg, "snippets"), { recursive: true, force: true });
if (fs.existsSync(snippets)) fs.cpSync(snippets, path.join(pkg, "snippets"), { recursive: true });

// Scripts and wasm of both bundles share one hash, the style sheet has its own: a new style isn't a new script.
const read = (file) => fs.readFileSync(path.join(bindgenDir, file));
const css = stylesheet(path.join(root, "style", "main.css"));
const hash = sha(Buffer.concat(bundles.flatMap(({ name }) => [read(`${name}.js`), read(`${name}_bg.wasm`)])));
const style = release ? `${NAME}.${sha(css)}` : NAME;
const made = [[`${style}.css`, css]];
for (const { name } of bundles) {
  const named = release ? `${name}.${hash}` : name;
  made.push([`${named}.js`, read(`${name}.js`).toString().replaceAll(`${name}_bg.wasm`, `${named}_bg.wasm`)]);
  made.push([`${named}_bg.wasm`, read(`${name}_bg.wasm`)]);
}
for (const [name, data] of made) write(path.join(pkg, name), data);

// Files of an older build go; those of the other profile, which have plain names or a hash, stay.
const current = new Set(made.map(([name]) => name));
for (const file of fs.readdirSync(pkg)) {
  const name = file.replace(/\.(br|gz)$/, "");
  const isOfThisProfile = /\.[0-9a-f]{16}[._]/.test(name) === release;
  if (file !== "snippets" && isOfThisProfile && !current.has(name)) fs.rmSync(path.join(pkg, file));
}

let packed = "";
if (release) {
  const files = below(site).filter((file) => !/\.(br|gz)$/.test(file) && (path.dirname(file) !== "pkg" || current.has(path.basename(file))));
  compress(files);
  packed = `; packed ${kb(pack(files, style, hash))}`;
}
console.log(`site: ${made.map(([name, data]) => `${name.replace(/\.[0-9a-f]{16}/, "")} ${kb(Buffer.byteLength(data))}`).join(", ")}${packed}`);
