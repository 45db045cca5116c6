# Sourced by the other scripts: where things are, and the tools that setup.sh put there.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=${SCALING_MODE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/scaling-mode/tools}

# Exported and absolute, so that cargo, the scripts and the tests agree on one folder.
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}
case $CARGO_TARGET_DIR in /*) ;; *) CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;; esac
export CARGO_TARGET_DIR

# shellcheck source=/dev/null
if [ -f "$TOOLS/env.sh" ]; then . "$TOOLS/env.sh"; fi

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
