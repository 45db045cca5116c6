#!/usr/bin/env bash
# Copies a checkout into a folder that stays, and leaves files alone that are the same there: copy-checkout.sh FROM TO
#
# A fresh checkout has new times on every file, so that cargo would compile everything again. In the copy only what changed has a
# new time. The bytes decide what is the same, never a stamp. Setting times back in the checkout itself wouldn't do: in
# another folder cargo takes a test for fresh whose env!("CARGO_MANIFEST_DIR") still names the old one, and rustc drops its
# incremental work.
set -euo pipefail

from=$1
to=$2
[ -f "$from/Cargo.lock" ] || { echo "error: $from isn't a checkout" >&2; exit 1; }
mkdir -p "$to"

# The files of the checkout: those that git tracks, or all of them without git.
files() {
  if ! git -C "$from" ls-files -z 2>/dev/null; then (cd "$from" && find . -type f -not -path './.git/*' -print0); fi
}
list=$(mktemp)
trap 'rm -f "$list"' EXIT
copied=0 removed=0 all=0
folders=()
while IFS= read -r -d '' file; do
  file=${file#./}
  [ -f "$from/$file" ] || continue
  all=$((all + 1))
  printf '%s\n' "$file" >>"$list"
  if [ -f "$to/$file" ] && cmp -s "$from/$file" "$to/$file"; then
    # Whether it can be run isn't content, and cargo doesn't care.
    if [ -x "$from/$file" ] && [ ! -x "$to/$file" ]; then chmod +x "$to/$file"; fi
    if [ ! -x "$from/$file" ] && [ -x "$to/$file" ]; then chmod -x "$to/$file"; fi
    continue
  fi
  if [ ! -e "$to/$file" ]; then folders+=("$(dirname "$file")"); fi
  mkdir -p "$to/$(dirname "$file")"
  rm -rf "${to:?}/$file"
  cp "$from/$file" "$to/$file" # without -p: a changed file is new
  copied=$((copied + 1))
done < <(files)

sort -o "$list" "$list"
while IFS= read -r file; do
  rm -f "${to:?}/$file"
  folders+=("$(dirname "$file")")
  removed=$((removed + 1))
  # npm's packages stay: their lock file says whether they are still the right ones.
done < <(cd "$to" && find . -type f -not -path './end2end/node_modules/*' | sed 's|^\./||' | sort | comm -13 "$list" -)

# Macros may read a whole folder (sqlx::migrate! does), and cargo follows its files only: a file that came or went makes the
# others new.
for folder in ${folders[@]+"${folders[@]}"}; do
  find "$to/$folder" -maxdepth 1 -type f -exec touch {} +
done
find "$to" -mindepth 1 -type d -empty -not -path "$to/end2end/node_modules/*" -delete
echo "checkout: $all files, $copied new or changed since the last run, $removed removed" >&2
