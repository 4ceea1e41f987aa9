#!/usr/bin/env bash
# Installs into a temporary folder, uses what is there as a stranger would, and takes it away again.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
prefix=$dir/prefix

quiet_make() { make --no-print-directory PROFILE=debug "$@" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }; }
expect() { [ "$2" = "$3" ] || { echo "install: $1 is '$2', not '$3'"; exit 1; }; }

quiet_make install PREFIX="$prefix"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
soname=$(readelf -d "$prefix/lib/libtwinpool.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
expect "the name for the loader" "$soname" "$(readlink "$prefix/lib/libtwinpool.so")"
expect "the file behind it" "$(readlink "$prefix/lib/$soname")" "libtwinpool.so.$version"

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
expect "the version of pkg-config" "$(pkg-config --modversion twinpool)" "$version"
printf '#include <twinpool.h>\nint main(void) { return 0; }\n' >"$dir/empty.c"
read -ra flags <<<"$(pkg-config --cflags --libs twinpool)"
for source in "$dir/empty.c" examples/c/*.c; do
    if [ -f "$source" ]; then
        cc -std=c99 -pedantic -Wall -Wextra -Werror "$source" -o "$dir/program" -Wl,--no-as-needed "${flags[@]}"
        ! ldd "$dir/program" | grep 'twinpool.*not found' || exit 1
        name=$(basename "$source" .c)
        mkdir "$dir/$name.d"
        (cd "$dir/$name.d" && "$dir/program" a.db b.db) >"$dir/log" 2>&1 || { cat "$dir/log"; echo "install: $name failed"; exit 1; }
        cp "$dir/log" "$dir/$name.log"
    fi
done
cc "$dir/empty.c" -o "$dir/program" -Wl,--no-as-needed "${flags[@]}"
"$dir/program"
says() { grep -q "$2" "$dir/$1.log" || { cat "$dir/$1.log"; echo "install: $1 does not say '$2'"; exit 1; }; }
says first "committed on both databases"
says outage "the mirror's share waits in the queue"
says outage "mirror: in step, 0 in the queue"
says watch "event: the mirror is back in step"
says watch "1 queued, 1 replayed"
says watch "^twinpool_acquires_total{pool=\"shop\"} 1$"
"$prefix/bin/twinpool" --version >/dev/null

quiet_make install PREFIX=/usr DESTDIR="$dir/stage"
expect "the prefix in a staged twinpool.pc" "$(sed -n 's/^prefix=//p' "$dir/stage/usr/lib/pkgconfig/twinpool.pc")" /usr
quiet_make uninstall PREFIX=/usr DESTDIR="$dir/stage"
quiet_make uninstall PREFIX="$prefix"
left=$(find "$prefix" "$dir/stage" ! -type d)
expect "what uninstall leaves" "$left" ""
echo "installed, used and uninstalled twinpool $version"
