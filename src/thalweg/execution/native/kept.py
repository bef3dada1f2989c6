"""What is kept of a compiled program on disk: its object code, and all of its description but the IR.

The arrays that a program has captured are not written: the key of the graph has fixed their bytes already, so they are
named by their digests and taken from the graph again.
"""

from __future__ import annotations

import copy
import hashlib
import io
import os
import pickle
from typing import Any

import numpy as np

from thalweg.execution.native import cache, llvm

Constants = dict[bytes, np.ndarray[Any, Any]]


def possible() -> bool:
    """Whether anything is kept on disk by this user."""
    return cache.current() is not None


def exists() -> bool:
    """Whether anything may have been kept."""
    kept = cache.current()
    return kept is not None and os.path.isdir(kept.path)


_CONSTANTS = 8 << 20  # bytes of constants up to which a program is kept


def store(key: bytes, program: Any, object_code: bytes, constants: Constants) -> None:
    """Keep a program under the key of its graph."""
    kept = cache.current()
    if kept is None:
        return
    stripped = copy.copy(program)
    stripped.ir = ""
    file = io.BytesIO()
    _Pickler(file, constants).dump((llvm.cpu(), stripped, object_code))
    if file.tell() - len(object_code) <= _CONSTANTS:  # tables worked out from others are sooner worked out again
        kept.put(key, file.getvalue())


def fetch(key: bytes, constants: Constants) -> tuple[Any, bytes] | None:
    """The program under ``key`` and its object code, if there is one for this very CPU and LLVM."""
    kept = cache.current()
    content = kept.get(key) if kept is not None else None
    if content is None:
        return None
    try:
        cpu, program, object_code = _Unpickler(io.BytesIO(content), constants).load()
    except Exception as error:  # written by another version of the library, in a form that it alone knows
        cache.note("an entry of the cache cannot be read: %s", error)
        return None
    return (program, object_code) if llvm.available() and cpu == llvm.cpu() else None


def compiled(text: str, level: int) -> bytes:
    """`llvm.compile_ir`, remembered on disk: for what every process needs."""
    kept = cache.current()
    if kept is None:
        return llvm.compile_ir(text, level)
    key = hashlib.sha256(f"{level} {llvm.cpu()}\n{text}".encode()).digest()
    found = kept.get(key)
    if found is None:
        found = llvm.compile_ir(text, level)
        kept.put(key, found)
    return found


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, constants: Constants) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._names = {id(value): name for name, value in constants.items() if isinstance(value, np.ndarray)}

    def persistent_id(self, obj: Any) -> bytes | None:
        return self._names.get(id(obj)) if type(obj) is np.ndarray else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, constants: Constants) -> None:
        super().__init__(file)
        self._constants = constants

    def persistent_load(self, pid: bytes) -> Any:
        return self._constants[pid]
