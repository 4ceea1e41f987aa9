#!/usr/bin/env bash
# Makes target/twinpool-*.jar and target/lib. Quiet; asks the network only for what is not in ~/.m2 yet.
#
#   bindings/java/build.sh [LIBRARY-FOLDER]    the folder of the libtwinpool.so that goes into the jar
set -euo pipefail
cd "$(dirname "$0")"
options=(-q -B -DskipTests ${1:+"-Dtwinpool.built=$1"})
mvn -o "${options[@]}" package >/dev/null 2>&1 || mvn "${options[@]}" package
