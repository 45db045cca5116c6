#!/usr/bin/env bash
# Every check that a change must pass: checks.sh, called by `make test`. The cheap ones come first and end the run if one fails. The
# long ones follow in lanes side by side; they all run, so that one log names all that's wrong. Each step of a lane has its
# output in a file, printed whole when the step ends. The log ends with a table of steps and their seconds, slowest first.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

work=$(mktemp -d)
export STEPS=$work/steps
: >"$STEPS"
lanes=()

# Ends the lanes that are still at work, each by its own id, and prints the table.
finish() {
  local status=$? lane
  trap - EXIT
  for lane in ${lanes[@]+"${lanes[@]}"}; do kill "$lane" 2>/dev/null || true; done
  wait
  say ""
  say "seconds  result  step"
  sort -t "$(printf '\t')" -k1,1nr "$STEPS" | awk -F '\t' '{ printf "%7d  %s  %s\n", $1, $2, $3 }' >&2
  say ""
  if [ "$status" = 0 ]; then
    say "make test: every step passed in $SECONDS s"
  else
    say "make test: FAILED after $SECONDS s: $(awk -F '\t' '$2 != "passed" { printf "%s%s", sep, $3; sep = ", " }' "$STEPS")"
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Cheap, in the order of their cost; nothing else runs beside them.
step() { make --no-print-directory "$@"; }

# What the lanes need is there by then: READY keeps make from looking again, side by side. `after:TARGET` waits for another lane's.
lane() { # TARGET | after:TARGET...
  local target output politely status failed=0 child=
  trap '[ -z "$child" ] || kill "$child" 2>/dev/null; exit 143' TERM
  for target in "$@"; do
    case $target in
      after:*)
        until [ -f "$work/${target#after:}.ended" ]; do sleep 0.5; done
        [ "$(cat "$work/${target#after:}.ended")" = 0 ] || return 1
        continue
        ;;
    esac
    output=$work/$target.log
    say "--> started: $target"
    # The release compiles for minutes: it takes what the others leave.
    case $target in build) politely=19 ;; *) politely=0 ;; esac
    nice -n "$politely" make --no-print-directory READY=1 "$target" >"$output" 2>&1 </dev/null &
    child=$!
    if wait "$child"; then status=0; else failed=1 status=1; fi
    child=
    echo "$status" >"$work/$target.new"
    mv "$work/$target.new" "$work/$target.ended"
    # One at a time prints.
    until mkdir "$work/printing" 2>/dev/null; do sleep 0.1; done
    cat "$output" >&2
    rmdir "$work/printing"
  done
  return "$failed"
}

side_by_side() { # each argument: the targets of one lane
  local each one failed=0
  lanes=()
  for each in "$@"; do
    # shellcheck disable=SC2086 # targets have no spaces
    lane $each &
    lanes+=($!)
  done
  for one in "${lanes[@]}"; do wait "$one" || failed=1; done
  lanes=()
  return "$failed"
}

step fmt-check
step setup-deny deny
step lint
step setup-all
failed=0
# The tests wait often, for databases and clocks: what the others compile and try meanwhile takes the cores then. The browser suite
# starts on a store that the replay test leaves, and on the build for the checks.
side_by_side "test-rust after:build-ci test-browser" \
  "build-ci after:build-ci docs sbom test-http-fuzz test-injection test-sources test-operations size" \
  "build release-check" || failed=1
exit "$failed"
