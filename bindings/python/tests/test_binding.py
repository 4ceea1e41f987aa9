"""What is Python's own: what all hosts do alike is in tests/scenarios."""

import datetime as dt
import gc
import io
import math
import threading
import time
import uuid
import warnings
from decimal import Decimal

import pytest

import twinpool
from twinpool import _values



@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**63),
        2**63 - 1,
        0.1,
        -math.inf,
        Decimal("-12.50"),
        2**80,
        "",
        "Säge 😀\0x",
        b"",
        b"\0\xff",
        dt.date(1, 1, 1),
        twinpool.Date(0, 0, 0),
        twinpool.Date(-44, 3, 15),
        dt.time(23, 59, 58, 123456),
        dt.timedelta(hours=-838, minutes=-59),
        twinpool.Time(1, 2, 3, True, 7),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
        twinpool.Timestamp(2024, 2, 29, 1, 2, 3, 999999999),
        uuid.UUID("01234567-89ab-cdef-0123-456789abcdef"),
    ],
)
def test_a_value_that_goes_into_a_block_comes_out_of_it_unchanged(value):
    for others in ([], [None], [value]):
        cells = [[value], *[[other] for other in others], [value]]
        found = _values.decode(_values.EncodedBlock(cells).block)
        expected = [tuple(Decimal(v) if v == 2**80 else v for v in row) for row in cells]
        assert found == expected
        assert [type(a[0]) for a in found] == [type(a[0]) for a in expected]


def test_a_batch_of_columns_of_mixed_types_is_refused_unless_nothing_is_lost():
    assert _values.decode(_values.EncodedBlock([[1], [Decimal("0.5")]]).block) == [(1,), (Decimal("0.5"),)]
    with pytest.raises(TypeError, match="parameter 2 .* int, str"):
        _values.EncodedBlock([[1, 1], [2, "x"]])
    with pytest.raises(ValueError, match="same length"):
        _values.EncodedBlock([[1], [1, 2]])
    with pytest.raises(TypeError, match="object cannot be bound"):
        _values.EncodedBlock([[object()]])


def test_a_time_with_a_zone_is_refused_because_the_zone_would_be_lost(conn):
    zoned = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    with pytest.raises(ValueError, match="zone"):
        conn.execute("SELECT ?", (zoned,))


def test_rows_come_one_by_one_in_groups_and_all_at_once(conn):
    conn.execute_batch("INSERT INTO t(id, name) VALUES (?, ?)", [(i, f"n{i}") for i in range(2500)])
    query = "SELECT id, name FROM t ORDER BY id"
    expected = [(i, f"n{i}") for i in range(2500)]
    assert list(conn.execute(query)) == expected
    assert conn.execute(query).fetchall() == expected
    rows = conn.execute(query)
    assert [column.name for column in rows.columns] == ["id", "name"]
    assert rows.fetchone() == expected[0]
    assert rows.fetchmany(1500) == expected[1:1501]
    assert rows.fetchmany(0) == []
    assert rows.fetchall() == expected[1501:]
    assert rows.fetchone() is None
    assert [len(block) for block in conn.execute(query).blocks(1000)] == [1000, 1000, 500]


def test_errors_are_of_a_class_and_carry_what_the_driver_said(conn):
    conn.execute("INSERT INTO t(id) VALUES (1)")
    with pytest.raises(twinpool.IntegrityError) as caught:
        conn.execute("INSERT INTO t(id) VALUES (1)")
    error = caught.value
    assert (error.name, error.sqlstate, error.native_code, error.side) == ("TWIN_ERR_DATABASE", "HY000", 19, "master")
    assert not error.retryable and not error.outcome_unknown
    assert "UNIQUE" in error.records[0].message and error.records[0].function == "SQLExecute"
    with pytest.raises(twinpool.UsageError, match="TWIN_ERR_UTF8"):
        conn.execute("SELECT '\udcff'")


def test_a_timeout_is_a_timeout_error_of_python_too(pool):
    with pool.acquire(), pool.acquire(), pytest.raises(TimeoutError, match="active 2"):
        pool.acquire(0)


def test_a_transaction_is_committed_or_rolled_back_by_its_block(conn):
    with conn.transaction():
        conn.execute("INSERT INTO t(id) VALUES (1)")
    with pytest.raises(KeyError), conn.transaction():
        conn.execute("INSERT INTO t(id) VALUES (2)")
        raise KeyError
    assert conn.execute("SELECT id FROM t").fetchall() == [(1,)]


def test_the_settings_of_a_connection_are_properties(conn):
    conn.isolation = "serializable"
    conn.network_timeout = 2.5
    assert (conn.isolation, conn.network_timeout) == ("serializable", 2.5)
    conn.network_timeout = math.inf
    assert conn.network_timeout == math.inf
    conn.autocommit = False
    assert conn.autocommit is False and conn.in_transaction is False
    conn.autocommit = True
    conn.read_only = True
    assert conn.read_only is True
    conn.read_only = False
    with pytest.raises(twinpool.UsageError):
        conn.isolation = "chaos"


