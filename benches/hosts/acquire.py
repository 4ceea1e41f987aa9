"""Acquire and release from Python: acquire.py BARE-LIBRARY FOLDER. The native layer against two calls that do nothing."""

import ctypes
import statistics
import sys
import time
from ctypes import byref, c_void_p

import twinpool

ROUNDS, CALLS = 15, 20_000


def timed(body):
    start = time.perf_counter()
    body()
    return (time.perf_counter() - start) / CALLS * 1e9


def pairs_of(acquire, release, pool):
    """A loop over two functions; the by-reference objects are made once."""
    out, err = c_void_p(), c_void_p()
    to, to_err = byref(out), byref(err)

    def body():
        for _ in range(CALLS):
            acquire(pool, 0, -1, to, to_err)
            release(out, to_err)

    return body


def main(bare_path, folder):
    driver = "Driver=SQLite3;Database="
    pool = twinpool.Pool({"master": f"{driver}{folder}/py-a.db", "mirror": f"{driver}{folder}/py-b.db", "pool.max": 1})
    lib, bare = pool._lib, ctypes.CDLL(bare_path)
    for mine, theirs in (("bare_acquire", "twin_pool_acquire"), ("bare_release", "twin_conn_release")):
        getattr(bare, mine).argtypes = getattr(lib, theirs).argtypes
        getattr(bare, mine).restype = ctypes.c_int32
    native = pairs_of(lib.twin_pool_acquire, lib.twin_conn_release, pool._handle)
    nothing = pairs_of(bare.bare_acquire, bare.bare_release, pool._handle)

    def objects():
        for _ in range(CALLS):
            pool.acquire().release()

    native(), nothing(), objects()
    # Taken in turns, so that a busy moment of the machine falls on all.
    times = [(timed(native), timed(nothing), timed(objects)) for _ in range(ROUNDS)]
    native_ns, nothing_ns, objects_ns = (statistics.median(column) for column in zip(*times))
    ratio = statistics.median(a / b for a, b, _ in times)
    print(f"figure hosts_python_native_ns {native_ns:.0f}")
    print(f"figure hosts_python_bare_ns {nothing_ns:.0f}")
    print(f"figure hosts_python_objects_ns {objects_ns:.0f}")
    print(f"ratio hosts_python_acquire {ratio:.2f} goal <= 1.3")
    pool.close()


main(*sys.argv[1:])
