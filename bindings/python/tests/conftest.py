"""A pair of SQLite files for each test."""

import pytest

import twinpool


@pytest.fixture
def options(tmp_path):
    return {
        "master": f"Driver=SQLite3;Database={tmp_path}/a.db",
        "mirror": f"Driver=SQLite3;Database={tmp_path}/b.db",
        "pool.max": 2,
        "pool.min": 0,
    }


@pytest.fixture
def pool(options):
    with twinpool.Pool(options) as pool:
        yield pool


@pytest.fixture
def conn(pool):
    with pool.acquire() as conn:
        conn.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)")
        yield conn
