#!/usr/bin/env bash
# Runs one step of the Makefile with the tools that setup.sh installed, says what it is and how long it took:
# step.sh "what it is" COMMAND...
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

what=$1
shift
say "==> $what"
status=0
"$@" || status=$?
if [ "$status" = 0 ]; then say "    $what: ${SECONDS} s"; else say "    $what: FAILED after ${SECONDS} s (exit code $status)"; fi
exit "$status"
