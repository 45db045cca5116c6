#!/usr/bin/env node
// The linker of the browser's build: it links twice. The second file, NAME.lean.wasm beside the first, has everything but
// the islands that only some pages need: they are not exported, so the linker leaves their code out. Pages without them load
// the lean one.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

/// Islands that only pages of their own hold; `ui/bundle.rs` names those pages.
const LATER = /(WhatIf|PolicyValidation)_\d+/;

/// The wasm linker: the toolchain's own, or that of the system's LLVM.
function linker() {
  const sysroot = execFileSync(process.env.RUSTC ?? "rustc", ["--print", "sysroot"], { encoding: "utf8" }).trim();
  const libs = path.join(sysroot, "lib", "rustlib");
  const hosts = fs.existsSync(libs) ? fs.readdirSync(libs) : [];
  const own = hosts.map((host) => path.join(libs, host, "bin", "rust-lld")).find((file) => fs.existsSync(file));
  if (own) return [own, ["-flavor", "wasm"]];
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const found = (name) => folders.some((folder) => fs.existsSync(path.join(folder, name)));
  if (found("rust-lld")) return ["rust-lld", ["-flavor", "wasm"]];
  return ["wasm-ld", []];
}

const given = process.argv.slice(2);
const flavor = given.indexOf("-flavor");
if (flavor >= 0) given.splice(flavor, 2);
const [command, first] = linker();
const link = (args) => execFileSync(command, [...first, ...args], { stdio: "inherit" });
link(given);

const out = given[given.indexOf("-o") + 1];
const lean = [];
for (let place = 0; place < given.length; place++) {
  if (given[place] === "--export" && LATER.test(given[place + 1])) place++;
  else if (!(given[place].startsWith("--export=") && LATER.test(given[place]))) lean.push(given[place]);
}
lean[lean.indexOf("-o") + 1] = out.replace(/\.wasm$/, ".lean.wasm");
link(lean);
