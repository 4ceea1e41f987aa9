"""A million rows of eight columns out of one SQLite file, with twinpool and with pyodbc in turns: fetch.py FOLDER."""

import shutil
import sqlite3
import statistics
import sys
import time

import pyodbc

import twinpool

ROWS, ROUNDS = 1_000_000, 5
QUERY = "SELECT id, n, w, x, name, note, day, at FROM big"


def make(path):
    db = sqlite3.connect(path)
    db.execute(
        "CREATE TABLE big(id INTEGER PRIMARY KEY, n BIGINT, w DOUBLE, x DOUBLE, name VARCHAR(40), note VARCHAR(40), "
        "day DATE, at TIMESTAMP)"
    )
    rows = (
        (i, i * 7919, i / 7, -i * 0.25, f"name {i}", None if i % 10 == 0 else f"Säge {i % 1000}",
         f"20{i % 25:02}-{i % 12 + 1:02}-{i % 28 + 1:02}", f"20{i % 25:02}-{i % 12 + 1:02}-{i % 28 + 1:02} 12:34:56")
        for i in range(ROWS)
    )
    db.executemany("INSERT INTO big VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    db.commit()
    db.close()


def twin(conn):
    """How a program reads a large result: a group at a time, all values touched by none but the reader."""
    return sum(len(group) for group in conn.execute(QUERY).blocks())


def other(conn):
    """The same, in groups of the size of our blocks."""
    rows = conn.execute(QUERY)
    return sum(len(group) for group in iter(lambda: rows.fetchmany(1024), []))


def timed(body, conn):
    start = time.perf_counter()
    assert body(conn) == ROWS
    return time.perf_counter() - start


def main(folder):
    driver = "Driver=SQLite3;Database="
    a, b = f"{folder}/fetch-a.db", f"{folder}/fetch-b.db"
    make(a)
    shutil.copy(a, b)
    theirs = pyodbc.connect(f"{driver}{a}", autocommit=True)
    with twinpool.Pool({"master": f"{driver}{a}", "mirror": f"{driver}{b}"}) as pool, pool.acquire() as ours:
        first = ours.execute(f"{QUERY} LIMIT 1000").fetchall()
        same = [tuple(row) for row in theirs.execute(f"{QUERY} LIMIT 1000").fetchall()]
        assert first == same, (first[:2], same[:2])
        times = [(timed(twin, ours), timed(other, theirs)) for _ in range(ROUNDS)]
    theirs.close()
    ours_s, theirs_s = (statistics.median(column) for column in zip(*times))
    # Of each round, for what else the machine does changes from round to round.
    ratio = statistics.median(theirs / ours for ours, theirs in times)
    print(f"figure hosts_python_fetch_rows_per_s {ROWS / ours_s:.0f}")
    print(f"figure hosts_pyodbc_fetch_rows_per_s {ROWS / theirs_s:.0f}")
    print(f"ratio hosts_python_fetch {ratio:.2f} goal >= 1")


main(*sys.argv[1:])
