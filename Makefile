# The commands that people really use. Every step says what it is and how long it took.
SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

STEP := scripts/step.sh
# For what asks as fast as it can, with one credential: what it is after is behind the limit on calls.
UNCOUNTED := SCALING_MODE_CALLS_PER_SECOND=0
# What a target needs first. With READY=1 that is done: scripts/checks.sh runs targets side by side.
needs = $(if $(READY),,$(1))

.PHONY: help run build site watch test test-deep fmt fmt-check lint lint-words test-rust test-replay docs build-ci test-browser test-http-fuzz test-injection test-sources test-operations size release-check bench soak listeners page-load requests stalled guesses intake deny advisories sbom setup clean announce-build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

# Stages of scripts/setup.sh; each takes about a second once its work is done.
setup-%:
	@scripts/setup.sh $*

setup: setup-all ## install all that building and testing need

# --- use --------------------------------------------------------------------------------------------------------------

run: build ## build the release and serve it on http://localhost:3008 (ARGS="--addr ..." goes to serve)
	@. scripts/lib.sh && exec "$$CARGO_TARGET_DIR/release/scaling-mode" serve $(ARGS)

announce-build:
	@scripts/first-build.sh release

build: $(call needs,announce-build setup-toolchain setup-wasm-opt) ## the release: one file, which holds the site
	@$(STEP) "release build" scripts/build.sh --release

site: $(call needs,setup-toolchain setup-wasm-opt) ## only the site; `cargo install --path .` puts it into the binary then
	@$(STEP) "site" scripts/build.sh --site

watch: setup-toolchain setup-wasm-bindgen setup-wasm-opt setup-cargo-leptos ## serve a debug build, rebuilt and reloaded at every change
	@$(STEP) "cargo leptos watch" cargo leptos watch -- serve $(ARGS)

# --- test -------------------------------------------------------------------------------------------------------------

test: ## every check that a change must pass, with a table of what took how long
	@scripts/checks.sh

test-deep: build-ci setup-databases setup-python setup-sqlmap ## the same kinds of checks at length: injection, HTTP fuzzing, replicas that fail (an hour or so)
	@$(STEP) "SQL injection, deep" env $(UNCOUNTED) INJECTION_LEVEL=$${INJECTION_LEVEL:-3} SCALING_MODE_SETTINGS=scripts/injection/settings.toml scripts/with-server.sh python3 -B scripts/injection $(ARGS)
	@$(STEP) "HTTP fuzzing, deep" env HTTP_FUZZ_EXAMPLES=$${HTTP_FUZZ_EXAMPLES:-300} scripts/with-server.sh scripts/http-fuzz.sh
	@$(STEP) "replicas, long" env REPLICAS=full cargo test --test replicas -- --nocapture

fmt: setup-toolchain ## format the code
	@$(STEP) "format" cargo fmt

fmt-check: $(call needs,setup-toolchain)
	@$(STEP) "format check" cargo fmt --check

lint-words: ## words that the project doesn't use (ARGS=--lower writes docs/words-left.txt again once some have gone)
	@$(STEP) "words" scripts/words.py $(ARGS)

lint: $(call needs,setup-toolchain) ## words, and clippy on both builds; warnings are errors
	@$(STEP) "words" scripts/words.py
	@$(STEP) "clippy, server" cargo clippy --workspace --all-targets -- -D warnings
	@$(STEP) "clippy, browser" cargo clippy --no-default-features --features hydrate --lib --target wasm32-unknown-unknown -- -D warnings

test-rust: $(call needs,setup-toolchain setup-databases) ## unit, property, store, HTTP, replay and architecture tests (ARGS="name" narrows)
	@$(STEP) "Rust tests" scripts/test-rust.sh $(ARGS)

test-replay: setup-toolchain ## only the replay of recorded telemetry, with what it prints
	@$(STEP) "replay test" cargo test --test intake replay -- --nocapture

docs: $(call needs,setup-toolchain) ## the code's documentation, warnings are errors
	@$(STEP) "cargo doc" env RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

build-ci: $(call needs,setup-toolchain setup-wasm-opt) ## the build that the checks below run: the release compiled faster
	@$(STEP) "build for the checks" scripts/build.sh --ci

test-browser: $(call needs,build-ci setup-e2e setup-browser) ## the browser suite, with JavaScript and without (ARGS="-g name" narrows)
	@$(STEP) "browser suite" scripts/browser-suite.sh $(ARGS)

