#!/usr/bin/env bash
# Writes what the release is made of beside the release, as CycloneDX 1.6, and holds it to the schema.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$CARGO_TARGET_DIR/release"
"$TOOLS/python/bin/python" "$ROOT/scripts/sbom.py" "$CARGO_TARGET_DIR/release/scaling-mode.cdx.json"
