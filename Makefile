# The few commands that people use. Each sets up what is missing and then calls cargo.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# Folder of the databases, the installation's seed and the demonstration's credentials.
DATA ?= ./data
# Further options of `manyi demo`, such as ARGS="--listen 0.0.0.0:8080 --rate 20".
ARGS ?=

.PHONY: help run test bench fmt lint

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | \
	    while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

run: ## Start the suite with a demonstration bank and simulated customers (Ctrl-C stops)
	@tests/scripts/build-tools.sh
	@# The whole workspace is selected so that the tests' build and this one share every crate.
	@cargo build --workspace --bin manyi
	@exec "$${CARGO_TARGET_DIR:-target}/debug/manyi" demo --data $(DATA) $(ARGS)

test: ## Check formatting and lints, run every test on SQLite and PostgreSQL
	@tests/scripts/test.sh $(ARGS)

bench: ## Measure the figures of the documentation in one run
	@tests/scripts/build-tools.sh
	@tests/scripts/bench.sh $(ARGS)

fmt: ## Format the sources
	@cargo fmt --all

lint: ## Run the lints alone
	@cargo clippy --workspace --all-targets -- -D warnings
