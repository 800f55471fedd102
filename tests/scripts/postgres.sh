#!/usr/bin/env bash
# A throw-away PostgreSQL server for the tests: a fresh cluster in a temporary folder on a
# free port, reachable from this machine only. Never uses a server that happens to be there.
#
#   eval "$(tests/scripts/postgres.sh start)"   # sets MANYI_TEST_POSTGRES
#   tests/scripts/postgres.sh stop              # ends it and removes the folder
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: postgres.sh COMMAND

  install      make sure that the server's programs are there (Debian: apt-get, as root)
  start        start a new cluster; prints the exports MANYI_TEST_POSTGRES (server URL) and
               MANYI_TEST_POSTGRES_DIR (its folder)
  stop [DIR]   stop the cluster in DIR, default $MANYI_TEST_POSTGRES_DIR, and remove it
  kill [DIR]   stop it at once, as a crash would, and keep the folder
  resume [DIR] start the cluster in DIR again on the port that it had
  status [DIR] say whether it runs
  rows DIR DATABASE SQL
               recover the cluster in DIR, which does not run, and print the rows of one column
TEXT
}

say() { printf 'postgres.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Prints the folder of initdb and pg_ctl, newest version first; fails when there is none.
bin_dir() {
    local found newest=""
    for found in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -V) \
        "$(dirname "$(readlink -f "$(command -v initdb || echo /)")")"; do
        if [[ -x $found/initdb && -x $found/pg_ctl && -x $found/postgres ]]; then
            newest=$found
        fi
    done
    [[ -n $newest ]] && printf '%s\n' "$newest"
}

install() {
    if bin_dir >/dev/null; then return; fi
    command -v apt-get >/dev/null ||
        die "PostgreSQL is missing: install it so that initdb and pg_ctl are in PATH"
    [[ $(id -u) == 0 ]] ||
        die "PostgreSQL is missing: run 'sudo apt-get install postgresql' and try again"
    say "installing PostgreSQL"
    # The tests make their own cluster; Debian's default one is neither wanted nor started.
    mkdir -p /etc/postgresql-common
    [[ -e /etc/postgresql-common/createcluster.conf ]] ||
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    {
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
    } </dev/null >&2 || die "apt-get could not install PostgreSQL"
    bin_dir >/dev/null || die "PostgreSQL was installed but initdb was not found"
}

# The server refuses to run as root, so root lends it an ordinary user.
server_user() {
    if [[ $(id -u) != 0 ]]; then id -un; return; fi
    if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

as_server() {
    local user
    user=$(server_user)
    if [[ $(id -u) != 0 ]]; then "$@"; return; fi
    if command -v setpriv >/dev/null; then
        setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups \
            env HOME=/tmp LC_ALL=C "$@"
    else
        runuser -u "$user" -- env HOME=/tmp LC_ALL=C "$@"
    fi
}

# Starts the cluster in $1 on port $2; fails quietly when the port is taken.
launch() {
    (cd / && as_server "$BIN/pg_ctl" start -w -t 60 -s -D "$1/data" -l "$1/log" \
        -o "-p $2 -k $1") >/dev/null 2>&1 </dev/null
}

start() {
    install
    BIN=$(bin_dir)
    local dir port attempt
    dir=$(mktemp -d "${TMPDIR:-/tmp}/manyi-postgres.XXXXXX")
    chmod 755 "$dir"
    [[ $(id -u) != 0 ]] || chown "$(server_user)" "$dir"
    if ! (cd / && as_server "$BIN/initdb" -D "$dir/data" -U manyi -A trust -E UTF8 \
        --locale=C --no-instructions) >"$dir.log" 2>&1 </dev/null; then
        cat "$dir.log" >&2
        rm -rf "$dir" "$dir.log"
        die "initdb failed"
    fi
    rm -f "$dir.log"
    # Durable as in production; small because many databases live in it for a short time.
    cat >>"$dir/data/postgresql.conf" <<'TEXT'
listen_addresses = '127.0.0.1'
max_connections = 200
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 128MB
max_wal_size = 1GB
log_min_messages = warning
TEXT
    for attempt in $(seq 1 20); do
        port=$((20000 + RANDOM % 12000))
        if launch "$dir" "$port"; then
            echo "$port" >"$dir/port"
            printf 'export MANYI_TEST_POSTGRES=%q\n' "postgres://manyi@127.0.0.1:$port/postgres"
            printf 'export MANYI_TEST_POSTGRES_DIR=%q\n' "$dir"
            return
        fi
        say "port $port did not work (attempt $attempt), trying another one"
    done
    cat "$dir/log" >&2 || true
    rm -rf "$dir"
    die "the server did not start"
}

# The folder to work on; refuses anything that this script did not make.
target() {
    local dir=${1:-${MANYI_TEST_POSTGRES_DIR:-}}
    [[ -n $dir ]] || die "which cluster? give its folder or set MANYI_TEST_POSTGRES_DIR"
    [[ $(basename "$dir") == manyi-postgres.* ]] || die "$dir was not made by this script"
    printf '%s\n' "$dir"
}

halt() {
    [[ -e $1/data/postmaster.pid ]] || return 0
    (cd / && as_server "$BIN/pg_ctl" stop -w -t 60 -s -m "$2" -D "$1/data") >/dev/null 2>&1
}

# Without a server: nobody waits for a port, and a check of many copies takes little time. What
# this process writes need not be durable, so it flushes nothing (-F).
rows() {
    rm -f "$1/rows"
    (cd / && echo "COPY ($3) TO '$1/rows'" |
        as_server "$BIN/postgres" --single -F -c shared_buffers=16MB -D "$1/data" "$2") \
        >"$1/single.log" 2>&1 || true
    [[ -e $1/rows ]] || die "the copy cannot be read: $(cat "$1/single.log")"
    cat "$1/rows"
}

main() {
    local command=${1:-} dir
    case $command in
    install) install ;;
    start) start ;;
    stop | kill | resume | status | rows)
        dir=$(target "${2:-}")
        BIN=$(bin_dir) || die "PostgreSQL is not installed"
        ;;&
    stop)
        halt "$dir" immediate || say "the server in $dir did not answer; removing it"
        rm -rf "$dir"
        ;;
    kill) halt "$dir" immediate ;;
    resume) launch "$dir" "$(cat "$dir/port")" || die "it did not start; see $dir/log" ;;
    status) (cd / && as_server "$BIN/pg_ctl" status -D "$dir/data") ;;
    rows) rows "$dir" "${3:?which database?}" "${4:?which rows?}" ;;
    -h | --help | help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
}

main "$@"
