"""twinpool keeps two databases in step from inside the application.

Opens pools on a pair of databases through libtwinpool.so. What is committed on a connection lands in both; while
the mirror is away its share waits in the master and is replayed when the mirror returns.
"""

from . import _abi
from ._errors import (
    Cancelled,
    ConnectionLost,
    DatabaseError,
    Error,
    IntegrityError,
    InternalError,
    LibraryError,
    MirrorError,
    OutcomeUnknown,
    PoolError,
    Record,
    RetryError,
    Timeout,
    UsageError,
)
from ._lib import load
from ._values import Date, Time, Timestamp
from .connection import Batch, Cancel, Connection, Statement
from .log import log_to
from .pool import Event, Pool, PoolStatus
from .rows import Column, Rows

# Statuses of success. QUEUED: the master has committed, and the mirror follows; never repeat the work.
OK = _abi.TWIN_OK
QUEUED = _abi.TWIN_QUEUED


def version() -> str:
    """The version of the shared library."""
    text: bytes = load().twin_version()
    return text.decode()


def live_handles() -> int:
    """How many of the library's handles are live in this process. For leak tests."""
    count: int = load().twin_debug_live_handles()
    return count


__all__ = [
    "OK",
    "QUEUED",
    "Batch",
    "Cancel",
    "Cancelled",
    "Column",
    "Connection",
    "ConnectionLost",
    "DatabaseError",
    "Date",
    "Error",
    "Event",
    "IntegrityError",
    "InternalError",
    "LibraryError",
    "MirrorError",
    "OutcomeUnknown",
    "Pool",
    "PoolError",
    "PoolStatus",
    "Record",
    "RetryError",
    "Rows",
    "Statement",
    "Time",
    "Timeout",
    "Timestamp",
    "UsageError",
    "live_handles",
    "load",
    "log_to",
    "version",
]
