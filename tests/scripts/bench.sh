#!/usr/bin/env bash
# Measures the figures of the documentation, optimised, on SQLite and on a throw-away
# PostgreSQL. Arguments go to the program; see `bench.sh --help`.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=tests/scripts

"$scripts/build-tools.sh"
MANYI_BENCH_PYTHON=$("$scripts/peers.sh" install)
export MANYI_BENCH_PYTHON
# One selection of packages for all programs: each other one would compile the libraries anew.
cargo build --release --locked --workspace --bins
program=${CARGO_TARGET_DIR:-target}/release/bench

for argument in "$@"; do
    case $argument in
    -h | --help | -V | --version | sqlite | --database=sqlite) exec "$program" "$@" ;;
    esac
done

unset MANYI_TEST_POSTGRES MANYI_TEST_POSTGRES_DIR
started=$("$scripts/postgres.sh" start)
eval "$started"
trap '"$scripts/postgres.sh" stop "$MANYI_TEST_POSTGRES_DIR" || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$program" "$@"
