#!/usr/bin/env bash
# Runs one step of the Makefile with the tools that setup.sh installed, says what it is and how long it took:
# step.sh "what it is" COMMAND...
# If $STEPS names a file, a line about the step is added to it: scripts/checks.sh makes its table of them.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

what=$1
shift
say "==> $what"
status=0
"$@" || status=$?
if [ "$status" = 0 ]; then result=passed; else result="FAILED (exit code $status)"; fi
say "    $what: $result in ${SECONDS} s"
if [ -n "${STEPS:-}" ]; then printf '%s\t%s\t%s\n' "$SECONDS" "$result" "$what" >>"$STEPS"; fi
exit "$status"
