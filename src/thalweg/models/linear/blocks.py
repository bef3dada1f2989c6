"""Rows in blocks, made in small buffers by several threads, and summed in an order that does not depend on them.

The design is [1, X − μ] and the targets are Y − ν, all multiplied by √w; μ and ν are near the means, so that nothing
is lost to a column that is large against its spread.  BLAS has one thread meanwhile: blocks are too small to divide,
and its results could depend on its number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["Buffers", "Rows", "dense", "summed"]

#: Up to so many numbers all rows are factorized at once.
DIRECT = 1 << 16
#: Numbers in the buffer of a block: 512 KiB, so that it stays in a core's cache.
BUFFER = 1 << 16
#: Rows are cut in so many parts, each summed by itself; more threads than that are not used.
PARTS = 32
#: Numbers that the sums of all parts may hold.
SUMS = 1 << 21
#: Rows among which the shifts are found.
SAMPLE = 1024

Array = np.ndarray[Any, Any]


def dense(X: Any) -> Array:
    """Some rows as an array."""
    return X if isinstance(X, np.ndarray) else np.asarray(X.toarray())


@dataclass(eq=False)
class Rows:
    """The data as they are read; nothing of the size of the data is copied.

    Attributes
    ----------
    X : array (n, k) or sparse row matrix
    Y : array (n, t)
    w : array (n,) or None
        Weights.
    intercept : bool
        Whether the design has a column of ones.
    """

    X: Any
    Y: Array
    w: Array | None
    intercept: bool

    @property
    def features(self) -> int:
        return int(self.X.shape[1])

    @property
    def unknowns(self) -> int:
        """Columns of the design."""
        return self.features + self.intercept

    @property
    def columns(self) -> int:
        """Columns of a block: the design and the targets."""
        return self.unknowns + self.Y.shape[1]

    def __len__(self) -> int:
        return len(self.Y)

    @property
    def many(self) -> bool:
        """Whether they are taken in blocks; else all at once."""
        return len(self) > 2 * self.columns and len(self) * self.columns > DIRECT

    def finite(self) -> bool:
        """Whether no number of X is NaN or infinite."""
        return bool(np.all(np.isfinite(self.X if isinstance(self.X, np.ndarray) else self.X.data)))

    @cached_property
    def shift(self) -> Array:
        """μ: the means over some rows, or 0 without an intercept."""
        some = self.X[:: max(1, len(self) // SAMPLE)]
        if not self.intercept:
            return np.zeros(self.features)
        with np.errstate(all="ignore"):
            mean = np.asarray(some.mean(axis=0, dtype=float)).ravel()
        return np.where(np.isfinite(mean), mean, 0.0)

    @cached_property
    def target_shift(self) -> Array:
        """ν, alike."""
        if not self.intercept:
            return np.zeros(self.Y.shape[1])
        return self.Y[:: max(1, len(self) // SAMPLE)].mean(axis=0, dtype=float)

    def block(self, start: int, stop: int, buffers: Buffers | None = None) -> tuple[Array, Array]:
        """Rows start … stop of √w (X − μ) and of √w [1, Y − ν]."""
        m = stop - start
        X = dense(self.X[start:stop])
        if buffers is None:
            Z, V, μ = np.empty((m, self.features)), np.empty((m, self.columns - self.features)), self.shift
        else:
            Z, V, μ = buffers.Z[:m], buffers.V[:m], buffers.shift[:m]
        np.subtract(X, μ, out=Z)
        if self.intercept:
            V[:, 0] = 1.0
        np.subtract(self.Y[start:stop], self.target_shift, out=V[:, int(self.intercept) :])
        if self.w is not None:
            root = np.sqrt(self.w[start:stop])[:, None]
            Z *= root
            V *= root
        return Z, V

    def whole(self, start: int, stop: int, buffers: Buffers | None = None) -> Array:
        """The same as one array, √w [1, X − μ, Y − ν]."""
        Z, V = self.block(start, stop, buffers)
        one = int(self.intercept)
        return np.concatenate([V[:, :one], Z, V[:, one:]], axis=1)

    def buffers(self, length: int) -> Buffers:
        """Room for so many rows; μ stands there once a row, so that NumPy takes it off in one go."""
        order: Any = "F" if isinstance(self.X, np.ndarray) and not self.X.flags.c_contiguous else "C"
        shift = np.empty((length, self.features), order=order)
        shift[:] = self.shift
        return Buffers(np.empty_like(shift), np.empty((length, self.columns - self.features)), shift)


@dataclass(eq=False)
class Buffers:
    """Where a thread makes its blocks."""

    Z: Array
    V: Array
    shift: Array


def summed(rows: Rows, of: Callable[[int, int, Buffers, Any], Any], size: int, jobs: int) -> list[Any]:
    """The results of a fold over the blocks of each part of the rows, in the order of the parts.

    Parameters
    ----------
    rows : Rows
    of : callable
        ``of(start, stop, buffers, so_far)`` with None at first; it may change what it returned before.  Products are
        to be `np.dot`: it lets other threads run, and the operator @ does not.
    size : int
        Numbers in a result.
    jobs : int
        Threads.
    """
    n = len(rows)
    length = max(64, BUFFER // rows.columns)
    parts = max(1, min(PARTS, SUMS // max(1, size), -(-n // length)))
    edges = [n * k // parts for k in range(parts + 1)]

    def part(k: int) -> Any:
        found = None
        buffers = rows.buffers(min(length, edges[k + 1] - edges[k]))
        with np.errstate(all="ignore"):  # what is not finite is found in the sums
            for start in range(edges[k], edges[k + 1], length):
                found = of(start, min(start + length, edges[k + 1]), buffers, found)
        return found

    _ = rows.shift, rows.target_shift  # made once, not by every thread
    if min(jobs, parts) == 1:
        return [part(k) for k in range(parts)]
    with ThreadPoolExecutor(min(jobs, parts)) as pool:
        return list(pool.map(part, range(parts)))
