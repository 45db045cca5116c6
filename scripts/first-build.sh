#!/usr/bin/env bash
# Says how long a first build takes here, before anything else is done: first-build.sh PROFILE. Silent once there is a build.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# Measured on two cores of a server: what more cores share, and what runs on one core however many there are, in seconds.
case $1 in
  release) shared=1020 alone=330 ;;
  ci) shared=700 alone=90 ;;
  *) die "usage: $0 release|ci" ;;
esac
[ -x "$CARGO_TARGET_DIR/$1/scaling-mode" ] && exit
cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
minutes=$(((shared / cores + alone + 59) / 60))
say "First build: it compiles some 500 crates and takes about $minutes minutes on the $cores cores of this machine (an estimate)."
say "Tools that are missing are installed first. Builds after this one compile only what changed."
