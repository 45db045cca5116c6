#!/usr/bin/env bash
# Proves that what is shipped is one file: installs it as `cargo install --path .` does, moves it to an empty folder, starts it
# there, and loads a page with its style sheet, scripts and wasm.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The same profile and features as build.sh --release: nothing is compiled again.
cargo install --quiet --locked --path . --root "$work/installed"
mkdir "$work/elsewhere"
mv "$work/installed/bin/scaling-mode" "$work/elsewhere/"
cd "$work/elsewhere"
BIN=$work/elsewhere/scaling-mode "$ROOT/scripts/with-server.sh" node "$ROOT/scripts/one-page.mjs"
