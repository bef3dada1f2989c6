"""The rows that are clustered, seen from their mean, a block at a time.

‖x − c‖² is computed as ‖x‖² + (‖c‖² − 2 c·x), and when the data lie far from the origin, the parts are much greater
than their sum. Taken from the mean of the data they are not. The mean is subtracted block by block, where the block is
needed anyway: the data are neither changed nor copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

__all__ = ["Rows", "squared_norms", "total"]

Array = np.ndarray[Any, Any]
_BLOCK = 1 << 17  # numbers of a block: one megabyte, which stays in the second cache


def _sparse(X: Any) -> bool:
    return bool(scipy.sparse.issparse(X))


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a matrix with their weights.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (rows, features)
        As given: float64 or float32, rows contiguous.
    weights : ndarray of float64, or None
        None stands for ones.
    origin : ndarray of shape (features,)
        What is subtracted from every row: zero for sparse ones, which would not stay sparse.
    """

    X: Any
    weights: Array | None
    origin: Array

    @classmethod
    def centred(cls, X: Any, weights: Array | None = None) -> Rows:
        """The rows from their mean."""
        if _sparse(X):
            return cls(X, weights, np.zeros(X.shape[1], X.dtype))
        return cls(X, weights, X.mean(axis=0, dtype=np.float64).astype(X.dtype))

    @property
    def sparse(self) -> bool:
        return _sparse(self.X)

    @property
    def count(self) -> int:
        return int(self.X.shape[0])

    @property
    def features(self) -> int:
        return int(self.X.shape[1])

    def part(self, which: Any) -> Any:
        """The rows of a slice or an index, from the origin."""
        return self.X[which] if self.sparse else self.X[which] - self.origin

    def weight(self, which: Any) -> Any:
        """Their weights, or 1."""
        return 1.0 if self.weights is None else self.weights[which]

    def blocks(self, width: int = 1) -> Iterator[slice]:
        """All rows in blocks that fit the cache with `width` numbers a row beside the features."""
        step = max(64, _BLOCK // (width if self.sparse else max(width, self.features)))
        for start in range(0, self.count, step):
            yield slice(start, start + step)

    @property
    def total_weight(self) -> float:
        return float(self.count) if self.weights is None else float(np.sum(self.weights))

    @cached_property
    def squares(self) -> tuple[float, float, float]:
        """Σ w ‖x‖², the mean over features of the (unweighted) variance, and the greatest ‖x‖²."""
        weighted = plain = greatest = 0.0
        for block in self.blocks():
            norms = squared_norms(self.part(block))
            here = float(np.sum(norms, dtype=np.float64))
            plain += here
            weighted += here if self.weights is None else total(norms, self.weights[block])
            greatest = max(greatest, float(np.max(norms)))
        variance = plain / (self.count * self.features)
        if self.sparse:
            means = np.asarray(self.X.mean(axis=0), np.float64)
            variance -= float(np.mean(means**2))
        return weighted, variance, greatest


def total(values: Array, weights: Array | None) -> float:
    """Σ w v, in an order that no number of threads changes: that of BLAS depends on it."""
    return float(np.sum(values if weights is None else weights * values, dtype=np.float64))


def squared_norms(part: Any) -> Array:
    """‖x‖² of each row."""
    if _sparse(part):
        return np.asarray(part.multiply(part).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", part, part)
