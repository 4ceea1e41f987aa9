#!/usr/bin/env bash
# The demo: an order-entry script runs on a pair of SQLite files, the mirror goes away in the middle of it,
# comes back, and nothing is lost. Fails when anything is not as it should be.
#
# TWINPOOL_DEMO_KEEP=1 keeps the databases; TWINPOOL_BIN=… takes a command that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/rust.sh
export LC_ALL=C.UTF-8

examples=$PWD/examples/order-entry
tables=(customers products stock orders order_lines payments attachments)
steps=7

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' off=$'\e[0m'; else bold='' dim='' green='' red='' off=''; fi
step=0
step() { step=$((step + 1)); printf '\n%s[%d/%d] %s%s\n' "$bold" $step $steps "$*" "$off"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$off"; }
good() { printf '%s  ✓ %s%s\n' "$green" "$*" "$off"; }
fail() { printf '%sdemo: %s%s\n' "$red" "$*" "$off" >&2; exit 1; }

for tool in sqlite3 awk sha256sum; do
    command -v $tool >/dev/null || fail "$tool is missing: scripts/setup.sh demo installs it"
done

if [ -z "${TWINPOOL_BIN:-}" ]; then
    echo "demo: building (the first time takes a minute or two) …"
    cargo build --quiet -p twinpool-cli || fail "the build failed"
    TWINPOOL_BIN=${CARGO_TARGET_DIR:-target}/debug/twinpool
fi
bin=$(readlink -f "$TWINPOOL_BIN")
[ -x "$bin" ] || fail "there is no $TWINPOOL_BIN"

start=$SECONDS
work=$(mktemp -d)
locker=
finish() {
    if [ -n "$locker" ]; then kill -9 "$locker" 2>/dev/null || true; fi
    if [ -n "${TWINPOOL_DEMO_KEEP:-}" ]; then echo "demo: the databases are in $work"; else rm -rf "$work"; fi
}
trap finish EXIT
cd "$work"
mkdir away

cat >twinpool.toml <<END
name = "demo"
[master]
connection = "Driver=SQLite3;Database=$work/master.db;JournalMode=WAL;FKSupport=1"
[mirror]
connection = "Driver=SQLite3;Database=$work/mirror.db;JournalMode=WAL;FKSupport=1"
timeout_ms = 500
[replay]
batch_entries = 10
END

twinpool() { "$bin" --config twinpool.toml "$@"; }

# Runs a script through the pair. Its transactions must go "directly" to both, or be "queued".
load() {
    local script=$1 how=$2 before=0 after
    show "twinpool run $script"
    [ ! -e master.db ] || before=$(count master.db invocation_queue)
    twinpool run "$script" || fail "$script: the work did not go on"
    after=$(count master.db invocation_queue)
    case $how in
    directly) [ "$after" = "$before" ] || fail "$script: $((after - before)) transactions were queued" ;;
    queued) [ "$after" -gt "$before" ] || fail "$script: nothing was queued" ;;
    esac
}

count() { sqlite3 -readonly "$1" "SELECT COUNT(*) FROM $2"; }

awk '/^-- part /{ n = $3 + 0 } { print > ("part" n ".sql") }' "$examples/orders.sql"
cp "$examples/schema.sql" schema.sql

step "Two SQLite files become a pair; the schema is created on both through twinpool"
load schema.sql directly
[ "$(count master.db sqlite_master)" = "$(count mirror.db sqlite_master)" ] || fail "the schemas differ"
good "tables, keys and constraints stand on the master and on the mirror"

step "A shop trades: customers, orders, payments, in transactions of 5 to 20 statements"
load part1.sql directly
good "every transaction went to both databases: $(count master.db orders) orders here, $(count mirror.db orders) there"

step "The mirror is out of reach: another process locks it, then its file is moved away"
# sqlite3 keeps its lock for as long as it waits for more input.
mkfifo hold
sqlite3 mirror.db <hold >locked &
locker=$!
exec 9>hold
echo "PRAGMA busy_timeout = 5000; BEGIN EXCLUSIVE; SELECT 'locked';" >&9
for _ in $(seq 100); do grep -q '^locked' locked && break; sleep 0.05; done
grep -q '^locked' locked || fail "sqlite3 could not lock the mirror"
show "sqlite3 mirror.db 'BEGIN EXCLUSIVE' (process $locker holds the lock)"
load part2.sql queued
good "locked: the work went on without an error; what the mirror lacks is queued in the master"
kill -9 "$locker"
wait "$locker" 2>/dev/null || true
locker=
exec 9>&-
for file in mirror.db mirror.db-wal mirror.db-shm; do [ ! -e $file ] || mv $file away/; done
show "mv mirror.db away/"
load part3.sql queued
[ ! -e mirror.db ] || fail "a mirror.db was made beside the one that was moved away"
good "moved away: the same; no new file was made in its place"

step "The queue is a table in the master: plain SQL shows what waits for the mirror"
query='SELECT id, statements, substr(summary, 1, 72) AS summary FROM invocation_queue ORDER BY id LIMIT 5'
show "sqlite3 master.db '$query'"
sqlite3 -readonly -box master.db "$query"
waiting=$(count master.db invocation_queue)
[ "$waiting" -gt 0 ] || fail "the queue is empty"
good "$waiting transactions wait; the mirror has $(count away/mirror.db orders) orders, the master $(count master.db orders)"

step "The mirror returns; replay brings it up, in order, each transaction once"
mv away/* .
show "mv away/mirror.db . ; twinpool replay"
twinpool replay --timeout 20 || fail "the replay did not come to its end"
[ "$(count master.db invocation_queue)" = 0 ] || fail "the queue is not empty"
good "the queue is empty and the pair in step again"
load part4.sql directly
good "and what follows goes to both at once"

step "twinpool verify compares both databases row by row"
show "twinpool verify"
twinpool verify || fail "verify found a difference"
good "equal"

step "An independent check with the sqlite3 tool: master, mirror, and the same script without twinpool"
{ echo "PRAGMA foreign_keys = ON;"; cat "$examples/schema.sql" "$examples/orders.sql"; } | sqlite3 -bail reference.db
for file in master mirror reference; do
    [ "$(sqlite3 -readonly $file.db 'PRAGMA integrity_check; PRAGMA foreign_key_check')" = ok ] || fail "$file.db is damaged"
    # Table by table in key order, NULLs, blobs and numbers as they are stored.
    rows=0
    for table in "${tables[@]}"; do
        echo "-- $table"
        sqlite3 -readonly -cmd '.mode quote' $file.db "SELECT * FROM $table ORDER BY 1, 2"
        rows=$((rows + $(count $file.db "$table")))
    done >$file.dump
    printf '  %-9s  sha256 %s…  %d rows\n' $file "$(sha256sum <$file.dump | cut -c1-24)" $rows
done
cmp master.dump mirror.dump || fail "master and mirror differ"
cmp master.dump reference.dump || fail "master and reference differ"
good "all three hold the same rows"

printf '\n%sThe mirror was away for half of the work, and nothing is lost.%s (%d s)\n' "$bold" "$off" $((SECONDS - start))
