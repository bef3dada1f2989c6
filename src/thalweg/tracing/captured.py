"""What a function takes from around it: closure cells, globals, defaults, attributes of objects, classes and modules.

A trace turns these into constants. To keep the promise that no answer is silently wrong, all that can be read
(`thalweg.tracing.surroundings`) is noted when the function is traced and looked at again before a trace is used: names
and the items of containers by identity, arrays by their bytes (at the speed of memory; very large ones by a checksum),
random generators by their state. What can only be used up, such as an iterator, makes every call a new trace.
"""

from __future__ import annotations

import contextlib
import itertools
import operator
import random
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from thalweg.tracing.box import Box
from thalweg.tracing.context import running
from thalweg.tracing.surroundings import GENERATORS, HOLDERS, MISSING, Surroundings, contents

_KEPT = 1 << 28  # bytes up to which a copy of an array is kept to compare with
_LARGE = 1 << 14  # bytes from which a comparison is worth avoiding
_MANY = 64  # objects from which it is
_BLOCK = 1 << 13  # elements of the checksum's random vector: it stays in the cache, and BLAS in one thread


class Captured:
    """The surroundings of a function, and of plain objects among its arguments, at one moment.

    Attributes
    ----------
    unchanged : callable
        Whether all is as it was. It is called before every use of a trace, so it holds only what this function needs.
    """

    __slots__ = ("_fixed", "unchanged")

    def __init__(self, around: Surroundings, *arguments: Any) -> None:
        self._fixed = arguments  # kept alive: an object in a cache's key is known by its address
        self.unchanged: Callable[[], bool] = _comparison(around)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """While the block runs, no code of the user's runs in this thread except under a trace.

    What takes long to compare, such as a large array, is then looked at once in the block, and again after a trace.
    """
    before = running.moment
    running.moment = object()
    try:
        yield
    finally:
        running.moment = before


Same = Callable[[Any, Any], bool]
Noted = tuple[Any, Any, Same]  # an object, a note of what it held, and whether that is so still


def _comparison(around: Surroundings) -> Callable[[], bool]:
    """A function that says whether these surroundings are as they were."""
    names = [(namespace.get, name, content) for namespace, name, content in around.names]
    noted = [(thing, *watched) for thing in around.things if (watched := _watch(thing)) is not None]
    if not around.complete or any(same is _never for _, _, same in noted):
        return lambda: False
    if not around.cells and not noted:
        return _names_comparison(names)
    cells = around.cells
    slow = [len(noted) >= _MANY or _is_large(n) for n in noted]
    light = [n for n, is_slow in zip(noted, slow, strict=True) if not is_slow]
    heavy = [n for n, is_slow in zip(noted, slow, strict=True) if is_slow]
    seen: Any = None  # the moment at which the heavy ones were found unchanged

    def unchanged() -> bool:
        nonlocal seen
        for get, name, content in names:
            if get(name, MISSING) is not content:
                return False
        try:
            for cell, content in cells:
                if cell.cell_contents is not content:
                    return False
        except ValueError:  # the name was deleted
            return False
        for thing, note, same in light:
            if not same(thing, note):
                return False
        if heavy:
            moment = running.moment
            if moment is None or moment is not seen:
                for thing, note, same in heavy:
                    if not same(thing, note):
                        return False
                seen = moment
        return True

    return unchanged


def _names_comparison(names: list[tuple[Callable[..., Any], str, Any]]) -> Callable[[], bool]:
    """The comparison of a function that reads names of modules only, as ``np`` in most functions."""
    if len(names) == 1:
        ((get_it, its_name, its_content),) = names
        return lambda: get_it(its_name, MISSING) is its_content

    def unchanged() -> bool:
        for get, name, content in names:
            if get(name, MISSING) is not content:
                return False
        return True

    return unchanged


