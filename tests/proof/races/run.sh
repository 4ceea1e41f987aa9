#!/usr/bin/env bash
# The pool's own tests, those with many threads, under the thread sanitizer. Its runtime comes with the stable compiler;
# only the option that asks for it does not count as stable.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. scripts/rust.sh
target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"
export TSAN_OPTIONS="suppressions=$PWD/tests/proof/races/suppressions.txt halt_on_error=0 exitcode=66 history_size=4"
# Without the sanitizer's own output where nothing is wrong.
cargo test --quiet --lib --target "$target" --target-dir target/races pool:: -- --skip model --test-threads=1 "$@"
