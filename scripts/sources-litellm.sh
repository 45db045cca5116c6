#!/usr/bin/env bash
# LiteLLM's own log of requests, asked by the server that the checks run: sources-litellm.sh. The tables are those of LiteLLM's
# migrations in a PostgreSQL of its own, the rows what LiteLLM's client and proxy make of requests (tests/sources/litellm_log.py).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

LITELLM=1.108.7
LITELLM_EXTRAS=0.4.110

venv=$TOOLS/litellm
if [ "$("$venv/bin/python" -c 'from importlib.metadata import version as v; print(v("litellm"), v("litellm-proxy-extras"))' 2>/dev/null)" != "$LITELLM $LITELLM_EXTRAS" ]; then
  say "sources: installing litellm $LITELLM"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "litellm[proxy]==$LITELLM" "litellm-proxy-extras==$LITELLM_EXTRAS"
fi

# Debian keeps the programs of a server apart from PATH; elsewhere they are on it, side by side.
programs=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
programs=$(dirname "${programs:-$(command -v initdb || die "initdb is missing: install PostgreSQL")}")
work=$(mktemp -d)
chmod 755 "$work"
# Its server refuses to run as root.
as_owner=()
if [ "$(id -u)" = 0 ]; then
  as_owner=(setpriv --reuid=postgres --regid=postgres --clear-groups)
  chown postgres "$work"
fi
database=
finish() {
  status=$?
  trap - EXIT
  if [ -n "$database" ]; then
    kill -INT "$database" 2>/dev/null || true
    wait "$database" 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
cd "$work"
"${as_owner[@]}" "$programs/initdb" -D "$work/data" -U litellm --auth=trust -E UTF8 --no-sync >/dev/null
"${as_owner[@]}" "$programs/postgres" -D "$work/data" -p "$port" -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$work" -c fsync=off \
  </dev/null >"$work/log" 2>&1 &
database=$!
sql() { psql -qAt -h 127.0.0.1 -p "$port" -U litellm -v ON_ERROR_STOP=1 -d postgres "$@"; }
for try in $(seq 150); do
  sql -c 'SELECT 1' >/dev/null 2>&1 && break
  [ "$try" -lt 150 ] || die "PostgreSQL was not ready within 30 seconds"
  sleep 0.2
done

migrations=$("$venv/bin/python" -c 'import litellm_proxy_extras, pathlib; print(pathlib.Path(litellm_proxy_extras.__file__).parent / "migrations")')
for migration in "$migrations"/*/migration.sql; do
  sql -f "$migration" >/dev/null 2>"$work/refused" || die "LiteLLM's migration $(basename "$(dirname "$migration")") failed: $(head -n 3 "$work/refused")"
done
"$venv/bin/python" "$ROOT/tests/sources/litellm_log.py" >"$work/rows.sql" 2>"$work/refused" || die "litellm made no log: $(tail -n 5 "$work/refused")"
sql -f "$work/rows.sql"

cat >"$work/scaling-mode.toml" <<'SETTINGS'
[[source]]
name = "litellm"
kind = "litellm"
environment = "production"
url_env = "LITELLM_DATABASE_URL"
every_seconds = 5
backfill_hours = 1
SETTINGS
export SCALING_MODE_SETTINGS=$work/scaling-mode.toml LITELLM_DATABASE_URL=postgres://litellm@127.0.0.1:$port/postgres
LOGGED=$(sql -c 'SELECT count(*), sum(spend::text::numeric), count(*) FILTER (WHERE spend = 0) FROM "LiteLLM_SpendLogs"')
export LOGGED
cp "$ROOT/tests/sources/litellm.mjs" "$work"
cd "$ROOT"
scripts/with-server.sh node "$work/litellm.mjs"
