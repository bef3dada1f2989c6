r"""A stochastic objective: a mean over data, seen a few rows at a time.

    f(x) = mean over the rows r of  ℓ(x, r),         g_B(x) = ∇ mean over the rows of a batch B of  ℓ(x, r),

so that g_B, for a batch drawn at random, is ∇f in the mean, at a small part of its cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.optimize.problem import Vector

from .batches import Batches

__all__ = ["Sampled"]


@dataclass(frozen=True, eq=False)
class Sampled:
    """An objective by batches.

    Parameters
    ----------
    value_and_gradient : callable
        ``(x, batch) -> (value, gradient)``, the mean over the rows of the batch; `batch` is a tuple of arrays.
    batches : Batches or iterable
        An iterable of batches (tuples, or single arrays) that can be gone through once for each epoch.
    everything : callable, optional
        ``x -> (value, gradient)`` over all data.  Without it, the mean over the batches of an epoch, by their rows.

    Examples
    --------
    >>> data = np.array([1.0, 2.0, 6.0])
    >>> def mean_square(x, batch):
    ...     r = x[0] - batch[0]
    ...     return float(r @ r) / r.size, np.array([2 * r.mean()])
    >>> Sampled(mean_square, Batches(data, size=2)).whole(np.array([3.0]))
    (4.666666666666667, array([0.]))
    """

    value_and_gradient: Callable[[Vector, tuple[Any, ...]], tuple[float, Vector]]
    batches: Iterable[Any]
    everything: Callable[[Vector], tuple[float, Vector]] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.batches, Iterator):
            raise ArgumentError(
                "batches can be gone through only once, and every epoch needs them again: "
                "give a list, Batches(X, y, size=32), or an object whose __iter__ begins anew."
            )

    def epoch(self, number: int) -> Iterator[tuple[Any, ...]]:
        """Go through the batches of an epoch."""
        batches = self.batches
        source = batches.epoch(number) if isinstance(batches, Batches) else iter(batches)
        return (batch if isinstance(batch, tuple) else tuple(batch) if isinstance(batch, list) else (batch,)
                for batch in source)  # fmt: skip

    def at(self, x: Vector, batch: tuple[Any, ...]) -> tuple[float, Vector]:
        """Return value and gradient over the rows of one batch."""
        value, gradient = self.value_and_gradient(x, batch)
        return float(value), np.asarray(gradient, dtype=np.float64)

    def whole(self, x: Vector) -> tuple[float, Vector]:
        """Return value and gradient over all data."""
        if self.everything is not None:
            value, gradient = self.everything(x)
            return float(value), np.asarray(gradient, dtype=np.float64)
        total, slope, rows = 0.0, np.zeros(np.size(x)), 0
        for batch in self.batches.in_order() if isinstance(self.batches, Batches) else self.epoch(0):
            count = _rows(batch)
            value, gradient = self.at(x, batch)
            total, rows = total + count * value, rows + count
            slope += count * gradient
        if rows == 0:
            raise ArgumentError("There are no batches to go through: an epoch has none.")
        return total / rows, slope / rows


def _rows(batch: tuple[Any, ...]) -> int:
    """The rows of a batch: the length of its first array; 1 for numbers alone."""
    shape = np.shape(batch[0]) if batch else ()
    return int(shape[0]) if shape else 1
