#!/usr/bin/env bash
# Sets up what the tests with foreign clients need: a Python environment with gRPC, schemathesis
# and real ratings, curl, and Chromium. Installs with apt on Debian as root; says what to do
# elsewhere. Quick when all is there.
#
#   tests/scripts/foreign.sh install
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf 'foreign.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

wanted=tests/foreign/requirements.txt
venv=${CARGO_TARGET_DIR:-target}/foreign-venv

can_make_venv() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

install_packages() {
    local missing=()
    can_make_venv || missing+=(python3 python3-venv)
    command -v curl >/dev/null || missing+=(curl)
    command -v chromium >/dev/null || missing+=(chromium)
    [[ ${#missing[@]} -gt 0 ]] || return 0
    command -v apt-get >/dev/null || die "missing: ${missing[*]}. Install them and try again"
    [[ $(id -u) == 0 ]] ||
        die "missing: ${missing[*]}. Run 'sudo apt-get install ${missing[*]}' and try again"
    say "installing ${missing[*]}"
    {
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "${missing[@]}"
    } </dev/null >&2 || die "apt-get could not install ${missing[*]}"
    can_make_venv || die "python3 still has no venv and ensurepip"
}

# Whether the environment is whole and has what is wanted: the list is copied in last.
is_current() {
    cmp -s "$wanted" "$venv/installed.txt" &&
        "$venv/bin/python" -c 'import grpc, schemathesis' 2>/dev/null
}

install_venv() {
    is_current && return
    say "making $venv"
    rm -rf "$venv"
    python3 -m venv "$venv" || die "python3 could not make $venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --only-binary :all: --requirement "$wanted" </dev/null >&2 ||
        die "pip could not install $wanted"
    cp "$wanted" "$venv/installed.txt"
}

case ${1:-} in
install)
    install_packages
    install_venv
    ;;
*)
    echo "Usage: foreign.sh install" >&2
    exit 2
    ;;
esac
