#!/usr/bin/env bash
# Measures. `scripts/run-bench.sh mirror` for one of: mirror, values, pool, hosts; without a name, all that exist.
# A measurement is benches/NAME.rs or benches/NAME/main.rs (cargo bench) or the program benches/NAME/run.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/rust.sh

for name in ${*:-mirror values pool hosts}; do
    if [ -x "benches/$name/run.sh" ]; then
        echo "=== $name"
        "benches/$name/run.sh"
    elif [ -f "benches/$name.rs" ] || [ -f "benches/$name/main.rs" ]; then
        echo "=== $name"
        cargo bench --bench "$name"
    elif [[ " mirror values pool hosts " == *" $name "* ]]; then
        echo "bench: there is no benches/$name yet"
    else
        echo "bench: no measurement named '$name'; there are: mirror values pool hosts" >&2
        exit 2
    fi
done
