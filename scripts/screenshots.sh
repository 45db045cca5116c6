#!/usr/bin/env bash
# Pictures of every page in every state, light and dark, at 360, 768 and 1440 px, to be looked at: screenshots.sh FOLDER
# $BIN is the server, by default the build that the checks run.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] || die "usage: $0 FOLDER"
mkdir -p "$1"
SCREENSHOTS=$(cd "$1" && pwd)
export SCREENSHOTS
cd "$ROOT"
export SCALING_MODE_SETTINGS=$ROOT/end2end/scaling-mode.toml
scripts/with-server.sh npm --prefix end2end exec -- playwright test --config end2end/screenshots.config.ts
say "pictures: $SCREENSHOTS"
