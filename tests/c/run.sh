#!/usr/bin/env bash
# Runs programs of tests/c on two SQLite files with the library itself under AddressSanitizer, which is proved to be
# in it. Takes a build of its own (target/asan). Leaks are valgrind's business: drivers keep what they load.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/rust.sh

target=x86_64-unknown-linux-gnu
# The stable compiler has the sanitizer, and calls it unstable.
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" \
    cargo build --quiet --lib --features test-hooks --target $target --target-dir target/asan
built=target/asan/$target/debug
nm -D "$built/libtwinpool.so" | grep '__asan_report_load8' >/dev/null ||
    { echo "asan: the library was built without AddressSanitizer" >&2; exit 1; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
ln -s "$PWD/$built/libtwinpool.so" "$dir/libtwinpool.so"
ln -s "$PWD/$built/libtwinpool.so" "$dir/libtwinpool.so.0"
export LD_LIBRARY_PATH=$dir ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0
failed=0
for name in session types streams pooling; do
    cc -std=c99 -g -fsanitize=address -DTWIN_TEST_HOOKS -Iinclude "tests/c/$name.c" -L"$dir" -ltwinpool -pthread -o "$dir/$name"
    mkdir "$dir/$name.d"
    echo "asan: $name"
    "$dir/$name" sqlite "Driver=SQLite3;Database=$dir/$name.d/a.db" "Driver=SQLite3;Database=$dir/$name.d/b.db" \
        $([ $name != streams ] || echo 4) || failed=1
done
exit $failed
