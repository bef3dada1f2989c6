"""Arithmetic of places: basic indices in stored form, flat positions and strides.

A stored index has one entry an axis, an ``int`` or ``(start, stop, step)`` (see `thalweg.ops.movement`). A flat
position counts the elements in C order, the last axis fastest; strides are counted in elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thalweg.graph import Shape
from thalweg.ops.movement import Index


def _range(entry: Any) -> range:
    start, stop, step = entry
    return range(start, -1 if stop is None else stop, step)


def c_strides(shape: Shape) -> Shape:
    """The strides of an array in C order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def flat_position(shape: Shape, index: Sequence[int]) -> int:
    """The flat position of one element, given by an integer an axis."""
    position = 0
    for n, i in zip(shape, index, strict=True):
        position = position * n + i
    return position


def flat_positions(shape: Shape, index: Index, limit: int) -> list[int] | None:
    """The flat positions of the elements at a basic index, or ``None`` if there are more than ``limit``."""
    positions = [0]
    for n, i in zip(shape, index, strict=True):
        if isinstance(i, int):
            positions = [p * n + i for p in positions]
        else:
            chosen = range(n)[slice(*i)]
            if len(positions) * len(chosen) > limit:
                return None
            positions = [p * n + k for p in positions for k in chosen]
    return positions


def unflatten(position: int, shape: Shape) -> tuple[int, ...]:
    """The index of the element at a flat position."""
    index = []
    for n in reversed(shape):
        position, i = divmod(position, n)
        index.append(i)
    return tuple(reversed(index))


def compose(outer: Index, inner: Index) -> Index:
    """The index that does ``[outer][inner]`` at once."""
    rest = iter(inner)
    out: list[Any] = []
    for o in outer:
        if isinstance(o, int):
            out.append(o)
            continue
        i = next(rest)
        if isinstance(i, int):
            out.append(_range(o)[i])
            continue
        chosen = _range(o)[slice(*i)]
        stop = chosen.start + len(chosen) * chosen.step
        out.append((chosen.start, None if stop < 0 else stop, chosen.step) if len(chosen) else (0, 0, 1))
    return tuple(out)


def row_of(form: Index, index: Index, shape: Shape) -> tuple[Index, Index | None] | None:
    """The row in which ``index`` lies, and where in it (``None``: all of it).

    Rows are the indices that ``form`` becomes when its ``None`` entries are given integers. An index that does not lie
    within one row has no answer: ``None``.
    """
    row: list[Any] = []
    rest: list[Any] = []
    same = True
    for f, i, n in zip(form, index, shape, strict=True):
        if f is None:
            if not isinstance(i, int):
                return None
            row.append(i)
            continue
        row.append(f)
        if i == f:
            rest.append((0, len(range(n)[slice(*f)]), 1))
            continue
        same = False
        if isinstance(i, int):
            places = range(n)[slice(*f)]
            if i not in places:
                return None
            rest.append(places.index(i))
        elif f == (0, n, 1):
            rest.append(i)
        else:
            return None
    return tuple(row), None if same else tuple(rest)


def covers(form: Index, shape: Shape, count: int) -> bool:
    """Whether ``count`` different rows of this form are the whole array."""
    rows = 1
    for f, n in zip(form, shape, strict=True):
        if f is None:
            rows *= n
        elif f != (0, n, 1):
            return False
    return rows == count


def reshaped_layout(shape: Shape, layout: Shape, target: Shape) -> Shape | None:
    """Strides for ``target`` without moving an element, or ``None`` where NumPy would have to copy.

    Axes of both shapes are matched in groups of equal size; within a group of the old shape, each axis must go on where
    the next one ends.
    """
    if 0 in shape:
        return c_strides(target)
    old = [(n, s) for n, s in zip(shape, layout, strict=True) if n != 1]
    new = [0] * len(target)
    i = j = 0
    while i < len(old) and j < len(target):
        first = i
        size_old, size_new = old[i][0], target[j]
        group = [j]
        while size_old != size_new:
            if size_new < size_old:
                j += 1
                group.append(j)
                size_new *= target[j]
            else:
                i += 1
                size_old *= old[i][0]
        for a in range(first, i):
            if old[a][1] != old[a + 1][0] * old[a + 1][1]:
                return None
        step = old[i][1]
        for b in reversed(group):
            new[b] = step
            step *= target[b]
        i += 1
        j += 1
    return tuple(new)
