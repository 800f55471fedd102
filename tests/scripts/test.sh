#!/usr/bin/env bash
# Runs everything that must hold before a change lands, the same on every machine: formatting,
# lints, and all tests against SQLite and a throw-away PostgreSQL. Sets up what is missing.
#
#   tests/scripts/test.sh                     # all of it
#   tests/scripts/test.sh -p e2e sign_in      # only these tests: arguments go to cargo test
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts=tests/scripts

say() { printf '\n== %s\n' "$*"; }

"$scripts/build-tools.sh"
"$scripts/postgres.sh" install
"$scripts/foreign.sh" install

stop_postgres() {
    if [[ -n ${MANYI_TEST_POSTGRES_DIR:-} ]]; then
        "$scripts/postgres.sh" stop "$MANYI_TEST_POSTGRES_DIR" || true
    fi
}
# Whatever was set before belongs to somebody else: the tests get a server of their own.
unset MANYI_TEST_POSTGRES MANYI_TEST_POSTGRES_DIR
trap stop_postgres EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

failed=()
if [[ $# -eq 0 ]]; then
    say "formatting"
    cargo fmt --all -- --check || failed+=(formatting)
    say "lints"
    cargo clippy --workspace --all-targets --locked -- -D warnings || failed+=(lints)
fi

say "programs that the end-to-end tests start"
cargo build --workspace --bins --locked

started=$("$scripts/postgres.sh" start)
eval "$started"
say "tests, with PostgreSQL at $MANYI_TEST_POSTGRES"
if [[ $# -eq 0 ]]; then
    cargo test --workspace --locked --no-fail-fast || failed+=(tests)
else
    cargo test --locked "$@" || failed+=(tests)
fi

if [[ ${#failed[@]} -gt 0 ]]; then
    printf '\nfailed: %s\n' "${failed[*]}" >&2
    exit 1
fi
