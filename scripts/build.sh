#!/usr/bin/env bash
# Builds the site that the browser loads and the server that holds it: build.sh [--release | --ci | --site | --debug]
#
#   --release  what is shipped: $CARGO_TARGET_DIR/release/scaling-mode
#   --ci       what the checks run, compiled faster: $CARGO_TARGET_DIR/ci/scaling-mode
#   --site     only the site; a server that's built afterwards by any means holds it
#   --debug    a debug build, whose site stays in a folder: the same as `cargo leptos build`, whose own compilation takes longer
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

# One crate type, not the two of Cargo.toml: with an rlib beside it cargo skips the link-time optimisation, and the page
# grows by a quarter. The linker links twice: all islands, and only those of most pages. Its path is relative, so that the same
# sources in another folder aren't compiled again.
browser() { # PROFILE
  browser=(cargo rustc --lib --crate-type cdylib --profile "$1" --no-default-features --features hydrate
    --target wasm32-unknown-unknown -- -C linker=scripts/browser-linker.mjs)
}
server() { # PROFILE
  server=(cargo build --profile "$1" --features ssr)
}
progress() { node scripts/progress.mjs "$@"; }

what=${1:---release}
case $what in
  --release | --ci)
    profile=${what#--}
    browser wasm-release
    server "$profile"
    # The library doesn't need the site, which is put into the binary last: both halves compile side by side. wasm-bindgen, too,
    # if it's missing.
    SCALING_MODE_SITE_FOLLOWS=1 progress "$profile build" \
      server "${server[@]}" --lib :: browser "${browser[@]}" :: wasm-bindgen scripts/setup.sh wasm-bindgen
    node scripts/site.mjs release
    progress "$profile build" program "${server[@]}" --bin scaling-mode
    say "    built: $CARGO_TARGET_DIR/$profile/scaling-mode ($(wc -c <"$CARGO_TARGET_DIR/$profile/scaling-mode" | awk '{ printf "%.1f MB", $1 / 1e6 }'))"
    ;;
  --site)
    browser wasm-release
    progress "site" browser "${browser[@]}" :: wasm-bindgen scripts/setup.sh wasm-bindgen
    node scripts/site.mjs release
    ;;
  --debug)
    browser dev
    server dev
    progress "debug build" server "${server[@]}" --bin scaling-mode :: browser "${browser[@]}" :: wasm-bindgen scripts/setup.sh wasm-bindgen
    node scripts/site.mjs debug
    ;;
  *) die "usage: $0 [--release | --ci | --site | --debug]" ;;
esac
