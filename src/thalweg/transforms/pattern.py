"""Which inputs each element of an array depends on: a Boolean matrix, one row an element, one column an input element.

Three forms of one thing, each linear where it is used:

- *maps*: a few arrays of the shape of the array, each giving one column an element (−1: none). A slice or transpose of
  the input is one map, and moving it moves a NumPy view: no element is touched. Stencils are a handful of maps.
- *matrix*: a ``scipy.sparse`` matrix, when rows are long or ragged.
- of a scalar, a *set* of columns. Sums of many scalars are kept as unions that are written out only when their parts
  have doubled, so adding n terms one by one costs O(n) and not O(n²).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from thalweg.graph import Shape

Array = np.ndarray[Any, Any]
Move = Callable[[Array], Array]

_MAPS = 16  # from here on, a matrix
_SMALL = 64  # columns of a scalar that are kept in a frozenset
_most: ContextVar[int] = ContextVar("most", default=1 << 32)  # entries of a pattern that calls itself sparse


class TooDense(ValueError):
    """The pattern would have more entries than it may."""


@contextmanager
def at_most(entries: int) -> Generator[None]:
    """Let patterns within this block have so many entries; one that would have more raises `TooDense`."""
    token = _most.set(entries)
    try:
        yield
    finally:
        _most.reset(token)


# --- scalars ----------------------------------------------------------------------------------------------------------


class Columns:
    """A large set of columns: written out in ``known``, or the union of ``parts``."""

    __slots__ = ("count", "floor", "known", "parts")

    def __init__(self, known: Array | None, parts: tuple[Any, ...], count: int, floor: int) -> None:
        self.known, self.parts, self.count, self.floor = known, parts, count, floor


ScalarPattern = frozenset[int] | Columns


def columns_of(found: Array) -> ScalarPattern:
    """The set of sorted, distinct columns."""
    if found.size <= _SMALL:
        return frozenset(found.tolist())
    return Columns(found, (), found.size, found.size)


def joined(a: ScalarPattern, b: ScalarPattern) -> ScalarPattern:
    """The union of two sets of columns."""
    if a is b:
        return a
    if type(a) is frozenset and type(b) is frozenset and len(a) + len(b) <= _SMALL:
        return a | b
    (m, floor_a), (n, floor_b) = ((len(s), _SMALL) if isinstance(s, frozenset) else (s.count, s.floor) for s in (a, b))
    union = Columns(None, (a, b), m + n, max(floor_a, floor_b))
    return union if m + n <= 2 * union.floor else columns_of(written(union))


def written(columns: ScalarPattern) -> Array:
    """The columns in ascending order."""
    if isinstance(columns, frozenset):
        return np.array(sorted(columns), dtype=np.int32)
    if columns.known is None:
        seen: set[int] = set()
        small: set[int] = set()
        large: list[Array] = []
        stack: list[Any] = [columns]
        while stack:
            part = stack.pop()
            if isinstance(part, frozenset):
                small |= part
            elif id(part) not in seen:
                seen.add(id(part))
                if part.known is None:
                    stack.extend(part.parts)
                else:
                    large.append(part.known)
        columns.known = np.unique(np.concatenate([*large, np.array(list(small), dtype=np.int32)]))
        columns.parts = ()
    return columns.known


# --- arrays -----------------------------------------------------------------------------------------------------------


class Pattern:
    """The columns that each element of an array of ``shape`` depends on, out of ``width``."""

    __slots__ = ("_matrix", "_places", "maps", "shape", "width")

    def __init__(self, shape: Shape, width: int, maps: tuple[Array, ...] | None, matrix: Any = None) -> None:
        self.shape, self.width, self.maps = shape, width, maps
        self._matrix = matrix
        self._places: Array | None = None

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def places(self) -> Array:
        """The number of each element, in the shape of the array."""
        if self._places is None:
            self._places = places_of(self.shape)
        return self._places

    @property
    def matrix(self) -> Any:
        """The pattern as a Boolean ``scipy.sparse.csr_array``."""
        if self._matrix is None:
            rows, columns = self.pairs()
            self._matrix = matrix_from(rows, columns, self.size, self.width)
        return self._matrix

    def pairs(self) -> tuple[Array, Array]:
        """All entries: elements and columns. A column may be −1 (no entry), and entries may repeat."""
        if self.maps is None:
            matrix = self._matrix
            return np.repeat(np.arange(self.size), np.diff(matrix.indptr)), matrix.indices
        if not self.maps:
            return np.zeros(0, np.int64), np.zeros(0, np.int32)
        return np.tile(np.arange(self.size), len(self.maps)), np.concatenate([m.ravel() for m in self.maps])

    def moved(self, move: Move, shape: Shape) -> Pattern | ScalarPattern:
        """The pattern of an array whose every element is one element of this one; ``move`` carries out the movement."""
        if self.maps is not None:
            maps = tuple(map(move, self.maps))
            if shape == ():
                return frozenset([c for m in maps if (c := int(m)) >= 0])
            return Pattern(shape, self.width, maps)
        rows = move(self.places)
        if shape == ():
            matrix, row = self._matrix, int(rows)
            return columns_of(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])
        bounded(float(np.diff(self._matrix.indptr)[rows.ravel()].sum()))
        return Pattern(shape, self.width, None, self._matrix[rows.ravel()])

    def masked(self, keep: Array) -> Pattern:
        """The pattern with the rows of some elements emptied; ``keep`` broadcasts."""
        if self.maps is not None:
            return Pattern(self.shape, self.width, tuple(np.where(keep, m, np.int32(-1)) for m in self.maps))
        rows, columns = self.pairs()
        kept = np.broadcast_to(keep, self.shape).ravel()[rows]
        return Pattern(
            self.shape, self.width, None, matrix_from(rows[kept], columns[kept], self.size, self.width, clean=True)
        )

    def merged(self, target: Array, shape: Shape) -> Pattern | ScalarPattern:
        """The pattern of an array into whose element ``target[i]`` element i of this one is added."""
        if shape == ():
            return columns_of(self.columns())
        rows, columns = self.pairs()
        matrix = matrix_from(target.ravel()[rows], columns, math.prod(shape), self.width)
        return Pattern(shape, self.width, None, matrix)

    def columns(self) -> Array:
        """All columns that occur."""
        found = np.zeros(self.width, dtype=bool)
        for some in self.maps if self.maps is not None else (self._matrix.indices,):
            if some.size:
                flat = some[*(slice(0, 1) if stride == 0 else slice(None) for stride in some.strides)].ravel()
                found[flat[flat >= 0]] = True
        return np.flatnonzero(found).astype(np.int32)

    @property
    def occupied(self) -> Array:
        """Which elements depend on anything."""
        if self.maps is None:
            return (np.diff(self._matrix.indptr) > 0).reshape(self.shape)
        found = np.zeros(self.shape, dtype=bool)
        for m in self.maps:
            found |= m >= 0
        return found

    def has(self, column: int) -> Array:
        """Which elements depend on this column."""
        if self.maps is None:
            rows = np.repeat(np.arange(self.size), np.diff(self._matrix.indptr))[self._matrix.indices == column]
            return np.bincount(rows, minlength=self.size).reshape(self.shape) > 0
        found = np.zeros(self.shape, dtype=bool)
        for m in self.maps:
            found |= m == column
        return found

    def related(self, rows: Array, elements: Array, shape: Shape) -> Pattern | ScalarPattern:
        """The pattern of an array whose element ``rows[i]`` depends on element ``elements[i]`` of this one."""
        size = math.prod(shape)
        if self.maps is not None:
            bounded(len(self.maps) * rows.size)
            columns = [m.ravel()[elements] for m in self.maps]
            found = matrix_from(np.tile(rows, len(columns)), np.concatenate(columns), size, self.width)
        else:
            found = matrix_from(rows, elements, size, self.size) @ self._matrix
            found.sort_indices()
        return in_form(Pattern(shape, self.width, None, found))


def in_form(pattern: Pattern) -> Pattern | ScalarPattern:
    """The pattern, as a set if it is that of a scalar."""
    return pattern.moved(lambda a: a.reshape(()), ()) if pattern.shape == () else pattern


def identity(shape: Shape, start: int, width: int) -> Pattern | ScalarPattern:
    """The pattern of inputs themselves, whose columns begin at ``start``."""
    size = math.prod(shape)
    own = np.arange(start, start + size, dtype=np.int32).reshape(shape)
    return in_form(Pattern(shape, width, (own,)))


def places_of(shape: Shape) -> Array:
    return np.arange(math.prod(shape)).reshape(shape)


def matrix_from(rows: Array, columns: Array, size: int, width: int, clean: bool = False) -> Any:
    """The Boolean matrix with these entries; repeated ones count once, those in column −1 not at all."""
    from scipy.sparse import coo_array, csr_array

    if not clean:
        kept = columns >= 0
        if not kept.all():
            rows, columns = rows[kept], columns[kept]
    if rows.size == 0:
        return csr_array((size, width), dtype=bool)
    bounded(rows.size)
    index = np.int32 if max(size, width, rows.size) < 2**31 else np.int64
    pairs: Any = (rows.astype(index, copy=False), columns.astype(index, copy=False))
    return coo_array((np.ones(rows.size, dtype=bool), pairs), shape=(size, width)).tocsr()


def bounded(entries: float) -> None:
    """Raise `TooDense` rather than to make so many entries."""
    most = _most.get()
    if entries > most:
        raise TooDense(f"more than {most:,} entries")


def spread(columns: ScalarPattern, shape: Shape, width: int) -> Pattern | ScalarPattern:
    """The pattern of an array, every element of which depends on ``columns``."""
    if shape == ():
        return columns
    if isinstance(columns, frozenset) and len(columns) <= _MAPS:
        return Pattern(shape, width, tuple(np.broadcast_to(np.int32(c), shape) for c in columns))
    from scipy.sparse import csr_array

    found, size = written(columns), math.prod(shape)
    bounded(float(found.size) * size)
    ends = np.arange(size + 1, dtype=np.int64) * found.size
    data = np.ones(found.size * size, dtype=bool)
    return Pattern(shape, width, None, csr_array((data, np.tile(found, size), ends), shape=(size, width)))


def stretched(pattern: Pattern | ScalarPattern, shape: Shape, width: int) -> Pattern | ScalarPattern:
    """The pattern of the array broadcast to ``shape``."""
    if not isinstance(pattern, Pattern):
        return spread(pattern, shape, width)
    return pattern if pattern.shape == shape else pattern.moved(lambda m: np.broadcast_to(m, shape), shape)


def union(patterns: Sequence[Pattern | ScalarPattern], shape: Shape, width: int) -> Pattern | ScalarPattern:
    """Everything that one of ``patterns``, broadcast to ``shape``, depends on."""
    if shape == ():
        total = patterns[0]
        for p in patterns[1:]:
            total = joined(total, p)  # type: ignore[arg-type]
        return total
    parts: list[Any] = [stretched(p, shape, width) for p in patterns]
    if len(parts) == 1:
        return parts[0]
    if all(p.maps is not None for p in parts):
        maps = distinct([m for p in parts for m in p.maps])
        if len(maps) <= _MAPS:
            return Pattern(shape, width, maps)
        return compact(Pattern(shape, width, maps))
    total = parts[0].matrix
    for p in parts[1:]:
        if p.matrix is not total:
            total = total + p.matrix
    return Pattern(shape, width, None, total)


def compact(pattern: Pattern) -> Pattern:
    """The pattern as a matrix if it has many maps."""
    maps = pattern.maps
    if maps is None or len(maps) <= _MAPS:
        return pattern
    return Pattern(pattern.shape, pattern.width, None, pattern.matrix)


def distinct(maps: Iterable[Array]) -> tuple[Array, ...]:
    """``maps`` without those that are the same view of the same memory as another."""
    found = {(m.__array_interface__["data"][0], m.strides): m for m in maps}
    return tuple(found.values())


def filled(pieces: Sequence[tuple[Any, Pattern]], base: Pattern | None, shape: Shape, width: int) -> Pattern:
    """The maps of an array to which at each Python index a piece is added; pieces that do not meet share maps."""
    maps: list[Array] = [] if base is None or base.maps is None else [np.array(m) for m in base.maps]
    for index, piece in pieces:
        assert piece.maps is not None
        free = list(range(len(maps)))
        for m in piece.maps:
            for k in free:
                here = maps[k][index]
                if ((here < 0) | (here == m)).all():
                    break
            else:
                maps.append(np.full(shape, -1, dtype=np.int32))
                k = len(maps) - 1
                free.append(k)
            maps[k][index] = m
            free.remove(k)
    return compact(Pattern(shape, width, tuple(maps)))
