"""Rows in tiles that stay in the cache, tiles in blocks, blocks on threads, sums in the order of the blocks.

How rows are cut depends on sizes alone, so results are the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from thalweg.execution.native.threads import one_blas_thread

from .objective import patterns

__all__ = ["Array", "Rows", "added", "each_block", "own_threads", "tile_rows"]

Array = npt.NDArray[Any]
T = TypeVar("T")

_CACHED = 1 << 15  # numbers of a tile's largest array
_BLOCKS = 64
_WORTH = 1 << 22  # products, from which on threads pay


@dataclass(frozen=True, eq=False)
class Rows:
    """Data as they were given, read as float64 from their mean on.

    Attributes
    ----------
    X : array of shape (n, d)
        NaN where a value is missing.
    weights : array of shape (n,) or None
    centre : array of shape (d,)
        Near the data: it is taken off first, so that little cancels later.
    """

    X: Array
    weights: Array | None
    centre: Array

    @classmethod
    def of(cls, X: Array, weights: Array | None = None) -> Rows:
        """Return the rows, with their mean as centre."""
        rows = cls(X, weights, np.zeros(X.shape[1]))
        return cls(X, weights, rows.mean())

    @property
    def count(self) -> int:
        """How many."""
        return int(self.X.shape[0])

    @property
    def features(self) -> int:
        """How many columns."""
        return int(self.X.shape[1])

    @cached_property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.count if self.weights is None else np.sum(self.weights))

    @cached_property
    def incomplete(self) -> bool:
        """Whether a value is missing."""
        return bool(np.any(np.isnan(self.X)))

    @cached_property
    def scatter(self) -> Array:
        """The weighted mean of xxᵀ, from the centre on; of complete rows."""
        total = np.zeros((self.features, self.features))
        step = tile_rows(self.features)
        for i in range(0, self.count, step):
            x = self.tile(i, i + step)
            w = self.weights_of(i, i + step)
            total += x.T @ (x if w is None else x * w[:, None])
        return total / self.total

    @cached_property
    def patterns(self) -> tuple[Array, Array, Array]:
        """What is observed in each pattern of missing values, the rows in the order of patterns, where each ends."""
        observed, which = patterns(self.X)
        return observed, np.argsort(which, kind="stable"), np.cumsum(np.bincount(which, minlength=len(observed)))

    def tile(self, start: int, stop: int) -> Array:
        """Return rows from the centre on."""
        return np.subtract(self.X[start:stop], self.centre, dtype=np.float64)

    def filled(self, start: int, stop: int) -> Array:
        """Return rows from the centre on, the mean in place of what is missing."""
        x = self.tile(start, stop)
        return np.where(np.isnan(x), 0.0, x) if self.incomplete else x

    def weights_of(self, start: int, stop: int) -> Array | None:
        """Return weights of these rows."""
        return None if self.weights is None else self.weights[start:stop]

    def mean(self) -> Array:
        """Return the weighted mean of what is observed, from 0 on."""
        return self._averaged(lambda x: x) + self.centre

    def variances(self) -> Array:
        """Return the weighted variance of what is observed about the centre."""
        return self._averaged(np.square)

    def _averaged(self, of: Callable[[Array], Array]) -> Array:
        sums, counts = np.zeros(self.features), np.zeros(self.features)
        step = tile_rows(self.features)
        for i in range(0, self.count, step):
            x = of(self.tile(i, i + step))
            seen = np.ones_like(x) if not self.incomplete else (~np.isnan(x)).astype(float)
            w = self.weights_of(i, i + step)
            if w is not None:
                seen *= w[:, None]
            sums += np.sum(np.where(seen > 0, x * seen, 0.0), axis=0)
            counts += seen.sum(axis=0)
        return np.asarray(sums / np.where(counts > 0, counts, 1.0))


def tile_rows(width: int) -> int:
    """Return how many rows of this width stay in the cache."""
    return max(16, min(2048, _CACHED // max(width, 1)))


def each_block(work: Callable[[int, int], T], count: int, tile: int, threads: int = 1) -> list[T]:
    """Return ``work(start, stop)`` for all blocks of rows, in order.

    Parameters
    ----------
    work : callable
        May run in several threads at once.
    count : int
        Rows.
    tile : int
        Blocks begin at multiples of it.
    threads : int
        At most.
    """
    tiles = -(-count // tile)
    size = -(-tiles // _BLOCKS) * tile
    blocks = [(start, min(start + size, count)) for start in range(0, count, size)]
    if min(threads, len(blocks)) == 1:
        return [work(*block) for block in blocks]
    with ThreadPoolExecutor(min(threads, len(blocks))) as pool:
        return list(pool.map(lambda block: work(*block), blocks))


def added(parts: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the sums of what blocks have found, in their order."""
    return tuple(sum(one) for one in zip(*parts, strict=True))


@contextmanager
def own_threads(products: int) -> Iterator[int]:
    """Hold every BLAS library to one thread and yield how many threads `each_block` may use instead.

    So a product never depends on the threads that BLAS would take, and both do not get into each other's way.

    Parameters
    ----------
    products : int
        About how many multiplications a pass over the rows is: small work is not handed out.
    """
    with one_blas_thread() as allowed:
        yield 1 if products < _WORTH else allowed()
