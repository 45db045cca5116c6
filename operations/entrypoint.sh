#!/bin/bash
# The container's start: puts a password from a file into DATABASE_URL, so that it is in no settings and on no command
# line, then becomes scaling-mode. Without DATABASE_PASSWORD_FILE it changes nothing.
#
#   DATABASE_URL=postgres://user@host:5432/name  DATABASE_PASSWORD_FILE=/run/secrets/database_password
set -euo pipefail

die() { printf 'entrypoint: %s\n' "$*" >&2; exit 2; }

# Every byte but letters and digits as %XX: a password may hold what means something in a URL.
percent_encoded() {
  local LC_ALL=C text=$1 place character
  for ((place = 0; place < ${#text}; place++)); do
    character=${text:place:1}
    case $character in
      [a-zA-Z0-9]) printf '%s' "$character" ;;
      *) printf '%%%02X' "$(($(printf '%d' "'$character") & 255))" ;;
    esac
  done
}

if [ -n "${DATABASE_PASSWORD_FILE:-}" ]; then
  [ -r "$DATABASE_PASSWORD_FILE" ] || die "the password's file $DATABASE_PASSWORD_FILE cannot be read by user $(id -u)"
  password=$(<"$DATABASE_PASSWORD_FILE")
  [ -n "$password" ] || die "the password's file $DATABASE_PASSWORD_FILE is empty"
  [[ ${DATABASE_URL:-} =~ ^(postgres(ql)?://)([^:@/]+)@(.+)$ ]] ||
    die "DATABASE_PASSWORD_FILE needs a DATABASE_URL with a user and no password: postgres://user@host:5432/name"
  DATABASE_URL="${BASH_REMATCH[1]}${BASH_REMATCH[3]}:$(percent_encoded "$password")@${BASH_REMATCH[4]}"
  export DATABASE_URL
  unset password DATABASE_PASSWORD_FILE
fi

exec /opt/scaling-mode/scaling-mode "$@"
