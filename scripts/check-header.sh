#!/bin/sh
# Compares the header with the code, the symbols file with the header and with the built library, and compiles
# the header as C99 and as C++17. `scripts/header.sh` renews both files.
#
#   scripts/check-header.sh [path of libtwinpool.so]
set -eu
cd "$(dirname "$0")/.."
scripts/header.sh --verify
echo '#include <twinpool.h>' >target/header.c
cc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -Iinclude target/header.c
echo '#include <twinpool.h>' >target/header.cpp
c++ -std=c++17 -pedantic -Wall -Wextra -Werror -fsyntax-only -Iinclude target/header.cpp
so=${1-}
if [ -z "$so" ]; then
    cargo build --quiet --lib
    so=target/debug/libtwinpool.so
fi
nm -D --defined-only "$so" | sed -n 's/.* [TBDRV] //p' | grep -v '^twin_test_' | sort >target/exported.symbols
if ! diff -u abi/twinpool.symbols target/exported.symbols; then
    echo "the library exports other symbols than abi/twinpool.symbols says" >&2
    exit 1
fi
readelf -d "$so" | grep -q 'SONAME.*\[libtwinpool\.so\.0\]'
readelf -d "$so" | grep -q NODELETE
if grep -n 'panic *= *"abort"' Cargo.toml cli/Cargo.toml; then
    echo "a panic must unwind to the border" >&2
    exit 1
fi
echo "header, symbols and library agree: $(wc -l <abi/twinpool.symbols) functions"
