r"""Training by mini-batches: an epoch is one pass over the rows in a new order, a step for each batch.

    g = ∇ (mean loss of the batch) + α/(Σ weights of the batch) W,      x ← x + step(g, η)

with `SGD` or `Adam` of `thalweg.optimize.stochastic` for the step.  All parameters lie in one vector of the dtype asked
for, so that a step is a few passes over it.

What a training is at the end of an epoch (`Trainer.state`) are numbers and arrays alone: the parameters, what the
optimizer remembers, how many steps there were, and the state of the random numbers as the training began.  The order of
every epoch follows from that, masks and noise from the seed and the number of the step; so a training that goes on from
a state takes the same steps bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse

from thalweg.optimize.schedules import Schedule
from thalweg.optimize.stochastic import SGD, Adam

from .flat import Flat
from .gradient import Counted, Gradient

__all__ = ["Diverged", "Trainer", "cut", "is_sparse"]


class Diverged(ArithmeticError):
    """The loss, or a parameter, is not finite any more."""


class Trainer:
    """A training, epoch by epoch.

    Parameters
    ----------
    flat : Flat
        The parameters, which are changed in place.
    gradient : Gradient
        Of ``loss(parameters, *batch)``.
    update : SGD or Adam
    rate : callable
        Learning rate by number of step.
    arrays : tuple of array, sparse array or None
        What a batch is cut from; all with one row for each sample.
    size : int
        Rows in a batch.
    random : RandomState or None
        Draws the orders; None leaves the rows as they stand.
    weights : array, optional
        The weights of the rows, where `arrays` has them too: the penalty is divided by their sum.
    alpha : float
        The penalty.
    draw : callable, optional
        ``draw(step, rows) -> tuple`` of further arguments of the loss: masks, noise.
    """

    def __init__(
        self,
        flat: Flat,
        gradient: Gradient,
        update: SGD | Adam,
        rate: Schedule,
        arrays: tuple[Any, ...],
        size: int,
        random: np.random.RandomState | None = None,
        weights: Any = None,
        alpha: float = 0.0,
        draw: Callable[[int, int], tuple[Any, ...]] | None = None,
    ) -> None:
        self.flat, self.update, self.rate, self.arrays, self.size = flat, update, rate, arrays, size
        self.gradient = Counted(gradient, flat.structure)
        self.random, self.weights, self.alpha, self.draw = random, weights, alpha, draw
        self.rows = int(next(a.shape[0] for a in arrays if a is not None))
        self.steps = self.epochs = 0
        self.begun = None if random is None else _plain(random)
        self._order = np.arange(self.rows)
        self._slope = np.empty_like(flat.vector)

    def epoch(self) -> float:
        """Make one pass over the rows, and return the mean of the objectives of the batches, by their rows."""
        if self.random is not None:
            self._shuffle()
        total = 0.0
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is seen below
            for first in range(0, self.rows, self.size):
                last = first + self.size
                rows = slice(first, last) if self.random is None else self._order[first:last]
                total += self._step(rows, min(self.size, self.rows - first))
        self.epochs += 1
        if not np.isfinite(total) or not np.isfinite(self.flat.vector).all():
            raise Diverged
        return total / self.rows

    def state(self) -> dict[str, Any]:
        """Return what the training is now, in copies."""
        update = self.update
        moments = (update.velocity,) if isinstance(update, SGD) else (update.mean, update.square)
        return {
            "vector": self.flat.vector.copy(),
            "moments": [None if m is None else m.copy() for m in moments],
            "steps": self.steps,
            "epochs": self.epochs,
            "random": self.begun,
            "calls": [[rows, count] for rows, count in self.gradient.calls.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.flat.vector[:] = state["vector"]
        moments = [None if m is None else np.array(m) for m in state["moments"]]
        self.steps, self.begun = int(state["steps"]), state["random"]
        self.gradient.calls = {int(rows): int(count) for rows, count in state["calls"]}
        if isinstance(self.update, SGD):
            (self.update.velocity,) = moments
        else:
            self.update.mean, self.update.square = moments
            self.update.steps = self.steps
        self._order = np.arange(self.rows)
        if self.random is not None:
            self.random.set_state(tuple(self.begun))
        for self.epochs in range(1, int(state["epochs"]) + 1):
            if self.random is not None:
                self._shuffle()

    def _shuffle(self) -> None:
        """Put the rows in a new order, from the last one, as scikit-learn's networks do."""
        assert self.random is not None
        places = np.arange(self.rows)
        self.random.shuffle(places)
        self._order = self._order[places]

    def _step(self, rows: Any, count: int) -> float:
        total = float(count) if self.weights is None else float(np.sum(self.weights[rows]))
        if total == 0:  # no row of this batch counts
            return 0.0
        batch = tuple(None if a is None else cut(a, rows) for a in self.arrays)
        if self.draw is not None:
            batch += self.draw(self.steps, count)
        value, *slopes = self.gradient(self.flat.leaves, batch)
        x, g = self.flat.vector, self._slope
        self.flat.fill(g, slopes)
        value = float(value)
        if self.alpha:
            W = x[: self.flat.weights]
            value += 0.5 * self.alpha / total * float(np.dot(W, W))
            g[: self.flat.weights] += np.asarray(self.alpha / total, x.dtype) * W
        x += self.update.step(x, g, self.rate(self.steps))
        self.steps += 1
        return value * count


def is_sparse(array: Any) -> bool:
    """Whether it is one of SciPy's sparse arrays or matrices."""
    return bool(issparse(array))


def cut(array: Any, rows: Any) -> Any:
    """Return some rows of an array, or of a sparse one as an ordinary array."""
    if is_sparse(array):
        return array[rows].toarray()
    return array[rows] if isinstance(rows, slice) else np.take(array, rows, axis=0)


def _plain(random: np.random.RandomState) -> list[Any]:
    """The state of random numbers as numbers, a text and an array."""
    return list(random.get_state(legacy=True))
