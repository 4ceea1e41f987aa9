"""A connection to the pair, and its statements."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from ctypes import byref, c_int32, c_int64, c_size_t, c_void_p, create_string_buffer, memmove, sizeof
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Iterator, NamedTuple, Sequence

from . import _abi
from ._abi import TwinColumnInfo, TwinReadCallback
from ._errors import Error, error_from
from ._lib import WAIT_DEFAULT, WAIT_FOREVER
from ._values import EncodedBlock, bind
from .rows import Column, Rows, column_from

if TYPE_CHECKING:
    from ._lib import Library

MIRROR_STATES = {
    _abi.TWIN_MIRROR_IN_SYNC: "in_sync",
    _abi.TWIN_MIRROR_QUEUEING: "queueing",
    _abi.TWIN_MIRROR_REPLAYING: "replaying",
    _abi.TWIN_MIRROR_DIVERGED: "diverged",
    _abi.TWIN_MIRROR_DETACHED: "detached",
}
_ISOLATIONS = {
    "read_committed": _abi.TWIN_ISOLATION_READ_COMMITTED,
    "repeatable_read": _abi.TWIN_ISOLATION_REPEATABLE_READ,
    "serializable": _abi.TWIN_ISOLATION_SERIALIZABLE,
}


def milliseconds(timeout: float | None) -> int:
    """Seconds as the library counts: None is the option's default, `math.inf` as long as it takes."""
    if timeout is None:
        return WAIT_DEFAULT
    if timeout == float("inf"):
        return WAIT_FOREVER
    if timeout < 0:
        raise ValueError("a timeout is not negative")
    return min(round(timeout * 1000), 2**31 - 1)


def read_text(lib: Library | Any, function: Callable[..., int], *arguments: Any) -> str:
    """What a function copies into a buffer, however long it is."""
    capacity = 256
    while True:
        buffer, length, err = create_string_buffer(capacity), c_size_t(), c_void_p()
        status = function(*arguments, buffer, capacity, byref(length), byref(err))
        if status != _abi.TWIN_ERR_BUFFER:
            break
        lib.twin_error_free(err)
        capacity = length.value + 1
    if status < 0:
        raise error_from(lib, status, err)
    return buffer.raw[: length.value].decode("utf-8", "replace")


class Batch(NamedTuple):
    """How a batch ended: a status and a number of rows written for each row, errors by row."""

    status: int
    statuses: tuple[int, ...]
    affected: tuple[int, ...]
    errors: dict[int, Error]


class Cancel:
    """Ends a running statement of its connection from another thread. It may outlive the connection."""

    __slots__ = ("_lib", "_handle")

    def __init__(self, lib: Library | Any, handle: c_void_p) -> None:
        self._lib, self._handle = lib, handle

    def request(self) -> None:
        """Asks for the running statement to be stopped; does nothing when none runs, and does not wait."""
        err = c_void_p()
        status = self._lib.twin_cancel_request(self._handle, byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)

    def __del__(self) -> None:
        self._lib.twin_cancel_free(self._handle)


