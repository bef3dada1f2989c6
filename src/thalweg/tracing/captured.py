"""What a function takes from around it: closure cells, globals, defaults, the attributes of ``self``.

A trace turns these into constants. To keep the promise that no answer is silently wrong, they are fingerprinted when
the function is traced and looked at again before a trace is used: scalars and strings by value, small arrays by their
bytes, larger ones by a checksum (one pass at the speed of memory), containers and plain objects by what they hold,
functions by their own surroundings, all to a fixed depth.
"""

from __future__ import annotations

import types
from functools import lru_cache
from typing import Any

import numpy as np

from thalweg.tracing.context import is_library
from thalweg.tracing.reach import call_of, global_names

_DEPTH = 4
_ITEMS = 256
_BY_BYTES = 1024  # elements up to which an array is compared byte by byte
_BLOCK = 1 << 13  # elements of the checksum's random vector: it stays in the cache, and BLAS in one thread
_FIXED = (
    int,
    float,
    bool,
    str,
    bytes,
    complex,
    type(None),
    type,
    types.ModuleType,
    types.BuiltinFunctionType,
    np.ufunc,
)


class Captured:
    """The surroundings of a function at one moment."""

    __slots__ = ("_cells", "_globals", "_mutable")

    def __init__(self, f: Any) -> None:
        self._cells: list[tuple[Any, Any]] = []  # closure cell, content
        self._globals: list[tuple[dict[str, Any], str, Any]] = []  # namespace, name, content
        self._mutable: list[tuple[Any, Any, Any]] = []  # object, what it held, how to see what it holds
        self._visit(f, _DEPTH, set())

    def unchanged(self) -> bool:
        """Whether all is as it was."""
        for cell, content in self._cells:
            try:
                if cell.cell_contents is not content:
                    return False
            except ValueError:
                return False
        for namespace, name, content in self._globals:
            if namespace.get(name, _MISSING) is not content:
                return False
        for thing, before, look in self._mutable:
            if not _equal(look(thing), before):
                return False
        return True

    def _visit(self, thing: Any, depth: int, seen: set[int]) -> None:
        if isinstance(thing, _FIXED) or isinstance(thing, np.generic) or depth < 0 or id(thing) in seen:
            return
        if len(seen) >= _ITEMS:
            return
        seen.add(id(thing))
        if isinstance(thing, types.FunctionType):
            self._visit_function(thing, depth, seen)
        elif isinstance(thing, types.MethodType):
            self._visit(thing.__func__, depth, seen)
            self._visit(thing.__self__, depth - 1, seen)
        elif isinstance(thing, np.ndarray):
            self._mutable.append((thing, _elements(thing), _elements))
        elif isinstance(thing, np.random.Generator):
            self._mutable.append((thing, _state(thing), _state))
        elif isinstance(thing, dict):
            self._remember(thing, _dict_items, depth, seen)
        elif isinstance(thing, list | tuple):
            self._remember(thing, _sequence_items, depth, seen)
        elif hasattr(thing, "__wrapped__") and callable(thing):
            self._visit(thing.__wrapped__, depth, seen)
        elif isinstance(getattr(thing, "__dict__", None), dict):
            call = call_of(thing)
            if isinstance(call, types.FunctionType):
                self._visit(call, depth - 1, seen)
            self._visit(thing.__dict__, depth - 1, seen)

    def _visit_function(self, f: types.FunctionType, depth: int, seen: set[int]) -> None:
        for cell in f.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                continue
            self._cells.append((cell, content))
            self._visit(content, depth - 1, seen)
        self._visit(f.__defaults__, depth - 1, seen)
        self._visit(f.__kwdefaults__, depth - 1, seen)
        if is_library(f.__globals__.get("__name__", "")):
            return  # our own functions and NumPy's may close over the user's; what else they name does not change
        for name in global_names(f.__code__):
            if name in f.__globals__:
                content = f.__globals__[name]
                self._globals.append((f.__globals__, name, content))
                self._visit(content, depth - 1, seen)

    def _remember(self, thing: Any, look: Any, depth: int, seen: set[int]) -> None:
        items = look(thing)
        if len(items) > _ITEMS:
            return
        self._mutable.append((thing, items, look))
        for value in items:
            self._visit(value, depth - 1, seen)


_MISSING = object()


class _Same(tuple):
    """Items of a container, compared by identity."""

    __slots__ = ()


def _dict_items(d: dict[Any, Any]) -> tuple[Any, ...]:
    return _Same(d.values())


def _sequence_items(s: Any) -> tuple[Any, ...]:
    return _Same(s)


def _state(generator: np.random.Generator) -> str:
    return repr(generator.bit_generator.state)


def _elements(array: np.ndarray[Any, Any]) -> Any:
    """The shape, dtype and bytes of an array; of a large one, a random projection of each block instead of the bytes.

    A change of any element, and any exchange of elements, changes the projection with probability one (to rounding).
    """
    if array.size <= _BY_BYTES or array.dtype.kind not in "fiub":
        return array.shape, array.dtype, array.tobytes() if array.dtype.kind != "O" else tuple(map(id, array.flat))
    flat = array.reshape(-1) if array.flags.c_contiguous else np.ascontiguousarray(array).reshape(-1)
    work = array.dtype if array.dtype.kind == "f" or array.dtype.itemsize == 8 else np.dtype(np.float64)
    direction = _direction(work.char)
    sums = []
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, _BLOCK):
            block = flat[start : start + _BLOCK].astype(work, copy=False)
            sums.append(np.dot(block, direction[: block.size]))
    if array.dtype.kind == "f" and not all(s == s for s in sums):  # NaN among the elements: take the bytes as numbers
        whole = flat.view(np.uint8 if array.dtype.itemsize % 4 else np.uint32)
        return array.shape, array.dtype, _elements(whole)
    return array.shape, array.dtype, sums


@lru_cache(maxsize=32)
def _direction(char: str) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(20260101)
    if np.dtype(char).kind == "f":
        return random.normal(size=_BLOCK).astype(char)
    return (
        random.integers(1, np.iinfo(np.dtype(char)).max, _BLOCK, dtype=char) | 1
    )  # odd: no product with one is 0 mod 2⁶⁴


def _equal(now: Any, before: Any) -> bool:
    if isinstance(before, _Same):
        return len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True))
    return bool(now == before)
