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
parts="generated constants version errors options pool metrics mirror events cancel conn transaction settings block stmt streams rows values"
for f in $parts; do
    grep -v '^//!' "src/capi/$f.rs"
done >target/capi.rs
"$cbindgen" --quiet --config cbindgen.toml --output target/twinpool.h target/capi.rs
# A heading where the functions of each file begin: the first line of the file.
for f in $parts; do
    first=$(sed -n 's/^pub .*extern "C" fn \(twin_[a-z0-9_]*\).*/\1/p' "src/capi/$f.rs" | head -n 1)
    [ -z "$first" ] || echo "$first $(sed -n '1s|^//! ||p' "src/capi/$f.rs")"
done >target/headings
awk 'BEGIN { RS = ""; ORS = "\n\n" }
    FILENAME == "target/headings" { n = split($0, l, "\n"); for (i = 1; i <= n; i++) { at = index(l[i], " "); head[substr(l[i], 1, at - 1)] = substr(l[i], at + 1) } next }
    /TWIN_API/ && match($0, /twin_[a-z0-9_]+\(/) {
        name = substr($0, RSTART, RLENGTH - 1)
        if (name in head) { gsub(/`/, "", head[name]); print "/*\n * ------------------------------------------------------------------------------------------------------------\n * " head[name] "\n * ------------------------------------------------------------------------------------------------------------\n */"; delete head[name] }
    }
    { print }' target/headings target/twinpool.h | sed -e '$!b' -e '/^$/d' >target/headed.h
if [ "${1-}" = --verify ]; then
    cmp target/headed.h include/twinpool.h
else
    cp target/headed.h include/twinpool.h
fi
# Every exported function, without the one that only builds for tests have.
tr '\n' ' ' <include/twinpool.h | grep -o 'TWIN_API [^;]*;' | sed 's/(.*//; s/.*[ *]//' |
    grep '^twin_' | grep -v '^twin_test_' | sort >target/twinpool.symbols
if [ "${1-}" = --verify ]; then
    cmp target/twinpool.symbols abi/twinpool.symbols
else
    cp target/twinpool.symbols abi/twinpool.symbols
fi
