#!/usr/bin/env bash
# The browser suite against the server that the checks run, on a store that holds the replay of real recordings (which the replay test
# leaves below the target folder): browser-suite.sh [arguments of playwright test...]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

replay=$CARGO_TARGET_DIR/tmp/replay/data
if [ "${SCALING_MODE_RECORDINGS:-}" != none ]; then
  [ -f "$replay/scaling-mode.db" ] || cargo test --test intake replay
  export SEED_DATA_DIR=$replay
fi
export SCALING_MODE_SETTINGS=$ROOT/end2end/scaling-mode.toml
status=0
rm -f end2end/test-results/failures.txt
scripts/with-server.sh npm --prefix end2end test -- "$@" || status=$?
# Last, below the server's log: the end of a log is what people see of it.
failures=end2end/test-results/failures.txt
if [ "$status" != 0 ] && [ -f "$failures" ]; then
  say "--- specs that failed"
  cat "$failures" >&2
fi
exit "$status"
