# Every command there is. `make` alone explains them.

# Build products stay out of the tree, so that a fresh clone of it starts from what the last one compiled.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/todoke/target
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

TARGET   := $(CARGO_TARGET_DIR)
# Guardians in the demo.
CONTACTS ?= 80000
# A scenario file for the demo to play instead, and what part of its mails (one in SHRINK).
SCENARIO ?=
SHRINK   ?=
# EXIT=1 ends the demo by itself and prints one JSON line.
EXIT     ?=
# How often `make test-faults` kills the engine in each of its tests.
KILLS    ?= 100
# What to hand to nextest, for instance TESTS='-p queue' or TESTS='a_refused'.
TESTS    ?=
# How long `make fuzz` feeds each target.
SECONDS  ?= 60
# What to hand to `cargo simulate`, for instance SIMULATE='FILE --svg OUT.svg' or SIMULATE='sweep --seeds 1..3'.
SIMULATE ?=
# What to hand to a benchmark, for instance BENCH='--mails 5000 --no-record'.
BENCH    ?=

NEXTEST := cargo nextest run --release --workspace --locked

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-unit test-faults test-interop fuzz bench bench-peers bench-tarpits bench-build simulate lint deny clean

help: ## show this list
	@echo 'make TARGET [NAME=value]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'make demo CONTACTS=5000 is smaller; make demo EXIT=1 ends by itself; make test TESTS="-p queue" runs a part.'

setup: ## install what is missing on this machine (says what, does nothing twice)
	@ops/setup

build: setup ## compile the program into the cache folder (RocksDB: a quarter of an hour, once)
	cargo build --release --locked --workspace --bin todoke
	@echo 'built: $(TARGET)/release/todoke'

demo: build ## a ward's notice to CONTACTS guardians at ten scripted carriers, or SCENARIO=file; on loopback only
	@CONTACTS=$(CONTACTS) $(if $(EXIT),EXIT=$(EXIT)) $(if $(SCENARIO),SCENARIO='$(SCENARIO)') \
		$(if $(SHRINK),SHRINK=$(SHRINK)) '$(TARGET)/release/todoke' demo

test: setup ## everything that must hold
	$(NEXTEST) $(TESTS)

test-unit: setup ## all but whole engines: the crates' own tests and tidy
	$(NEXTEST) -E 'not (binary(journeys) or binary(faults) or binary(interop))'

test-faults: setup ## kill -9 at KILLS random moments: nothing lost, nothing doubled unnamed (TODOKE_SEED= replays)
	TODOKE_KILLS=$(KILLS) $(NEXTEST) --success-output final -E 'binary(faults)'

test-interop: setup ## against real Postfix, OpenSMTPD, Exim, Sendmail and swaks on loopback (as root)
	$(NEXTEST) -E 'binary(interop) or (binary(journeys) and test(/postfix/))'

fuzz: setup ## TARGET=name (all without) under libFuzzer for SECONDS=60 each; KEEP=1 saves what reaches new code
	@SECONDS_EACH=$(SECONDS) tests/fuzz/run $(if $(KEEP),--keep) $(if $(filter command line,$(origin TARGET)),$(TARGET))

bench: bench-build ## our own queue: taking in, a million waiting, starting again; added to bench/results/queue.jsonl
	'$(TARGET)/release/bench-queue' $(BENCH)

bench-peers: bench-build ## the same mails through Postfix and Todoke (as root); added to bench/results/peers.jsonl
	'$(TARGET)/release/bench-peers' $(BENCH)

bench-tarpits: bench-build ## ten thousand peers that never come to the point: memory; added to bench/results/tarpits.jsonl
	'$(TARGET)/release/bench-tarpits' $(BENCH)

bench-build: setup
	cargo build --release --locked --workspace --bin todoke --bin bench-queue --bin bench-peers --bin bench-tarpits

simulate: setup ## campaigns against hidden limits: all scenarios, 20 seeds, every law; SIMULATE=FILE plays one
	cargo simulate $(or $(SIMULATE),sweep)

lint: setup ## formatting and clippy, warnings are errors
	cargo fmt --all -- --check
	cargo clippy --release --workspace --lib --bins --locked -- -D warnings

deny: setup ## licences, advisories, banned crates (installs cargo-deny once)
	@command -v cargo-deny >/dev/null || cargo install --quiet --locked cargo-deny
	cargo deny --config ops/deny.toml check

clean: ## remove what was compiled, RocksDB included
	cargo clean
