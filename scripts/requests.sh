#!/usr/bin/env bash
# Requests a second of the release beside a bare axum and nginx in the same run: requests.sh. scripts/requests.mjs says what is asked.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

cargo bench --bench bare --no-run
# The newest of its builds.
BARE=$(find "$CARGO_TARGET_DIR/release/deps" -maxdepth 1 -name 'bare-*' -perm -u+x -type f -print0 | xargs -0 ls -t | head -n 1)
export BARE
scripts/with-server.sh node scripts/requests.mjs
