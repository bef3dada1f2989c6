r"""Mini-batches: the rows of a data set in random order, so many at a time, epoch by epoch.

An *epoch* is one pass over all rows.  Each has its own order, drawn from the seed and the number of the epoch, so a run
is the same whenever it is repeated, and one that was interrupted in the middle of an epoch goes on with the same rows.

References
----------
Bottou, Curtis & Nocedal, SIAM Review 60 (2018), §3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

__all__ = ["Batches"]


class Batches:
    """Arrays of equally many rows, as tuples of a few rows each.

    Parameters
    ----------
    *arrays : array
        Inputs, targets, weights …, with one row for each sample.
    size : int
        Rows in a batch; the last one of an epoch may have fewer.
    seed : int
        Decides the orders.
    shuffle : bool
        Whether the rows are put in a new order for each epoch.

    Examples
    --------
    >>> X, y = np.arange(10.0).reshape(5, 2), np.arange(5.0)
    >>> batches = Batches(X, y, size=2, seed=1)
    >>> [targets.tolist() for inputs, targets in batches.epoch(0)]
    [[4.0, 0.0], [1.0, 2.0], [3.0]]
    >>> [targets.tolist() for inputs, targets in batches.epoch(1)]
    [[1.0, 4.0], [0.0, 3.0], [2.0]]
    >>> len(batches), batches.rows
    (3, 5)
    """

    def __init__(self, *arrays: Any, size: int = 32, seed: int = 0, shuffle: bool = True) -> None:
        if not arrays:
            raise ArgumentError("Batches needs at least one array, as in Batches(X, y, size=32).")
        self.arrays = tuple(np.asarray(a) for a in arrays)
        counts = [a.shape[0] if a.ndim else None for a in self.arrays]
        if None in counts or len(set(counts)) > 1:
            shapes = ", ".join(str(a.shape) for a in self.arrays)
            raise ArgumentError(f"The arrays of Batches must have equally many rows; their shapes are {shapes}.")
        self.rows = int(counts[0] or 0)
        if self.rows == 0:
            raise ArgumentError("The arrays of Batches have no rows.")
        if isinstance(size, bool) or int(size) != size or size < 1:
            raise ArgumentError(f"size must be a positive whole number of rows, not {size!r}.")
        self.size = min(int(size), self.rows)
        self.seed, self.shuffle = int(seed), bool(shuffle)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return -(-self.rows // self.size)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Go through the first epoch."""
        return self.epoch(0)

    def __repr__(self) -> str:
        return f"Batches({self.rows} rows, size={self.size}, seed={self.seed})"

    def epoch(self, number: int) -> Iterator[tuple[Any, ...]]:
        """Go through the batches of an epoch."""
        order = self._order(number)
        for first in range(0, self.rows, self.size):
            if order is None:
                yield tuple(a[first : first + self.size] for a in self.arrays)
            else:
                chosen = order[first : first + self.size]
                yield tuple(a[chosen] for a in self.arrays)

    def in_order(self) -> Iterator[tuple[Any, ...]]:
        """Go through all rows as they stand, in views of at most `size` rows."""
        for first in range(0, self.rows, self.size):
            yield tuple(a[first : first + self.size] for a in self.arrays)

    def _order(self, number: int) -> Any:
        if not self.shuffle:
            return None
        return np.random.default_rng([self.seed, number]).permutation(self.rows)
