"""A first program: python3 first.py a.db b.db"""

import sys
from decimal import Decimal

import twinpool

master, mirror = (f"Driver=SQLite3;Database={file}" for file in sys.argv[1:])

with twinpool.Pool({"master": master, "mirror": mirror}) as pool:
    with pool.acquire() as conn:
        conn.execute(
            "CREATE TABLE IF NOT EXISTS item(id INTEGER PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(10,2))"
        )
        conn.execute("DELETE FROM item")
        with conn.prepare("INSERT INTO item(id, name, price) VALUES (?, ?, ?)") as insert:
            conn.begin()
            insert.execute((1, "bolt", Decimal("0.35")))
            insert.execute((2, "nut", None))
            queued = conn.commit() == twinpool.QUEUED
        print("committed; the mirror gets its share later" if queued else "committed on both databases")
        for id, name, price in conn.execute("SELECT id, name, price FROM item ORDER BY id"):
            print(f"{id}  {name:6} {'no price' if price is None else price}")
    status = pool.status()
    print(
        f"mirror {'in sync' if status.mirror_state == 'in_sync' else 'behind'}, {status.queue_entries} entries in "
        f"the queue, {status.direct} transactions direct, {status.queued} queued"
    )
