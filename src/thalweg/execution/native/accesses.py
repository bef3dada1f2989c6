"""The arrays that a nest of loops walks over, and the values that it computes in registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.execution.native.layout import Buffer, Place
from thalweg.execution.native.schedule import Schedule
from thalweg.execution.native.tasks import Loop, Reduce, Store
from thalweg.graph import Node, Shape
from thalweg.ops import gather

Argument = tuple[Buffer, int]
"""Where an array begins: a buffer, and an offset in elements."""


class Access:
    """One array as a nest walks over it: a stride an axis of the nest, and perhaps positions read on the way."""

    def __init__(self, place: Place, dtype: np.dtype[Any], strides: Sequence[int]) -> None:
        self.buffer = place.buffer
        self.offset = place.offset
        self.dtype = dtype
        self.strides = list(strides)
        self.advance = 0  # elements from one row to the next, where the tile must be found first
        self.step = 0  # elements from one position to the next, where it is read at positions
        self.pointer = ""

    def depth(self) -> int:
        """How many loops must be entered before its address is known."""
        return max((d + 1 for d, s in enumerate(self.strides) if s), default=0)


def aligned(place: Place, space: Shape) -> list[int]:
    """The strides of ``place`` broadcast against ``space``."""
    lead = len(space) - len(place.shape)
    return [0] * lead + [0 if n == 1 and m != 1 else s for n, m, s in zip(place.shape, space[lead:], place.strides)]


def registers(loop: Loop, schedule: Schedule) -> list[Node]:
    """The nodes that ``loop`` computes in registers, in order."""
    own = {s.node for s in loop.statements if isinstance(s, Store) and schedule.places.get(s.node) is s.place}
    stored, space, maps = schedule.stored, loop.space, schedule.maps

    def here(n: Node) -> bool:
        return n.shape == space and n in maps and (n not in stored or n in own)

    found: set[Node] = set()
    stack = [n for n in map(source, loop.statements) if here(n)]
    while stack:
        n = stack.pop()
        if n in found:
            continue
        found.add(n)
        if n.op is not gather.TAKE:
            stack.extend(a for a in n.args if a not in found and here(a))
    return sorted(found, key=lambda n: n.serial)


def source(statement: Any) -> Node:
    """The value that a statement of a loop consumes."""
    return statement.source if isinstance(statement, Reduce) else statement.node
