"""Finds and loads the shared library, checks that it speaks this binding's ABI, and sets every prototype."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import threading
from pathlib import Path
from typing import Any

from . import _abi
from ._errors import LibraryError

# For timeouts: what the option for this wait says, and as long as it takes.
WAIT_DEFAULT = _abi.TWIN_WAIT_DEFAULT
WAIT_FOREVER = _abi.TWIN_WAIT_FOREVER

_loaded: dict[str, Library] = {}
_loading = threading.Lock()


class Library:
    """The functions of one loaded library, under their names in C."""

    def __init__(self, dll: ctypes.CDLL, path: str) -> None:
        self.path = path
        # Before anything else: with another ABI a prototype may be wrong, or a function missing.
        try:
            dll.twin_abi_version.restype = ctypes.c_uint32
            number = dll.twin_abi_version()
        except AttributeError:
            raise LibraryError(f"{path} is not libtwinpool: it has no twin_abi_version") from None
        if number != _abi.TWIN_ABI_VERSION:
            raise LibraryError(
                f"{path} has ABI {number}, and this package of twinpool needs ABI {_abi.TWIN_ABI_VERSION}: "
                "install library and package of the same version"
            )
        for name, (result, arguments) in _abi.PROTOTYPES.items():
            try:
                function = getattr(dll, name)
            except AttributeError:
                raise LibraryError(f"{path} is older than this package of twinpool: it has no {name}") from None
            function.restype = result
            function.argtypes = arguments
            setattr(self, name, function)
        self.dll = dll

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def load(path: str | os.PathLike[str] | None = None) -> Library:
    """The library at `path`, or at TWINPOOL_LIBRARY, or in this package's folder, or of the system. Loaded once."""
    if path is None:
        path = os.environ.get("TWINPOOL_LIBRARY") or None
    if path is not None:
        return _open(os.fspath(path))
    inside = Path(__file__).with_name("libtwinpool.so")
    if inside.exists():
        return _open(str(inside))
    found = ctypes.util.find_library("twinpool")
    try:
        return _open(found or "libtwinpool.so.0")
    except LibraryError as error:
        if found:
            raise
        raise LibraryError(
            f"libtwinpool.so is not found: not in {inside.parent}, not with the system's loader; "
            "install it, or name it with TWINPOOL_LIBRARY or library="
        ) from error


def _open(path: str) -> Library:
    with _loading:
        library = _loaded.get(path)
        if library is None:
            try:
                dll = ctypes.CDLL(path)
            except OSError as error:
                raise LibraryError(f"libtwinpool cannot be loaded: {error}") from None
            library = _loaded[path] = Library(dll, path)
        return library
