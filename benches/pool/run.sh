#!/usr/bin/env bash
# What the pool costs, beside other pools and the bounds of what is possible. A line "ratio NAME VALUE goal …" or "figure
# NAME VALUE goal …" has a goal, one without is for comparison. SECONDS_EACH (default 2) is the time for each measurement.
# A goal that is missed is no failure: the lines say it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/rust.sh
export SECONDS_EACH=${SECONDS_EACH:-2}
cargo bench --quiet --bench pool
# Without the hooks of the tests, which the line above has built in.
cargo build --quiet --release --lib
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cc -std=gnu11 -O2 -Wall -Wextra -Iinclude benches/pool/cycle.c -o "$folder/cycle" -pthread \
    -Ltarget/release -ltwinpool
# By the name that programs ask the loader for.
ln -s "$PWD/target/release/libtwinpool.so" "$folder/libtwinpool.so.0"
export LD_LIBRARY_PATH=$folder
"$folder/cycle" speed "$folder"

# Opening and closing the pool cancel out in the difference. What is counted is the two functions of the library, with
# all that they call.
counted() {
    valgrind --quiet --tool=callgrind --callgrind-out-file="$folder/$1.out" --toggle-collect=twin_pool_acquire \
        --toggle-collect=twin_conn_release "$folder/cycle" count "$1" "$folder" >/dev/null 2>&1
    sed -n 's/^summary: \([0-9]*\).*/\1/p; s/^totals: \([0-9]*\).*/\1/p' "$folder/$1.out" | head -n 1
}
few=$(counted 1000)
many=$(counted 11000)
awk -v few="$few" -v many="$many" \
    'BEGIN { printf "figure cycle_instructions_1_thread %.0f goal <= 120\n", (many - few) / 10000 }'

# The library links the loader of ODBC's drivers; nothing of that is wanted in what is compared with it.
unset LD_LIBRARY_PATH
cargo run --quiet --release --manifest-path benches/peers/Cargo.toml --target-dir target/peers
