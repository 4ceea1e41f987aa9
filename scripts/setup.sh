#!/usr/bin/env bash
# Installs what the build, the demo and the tests need. The only place that installs anything.
#
#   scripts/setup.sh demo    to build, and to run the demo on SQLite files
#   scripts/setup.sh test    the same, and the servers, drivers and tools of the tests
#
# Says nothing and touches nothing when all is there. Needs root or sudo only when something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

CBINDGEN=0.29.4
# The newest that still checks against Python 3.9, the oldest that the package runs on.
MYPY=1.18.2
RUST=1.95

demo=(unixodbc unixodbc-dev odbcinst libsqliteodbc sqlite3 gcc libc6-dev make pkg-config)
tests=(odbc-postgresql odbc-mariadb postgresql mariadb-server valgrind g++ python3 python3-pytest python3-venv maven)

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

installed() { dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

as_root() {
    if [ "$(id -u)" = 0 ]; then env "$@"; else sudo env "$@"; fi
}

# The packages of the two servers also set up a server for the whole machine. The tests start their own, so
# a new one is neither started nor left to start at the next boot; one that was there before is not touched.
install_missing() {
    local log new_services=() guard=/usr/sbin/policy-rc.d guarded=
    log=$(mktemp)
    for package in "${missing[@]}"; do
        case $package in
        postgresql) new_services+=(postgresql) ;;
        mariadb-server) new_services+=(mariadb) ;;
        esac
    done
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "needs root or sudo to install: ${missing[*]}"
    say "installing ${missing[*]}"
    if [ ${#new_services[@]} -gt 0 ] && [ ! -e "$guard" ]; then
        as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$guard && chmod 755 $guard"
        guarded=1
    fi
    local status=0
    quiet_apt "$log" update && quiet_apt "$log" install -y --no-install-recommends "${missing[@]}" || status=$?
    if [ -n "$guarded" ]; then as_root rm -f "$guard"; fi
    if [ "$status" != 0 ]; then
        tail -n 25 "$log" >&2
        fail "apt-get failed; its last lines are above, all of it in $log"
    fi
    rm -f "$log"
    if [ ${#new_services[@]} -gt 0 ] && [ -d /run/systemd/system ]; then
        as_root systemctl --quiet disable "${new_services[@]}" 2>/dev/null || true
        say "the machine's own ${new_services[*]} services are installed but neither started nor enabled"
    fi
    say "packages installed"
}

# One line per step, the rest into the log. Another apt may be at work on a machine that has just booted.
quiet_apt() {
    local log=$1 start=$SECONDS
    shift
    say "apt-get $1 …"
    as_root DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1 || return 1
    say "apt-get $1: $((SECONDS - start)) s"
}

# Debian 12's own rustc is 1.63.
check_rust() {
    local version
    . scripts/rust.sh
    command -v cargo >/dev/null || fail "cargo is missing: install Rust $RUST or newer with rustup (the README's first lines) and open a new shell"
    version=$(cargo --version | cut -d' ' -f2)
    if [ "$(printf '%s\n' "$RUST" "$version" | sort -V | head -n 1)" != "$RUST" ]; then
        fail "cargo is $version and $RUST or newer is needed: run 'rustup update stable'"
    fi
}

# Writes and checks include/twinpool.h. Pinned, because its output changes between versions.
install_cbindgen() {
    local tool=target/tools/bin/cbindgen
    if [ -x $tool ] && [ "$($tool --version)" = "cbindgen $CBINDGEN" ]; then return; fi
    say "building cbindgen $CBINDGEN into target/tools (about a minute) …"
    cargo install --quiet cbindgen --version "$CBINDGEN" --locked --root target/tools
}

# Checks the types of the Python package, and that it asks for nothing newer than Python 3.9.
install_mypy() {
    local folder=target/tools/python
    if [ -x $folder/bin/mypy ] && [[ "$($folder/bin/mypy --version)" == "mypy $MYPY "* ]]; then return; fi
    say "installing mypy $MYPY into $folder …"
    rm -rf $folder
    /usr/bin/python3 -m venv $folder
    $folder/bin/pip --quiet --disable-pip-version-check install "mypy==$MYPY"
}

case ${1:-} in
demo) wanted=("${demo[@]}") ;;
test)
    wanted=("${demo[@]}" "${tests[@]}")
    # Any Java from 17 on will do.
    command -v javac >/dev/null || wanted+=(default-jdk-headless)
    ;;
*) fail "usage: scripts/setup.sh demo|test" ;;
esac

command -v dpkg-query >/dev/null || fail "this script knows Debian's packages only; needed are: ${wanted[*]}"
missing=()
for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
done
[ ${#missing[@]} = 0 ] || install_missing
check_rust
if [ "$1" = test ]; then
    install_cbindgen
    install_mypy
fi
