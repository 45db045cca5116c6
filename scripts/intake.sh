#!/usr/bin/env bash
# Samples taken a second, beside a Prometheus in the same run: intake.sh
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

settings=$(mktemp --suffix .toml)
trap 'rm -f "$settings"' EXIT
# Every sample counts for two signals, as with the usual rules of HTTP requests and their errors.
cat >"$settings" <<'TOML'
demo = false
[[mapping]]
metric = "bench_requests_total"
signal = "infra.requests"
[[mapping]]
metric = "bench_requests_total"
signal = "infra.errors"
where = { code = "5*" }
TOML
SCALING_MODE_SETTINGS=$settings scripts/with-server.sh "$TOOLS/python/bin/python" scripts/intake.py "${PROMETHEUS:-$(command -v prometheus)}"
