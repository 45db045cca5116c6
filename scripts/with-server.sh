#!/usr/bin/env bash
# Runs a command against the real server, on a free loopback port and an empty data folder: with-server.sh COMMAND...
# The command sees BASE_URL, SERVER_PID, SERVER_DATA_DIR and SERVER_LOG; its exit code is this script's.
# $BIN is the server: by default the build that the checks run, or with BUILD=release what is shipped. SEED_DATA_DIR names a data
# folder that the server starts on a copy of.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

export BIN=${BIN:-$CARGO_TARGET_DIR/${BUILD:-ci}/scaling-mode}
[ -x "$BIN" ] || die "$BIN is missing: run scripts/build.sh --${BUILD:-ci} first"

tmp=$(mktemp -d)
export SERVER_DATA_DIR=$tmp/data SERVER_LOG=$tmp/log
if [ -n "${SEED_DATA_DIR:-}" ]; then cp -R "$SEED_DATA_DIR" "$SERVER_DATA_DIR"; fi
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
export BASE_URL=http://127.0.0.1:$port

# A child of its own, stopped by its own pid however this script ends.
# SERVER_FILES limits how many files the server may open.
bash -c '[ -z "${SERVER_FILES:-}" ] || ulimit -n "$SERVER_FILES"; exec "$@"' "$0" "$BIN" serve --addr "127.0.0.1:$port" --data-dir "$SERVER_DATA_DIR" </dev/null >"$SERVER_LOG" 2>&1 &
export SERVER_PID=$!
finish() {
  status=$?
  trap - EXIT
  kill "$SERVER_PID" 2>/dev/null || true
  for _ in $(seq 50); do kill -0 "$SERVER_PID" 2>/dev/null || break; sleep 0.2; done
  kill -KILL "$SERVER_PID" 2>/dev/null && say "the server did not stop within 10 seconds of SIGTERM" && status=1
  if [ "$status" != 0 ]; then
    say "--- the end of the server's log"
    tail -n 40 "$SERVER_LOG" >&2
  fi
  rm -rf "$tmp"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ready='fetch(process.argv[1]).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))'
for try in $(seq 150); do
  node -e "$ready" "$BASE_URL/readyz" && break
  kill -0 "$SERVER_PID" 2>/dev/null || die "the server ended before it was ready"
  [ "$try" -lt 150 ] || die "the server was not ready within 30 seconds"
  sleep 0.2
done

"$@"
