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
"$folder/cycle" speed "$folder" | tee "$folder/ours"

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

cc -std=gnu11 -O2 -Wall -Wextra -Iinclude benches/pool/read.c -o "$folder/read" -Ltarget/release -ltwinpool -lodbc
"$folder/read" "$folder"

# The library links the loader of ODBC's drivers; nothing of that is wanted in what is compared with it.
unset LD_LIBRARY_PATH
cargo run --quiet --release --manifest-path benches/peers/Cargo.toml --target-dir target/peers

# HikariCP needs a JVM, and the registry the first time.
hikari=benches/peers/hikari
jars=$PWD/target/peers/hikari
fetched() { ls "$jars"/HikariCP-*.jar >/dev/null 2>&1; }
fetched || mvn -q -B -f "$hikari/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars" >/dev/null 2>&1 || true
if fetched && javac -d "$folder/classes" -cp "$jars/*" "$hikari"/org/twinpool/peers/*.java; then
    # A fine timer, as cycle sets it for itself, or the kernel adds 50 µs to each hold.
    python3 -c 'import ctypes, os, sys; ctypes.CDLL(None).prctl(29, 1000, 0, 0, 0); os.execvp(sys.argv[1], sys.argv[1:])' \
        java -cp "$folder/classes:$jars/*" org.twinpool.peers.Hikari | tee "$folder/hikaricp"
    # Above 1: ours is the better one. Of times the smaller is, of rates the larger.
    awk 'FNR == NR { ours[$2] = $3; next }
         { name = substr($2, 10); if (!(name in ours) || $3 == 0 || ours[name] == 0) next
           r = name ~ /_(ns|us)_/ ? $3 / ours[name] : ours[name] / $3
           printf "ratio %s_over_hikaricp %.2f\n", name, r }' "$folder/ours" "$folder/hikaricp"
else
    echo "hikaricp: left out, it needs java, mvn and, the first time, the Maven registry"
fi
