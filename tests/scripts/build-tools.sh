#!/usr/bin/env bash
# Makes sure that what cargo needs to build the suite is on this machine: a Rust toolchain, a
# C compiler and make (the embedded database and the cryptography are C). Installs the C side
# on Debian as root; says what to do elsewhere.
set -euo pipefail

say() { printf 'build-tools.sh: %s\n' "$*" >&2; }

if ! command -v cargo >/dev/null; then
    say "cargo is missing: install Rust 1.94 or newer (https://rustup.rs) and try again"
    exit 1
fi

missing=()
command -v cc >/dev/null || missing+=(cc)
command -v make >/dev/null || missing+=(make)
[[ ${#missing[@]} -gt 0 ]] || exit 0

if ! command -v apt-get >/dev/null; then
    say "missing: ${missing[*]}. Install a C compiler and make, and try again"
    exit 1
fi
if [[ $(id -u) != 0 ]]; then
    say "missing: ${missing[*]}. Run 'sudo apt-get install build-essential' and try again"
    exit 1
fi
say "installing build-essential (missing: ${missing[*]})"
{
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends build-essential
} </dev/null >&2 || {
    say "apt-get could not install build-essential"
    exit 1
}
