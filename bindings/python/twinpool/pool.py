"""A pair of databases and the connections to them."""

from __future__ import annotations

import os
import warnings
from ctypes import byref, c_void_p, sizeof, string_at
from typing import TYPE_CHECKING, Any, Callable, Mapping, NamedTuple

from . import _abi
from ._abi import TwinEventCallback, TwinMetrics, TwinPoolInfo, TwinReplayCallback, TwinVerifyCallback
from ._errors import error_from
from ._lib import load
from .connection import MIRROR_STATES, Connection, milliseconds, read_text
from .rows import Rows

if TYPE_CHECKING:
    from ._lib import Library

_EVENTS = {
    value: name[len("TWIN_EVENT_") :].lower()
    for name, value in vars(_abi).items()
    if name.startswith("TWIN_EVENT_")
}


class Event(NamedTuple):
    """News of a pair. `kind` is e.g. `mirror_lost`; `done` and `left` count entries of a replay."""

    kind: str
    done: int
    left: int
    text: str


class PoolStatus(NamedTuple):
    """What a pool knows of itself and of the pair; times in milliseconds."""

    mirror_state: str
    asynchronous: bool
    mirror_reachable: bool
    epoch: int
    term: int
    queue_entries: int
    queue_bytes: int
    queue_oldest_ms: int
    total: int
    idle: int
    active: int
    waiting: int
    direct: int
    queued: int
    replayed: int
    failed: int
    rerun: int


