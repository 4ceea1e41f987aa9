"""The library's log, for the whole process."""

from __future__ import annotations

import logging
import os
from ctypes import byref, c_void_p, string_at
from typing import Any, Callable

from . import _abi
from ._abi import TwinLogCallback
from ._errors import error_from
from ._lib import load

LEVELS = {"off": 0, "error": 1, "warn": 2, "info": 3, "debug": 4, "trace": 5}
_TO_LOGGING = {
    _abi.TWIN_LOG_ERROR: logging.ERROR,
    _abi.TWIN_LOG_WARN: logging.WARNING,
    _abi.TWIN_LOG_INFO: logging.INFO,
    _abi.TWIN_LOG_DEBUG: logging.DEBUG,
    _abi.TWIN_LOG_TRACE: logging.DEBUG - 5,
}
_kept: dict[str, Any] = {}


def log_to(
    receiver: logging.Logger | Callable[[str, str, str], None] | None,
    level: str = "info",
    *,
    library: str | os.PathLike[str] | None = None,
) -> None:
    """Sends the library's records to a logger, or to `receiver(level, target, text)`; None ends it. It replaces the
    receiver before, and is called from any thread that is inside the library."""
    lib = load(library)
    names = {number: name for name, number in LEVELS.items()}

    def hear(number: int, target: Any, target_len: int, text: Any, text_len: int, _: Any) -> None:
        where = string_at(target, target_len).decode("utf-8", "replace")
        line = string_at(text, text_len).decode("utf-8", "replace")
        if isinstance(receiver, logging.Logger):
            receiver.log(_TO_LOGGING[number], "%s: %s", where, line)
        elif receiver:
            receiver(names[number], where, line)

    callback = TwinLogCallback(hear) if receiver else TwinLogCallback()
    err = c_void_p()
    status = lib.twin_log_listen(LEVELS[level], callback, None, byref(err))
    if status < 0:
        raise error_from(lib, status, err)
    # Only now: until the call returned, the one before may have been running.
    _kept[lib.path] = callback