test-http-fuzz: $(call needs,build-ci setup-python) ## Schemathesis: generated requests against the server's own OpenAPI document
	@$(STEP) "HTTP fuzzing" scripts/with-server.sh scripts/http-fuzz.sh $(ARGS)

test-injection: $(call needs,build-ci setup-python setup-sqlmap) ## sqlmap: SQL injection tried at every parameter (INJECTION_LEVEL=1; ARGS="word" narrows)
	@$(STEP) "SQL injection" env $(UNCOUNTED) SCALING_MODE_SETTINGS=scripts/injection/settings.toml scripts/with-server.sh python3 -B scripts/injection $(ARGS)

test-sources: $(call needs,build-ci setup-e2e setup-python setup-prometheus setup-databases) ## real senders: the OpenTelemetry SDKs, a collector, Tenzir, Prometheus and LiteLLM
	@$(STEP) "telemetry sources" scripts/sources.sh

test-operations: $(call needs,build-ci setup-python) ## the operating files against the program: metrics, flags, messages, and that damage is noticed
	@$(STEP) "operating files" scripts/with-server.sh python3 operations/test_operations.py

size: $(call needs,build-ci) ## compressed bytes of what pages load; fails over 92 kB, or 100 kB more for the what-if
	@$(STEP) "page size" scripts/with-server.sh node scripts/size.mjs

release-check: $(call needs,build) ## the release, installed and moved elsewhere, serves a page with its style, scripts and wasm
	@$(STEP) "release, installed" scripts/release-check.sh

deny: $(call needs,setup-toolchain setup-deny) ## licences, bans and sources of the dependencies, by deny.toml
	@$(STEP) "crates of every platform" cargo fetch --locked --quiet
	@$(STEP) "cargo deny" cargo deny --offline --locked check --hide-inclusion-graph bans licenses sources

advisories: setup-toolchain setup-deny ## known vulnerabilities in the dependencies; fetches RustSec's database, and fails where it cannot
	@$(STEP) "advisories" cargo deny --locked check --hide-inclusion-graph advisories

sbom: $(call needs,setup-toolchain setup-sbom) ## the list of components of the release, as CycloneDX 1.6, held to its schema
	@$(STEP) "list of components" scripts/sbom.sh

# --- measure ----------------------------------------------------------------------------------------------------------
# What is shipped, not the build for the checks.

bench: setup-toolchain ## Criterion benchmarks (ARGS="name" narrows)
	@$(STEP) "benchmarks" cargo bench $(ARGS)

soak: build ## steady load on the release build (SOAK_SECONDS=60)
	@$(STEP) "soak" env BUILD=release scripts/with-server.sh node scripts/soak.mjs

listeners: build ## many open pages: the delay of live events (LISTENERS=4000 EVENTS_PER_SECOND=4 LISTEN_SECONDS=20)
	@$(STEP) "live listeners" env BUILD=release scripts/with-server.sh cargo bench --bench listeners

page-load: build ## requests a second and first byte of the founder's page (CONNECTIONS=16 LOAD_SECONDS=10)
	@$(STEP) "page load" env BUILD=release scripts/with-server.sh node scripts/page-load.mjs

requests: build setup-load ## requests a second beside a bare axum and nginx in the same run, kept and not, signed in and not; memory
	@$(STEP) "requests" env BUILD=release $(UNCOUNTED) scripts/requests.sh

stalled: build-ci ## what senders that stall do to the others: their answers' times, and the memory (STALLED_SECONDS=8)
	@$(STEP) "stalled senders" env SERVER_FILES=1024 scripts/with-server.sh node scripts/stalled.mjs

guesses: build setup-e2e ## whether 100 guesses a second at sign-in slow what others ask for (GUESS_SECONDS=10)
	@$(STEP) "guesses" env BUILD=release $(UNCOUNTED) scripts/with-server.sh node scripts/guesses.mjs

intake: build setup-python setup-prometheus ## samples taken a second by remote write and OTLP, beside a Prometheus (SAMPLES=2000 BODIES=100 CONNECTIONS=4)
	@$(STEP) "intake" env BUILD=release scripts/intake.sh

clean: ## remove what was built here and the browser suite's packages
	@. scripts/lib.sh && rm -rf "$$CARGO_TARGET_DIR/site" "$$CARGO_TARGET_DIR"/site-* end2end/node_modules end2end/test-results && cargo clean
