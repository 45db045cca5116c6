#!/usr/bin/env bash
# Real senders against the running server: with-server.sh scripts/sources.sh. They are the OpenTelemetry SDKs for Python and
# JavaScript, and Prometheus.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

export PYTHON=$TOOLS/python/bin/python PROMETHEUS=${PROMETHEUS:-$(command -v prometheus)}
# Node looks for packages beside the file that asks for them: those of the browser suite are these, too.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$ROOT"/tests/sources/* "$work"
ln -s "$ROOT/end2end/node_modules" "$work/node_modules"
node "$work/sources.mjs"
