"""Rows in blocks: each is made in a small buffer, by several threads, and summed in an order that does not depend on them.

The design is [1, X − μ] and the targets are Y − ν, all multiplied by √w:  μ and ν are near the means, so that nothing
is lost to a column that is large against its spread.  BLAS has one thread meanwhile: blocks are too small to divide,
and its results could depend on its number of threads.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from thalweg.execution.native import threads

__all__ = ["Rows", "one_blas_thread", "summed"]

#: Up to so many numbers all rows are factorized at once.
DIRECT = 1 << 16
#: Numbers in the buffer of a block: 256 KiB, so that it stays in a core's own cache.
BUFFER = 1 << 15
#: Rows are cut in so many parts, each summed by itself; more threads than that are not used.
PARTS = 32
#: Numbers that the sums of all parts may hold.
SUMS = 1 << 21
#: Rows among which the shifts are found.
SAMPLE = 1024

Array = np.ndarray[Any, Any]


@lru_cache(maxsize=1)
def _counters() -> list[tuple[Callable[[], int], Callable[[int], None]]]:
    """The functions that say and set the number of threads, of every BLAS that NumPy and SciPy loaded."""
    get, set_ = ctypes.CFUNCTYPE(ctypes.c_int), ctypes.CFUNCTYPE(None, ctypes.c_int)
    return [(get(counter.get), set_(counter.set)) for counter in threads.counters()]


_lock = threading.Lock()
_depth = 0
_before: list[int] = []


@contextmanager
def one_blas_thread() -> Iterator[Callable[[], int]]:
    """Hold BLAS to one thread; gives a function that says how many threads it had, or the process may use if less."""
    global _depth, _before
    with _lock:
        if _depth == 0:
            _before = [get() for get, _ in _counters()]
            for _, set_ in _counters():
                set_(1)
        _depth += 1
        before = _before
    try:
        yield lambda: min([threads.limit(), *before])
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                for (_, set_), count in zip(_counters(), _before):
                    set_(count)


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

    @cached_property
    def shift(self) -> Array:
        """μ: the means over some rows, or 0 without an intercept."""
        some = self.X[:: max(1, len(self) // SAMPLE)]
        if not self.intercept:
            return np.zeros(self.features)
        return np.asarray(some.mean(axis=0), dtype=float).ravel()

    @cached_property
    def target_shift(self) -> Array:
        """ν, alike."""
        if not self.intercept:
            return np.zeros(self.Y.shape[1])
        return self.Y[:: max(1, len(self) // SAMPLE)].mean(axis=0, dtype=float)

    def block(self, start: int, stop: int, out: Array | None = None) -> Array:
        """Rows start … stop of √w [1, X − μ, Y − ν]."""
        out = np.empty((stop - start, self.columns)) if out is None else out[: stop - start]
        X = self.X[start:stop]
        X = X if isinstance(X, np.ndarray) else X.toarray()
        if self.intercept:
            out[:, 0] = 1.0
        np.subtract(X, self.shift, out=out[:, self.intercept : self.unknowns])
        np.subtract(self.Y[start:stop], self.target_shift, out=out[:, self.unknowns :])
        if self.w is not None:
            out *= np.sqrt(self.w[start:stop])[:, None]
        return out


def summed(rows: Rows, of: Callable[[Array, Any], Any], size: int, jobs: int) -> list[Any]:
    """The results of a fold over the blocks of each part of the rows, in the order of the parts.

    Parameters
    ----------
    rows : Rows
    of : callable
        ``of(block, so_far)`` with None at first; it may change what it returned before.
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
        buffer, found = np.empty((length, rows.columns)), None
        for start in range(edges[k], edges[k + 1], length):
            found = of(rows.block(start, min(start + length, edges[k + 1]), buffer), found)
        return found

    _ = rows.shift, rows.target_shift  # made once, not by every thread
    if min(jobs, parts) == 1:
        return [part(k) for k in range(parts)]
    with ThreadPoolExecutor(min(jobs, parts)) as pool:
        return list(pool.map(part, range(parts)))
