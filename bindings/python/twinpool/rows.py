"""What a statement gives."""

from __future__ import annotations

from ctypes import POINTER, byref, c_int32, c_int64, c_size_t, c_void_p, create_string_buffer, sizeof, string_at
from itertools import islice
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple

from . import _abi
from ._abi import TwinBlock, TwinColumnInfo
from ._errors import error_from
from ._values import decode

if TYPE_CHECKING:
    from ._lib import Library

_BLOCK = POINTER(TwinBlock)
_KINDS = {
    value: name[len("TWIN_TYPE_") :].lower()
    for name, value in vars(_abi).items()
    if name.startswith("TWIN_TYPE_")
}


class Column(NamedTuple):
    """What is known of a column before its rows. `kind` is e.g. `int64`."""

    name: str
    kind: str
    size: int
    digits: int
    nullable: bool
    sql_type: int


def column_from(info: TwinColumnInfo) -> Column:
    name = string_at(info.name, info.name_len).decode("utf-8", "replace")
    return Column(name, _KINDS.get(info.kind, "text"), info.size, info.digits, bool(info.nullable), info.sql_type)


class Rows:
    """The outcome of a statement, and its rows if it gives any: iterate, or `fetchone`, `fetchmany`, `fetchall`.

    `status` is `twinpool.OK` or `twinpool.QUEUED`; either way the work is done. `affected` is the number of rows
    written on the master, -1 where the driver does not say.
    """

    __slots__ = ("_lib", "_handle", "_parent", "_rest", "_columns", "status", "affected", "__weakref__")

    def __init__(self, lib: Library | Any, handle: c_void_p, parent: Any, status: int, affected: int) -> None:
        self._lib = lib
        self._handle = handle
        self._parent = parent
        self._rest: Iterator[tuple[Any, ...]] = iter(())
        self._columns: tuple[Column, ...] | None = None
        self.status = status
        self.affected = affected

    def blocks(self, max_rows: int = 0) -> Iterator[list[tuple[Any, ...]]]:
        """The rows that are left, many at a time, as the library delivers them."""
        while True:
            rows = self.next_block(max_rows)
            if not rows:
                return
            yield rows

    def next_block(self, max_rows: int = 0) -> list[tuple[Any, ...]]:
        """The next rows, at most `max_rows` (0: as many as suits); empty at the end."""
        rest = list(islice(self._rest, max_rows or None))
        if rest or not self._handle:
            return rest
        err, out = c_void_p(), _BLOCK()
        status = self._lib.twin_rows_next(self._handle, max_rows, byref(out), byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        return decode(out.contents) if status == _abi.TWIN_OK else []

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while True:
            yield from self._rest
            rows = self.next_block()
            if not rows:
                return
            self._rest = iter(rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        return next(iter(self), None)

    def fetchmany(self, count: int) -> list[tuple[Any, ...]]:
        """The next rows, at most `count`."""
        found: list[tuple[Any, ...]] = []
        for row in self if count > 0 else ():
            found.append(row)
            if len(found) == count:
                break
        return found

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        found = list(self._rest)
        for rows in self.blocks():
            found += rows
        return found

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the result; empty if the statement gives none."""
        if self._columns is None:
            self._columns = tuple(self._describe()) if self._handle else ()
        return self._columns

    def _describe(self) -> Iterator[Column]:
        err, count = c_void_p(), c_int32()
        status = self._lib.twin_rows_column_count(self._handle, byref(count), byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        for index in range(count.value):
            info = TwinColumnInfo(sizeof(TwinColumnInfo))
            status = self._lib.twin_rows_column(self._handle, index, byref(info), byref(err))
            if status < 0:
                raise error_from(self._lib, status, err)
            yield column_from(info)

    def more(self) -> bool:
        """Moves to the statement's next result; False if there is none."""
        err, affected = c_void_p(), c_int64()
        self._rest, self._columns = iter(()), None
        status: int = self._lib.twin_rows_more(self._handle, byref(err))
        if status == _abi.TWIN_OK:
            status = self._lib.twin_rows_affected(self._handle, byref(affected), byref(err))
            self.affected = affected.value
        if status < 0:
            raise error_from(self._lib, status, err)
        return status == _abi.TWIN_OK

    def read(self, row: int, column: int, offset: int, size: int) -> bytes:
        """A piece of a large value of the current block; empty at its end."""
        err, length, buffer = c_void_p(), c_size_t(), create_string_buffer(max(size, 1))
        status = self._lib.twin_rows_read(
            self._handle, row, column, offset, buffer, size, byref(length), byref(err)
        )
        if status < 0:
            raise error_from(self._lib, status, err)
        return buffer.raw[: length.value]

    def close(self) -> None:
        """Closes the result. More than once is fine."""
        handle, self._handle, self._parent = self._handle, c_void_p(), None
        if handle:
            self._lib.twin_rows_free(handle)

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
