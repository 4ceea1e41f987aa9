#!/usr/bin/env bash
# Runs the tests, part after part, and ends with one line that is the sum of the runners' own closing lines.
#
#   scripts/run-tests.sh                 everything
#   scripts/run-tests.sh main,death      some parts
#
# A part is one of the checks below, or a folder tests/<part>/ with a main.rs: one test binary.
# TWINPOOL_PART_LIMIT: seconds after which a part is taken to hang (default 1800).
set -uo pipefail
cd "$(dirname "$0")/.."

limit=${TWINPOOL_PART_LIMIT:-1800}
# The order of the binaries; others follow in that of the alphabet.
binaries="link main death capi scenarios values pool proof safety"
checks_before="fmt clippy build unit cli testkit header"
checks_after="c python java doctest docs install"

logs=$(mktemp -d)
running=
cleanup() { rm -rf "$logs"; }
trap cleanup EXIT
trap '[ -z "$running" ] || kill -TERM "$(cat "$running")" 2>/dev/null; exit 130' INT TERM

export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
. scripts/rust.sh
# The demo's and the tests' messages are compared as text.
export LC_ALL=C.UTF-8

passed=0 failed=0
lines=()

# Counts what the runners themselves report: libtest, unittest, pytest, Maven, and "N passed, M failed" of
# our C programs.
count() {
    awk '
        /^test result: / { match($0, /[0-9]+ passed/); p += substr($0, RSTART); match($0, /[0-9]+ failed/); f += substr($0, RSTART); n++; next }
        # The closing lines of C programs that a Rust test runs and shows are that test, not more.
        /^[0-9]+ passed, [0-9]+ failed$/ { cp += $1; cf += $3; cn++; next }
        /^=+ .*(passed|failed|error).* in [0-9.]+s.*=+$/ {
            if (match($0, /[0-9]+ passed/)) p += substr($0, RSTART)
            if (match($0, /[0-9]+ failed/)) f += substr($0, RSTART)
            if (match($0, /[0-9]+ errors?/)) f += substr($0, RSTART)
            n++; next
        }
        /^Ran [0-9]+ tests? in / { u = $2; next }
        u != "" && /^(OK|FAILED)/ {
            b = 0; if (match($0, /failures=[0-9]+/)) b += substr($0, RSTART + 9); if (match($0, /errors=[0-9]+/)) b += substr($0, RSTART + 7)
            p += u - b; f += b; n++; u = ""; next
        }
        # Maven prints a line per class, then the sum without " - in" or "Time elapsed".
        /Tests run: [0-9]+, Failures: [0-9]+, Errors: [0-9]+, Skipped: [0-9]+[^T]*$/ && !/Time elapsed/ {
            match($0, /Tests run: [0-9]+/); t = substr($0, RSTART + 11) + 0; match($0, /Failures: [0-9]+/); b = substr($0, RSTART + 10) + 0
            match($0, /Errors: [0-9]+/); b += substr($0, RSTART + 8); match($0, /Skipped: [0-9]+/); s = substr($0, RSTART + 9) + 0
            p += t - b - s; f += b; n++; next
        }
        END { if (n == 0) { p = cp; f = cf; n = cn } print p + 0, f + 0, n + 0 }' "$1"
}

# part NAME tests|check COMMAND…: "tests" must report at least one test; a "check" only has to succeed.
part() {
    local name=$1 kind=$2 log=$logs/$1 start=$SECONDS status p f n word
    shift 2
    printf '\n=== %s\n' "$name"
    running=$logs/pid
    {
        timeout --kill-after=15 "$limit" "$@" 2>&1 </dev/null &
        echo $! >"$logs/pid"
        wait $!
        status=$?
        [ ! -d "$logs" ] || echo $status >"$log.status"
    } | tee "$log" &
    wait $!
    running=
    status=$(cat "$log.status" 2>/dev/null || echo 1)
    read -r p f n <<<"$(count "$log")"
    word=ok
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        word="no end within $limit s"
    elif [ "$status" != 0 ]; then
        word="failed (exit status $status)"
    elif [ "$kind" = tests ] && [ $((p + f)) = 0 ]; then
        word="no test ran" status=1
    fi
    # A part that fails without a count (it does not compile, it crashed) is one failure.
    if [ "$status" != 0 ] && [ "$f" = 0 ]; then f=1; fi
    passed=$((passed + p)) failed=$((failed + f))
    if [ "$kind" = tests ] || [ "$f" != 0 ]; then word="$p passed, $f failed${word:+ ($word)}"; fi
    word=${word% (ok)}
    lines+=("$(printf '%-12s %4d s  %s' "$name" $((SECONDS - start)) "$word")")
}

