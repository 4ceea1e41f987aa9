#!/usr/bin/env bash
# Makes target/twinpool-*.jar and target/lib. Quiet; asks the network only for what is not in ~/.m2 yet.
#
#   bindings/java/build.sh [LIBRARY-FOLDER]    the folder of the libtwinpool.so that goes into the jar; without it
#                                              target/release, where make install has built it
set -euo pipefail
folder=$(realpath "${1:-$(dirname "$0")/../../target/release}")
cd "$(dirname "$0")"
[ -e "$folder/libtwinpool.so" ] || { echo "build.sh: no libtwinpool.so in $folder; make install builds it" >&2; exit 1; }
options=(-q -B -DskipTests "-Dtwinpool.built=$folder")
mvn -o "${options[@]}" package >/dev/null 2>&1 || mvn "${options[@]}" package
