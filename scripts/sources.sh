#!/usr/bin/env bash
# Real systems against the server that the checks run: sources.sh. The OpenTelemetry SDKs for Python and JavaScript, a collector that restarts,
# processes that share an identity, Tenzir, Prometheus and a pair of them send to it, and it asks Prometheus. Then it asks a LiteLLM's log
# (sources-litellm.sh).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

export PYTHON=$TOOLS/python/bin/python TENZIR=$TOOLS/python/bin/tenzir PROMETHEUS=${PROMETHEUS:-$(command -v prometheus)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ROTEL=$("$PYTHON" -c 'import importlib.util as u; s = u.find_spec("rotel"); print(s.submodule_search_locations[0] + "/rotel-agent" if s else "")')
export ROTEL
# Node looks for packages beside the file that asks for them: those of the browser suite are these, too.
cp tests/sources/* "$work"
ln -s "$ROOT/end2end/node_modules" "$work/node_modules"
# The server is to know where it finds Prometheus before that is started.
PROMETHEUS_PORT=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
export PROMETHEUS_PORT
sed "s/PROMETHEUS_PORT/$PROMETHEUS_PORT/" tests/sources/scaling-mode.toml >"$work/scaling-mode.toml"
export SCALING_MODE_SETTINGS=$work/scaling-mode.toml
scripts/with-server.sh node "$work/sources.mjs"
scripts/sources-litellm.sh