none() {
    printf '\n=== %s\n%s\n' "$1" "$2"
    lines+=("$(printf '%-12s %4s    %s' "$1" "" "$2")")
}

run() {
    case $1 in
    # The protocol's model: optimised, or it would take ten times as long.
    proof) part proof tests cargo test -p twinpool-model --release --no-fail-fast ;;
    # The pool: the orders in which its threads may run. Its other tests stand beside its code, in the part unit.
    # And, for its words that need no lock, what processors may do with memory.
    pool)
        part pool tests cargo test -p twinpool -p twinpool-interleavings -p twinpool-slots --test pool \
            --test interleavings --test memory --no-fail-fast
        part races tests tests/proof/races/run.sh
        ;;
    fmt) part fmt check cargo fmt --all --check ;;
    clippy) part clippy check cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings ;;
    # The shared library that C programs and bindings load, and the command.
    build) part build check cargo build --workspace ;;
    unit) part unit tests cargo test --lib --no-fail-fast ;;
    cli) part cli tests cargo test -p twinpool-cli --no-fail-fast ;;
    testkit) part testkit tests cargo test -p twinpool-testkit --no-fail-fast ;;
    header)
        if [ -f include/twinpool.h ]; then part header check scripts/check-header.sh
        else none header "no include/twinpool.h yet"; fi
        ;;
    c)
        if [ -x tests/c/run.sh ]; then part c tests tests/c/run.sh
        else none c "no tests in tests/c yet"; fi
        ;;
    python | java)
        if [ -x "bindings/$1/run-tests.sh" ]; then part "$1" tests "bindings/$1/run-tests.sh"
        else none "$1" "no tests in bindings/$1 yet"; fi
        ;;
    doctest) part doctest check cargo test --doc ;;
    docs) part docs check env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --workspace ;;
    install)
        if [ -f include/twinpool.h ]; then part install check scripts/check-install.sh
        else none install "no include/twinpool.h yet"; fi
        ;;
    *)
        if [ -f "tests/$1/main.rs" ]; then
            # These end with a table: functions and bad inputs, scenarios and hosts, statements and their ways.
            case $1 in capi | scenarios | values) set -- "$1" -- --show-output ;; esac
            part "$1" tests cargo test --test "$1" --no-fail-fast "${@:2}"
        elif [[ " $binaries " == *" $1 "* ]]; then none "$1" "no tests in tests/$1 yet"
        else
            echo "run-tests: no part named '$1'; there are: $checks_before $(all_binaries) $checks_after" >&2
            exit 2
        fi
        ;;
    esac
}

all_binaries() {
    local found
    printf '%s ' $binaries
    for found in tests/*/main.rs; do
        found=${found#tests/} found=${found%/main.rs}
        # A soak runs for hours: make soak.
        if [ -f "tests/$found/main.rs" ] && [[ " $binaries soak " != *" $found "* ]]; then printf '%s ' "$found"; fi
    done
}

start=$SECONDS
if [ $# -gt 0 ] && [ -n "$*" ]; then
    for name in ${*//,/ }; do
        # C programs and bindings load the built library.
        case $name in capi | c | python | java | header | install) [ -n "${built:-}" ] || { run build; built=1; } ;; esac
        run "$name"
    done
    asked_for_some=1
else
    for name in $checks_before $(all_binaries) $checks_after; do run "$name"; done
fi

printf '\n=== summary (%d min %02d s)\n' $(((SECONDS - start) / 60)) $(((SECONDS - start) % 60))
printf '%s\n' "${lines[@]}"
if [ "$passed" = 0 ] && [ "$failed" = 0 ] && [ -z "${asked_for_some:-}" ]; then
    echo "nothing ran" >&2
    failed=1
fi
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
