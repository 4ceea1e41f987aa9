#!/usr/bin/env bash
# Tests of the Java binding against the built library. Quiet but for what fails and for the sums.
set -euo pipefail
cd "$(dirname "$0")"
library=${TWINPOOL_LIBRARY:-$PWD/../../target/debug/libtwinpool.so}
options=(-B -ntp "-Dtwinpool.built=$(dirname "$library")")
# Offline when all is there already.
if ! mvn -o -q "${options[@]}" test-compile >/dev/null 2>&1; then
    mvn -q "${options[@]}" test-compile
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
mvn -o "${options[@]}" test >"$log" 2>&1 || status=$?
# A machine that has compiled only lacks what runs the tests.
if [ $status != 0 ] && grep -q 'offline mode' "$log"; then
    status=0
    mvn "${options[@]}" test >"$log" 2>&1 || status=$?
fi
if [ $status = 0 ]; then grep -E 'Tests run:' "$log"; else cat "$log"; fi
exit $status