def _is_large(noted: Noted) -> bool:
    thing = noted[0]
    return bool(getattr(thing, "nbytes", 0) > _LARGE) or (isinstance(thing, HOLDERS) and len(thing) > _LARGE // 64)


def _watch(thing: Any) -> tuple[Any, Same] | None:
    """A note of what an object holds, and how to compare it with the note later; ``None`` if it cannot change."""
    if isinstance(thing, Box):
        return None  # what the function kept of its trace, in a list or dict: of no use to a later one, which says so
    if isinstance(thing, np.ndarray):
        note = _note_of_array(thing)
        direct = type(note[2]) is bytearray and thing.flags.c_contiguous and thing.dtype.kind in "fiub"
        return note, _same_buffer if direct else _same_array
    if isinstance(thing, GENERATORS):
        return _state(thing), lambda generator, note: bool(_state(generator) == note)
    if type(thing) in (tuple, frozenset):
        return None
    if isinstance(thing, dict):
        return (tuple(thing), tuple(thing.values())), _same_items
    if isinstance(thing, HOLDERS):
        return contents(thing), _same_contents
    if hasattr(type(thing), "__next__"):
        return None if isinstance(thing, itertools.count) else (None, _never)  # a counter of calls enters no value
    if not hasattr(type(thing), "__array__"):
        return contents(thing), _same_contents
    array = _as_array(thing)
    return None if array is None else (_note_of_array(array), lambda thing, note: _same_array(_as_array(thing), note))


def _never(thing: Any, note: Any) -> bool:
    return False


def _same_items(thing: Any, note: Any) -> bool:
    keys, values = note
    same = operator.is_
    return len(thing) == len(keys) and all(map(same, thing, keys)) and all(map(same, thing.values(), values))


def _same_contents(thing: Any, note: Any) -> bool:
    now = contents(thing)
    return len(now) == len(note) and all(map(operator.is_, now, note))


def _as_array(thing: Any) -> Any:
    """A series, a table or another object that NumPy reads as an array."""
    try:
        return np.asarray(thing)
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


def _note_of_array(array: np.ndarray[Any, Any]) -> Any:
    """The shape, the dtype and the bytes; of a very large or mapped array, a checksum of the bytes."""
    if array.dtype.kind == "O":
        held: Any = tuple(map(id, array.flat))
    elif array.nbytes <= _KEPT and not isinstance(array, np.memmap):
        held = bytearray(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    else:
        held = _checksum(array)
    return array.shape, array.dtype, held


def _same_buffer(array: Any, note: Any) -> bool:
    """`_same_array` for the usual arrays, which are compared as they lie (no longer so: not ``True``, but no error)."""
    shape, dtype, held = note
    return array.shape == shape and array.dtype is dtype and bytearray.__eq__(held, array) is True


def _same_array(array: Any, note: Any) -> bool:
    shape, dtype, held = note
    if array is None or array.shape != shape or array.dtype != dtype:
        return False
    if type(held) is not bytearray:
        return bool((tuple(map(id, array.flat)) if dtype.kind == "O" else _checksum(array)) == held)
    plain = array if array.flags.c_contiguous else np.ascontiguousarray(array)
    return bool(bytearray.__eq__(held, plain.reshape(-1).view(np.uint8)))  # memcmp: no copy is made


def _checksum(array: np.ndarray[Any, Any]) -> Any:
    """Two sums of each block of the bytes, read as integers.

    The plain sum changes with any single element; a random projection changes with probability one (to rounding) when
    several elements do, or are exchanged.
    """
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = flat[: flat.size // 8 * 8].view(np.uint64)
    direction = _direction()
    sums: list[Any] = [flat[whole.size * 8 :].tobytes()]
    for start in range(0, whole.size, _BLOCK):
        part = whole[start : start + _BLOCK]
        sums.append((np.add.reduce(part), np.dot(part, direction[: part.size])))
    return sums


@lru_cache(maxsize=1)
def _direction() -> np.ndarray[Any, Any]:
    random = np.random.default_rng(20260101)
    return random.integers(1, 1 << 63, _BLOCK, dtype=np.uint64) | np.uint64(1)  # odd: no product with one is 0 mod 2⁶⁴
