#!/bin/sh
# Writes include/twinpool.h from src/capi and abi/twinpool.symbols from the header; with --verify compares only.
# Needs the pinned cbindgen: cargo install cbindgen --version 0.29.4 --locked --root target/tools
set -eu
cd "$(dirname "$0")/.."
pinned=0.29.4
cbindgen=target/tools/bin/cbindgen
[ -x "$cbindgen" ] || cbindgen=$(command -v cbindgen || true)
if [ -z "$cbindgen" ] || [ "$("$cbindgen" --version)" != "cbindgen $pinned" ]; then
    echo "cbindgen $pinned is needed: cargo install cbindgen --version $pinned --locked --root target/tools" >&2
    exit 1
fi
# cbindgen takes one file: the border in the order in which the header is to be read.
mkdir -p target
for f in generated constants version errors options pool metrics mirror events cancel conn transaction settings block stmt streams rows values; do
    grep -v '^//!' "src/capi/$f.rs"
done >target/capi.rs
"$cbindgen" --quiet --config cbindgen.toml ${1:+"$1"} --output include/twinpool.h target/capi.rs
# Every exported function, without the one that only builds for tests have.
tr '\n' ' ' <include/twinpool.h | grep -o 'TWIN_API [^;]*;' | sed 's/(.*//; s/.*[ *]//' |
    grep '^twin_' | grep -v '^twin_test_' | sort >target/twinpool.symbols
if [ "${1-}" = --verify ]; then
    cmp target/twinpool.symbols abi/twinpool.symbols
else
    cp target/twinpool.symbols abi/twinpool.symbols
fi
