"""Values on their way in and out. Blocks are decoded a column at a time, never a cell at a time through ctypes."""

from __future__ import annotations

import datetime as dt
import uuid
from ctypes import POINTER, byref, c_char, c_void_p, cast, pointer, sizeof, string_at
from decimal import Decimal
from struct import Struct
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, NamedTuple, Sequence, Tuple

from . import _abi
from ._abi import TwinBlock, TwinColumn, TwinDate, TwinTime, TwinTimestamp

if TYPE_CHECKING:
    from ._lib import Library

_DATE = Struct("<iBBxx")
_TIME = Struct("<HBBBxxxI")
_TIMESTAMP = Struct("<iBBBBBxxxI")
_SOME_TIMESTAMP = _TIMESTAMP.pack(1, 1, 1, 0, 0, 0, 0)


class Date(NamedTuple):
    """A date that `datetime.date` cannot hold: year 0 or below, or MariaDB's 0000-00-00."""

    year: int
    month: int
    day: int


class Time(NamedTuple):
    """A time that neither `datetime.time` nor `timedelta` can hold: with single nanoseconds."""

    hour: int
    minute: int
    second: int
    negative: bool
    nanosecond: int


class Timestamp(NamedTuple):
    """Date and time that `datetime.datetime` cannot hold."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    nanosecond: int


# Out.


def _date(year: int, month: int, day: int) -> dt.date | Date:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return Date(year, month, day)


def _time(hour: int, minute: int, second: int, negative: int, nanosecond: int) -> dt.time | dt.timedelta | Time:
    if nanosecond % 1000:
        return Time(hour, minute, second, bool(negative), nanosecond)
    if hour < 24 and not negative:
        return dt.time(hour, minute, second, nanosecond // 1000)
    span = dt.timedelta(hours=hour, minutes=minute, seconds=second, microseconds=nanosecond // 1000)
    return -span if negative else span


def _timestamp(y: int, mo: int, d: int, h: int, mi: int, s: int, nanosecond: int) -> dt.datetime | Timestamp:
    if not nanosecond % 1000:
        try:
            return dt.datetime(y, mo, d, h, mi, s, nanosecond // 1000)
        except ValueError:
            pass
    return Timestamp(y, mo, d, h, mi, s, nanosecond)


def _ints(data: int, rows: int, nulls: bytes) -> list[Any]:
    return memoryview(string_at(data, 8 * rows)).cast("q").tolist()


def _doubles(data: int, rows: int, nulls: bytes) -> list[Any]:
    return memoryview(string_at(data, 8 * rows)).cast("d").tolist()


def _bools(data: int, rows: int, nulls: bytes) -> list[Any]:
    return [b != 0 for b in string_at(data, rows)]


class _Days(Dict[int, Any]):
    """Days by the bytes of their cells: a day stands in many rows, of many blocks, and is made once."""

    def __missing__(self, cell: int) -> dt.date | Date:
        if len(self) >= 65536:
            self.clear()
        day = self[cell] = _date(*_DATE.unpack(cell.to_bytes(8, "little", signed=True)))
        return day


_days = _Days()


def _dates(data: int, rows: int, nulls: bytes) -> list[Any]:
    return list(map(_days.__getitem__, memoryview(string_at(data, 8 * rows)).cast("q")))


def _times(data: int, rows: int, nulls: bytes) -> list[Any]:
    return [_time(*cell) for cell in _TIME.iter_unpack(string_at(data, 12 * rows))]


def _timestamps(data: int, rows: int, nulls: bytes) -> list[Any]:
    cells = bytearray(string_at(data, 16 * rows))
    for null in _places(nulls):
        # What the cell of a NULL holds is no timestamp.
        cells[16 * null : 16 * null + 16] = _SOME_TIMESTAMP
    if not any(memoryview(cells).cast("I")[3::4].tolist()):
        years = memoryview(cells).cast("i")[::4].tolist()
        try:
            return list(map(dt.datetime, years, *(cells[field::16] for field in range(4, 9))))
        except ValueError:
            # A timestamp of its own kind is among them.
            pass
    return [_timestamp(*cell) for cell in _TIMESTAMP.iter_unpack(cells)]


def _uuids(data: int, rows: int, nulls: bytes) -> list[Any]:
    cells = string_at(data, 16 * rows)
    return [uuid.UUID(bytes=cells[i : i + 16]) for i in range(0, 16 * rows, 16)]


_FIXED: dict[int, Callable[[int, int, bytes], list[Any]]] = {
    _abi.TWIN_TYPE_BOOL: _bools,
    _abi.TWIN_TYPE_INT64: _ints,
    _abi.TWIN_TYPE_DOUBLE: _doubles,
    _abi.TWIN_TYPE_DATE: _dates,
    _abi.TWIN_TYPE_TIME: _times,
    _abi.TWIN_TYPE_TIMESTAMP: _timestamps,
    _abi.TWIN_TYPE_UUID: _uuids,
}


def _places(nulls: bytes) -> Iterator[int]:
    """The rows that are NULL."""
    null = nulls.find(1)
    while null >= 0:
        yield null
        null = nulls.find(1, null + 1)


def _variable(kind: int, column: Any, rows: int, nulls: bytes) -> list[Any]:
    ends = memoryview(string_at(column.offsets, 8 * (rows + 1))).cast("q").tolist()
    start = ends[0]
    raw = string_at(column.data + start, ends[-1] - start) if ends[-1] > start else b""
    if start:
        ends = [end - start for end in ends]
    del ends[0]
    at = 0
    if kind == _abi.TWIN_TYPE_BYTES:
        return [raw[at : (at := end)] for end in ends]
    text = raw.decode()
    if kind == _abi.TWIN_TYPE_DECIMAL:
        make = Decimal
        if 1 in nulls:
            digits = [text[at : (at := end)] for end in ends]
            return [None if null else make(number) for number, null in zip(digits, nulls)]
        return [make(text[at : (at := end)]) for end in ends]
    if len(text) == len(raw):
        return [text[at : (at := end)] for end in ends]
    return [raw[at : (at := end)].decode() for end in ends]


_COLUMNS = POINTER(POINTER(TwinColumn))


def decode(block: Any) -> list[tuple[Any, ...]]:
    """The rows of a block."""
    rows = block.row_count
    columns = cast(block.columns, _COLUMNS)
    decoded = []
    for index in range(block.column_count):
        column = columns[index].contents
        kind = column.kind
        nulls = string_at(column.nulls, rows) if column.nulls else b""
        fixed = _FIXED.get(kind)
        if fixed:
            values = fixed(column.data, rows, nulls)
        elif kind == _abi.TWIN_TYPE_NULL:
            values = [None] * rows
        else:
            values = _variable(kind, column, rows, nulls)
        for null in _places(nulls):
            values[null] = None
        decoded.append(values)
    return list(zip(*decoded))


# In.


def _as_text(value: str) -> bytes:
    # What is not UTF-8 is for the library to refuse, by its own name.
    return value.encode("utf-8", "surrogatepass")


def _as_date(value: dt.date | Date) -> TwinDate:
    return TwinDate(value.year, value.month, value.day)


def _as_time(value: dt.time | dt.timedelta | Time) -> TwinTime:
    reserved = TwinTime().reserved
    if isinstance(value, Time):
        return TwinTime(value.hour, value.minute, value.second, value.negative, reserved, value.nanosecond)
    if isinstance(value, dt.time):
        if value.tzinfo is not None:
            raise ValueError("a time with a zone cannot be bound: convert it to the session's zone first")
        return TwinTime(value.hour, value.minute, value.second, 0, reserved, value.microsecond * 1000)
    span = abs(value)
    minutes, second = divmod(span.seconds, 60)
    hour, minute = divmod(minutes, 60)
    hour += span.days * 24
    if hour > 65535:
        raise ValueError("an interval of that many hours cannot be bound")
    return TwinTime(hour, minute, second, value < dt.timedelta(0), reserved, span.microseconds * 1000)


def _as_timestamp(value: dt.datetime | Timestamp) -> TwinTimestamp:
    date = (value.year, value.month, value.day, value.hour, value.minute, value.second)
    if isinstance(value, Timestamp):
        return TwinTimestamp(*date, TwinTimestamp().reserved, value.nanosecond)
    if value.tzinfo is not None:
        raise ValueError("a datetime with a zone cannot be bound: convert it to the session's zone first")
    return TwinTimestamp(*date, TwinTimestamp().reserved, value.microsecond * 1000)


_KINDS: tuple[tuple[Any, int], ...] = (
    (type(None), _abi.TWIN_TYPE_NULL),
    # Before int, of which it is a class.
    (bool, _abi.TWIN_TYPE_BOOL),
    (int, _abi.TWIN_TYPE_INT64),
    (float, _abi.TWIN_TYPE_DOUBLE),
    (str, _abi.TWIN_TYPE_TEXT),
    ((bytes, bytearray, memoryview), _abi.TWIN_TYPE_BYTES),
    (Decimal, _abi.TWIN_TYPE_DECIMAL),
    ((dt.datetime, Timestamp), _abi.TWIN_TYPE_TIMESTAMP),
    ((dt.date, Date), _abi.TWIN_TYPE_DATE),
    ((dt.time, dt.timedelta, Time), _abi.TWIN_TYPE_TIME),
    (uuid.UUID, _abi.TWIN_TYPE_UUID),
)


def kind_of(value: Any) -> int:
    """The type under which a value is bound."""
    kind = next((kind for types, kind in _KINDS if isinstance(value, types)), None)
    if kind is None:
        raise TypeError(f"a value of type {type(value).__name__} cannot be bound")
    # An integer that does not fit 64 bits keeps all its digits as a decimal.
    if kind == _abi.TWIN_TYPE_INT64 and not -(2**63) <= value < 2**63:
        return _abi.TWIN_TYPE_DECIMAL
    return kind


def _digits(value: Decimal | int) -> bytes:
    return format(value, "f" if isinstance(value, Decimal) else "d").encode()


def bind(lib: Library | Any, stmt: c_void_p, index: int, value: Any, err: Any) -> int:
    """Binds one value; gives the status."""
    kind = kind_of(value)
    status: int
    if kind == _abi.TWIN_TYPE_NULL:
        status = lib.twin_stmt_bind_null(stmt, index, err)
    elif kind == _abi.TWIN_TYPE_INT64:
        status = lib.twin_stmt_bind_int64(stmt, index, value, err)
    elif kind == _abi.TWIN_TYPE_TEXT:
        data = _as_text(value)
        status = lib.twin_stmt_bind_text(stmt, index, data, len(data), err)
    elif kind == _abi.TWIN_TYPE_DOUBLE:
        status = lib.twin_stmt_bind_double(stmt, index, value, err)
    elif kind == _abi.TWIN_TYPE_DECIMAL:
        data = _digits(value)
        status = lib.twin_stmt_bind_decimal(stmt, index, data, len(data), err)
    elif kind == _abi.TWIN_TYPE_BOOL:
        status = lib.twin_stmt_bind_bool(stmt, index, value, err)
    elif kind == _abi.TWIN_TYPE_BYTES:
        data = bytes(value)
        status = lib.twin_stmt_bind_bytes(stmt, index, data, len(data), err)
    elif kind == _abi.TWIN_TYPE_TIMESTAMP:
        status = lib.twin_stmt_bind_timestamp(stmt, index, byref(_as_timestamp(value)), err)
    elif kind == _abi.TWIN_TYPE_DATE:
        status = lib.twin_stmt_bind_date(stmt, index, byref(_as_date(value)), err)
    elif kind == _abi.TWIN_TYPE_TIME:
        status = lib.twin_stmt_bind_time(stmt, index, byref(_as_time(value)), err)
    else:
        status = lib.twin_stmt_bind_uuid(stmt, index, value.bytes, err)
    return status


_ENCODE: dict[int, Tuple[int, Callable[[Any], bytes]]] = {
    _abi.TWIN_TYPE_NULL: (0, lambda v: b""),
    _abi.TWIN_TYPE_BOOL: (1, lambda v: bytes([v])),
    _abi.TWIN_TYPE_INT64: (8, Struct("<q").pack),
    _abi.TWIN_TYPE_DOUBLE: (8, Struct("<d").pack),
    _abi.TWIN_TYPE_DATE: (8, lambda v: bytes(_as_date(v))),
    _abi.TWIN_TYPE_TIME: (12, lambda v: bytes(_as_time(v))),
    _abi.TWIN_TYPE_TIMESTAMP: (16, lambda v: bytes(_as_timestamp(v))),
    _abi.TWIN_TYPE_UUID: (16, lambda v: v.bytes),
    _abi.TWIN_TYPE_TEXT: (0, _as_text),
    _abi.TWIN_TYPE_BYTES: (0, bytes),
    _abi.TWIN_TYPE_DECIMAL: (0, _digits),
}


def _kind_of_column(index: int, values: Sequence[Any]) -> int:
    kinds = {kind_of(v) for v in values} - {_abi.TWIN_TYPE_NULL}
    if not kinds:
        return _abi.TWIN_TYPE_NULL
    if len(kinds) == 1:
        return kinds.pop()
    if kinds <= {_abi.TWIN_TYPE_BOOL, _abi.TWIN_TYPE_INT64}:
        return _abi.TWIN_TYPE_INT64
    if kinds == {_abi.TWIN_TYPE_INT64, _abi.TWIN_TYPE_DECIMAL}:
        return _abi.TWIN_TYPE_DECIMAL
    names = sorted({type(v).__name__ for v in values if v is not None})
    raise TypeError(f"parameter {index} has values of several types: {', '.join(names)}")


class EncodedBlock:
    """Rows as a block of columns, together with the memory that the block points into."""

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        widths = {len(row) for row in rows}
        if len(widths) != 1:
            raise ValueError("a batch needs rows, all of the same length")
        self._kept: List[Any] = []
        columns = [self._column(i, values) for i, values in enumerate(zip(*rows), 1)]
        pointers = (POINTER(TwinColumn) * len(columns))(*[pointer(c) for c in columns])
        self._kept += [columns, pointers]
        self.block = TwinBlock(sizeof(TwinBlock), len(columns), len(rows), cast(pointers, c_void_p))

    def _address(self, data: bytes) -> int | None:
        buffer = (c_char * max(len(data), 1)).from_buffer_copy(data or b"\0")
        self._kept.append(buffer)
        return cast(buffer, c_void_p).value

    def _column(self, index: int, values: Sequence[Any]) -> TwinColumn:
        kind = _kind_of_column(index, values)
        width, encode = _ENCODE[kind]
        column = TwinColumn(sizeof(TwinColumn), kind)
        column.nulls = self._address(bytes(v is None for v in values))
        cells = [bytes(width) if v is None else encode(v) for v in values]
        column.data = self._address(b"".join(cells))
        if width == 0:
            ends = [0]
            for cell in cells:
                ends.append(ends[-1] + len(cell))
            column.offsets = self._address(Struct(f"<{len(ends)}q").pack(*ends))
        return column
