"""``Rows``: how a group of tasks is cut into tiles of rows, and where things lie within a tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from thalweg.execution.native.layout import Buffer, Place, c_strides


@dataclass(eq=False)
class Rows:
    """The tiles of a group.

    Attributes
    ----------
    count, tile, chunk : int
        Rows altogether, in a tile, and in a chunk (a multiple of the tile).
    axis : dict
        For each task, the axis of its space (of a product, the label) that runs over the rows.
    local : dict
        The buffers that live within a tile, and the axis of their owner that is as long as the tile.
    sums : dict
        The buffers of results that are added up over rows, and the name of the reduction.
    """

    count: int
    tile: int
    chunk: int
    axis: dict[Any, int]
    local: dict[Buffer, int]
    sums: dict[Buffer, str]
    work: float = 0.0

    @property
    def chunks(self) -> int:
        return -(-self.count // self.chunk)

    def local_bytes(self, buffer: Buffer) -> int:
        return buffer.bytes // self.count * self.tile

    def within(self, place: Place, strides: Sequence[int]) -> tuple[Place, list[int]]:
        """A place and steps in a local buffer as they are when its rows are those of one tile."""
        axis = self.local.get(place.buffer)
        if axis is None:
            return place, list(strides)
        owner = place.buffer.owner
        assert owner is not None
        step = c_strides(owner.shape)[axis]
        span, short = step * self.count, step * self.tile

        def moved(s: int) -> int:
            size = abs(s)
            found = size // span * short + size % span
            return found if s >= 0 else -found

        fitted = [moved(s) for s in strides]
        return Place(place.buffer, moved(place.offset), tuple(fitted), place.shape), fitted
