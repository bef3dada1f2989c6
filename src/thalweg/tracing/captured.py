"""What a function takes from around it: closure cells, globals, defaults, attributes of objects, classes and modules.

A trace turns these into constants. To keep the promise that no answer is silently wrong, all that can be read
(`thalweg.tracing.surroundings`) is noted when the function is traced and looked at again before a trace is used: names
and the items of containers by identity, small arrays by their bytes, larger ones by a checksum (at the speed of
memory), random generators by their state. What can only be used up, such as an iterator, makes every call a new trace.
"""

from __future__ import annotations

import itertools
import operator
import random
from functools import lru_cache
from typing import Any

import numpy as np

from thalweg.tracing.surroundings import GENERATORS, HOLDERS, MISSING, Surroundings, contents

_BY_BYTES = 1024  # elements up to which an array is compared byte by byte
_BLOCK = 1 << 13  # elements of the checksum's random vector: it stays in the cache, and BLAS in one thread


class Captured:
    """The surroundings of a function, and of plain objects among its arguments, at one moment."""

    __slots__ = ("_cells", "_fixed", "_mutable", "_names")

    def __init__(self, f: Any, *arguments: Any) -> None:
        around = Surroundings(f, *arguments)
        self._fixed = arguments  # kept alive: an object in a cache's key is known by its address
        self._cells = around.cells
        self._names = around.names
        self._mutable: list[tuple[Any, Any, Any]] = []  # object, what it held, how to see what it holds
        for thing in around.things:
            look = _look(thing)
            if look is not None:
                self._mutable.append((thing, look(thing), look))
        if not around.complete:
            self._mutable.append((None, None, _used_up))

    def unchanged(self) -> bool:
        """Whether all is as it was."""
        for cell, content in self._cells:
            try:
                if cell.cell_contents is not content:
                    return False
            except ValueError:
                return False
        for namespace, name, content in self._names:
            if namespace.get(name, MISSING) is not content:
                return False
        for thing, before, look in self._mutable:
            now = look(thing)
            if look is contents:
                if len(now) != len(before) or not all(map(operator.is_, now, before)):
                    return False
            elif now != before:
                return False
        return True


def _look(thing: Any) -> Any:
    """How to see whether an object has changed; ``None`` if it cannot change."""
    if isinstance(thing, np.ndarray):
        return _elements
    if isinstance(thing, GENERATORS):
        return _state
    if type(thing) in (tuple, frozenset):
        return None
    if isinstance(thing, HOLDERS):
        return contents
    if hasattr(type(thing), "__next__"):
        return None if isinstance(thing, itertools.count) else _used_up  # a counter of calls does not enter values
    return _as_array if hasattr(type(thing), "__array__") else contents


def _used_up(thing: Any) -> object:
    return object()


def _as_array(thing: Any) -> Any:
    """The elements of a series, a table or another object that NumPy reads as an array."""
    try:
        return _elements(np.asarray(thing))
    except Exception:  # it is not ready to be read, so nothing was read from it
        return None


def _state(generator: Any) -> Any:
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.RandomState):
        return _plain(generator.get_state(legacy=False))
    return _plain((generator.bit_generator if isinstance(generator, np.random.Generator) else generator).state)


def _plain(state: Any) -> Any:
    if isinstance(state, dict):
        return tuple(_plain(v) for v in state.values())
    return state.tobytes() if isinstance(state, np.ndarray) else state


def _elements(array: np.ndarray[Any, Any]) -> Any:
    """The shape, dtype and bytes of an array; of a large one, two sums of each block instead of the bytes.

    The sum of the bytes, read as integers, changes with any single element, however small beside the others; a random
    projection changes with probability one (to rounding) when several elements do, or are exchanged.
    """
    if array.size <= _BY_BYTES or array.dtype.kind not in "fiub":
        return array.shape, array.dtype, array.tobytes() if array.dtype.kind != "O" else tuple(map(id, array.flat))
    flat = array.reshape(-1) if array.flags.c_contiguous else np.ascontiguousarray(array).reshape(-1)
    work = array.dtype if array.dtype.kind == "f" or array.dtype.itemsize == 8 else np.dtype(np.float64)
    direction = _direction(work.char)
    sums, bits = [], []
    with np.errstate(all="ignore"):
        for start in range(0, flat.size, _BLOCK):
            part = flat[start : start + _BLOCK]
            block = part.astype(work, copy=False)
            sums.append(np.dot(block, direction[: block.size]))
            bits.append(np.add.reduce(part.view(np.uint64 if part.nbytes % 8 == 0 else np.uint8), dtype=np.uint64))
    if array.dtype.kind == "f" and not all(s == s for s in sums):  # NaN among the elements: take the bytes as numbers
        whole = flat.view(np.uint8 if array.dtype.itemsize % 4 else np.uint32)
        return array.shape, array.dtype, _elements(whole)
    return array.shape, array.dtype, sums, bits


@lru_cache(maxsize=32)
def _direction(char: str) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(20260101)
    if np.dtype(char).kind == "f":
        return random.normal(size=_BLOCK).astype(char)
    return (
        random.integers(1, np.iinfo(np.dtype(char)).max, _BLOCK, dtype=char) | 1
    )  # odd: no product with one is 0 mod 2⁶⁴
