#!/usr/bin/env bash
# Builds the server and the site that the browser loads: build.sh [--release | --debug]
# The binary lands in $CARGO_TARGET_DIR/release (or debug), the site in $CARGO_TARGET_DIR/site. `cargo leptos build`
# makes the same; these are its steps by hand, since compiling cargo-leptos takes longer than compiling the project.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

case ${1:---release} in
  --release) profile=release server=--release browser=wasm-release ;;
  --debug) profile=debug server=--profile=dev browser=dev ;;
  *) die "usage: $0 [--release | --debug]" ;;
esac
cd "$ROOT"

cargo build "$server" --features ssr --bin scaling-mode
# One crate type, not the two of Cargo.toml: with an rlib beside it cargo skips the link-time optimisation, and the page
# grows by a quarter. The linker links twice: all islands, and only those of most pages.
cargo rustc --lib --crate-type cdylib --profile "$browser" --features hydrate --target wasm32-unknown-unknown -- \
  -C linker="$ROOT/scripts/browser-linker.mjs"
node scripts/site.mjs "$profile"
