#!/usr/bin/env bash
# The Rust tests of every crate here: test-rust.sh [FILTER], which narrows them as that of `cargo test` does.
#
# cargo-nextest runs them if it's installed, since it runs tests of several binaries at the same time. Two kinds stay with
# `cargo test`: doctests, which nextest doesn't have, and the store's tests, which share one PostgreSQL in one process (nextest
# gives each test a process, and each would start its own).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

if command -v cargo-nextest >/dev/null; then
  cargo nextest run --workspace --no-fail-fast --no-tests=pass -E 'not binary(store)' "$@"
  cargo test --test store "$@"
  cargo test --workspace --doc "$@"
else
  cargo test --workspace --no-fail-fast "$@"
fi
