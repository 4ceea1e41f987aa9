#!/usr/bin/env bash
# What a host pays: acquire and release beside two calls that do nothing, in Python and Java; reading a large result in
# Python beside pyodbc. A line "ratio NAME VALUE goal …" is a goal, a line "figure NAME VALUE" is for comparison.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/rust.sh
cargo build --quiet --release --lib
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TWINPOOL_LIBRARY=$PWD/target/release/libtwinpool.so PYTHONPATH=$PWD/bindings/python PYTHONDONTWRITEBYTECODE=1

cc -O2 -shared -fPIC benches/hosts/bare.c -o "$folder/libbare.so"
venv=target/bench-venv
if ! "$venv/bin/python" -c 'import pyodbc' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" --quiet install pyodbc
fi
python=$venv/bin/python
"$python" benches/hosts/acquire.py "$folder/libbare.so" "$folder"

bindings/java/build.sh "$PWD/target/release"
path=$PWD/bindings/java/target/classes:$(printf '%s:' "$PWD"/bindings/java/target/lib/*.jar)
javac -cp "$path" -d "$folder/classes" benches/hosts/org/twinpool/Acquire.java
java -cp "$path$folder/classes" org.twinpool.Acquire "$folder/libbare.so" "$folder"

"$python" benches/hosts/fetch.py "$folder"
