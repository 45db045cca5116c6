# The commands that people really use. Every step says what it is and how long it took.
SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

STEP := scripts/step.sh
START := $(shell date +%s)
# For what asks as fast as it can, with one credential: what it is after lies behind the limit on calls.
UNCOUNTED := SCALING_MODE_CALLS_PER_SECOND=0

.PHONY: help run build watch test fmt fmt-check lint test-rust test-replay docs test-browser test-http-fuzz test-injection test-sources test-operations size bench soak listeners page-load guesses intake deny advisories sbom setup clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

# Stages of scripts/setup.sh; each takes about a second once its work is done.
setup-%:
	@scripts/setup.sh $*

setup: setup-all ## install all that building and testing need

# --- use --------------------------------------------------------------------------------------------------------------

run: build ## build the release and serve it on http://localhost:3008 (ARGS="--addr ..." goes to serve)
	@. scripts/lib.sh && exec "$$CARGO_TARGET_DIR/release/scaling-mode" serve $(ARGS)

build: setup-toolchain setup-wasm-bindgen setup-wasm-opt ## the release: server and site
	@$(STEP) "release build" scripts/build.sh --release

watch: setup-toolchain setup-wasm-bindgen setup-wasm-opt setup-cargo-leptos ## serve a debug build, rebuilt and reloaded at every change
	@$(STEP) "cargo leptos watch" cargo leptos watch -- serve $(ARGS)

# --- test -------------------------------------------------------------------------------------------------------------

test: fmt-check lint test-rust docs deny build test-browser test-http-fuzz test-injection test-sources test-operations sbom size ## every check that a change must pass
	@echo "make test: every step passed, $$(( $$(date +%s) - $(START) )) s in all"

fmt: setup-toolchain ## format the code
	@$(STEP) "format" cargo fmt

fmt-check: setup-toolchain
	@$(STEP) "format check" cargo fmt --check

lint: setup-toolchain ## clippy on both builds, warnings are errors
	@$(STEP) "clippy, server" cargo clippy --features ssr --all-targets -- -D warnings
	@$(STEP) "clippy, browser" cargo clippy --features hydrate --lib --target wasm32-unknown-unknown -- -D warnings

test-rust: setup-toolchain setup-databases ## unit, property, store, HTTP, replay and architecture tests (ARGS="name" narrows)
	@$(STEP) "cargo test" cargo test --features ssr $(ARGS)

test-replay: setup-toolchain ## only the replay of recorded telemetry, with what it prints
	@$(STEP) "replay test" cargo test --features ssr --test intake replay -- --nocapture

docs: setup-toolchain ## the code's documentation, warnings are errors
	@$(STEP) "cargo doc" env RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps --features ssr

test-browser: build setup-e2e setup-browser ## the browser suite, with JavaScript and without (ARGS="-g name" narrows)
	@$(STEP) "browser suite" scripts/browser-suite.sh $(ARGS)

test-http-fuzz: build setup-python ## Schemathesis: generated requests against the server's own OpenAPI document
	@$(STEP) "HTTP fuzzing" scripts/with-server.sh scripts/http-fuzz.sh $(ARGS)

test-injection: build setup-python setup-sqlmap ## sqlmap: SQL injection tried at every parameter (INJECTION_LEVEL=1; ARGS="word" narrows)
	@$(STEP) "SQL injection" env $(UNCOUNTED) scripts/with-server.sh python3 -B scripts/injection $(ARGS)

test-sources: build setup-e2e setup-python setup-prometheus ## real senders: the OpenTelemetry SDKs, Tenzir and Prometheus
	@$(STEP) "telemetry sources" scripts/sources.sh

test-operations: build setup-python ## the operating files against the program: metrics, flags, messages, and that damage is noticed
	@$(STEP) "operating files" scripts/with-server.sh python3 operations/test_operations.py

size: build ## compressed bytes of what the page loads; fails over 120 kB
	@$(STEP) "page size" scripts/with-server.sh node scripts/size.mjs

deny: setup-toolchain setup-deny ## licences, bans and sources of the dependencies, by deny.toml
	@$(STEP) "crates of every platform" cargo fetch --locked --quiet
	@$(STEP) "cargo deny" cargo deny --offline --locked check --hide-inclusion-graph bans licenses sources

advisories: setup-toolchain setup-deny ## known vulnerabilities in the dependencies; fetches RustSec's database, and fails where it cannot
	@$(STEP) "advisories" cargo deny --locked check --hide-inclusion-graph advisories

sbom: setup-toolchain setup-sbom ## the list of components of the release, as CycloneDX 1.6, held to its schema
	@$(STEP) "list of components" scripts/sbom.sh

# --- measure ----------------------------------------------------------------------------------------------------------

bench: setup-toolchain ## Criterion benchmarks (ARGS="name" narrows)
	@$(STEP) "benchmarks" cargo bench --features ssr $(ARGS)

soak: build setup-databases ## steady load on the release build (SOAK_SECONDS=60), then replicas and their databases killed, long
	@$(STEP) "soak" scripts/with-server.sh node scripts/soak.mjs
	@$(STEP) "replicas" env REPLICAS=full cargo test --features ssr --test replicas -- --nocapture

listeners: build ## many open pages: the delay of live events (LISTENERS=4000 EVENTS_PER_SECOND=4 LISTEN_SECONDS=20)
	@$(STEP) "live listeners" scripts/with-server.sh cargo bench --features ssr --bench listeners

page-load: build ## requests a second and first byte of the founder's page (CONNECTIONS=16 LOAD_SECONDS=10)
	@$(STEP) "page load" scripts/with-server.sh node scripts/page-load.mjs

guesses: build setup-e2e ## whether 100 guesses a second at sign-in slow what others ask for (GUESS_SECONDS=10)
	@$(STEP) "guesses" env $(UNCOUNTED) scripts/with-server.sh node scripts/guesses.mjs

intake: build setup-python setup-prometheus ## samples taken a second by remote write and OTLP, beside a Prometheus (SAMPLES=2000 BODIES=100 CONNECTIONS=4)
	@$(STEP) "intake" scripts/intake.sh

clean: ## remove what was built here and the browser suite's packages
	@. scripts/lib.sh && rm -rf "$$CARGO_TARGET_DIR/site" "$$CARGO_TARGET_DIR"/site-* end2end/node_modules end2end/test-results && cargo clean