class Pool:
    """Opens a pool.

        with twinpool.Pool({"master": "Driver=SQLite3;Database=a.db", "mirror": "Driver=SQLite3;Database=b.db"}) as pool:
            with pool.acquire() as conn:
                conn.execute("INSERT INTO item(id, name) VALUES (?, ?)", (1, "bolt"))

    `options` is a mapping of option names to values, or one line (`pool.max=8;…`); docs/configuration.md lists them.
    `file` is a TOML file that is read first, `env=True` reads the environment after it; options win. `library`
    names the shared library. Timeouts are in seconds: None is what the option says, `math.inf` as long as it takes.
    Any thread may use a pool.
    """

    __slots__ = ("_lib", "_handle", "_callback", "__weakref__")

    def __init__(
        self,
        options: Mapping[str, Any] | str = {},
        *,
        file: str | os.PathLike[str] | None = None,
        env: bool = False,
        library: str | os.PathLike[str] | None = None,
    ) -> None:
        self._handle = c_void_p()
        self._callback: Any = None
        self._lib = lib = load(library)
        made = c_void_p()
        self._call(lib.twin_options_new, byref(made))
        try:
            if file is not None:
                path = os.fsencode(file)
                self._call(lib.twin_options_load, made, path, len(path))
            if env:
                self._call(lib.twin_options_load_env, made)
            if isinstance(options, str):
                line = options.encode("utf-8", "surrogatepass")
                self._call(lib.twin_options_parse, made, line, len(line))
            else:
                for key, value in options.items():
                    name, text = key.encode(), _option(value)
                    self._call(lib.twin_options_set, made, name, len(name), text, len(text))
            self._call(lib.twin_pool_open, made, byref(self._handle))
        finally:
            lib.twin_options_free(made)

    def _call(self, function: Callable[..., int], *arguments: Any) -> int:
        err = c_void_p()
        status = function(*arguments, byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        return status

    def acquire(self, timeout: float | None = None, *, read: bool = False) -> Connection:
        """Takes a connection, waiting at most `timeout` for one. `read`: for queries only."""
        err, out = c_void_p(), c_void_p()
        wait = -1 if timeout is None else milliseconds(timeout)
        status = self._lib.twin_pool_acquire(self._handle, 1 if read else 0, wait, byref(out), byref(err))
        if status < 0:
            raise error_from(self._lib, status, err)
        return Connection(self._lib, out, self)

    def close(self, timeout: float | None = None) -> None:
        """Refuses new connections, waits for those that are out, and closes all. More than once is fine."""
        self._call(self._lib.twin_pool_close, self._handle, milliseconds(timeout))

    def status(self) -> PoolStatus:
        """What the pool knows; never waits for a database."""
        info = TwinPoolInfo(sizeof(TwinPoolInfo))
        self._call(self._lib.twin_pool_status, self._handle, byref(info))
        values = {name: getattr(info, name) for name in PoolStatus._fields}
        values["mirror_state"] = MIRROR_STATES[info.mirror_state]
        values["asynchronous"] = bool(info.asynchronous)
        values["mirror_reachable"] = bool(info.mirror_reachable)
        return PoolStatus(**values)

    def reason(self) -> str:
        """Why the mirror is in its state; empty while it is in step."""
        return read_text(self._lib, self._lib.twin_pool_reason, self._handle)

    def last_error(self) -> str:
        """Why the last attempt to reach the mirror or to catch it up failed; empty if it did not."""
        return read_text(self._lib, self._lib.twin_pool_last_error, self._handle)

    def metrics(self) -> dict[str, float]:
        """The pool's figures by name; times in microseconds."""
        figures = TwinMetrics(sizeof(TwinMetrics))
        self._call(self._lib.twin_pool_metrics, self._handle, byref(figures))
        return {name: getattr(figures, name) for name, *_ in TwinMetrics._fields_ if name != "struct_size"}

    def metrics_text(self) -> str:
        """The same as text for Prometheus, histograms included."""
        return read_text(self._lib, self._lib.twin_pool_metrics_text, self._handle)

    def refresh(self) -> None:
        """Reads the pair's state from the master now."""
        self._call(self._lib.twin_pool_refresh, self._handle)

    def set(self, key: str, value: Any) -> None:
        """Changes a live option."""
        name, text = key.encode(), _option(value)
        self._call(self._lib.twin_pool_set, self._handle, name, len(name), text, len(text))

    def get(self, key: str) -> str:
        """The effective value of an option, secrets masked."""
        name = key.encode()
        return read_text(self._lib, self._lib.twin_pool_get, self._handle, name, len(name))

    def evict(self) -> None:
        """Closes the idle connections; those that are out are closed when they come back."""
        self._call(self._lib.twin_pool_evict, self._handle)

    def suspend(self, fail_fast: bool = False) -> None:
        """Holds the pool: who acquires waits for `resume`, or fails at once."""
        self._call(self._lib.twin_pool_suspend, self._handle, int(fail_fast))

    def resume(self) -> None:
        """Ends `suspend`."""
        self._call(self._lib.twin_pool_resume, self._handle)

    def detach(self) -> None:
        """Switches the mirror off on purpose; commits go on and are queued."""
        self._call(self._lib.twin_pool_detach, self._handle)

    def attach(self) -> None:
        """Switches the mirror on again; the queue is replayed in the background."""
        self._call(self._lib.twin_pool_attach, self._handle)

    def replay(self, timeout: float | None = None, progress: Callable[[int, int], None] | None = None) -> None:
        """Waits until the queue is replayed and the pair in step. `progress(done, left)` hears how far it is."""
        callback = TwinReplayCallback(lambda done, left, _: progress(done, left)) if progress else TwinReplayCallback()
        self._call(self._lib.twin_pool_replay, self._handle, milliseconds(timeout), callback, None)

    def verify(self, progress: Callable[[str, int], None] | None = None) -> Rows:
        """Compares all tables: (table_name, master_rows, mirror_rows, different, examples) for each."""
        callback = TwinVerifyCallback()
        if progress:
            callback = TwinVerifyCallback(lambda name, size, rows, _: progress(string_at(name, size).decode(), rows))
        return self._rows(self._lib.twin_pool_verify, callback, None)

    def queue_list(self, limit: int = 100) -> Rows:
        """The first entries of the queue: (id, pool, slot, seq, parts, created_at, statements, bytes, summary)."""
        return self._rows(self._lib.twin_pool_queue_list, limit)

    def queue_show(self, entry: int) -> Rows:
        """The statements of an entry, values included."""
        return self._rows(self._lib.twin_pool_queue_show, entry)

    def queue_skip(self, entry: int) -> None:
        """Moves an entry out of the queue, so that it is not replayed."""
        self._call(self._lib.twin_pool_queue_skip, self._handle, entry)

    def _rows(self, function: Callable[..., int], *arguments: Any) -> Rows:
        out = c_void_p()
        status = self._call(function, self._handle, *arguments, byref(out))
        return Rows(self._lib, out, self, status, -1)

    def listen(self, callback: Callable[[Event], None] | None) -> None:
        """Names the function that hears of events, from a thread of the library; None ends it. It must not use the
        pool but for `status`, `reason`, `last_error` and `get`."""
        # No cycle through self: a pool that is listened to shall still die when nobody holds it.
        heard = TwinEventCallback(lambda event, _: callback(_event(event.contents))) if callback else TwinEventCallback()
        self._call(self._lib.twin_pool_listen, self._handle, heard, None)
        # Only now: until the call returned, the one before may have been running.
        self._callback = heard

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        handle = getattr(self, "_handle", None)
        if handle:
            self._lib.twin_pool_free(handle)


def _option(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"on" if value else b"off"
    return str(value).encode("utf-8", "surrogatepass")


def _event(event: _abi.TwinEvent) -> Event:
    text = string_at(event.text, event.text_len).decode("utf-8", "replace")
    return Event(_EVENTS.get(event.kind, str(event.kind)), event.done, event.left, text)
