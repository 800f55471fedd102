#!/usr/bin/env bash
# Sets up the programs that the benchmark compares with: a Python environment with plspm.
# Quick when all is there. Prints the path of its Python.
#
#   tests/scripts/peers.sh install
set -euo pipefail
cd "$(dirname "$0")/../.."

die() { printf 'peers.sh: %s\n' "$*" >&2; exit 1; }

wanted=tests/bench/peers/requirements.txt
venv=${CARGO_TARGET_DIR:-target}/peers-venv

[[ ${1:-} == install ]] || { echo "Usage: peers.sh install" >&2; exit 2; }
if ! cmp -s "$wanted" "$venv/installed.txt"; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || tests/scripts/foreign.sh install >&2
    rm -rf "$venv"
    python3 -m venv "$venv" || die "python3 could not make $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --requirement "$wanted" </dev/null >&2 || die "pip could not install $wanted"
    cp "$wanted" "$venv/installed.txt"
fi
printf "%s/bin/python\n" "$(realpath "$venv")"