class Statement:
    """A statement with `?` for its parameters. One thread at a time."""

    __slots__ = ("_lib", "_handle", "_parent", "_streams", "_stream_error", "__weakref__")

    def __init__(self, lib: Library | Any, handle: c_void_p, parent: Connection) -> None:
        self._lib, self._handle = lib, handle
        self._parent: Connection | None = parent
        # What the library calls at the next execute.
        self._streams: list[Any] = []
        self._stream_error: BaseException | None = None

    def bind(self, params: Sequence[Any]) -> None:
        """Binds values from the first parameter on. What is bound stays."""
        err = c_void_p()
        for index, value in enumerate(params, 1):
            status = bind(self._lib, self._handle, index, value, byref(err))
            if status < 0:
                raise error_from(self._lib, status, err)

    def put(self, index: int, piece: str | bytes) -> None:
        """Binds a large value piece by piece: the first piece begins it, each further one is put behind it."""
        kind = _abi.TWIN_TYPE_TEXT if isinstance(piece, str) else _abi.TWIN_TYPE_BYTES
        data = piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else bytes(piece)
        err = c_void_p()
        status = self._lib.twin_stmt_put(self._handle, index, kind, data, len(data), byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)

    def bind_stream(self, index: int, stream: BinaryIO, *, text: bool = False) -> None:
        """Binds what `stream.read(n)` gives, bytes or UTF-8, for the next execute; it is read while that runs."""

        def read(buffer: int, capacity: int, _: Any) -> int:
            # An exception must not pass into the library: a negative number gives up.
            try:
                data = stream.read(capacity)
                memmove(buffer, data, len(data))
                return len(data)
            except BaseException as error:
                self._stream_error = error
                return -1

        callback, err = TwinReadCallback(read), c_void_p()
        kind = _abi.TWIN_TYPE_TEXT if text else _abi.TWIN_TYPE_BYTES
        status = self._lib.twin_stmt_bind_stream(self._handle, index, kind, callback, None, byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        self._streams.append(callback)

    def execute(self, params: Sequence[Any] = ()) -> Rows:
        """Binds the values and runs the statement."""
        self.bind(params)
        err, rows, affected = c_void_p(), c_void_p(), c_int64()
        status = self._lib.twin_stmt_execute(self._handle, byref(affected), byref(rows), byref(err))
        if self._streams:
            self._streams.clear()
        if status < 0:
            cause, self._stream_error = self._stream_error, None
            raise error_from(self._lib, status, err) from cause
        return Rows(self._lib, rows, self._parent, status, affected.value)

    def execute_batch(self, rows: Sequence[Sequence[Any]]) -> Batch:
        """Runs the statement once for each row, in one transaction unless one is open. A row that fails does not
        stop the others: look at `errors`."""
        encoded = EncodedBlock(rows)
        err, failed, count = c_void_p(), c_size_t(), len(rows)
        status = self._lib.twin_stmt_bind_columns(self._handle, byref(encoded.block), byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        statuses, affected = (c_int32 * count)(), (c_int64 * count)()
        status = self._lib.twin_stmt_execute_batch(
            self._handle, statuses, affected, count, byref(failed), byref(err)
        )
        if status < 0:
            raise error_from(self._lib, status, err)
        errors = {}
        for row in range(count) if failed.value else ():
            if statuses[row] < 0:
                why = c_void_p()
                self._lib.twin_stmt_batch_error(self._handle, row, byref(why), None)
                errors[row] = error_from(self._lib, statuses[row], why)
        return Batch(status, tuple(statuses), tuple(affected), errors)

    def clear(self) -> None:
        """Forgets all that is bound."""
        err = c_void_p()
        status = self._lib.twin_stmt_clear(self._handle, byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)

    def describe(self) -> tuple[int, tuple[Column, ...]]:
        """The number of parameters, and the columns of the result, without running the statement."""
        err, parameters, columns = c_void_p(), c_int32(), c_int32()
        status = self._lib.twin_stmt_describe(self._handle, byref(parameters), byref(columns), byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        found = []
        for index in range(columns.value):
            info = TwinColumnInfo(sizeof(TwinColumnInfo))
            status = self._lib.twin_stmt_column(self._handle, index, byref(info), byref(err))
            if status < 0:
                raise error_from(self._lib, status, err)
            found.append(column_from(info))
        return parameters.value, tuple(found)

    def close(self) -> None:
        """Frees the statement. Its rows stay good. More than once is fine."""
        handle, self._handle, self._parent = self._handle, c_void_p(), None
        if handle:
            self._lib.twin_stmt_free(handle)

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Statement:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Connection:
    """A connection to the pair. One thread at a time, any thread. `with` gives it back at the end."""

    __slots__ = ("_lib", "_handle", "_parent", "__weakref__")

    def __init__(self, lib: Library | Any, handle: c_void_p, parent: Any) -> None:
        self._lib, self._handle, self._parent = lib, handle, parent

    def execute(self, sql: str, params: Sequence[Any] = ()) -> Rows:
        """Runs one statement. Outside a transaction it is one of its own."""
        if params:
            with self.prepare(sql) as stmt:
                return stmt.execute(params)
        data = sql.encode("utf-8", "surrogatepass")
        err, rows, affected = c_void_p(), c_void_p(), c_int64()
        status = self._lib.twin_conn_execute(
            self._handle, data, len(data), byref(affected), byref(rows), byref(err)
        )
        if status < 0:
            raise error_from(self._lib, status, err)
        return Rows(self._lib, rows, self, status, affected.value)

    def prepare(self, sql: str) -> Statement:
        """Makes a statement with `?` for its parameters."""
        data = sql.encode("utf-8", "surrogatepass")
        err, out = c_void_p(), c_void_p()
        status = self._lib.twin_conn_prepare(self._handle, data, len(data), byref(out), byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        return Statement(self._lib, out, self)

    def execute_batch(self, sql: str, rows: Sequence[Sequence[Any]]) -> Batch:
        """Runs a statement once for each row."""
        with self.prepare(sql) as stmt:
            return stmt.execute_batch(rows)

    def _call(self, function: Callable[..., int], *arguments: Any) -> int:
        err = c_void_p()
        status = function(self._handle, *arguments, byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        return status

    def _ask(self, function: Callable[..., int], *arguments: Any) -> int:
        out = c_int32()
        self._call(function, *arguments, byref(out))
        return out.value

    def _name(self, function: Callable[..., int], name: str) -> None:
        data = name.encode("utf-8", "surrogatepass")
        self._call(function, data, len(data))

    def begin(self) -> None:
        """Opens a transaction."""
        self._call(self._lib.twin_conn_begin)

    def commit(self) -> int:
        """Commits: `twinpool.OK`, on both, or `twinpool.QUEUED`, on the master, and the mirror follows. Either way
        the work is done and must not be repeated."""
        return self._call(self._lib.twin_conn_commit)

    def rollback(self) -> None:
        """Rolls back."""
        self._call(self._lib.twin_conn_rollback)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commits at the end of the `with` block, rolls back if it is left by an exception."""
        self.begin()
        try:
            yield self
        except BaseException:
            if self.in_transaction:
                self.rollback()
            raise
        self.commit()

    def savepoint(self, name: str) -> None:
        """Sets a savepoint."""
        self._name(self._lib.twin_conn_savepoint, name)

    def rollback_to(self, name: str) -> None:
        """Rolls back to a savepoint, which stays."""
        self._name(self._lib.twin_conn_rollback_to, name)

    def release_savepoint(self, name: str) -> None:
        """Forgets a savepoint; the work since stays part of the transaction."""
        self._name(self._lib.twin_conn_release_savepoint, name)

    @property
    def in_transaction(self) -> bool:
        return bool(self._ask(self._lib.twin_conn_in_transaction))

    @property
    def autocommit(self) -> bool:
        """Whether each statement is a transaction of its own."""
        return bool(self._ask(self._lib.twin_conn_get_autocommit))

    @autocommit.setter
    def autocommit(self, on: bool) -> None:
        self._call(self._lib.twin_conn_set_autocommit, int(on))

    @property
    def isolation(self) -> str:
        """`read_committed`, `repeatable_read` or `serializable`."""
        level = self._ask(self._lib.twin_conn_get_isolation)
        return next(name for name, number in _ISOLATIONS.items() if number == level)

    @isolation.setter
    def isolation(self, level: str) -> None:
        self._call(self._lib.twin_conn_set_isolation, _ISOLATIONS.get(level, 0))

    @property
    def read_only(self) -> bool:
        """Whether statements that write are refused."""
        return bool(self._ask(self._lib.twin_conn_get_read_only))

    @read_only.setter
    def read_only(self, on: bool) -> None:
        self._call(self._lib.twin_conn_set_read_only, int(on))

    @property
    def schema(self) -> str:
        """The schema or database that unqualified names mean."""
        return read_text(self._lib, self._lib.twin_conn_get_schema, self._handle)

    @schema.setter
    def schema(self, name: str) -> None:
        self._name(self._lib.twin_conn_set_schema, name)

    def set_label(self, label: str) -> None:
        """Says who or what the connection is for: told when it is suspected to have leaked. Cleared at release."""
        self._name(self._lib.twin_conn_set_label, label)

    @property
    def network_timeout(self) -> float:
        """Limit of each call to a database in seconds; `math.inf` if there is none. Set to None: the option's."""
        limit = self._ask(self._lib.twin_conn_get_network_timeout)
        return float("inf") if limit == WAIT_FOREVER else limit / 1000

    @network_timeout.setter
    def network_timeout(self, timeout: float | None) -> None:
        self._call(self._lib.twin_conn_set_network_timeout, milliseconds(timeout))

    def is_valid(self, timeout: float | None = None) -> bool:
        """Asks the master whether it is there."""
        return bool(self._ask(self._lib.twin_conn_is_valid, milliseconds(timeout)))

    @property
    def is_direct(self) -> bool:
        """Whether a transaction begun now goes to both databases directly."""
        return bool(self._ask(self._lib.twin_conn_is_direct))

    @property
    def mirror_state(self) -> str:
        return MIRROR_STATES[self._ask(self._lib.twin_conn_mirror_state)]

    @property
    def last_outcome(self) -> int:
        """How the last transaction ended: `twinpool.OK`, `twinpool.QUEUED`, or the status of its error."""
        return self._ask(self._lib.twin_conn_last_outcome)

    def set_generated_keys(self, on: bool) -> None:
        """Keeps the keys that the database gives to inserted rows for `generated_key`, from the next INSERT on."""
        self._call(self._lib.twin_conn_set_generated_keys, int(on))

    @property
    def generated_key(self) -> int | None:
        """The key that the last INSERT got from the database; None if it got none."""
        out = c_int64()
        status = self._call(self._lib.twin_conn_generated_key, byref(out))
        return out.value if status == _abi.TWIN_OK else None

    def cancel_token(self) -> Cancel:
        """A token with which another thread can end a running statement."""
        out = c_void_p()
        self._call(self._lib.twin_conn_cancel_token, byref(out))
        return Cancel(self._lib, out)

    def release(self) -> None:
        """Gives the connection back: rolls back what is open, undoes the session's settings. Its statements and
        rows are of no use afterwards."""
        try:
            self._call(self._lib.twin_conn_release)
        except Error as error:
            if error.status in (_abi.TWIN_ERR_BUSY, _abi.TWIN_ERR_STATE):
                raise
            self._handle, self._parent = c_void_p(), None
            raise
        self._handle, self._parent = c_void_p(), None

    def abort(self) -> None:
        """Throws the connection away without waiting for the databases. Any thread, any time."""
        self._call(self._lib.twin_conn_abort)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self.release()

    def __del__(self) -> None:
        if self._handle:
            warnings.warn("a connection was not released", ResourceWarning, source=self)
            self._lib.twin_conn_free(self._handle)
