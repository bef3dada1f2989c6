"""Where values lie in memory: buffers, and places in them that are strided like NumPy's views.

A *buffer* is a block of elements; all that a program fills itself is in C order. A *place* is an array in it: an offset
and one stride an axis, in elements. Reshaping, transposing, broadcasting and slicing only make another place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.graph import Node, Shape
from thalweg.ops.movement import BROADCAST, RESHAPE, SLICE, TRANSPOSE

INPUT, OUTPUT, SCRATCH, CONSTANT = "input", "output", "scratch", "constant"
VIEWS = (RESHAPE, TRANSPOSE, BROADCAST, SLICE)


@dataclass(eq=False)
class Buffer:
    """A block of memory: an argument or a result of the program, a constant, or scratch.

    Attributes
    ----------
    owner : Node or None
        The value that fills it.
    first, last : int
        The first and the last task that uses scratch.
    """

    kind: str
    index: int
    size: int
    dtype: np.dtype[Any]
    value: Any = None
    owner: Node | None = None
    first: int = 1 << 60
    last: int = -1
    offset: int = 0

    @property
    def bytes(self) -> int:
        return self.size * self.dtype.itemsize


@dataclass(frozen=True, eq=False)
class Place:
    """A strided array in a buffer."""

    buffer: Buffer
    offset: int
    strides: Shape
    shape: Shape

    @property
    def contiguous(self) -> bool:
        return all(s == t or n == 1 for s, t, n in zip(self.strides, c_strides(self.shape), self.shape, strict=True))


def c_strides(shape: Shape) -> Shape:
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))


def whole(buffer: Buffer, shape: Shape) -> Place:
    """All of a buffer, in C order."""
    return Place(buffer, 0, c_strides(shape), shape)


def seen_through(place: Place, node: Node) -> Place | None:
    """The place of the view ``node`` of ``place``; ``None`` for a reshape that needs a copy."""
    op, params = node.op, node.params
    if op is TRANSPOSE:
        axes = params[0]
        return Place(place.buffer, place.offset, tuple(place.strides[a] for a in axes), node.shape)
    if op is BROADCAST:
        lead = len(node.shape) - len(place.shape)
        strides = (0,) * lead + tuple(
            0 if n == 1 and m != 1 else s for n, m, s in zip(place.shape, node.shape[lead:], place.strides, strict=True)
        )
        return Place(place.buffer, place.offset, strides, node.shape)
    if op is SLICE:
        return at_index(place, params[0], node.shape)
    found = reshaped(place.shape, place.strides, node.shape)
    return None if found is None else Place(place.buffer, place.offset, found, node.shape)


def at_index(place: Place, index: tuple[Any, ...], shape: Shape) -> Place:
    """The part of ``place`` at a stored basic index (`thalweg.ops.movement`)."""
    offset, strides = place.offset, []
    for i, s in zip(index, place.strides, strict=True):
        if isinstance(i, int):
            offset += i * s
        else:
            offset += i[0] * s
            strides.append(i[2] * s)
    return Place(place.buffer, offset, tuple(strides), shape)


def reshaped(shape: Shape, strides: Shape, new: Shape) -> Shape | None:
    """The strides of an array of ``shape`` and ``strides`` in another shape, or ``None`` where it must be copied."""
    if 0 in shape:
        return c_strides(new)
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    out: list[int] = []
    k = 0  # axes of the old shape used up
    left = 1  # elements of the run of old axes that new axes still have to share out
    step = 0
    for n in reversed(new):
        if n == 1:
            out.append(0)
            continue
        if left == 1:
            k += 1
            left, step = old[-k]
        while left % n:  # the new axis spans several old ones: they must lie without gaps
            k += 1
            if k > len(old) or old[-k][1] != step * left:
                return None
            left *= old[-k][0]
        out.append(step)
        left //= n
        step *= n
    return tuple(reversed(out))
