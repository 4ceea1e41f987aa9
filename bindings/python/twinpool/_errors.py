"""Exceptions: what the library's errors are in Python."""

from __future__ import annotations

from ctypes import c_void_p
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _abi

if TYPE_CHECKING:
    from ._lib import Library

_SIDES = {_abi.TWIN_SIDE_POOL: "pool", _abi.TWIN_SIDE_MASTER: "master", _abi.TWIN_SIDE_MIRROR: "mirror"}


class Record(NamedTuple):
    """What a driver had to say."""

    sqlstate: str
    native_code: int
    message: str
    side: str
    function: str


class Error(Exception):
    """A call that failed. `name` is the status, e.g. `TWIN_ERR_DATABASE`; docs/errors.md has cause and cure."""

    status: int = _abi.TWIN_ERR_INTERNAL
    name: str = "TWIN_ERR_INTERNAL"
    # The whole transaction may be repeated unchanged and may then succeed.
    retryable: bool = False
    # The connection was lost under a commit: look at the data before repeating anything.
    outcome_unknown: bool = False
    # "pool", "master" or "mirror".
    side: str = "pool"
    records: tuple[Record, ...] = ()

    @property
    def sqlstate(self) -> str:
        """That of the first record; empty where the library itself speaks."""
        return self.records[0].sqlstate if self.records else ""

    @property
    def native_code(self) -> int:
        return self.records[0].native_code if self.records else 0


class LibraryError(Error):
    """The shared library is missing, or is not the one that this package was made for."""


class UsageError(Error):
    """The caller's mistake: status -1xx."""


class PoolError(Error):
    """The pool says no: status -2xx."""


class Timeout(PoolError, TimeoutError):
    """A wait has reached its limit."""


class Cancelled(PoolError):
    """A cancel token was used."""


class DatabaseError(Error):
    """A database says no: status -3xx."""


class IntegrityError(DatabaseError):
    """A constraint: SQLSTATE class 23."""


class ConnectionLost(DatabaseError):
    """A database cannot be reached, or the connection was lost."""


class RetryError(DatabaseError):
    """Rolled back for reasons of concurrency: run the whole transaction again."""


class OutcomeUnknown(DatabaseError):
    """Whether the commit took place is not known: look at the data before repeating anything."""


class MirrorError(Error):
    """Mirror and queue: status -4xx."""


class InternalError(Error):
    """A bug of the library: status -9xx."""


_BY_STATUS: dict[int, type[Error]] = {
    _abi.TWIN_ERR_ACQUIRE_TIMEOUT: Timeout,
    _abi.TWIN_ERR_TIMEOUT: Timeout,
    _abi.TWIN_ERR_CANCELLED: Cancelled,
    _abi.TWIN_ERR_UNREACHABLE: ConnectionLost,
    _abi.TWIN_ERR_RETRY: RetryError,
    _abi.TWIN_ERR_OUTCOME_UNKNOWN: OutcomeUnknown,
}
_BY_FAMILY: dict[int, type[Error]] = {1: UsageError, 2: PoolError, 3: DatabaseError, 4: MirrorError}


def _is_constraint(record: Record) -> bool:
    # SQLite's driver has one SQLSTATE for all; 19 is SQLITE_CONSTRAINT.
    return record.sqlstate.startswith("23") or (
        record.sqlstate == "HY000" and record.native_code == 19 and record.message.startswith("[SQLite]")
    )


def _text(data: bytes | None) -> str:
    return data.decode("utf-8", "replace") if data else ""


def error_from(lib: Library | Any, status: int, handle: c_void_p) -> Error:
    """Makes an exception of a failed call and frees what the call left in `handle`."""
    name = _text(lib.twin_status_name(status)) or str(status)
    records = tuple(
        Record(
            _text(lib.twin_error_record_sqlstate(handle, i)),
            lib.twin_error_record_native(handle, i),
            _text(lib.twin_error_record_message(handle, i)),
            _SIDES.get(lib.twin_error_record_side(handle, i), "pool"),
            _text(lib.twin_error_record_function(handle, i)),
        )
        for i in range(lib.twin_error_record_count(handle))
    )
    kind = _BY_STATUS.get(status) or _BY_FAMILY.get(-status // 100, InternalError)
    if kind is DatabaseError and records and _is_constraint(records[0]):
        kind = IntegrityError
    error = kind(f"{name}: {_text(lib.twin_error_message(handle))}")
    error.status, error.name, error.records = status, name, records
    error.retryable = bool(lib.twin_error_retryable(handle))
    error.outcome_unknown = bool(lib.twin_error_outcome_unknown(handle))
    error.side = _SIDES.get(lib.twin_error_side(handle), "pool")
    lib.twin_error_free(handle)
    return error