def test_a_large_value_goes_in_and_comes_out_in_pieces(conn):
    with conn.prepare("INSERT INTO t(id, name) VALUES (1, ?)") as stmt:
        for _ in range(1000):
            stmt.put(1, "Säge ")
        stmt.execute()
    rows = conn.execute("SELECT name FROM t")
    rows.next_block()
    read, pieces = 0, []
    while piece := rows.read(0, 0, read, 999):
        read += len(piece)
        pieces.append(piece)
    assert b"".join(pieces).decode() == "Säge " * 1000


def test_a_stream_that_fails_is_the_cause_of_the_error(conn):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise KeyError("broken")

    with conn.prepare("INSERT INTO t(id, name) VALUES (1, ?)") as stmt:
        stmt.bind_stream(1, Broken(), text=True)
        with pytest.raises(twinpool.Cancelled) as caught:
            stmt.execute()
    assert isinstance(caught.value.__cause__, KeyError)
    assert conn.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_others_run_while_a_call_waits(pool):
    """The call gives up the interpreter's lock: a count goes on while an acquire waits for its timeout."""
    counted, stop = 0, threading.Event()

    def wait():
        with pytest.raises(TimeoutError):
            pool.acquire(0.3)
        stop.set()

    with pool.acquire(), pool.acquire():
        waiter = threading.Thread(target=wait)
        waiter.start()
        while not stop.is_set():
            counted += 1
            time.sleep(0.001)
        waiter.join()
    assert counted > 5


def test_objects_that_nobody_holds_are_freed_in_whatever_order(options):
    # What the tests before have left in tracebacks.
    gc.collect()
    before = twinpool.live_handles()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        pool = twinpool.Pool(options)
        conn = pool.acquire()
        rows = conn.execute("SELECT 1 UNION SELECT 2")
        stmt = conn.prepare("SELECT ?")
        # A cycle: only the collector ends it, in an order of its own.
        cycle = [pool, conn, rows, stmt]
        cycle.append(cycle)
        del pool, conn, stmt, cycle
        gc.collect()
        assert rows.fetchall() == [(1,), (2,)]
        del rows
        gc.collect()
    assert twinpool.live_handles() <= before


def test_a_connection_that_was_never_released_is_warned_about(pool):
    conn = pool.acquire()
    with pytest.warns(ResourceWarning, match="not released"):
        del conn
        gc.collect()


def test_events_and_log_records_reach_python_and_end_when_told(options):
    events, records = [], []
    twinpool.log_to(lambda level, target, text: records.append((level, target, text)), "trace")
    try:
        with twinpool.Pool(options) as pool:
            pool.listen(events.append)
            with pool.acquire() as conn:
                conn.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)")
                pool.detach()
                conn.execute("INSERT INTO t(id) VALUES (1)")
                pool.attach()
                heard = []
                pool.replay(20, lambda done, left: heard.append((done, left)))
            pool.listen(None)
    finally:
        twinpool.log_to(None)
    assert any(event.kind in ("mirror_back", "replay") for event in events), events
    assert records and all(level in ("error", "warn", "info", "debug", "trace") for level, _, _ in records)


def test_a_leak_is_told_with_the_label_of_the_connection_and_its_last_statement_but_no_values(options):
    events = []
    with twinpool.Pool({**options, "pool.leak_threshold_ms": 50}) as pool:
        pool.listen(events.append)
        with pool.acquire() as conn:
            conn.set_label("nightly")
            conn.execute("SELECT 4711")
            for _ in range(1000):
                if any(event.kind == "leak_suspected" for event in events):
                    break
                time.sleep(0.01)
        pool.listen(None)
    told = next(event.text for event in events if event.kind == "leak_suspected")
    assert told.endswith(" for nightly has not been released; last statement: SELECT ?")


def test_options_come_as_a_mapping_a_line_or_a_file(options, tmp_path):
    line = ";".join(f"{key}={{{value}}}" for key, value in options.items())
    with twinpool.Pool(line) as pool:
        assert pool.get("pool.max") == "2"
    file = tmp_path / "pair.toml"
    file.write_text(f'[master]\nconnection = "{options["master"]}"\n[mirror]\nconnection = "{options["mirror"]}"\n')
    with twinpool.Pool({"pool.max": 3}, file=file) as pool:
        assert pool.get("pool.max") == "3"
    with pytest.raises(twinpool.UsageError, match="pool.max"):
        twinpool.Pool({**options, "pool.maxx": 1})


def test_the_library_is_looked_for_where_the_caller_says(tmp_path):
    missing = tmp_path / "libtwinpool.so"
    with pytest.raises(twinpool.LibraryError, match=str(missing)):
        twinpool.Pool({}, library=missing)
    missing.write_bytes(b"no library")
    with pytest.raises(twinpool.LibraryError, match="libtwinpool"):
        twinpool.load(missing)


def test_a_verification_is_rows_and_tells_its_progress(conn, pool):
    conn.execute("INSERT INTO t(id) VALUES (1)")
    heard = []
    found = pool.verify(lambda table, rows: heard.append((table, rows))).fetchall()
    assert [row[:4] for row in found] == [("t", 1, 1, 0)]
    assert pool.status().direct >= 1
    assert pool.metrics()["max"] == 2
