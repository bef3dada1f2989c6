r"""The engine of stochastic methods: a step for every batch, a look at all data after every epoch.

    x ← x + step(g_B(x), η_k),         B the next batch,  k the number of the step,  η_k from a schedule.

An iterate within an epoch shows value and gradient over the batch that it is about to step along, as evaluated at its
x; its residual is infinite, since a batch says nothing about convergence.  After the last batch of an epoch the
function is evaluated over all data, and the residual is ‖∇f‖∞.

Without batches every step sees the whole function, and every iterate has a residual.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Iterate, Run
from thalweg.optimize.problem import Point, Vector
from thalweg.optimize.schedules import Constant, Schedule

from .sampled import Sampled

__all__ = ["Stochastic", "Update"]


class Update(Protocol):
    """How a gradient becomes a step: `SGD`, `Adam`."""

    @property
    def name(self) -> str:
        """A word or two for the history."""

    def step(self, x: Vector, gradient: Vector, rate: float) -> Vector:
        """Return the step of that learning rate."""

    def reset(self) -> None:
        """Forget the past."""


#: Epochs of a run that has no other limit.
EPOCHS = 100


class Stochastic:
    """Steps along the gradients of batches.

    Parameters
    ----------
    update : Update
        How a gradient becomes a step.
    schedule : callable
        The learning rate by number of step, counted over all epochs.
    sampled : Sampled, optional
        The objective by batches; without it the whole of the problem at every step.
    epochs : int, optional
        The run ends after so many.

    Attributes
    ----------
    steps, epoch, place : int
        Steps so far, epochs completed, batches of this epoch used.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> from thalweg.optimize.stochastic.batches import Batches
    >>> from thalweg.optimize.stochastic.sgd import SGD
    >>> def mean_square(x, batch):
    ...     r = x[0] - batch[0]
    ...     return float(r @ r) / r.size, np.array([2 * r.mean()])
    >>> sampled = Sampled(mean_square, Batches(np.array([1.0, 2.0, 3.0, 6.0]), size=2, shuffle=False))
    >>> engine = Stochastic(SGD(), Constant(0.5), sampled)
    >>> run = Run(Problem(1, sampled.whole))
    >>> it = engine.begin(np.zeros(1), run)
    >>> for _ in range(2):
    ...     it = engine.advance(it, run)
    ...     print(it.point.x, it.point.value, it.residual)
    [1.5] 11.25 inf
    [4.5] 5.75 3.0
    """

    def __init__(
        self,
        update: Update,
        schedule: Schedule = Constant(0.01),  # noqa: B008
        sampled: Sampled | None = None,
        epochs: int | None = None,
    ) -> None:
        self.update, self.schedule, self.epochs = update, schedule, epochs
        self.steps = self.epoch = self.place = 0
        self.gradient: Vector | None = None
        self._cached_sampled = sampled  # the data do not belong into a saved state
        self._cached_batches: Iterator[tuple[Any, ...]] | None = None

    def unlimited(self) -> None:
        """Told that nothing else ends the run: it ends after `EPOCHS` epochs, where no number was asked for."""
        if self.epochs is None and self._cached_sampled is not None:
            self.epochs = EPOCHS

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Start at x, with the whole function."""
        self.update.reset()
        self.place, self.gradient, self._cached_batches = 0, None, None
        point = run.evaluate(x)
        return Iterate(point, point.gradient_norm)

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Take a step along the gradient of one batch."""
        if self.epochs is not None and self.epoch >= self.epochs:
            many = "epoch is" if self.epochs == 1 else "epochs are"
            return Stuck(f"the {self.epochs} {many} over", status="iteration_limit")
        x, gradient, sampled = at.point.x, self.gradient, self._cached_sampled
        if sampled is None:
            gradient = at.point.gradient
        elif gradient is None:
            batch = self._batch(sampled)
            if batch is None:
                return Stuck("an epoch has no batches")
            gradient = self._sample(sampled, x, batch, run).gradient
        rate = self.schedule(self.steps)
        step = self.update.step(x, gradient, rate)
        after = x + step
        self.steps += 1
        point, residual = self._look(after, run)
        if not point.finite:
            return Stuck(
                f"from the value {run.problem.sign * at.point.value:.4g} a step of learning rate {rate:g} led to where "
                "the function is not finite; try a smaller learning rate",
                not_finite=True,
                at=after,
            )
        return Iterate(point, residual, step=step, size=rate, kind=self.update.name)

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Digits do not come cheaply here."""
        return False

    def _look(self, x: Vector, run: Run) -> tuple[Point, float]:
        """Evaluate at x what comes next: the next batch of the epoch, or all data after the last one."""
        self.gradient = None
        sampled = self._cached_sampled
        if sampled is None:
            self.epoch += 1
        else:
            batch = self._batch(sampled)
            if batch is not None:
                point = self._sample(sampled, x, batch, run)
                self.gradient = point.gradient
                return point, np.inf
            self.epoch, self.place, self._cached_batches = self.epoch + 1, 0, None
        point = run.evaluate(x)
        return point, point.gradient_norm

    def _batch(self, sampled: Sampled) -> tuple[Any, ...] | None:
        """The next batch of this epoch; None after the last one."""
        if self._cached_batches is None:
            self._cached_batches = sampled.epoch(self.epoch)
            for _ in range(self.place):  # after a resumption: those that were used
                next(self._cached_batches, None)
        batch = next(self._cached_batches, None)
        self.place += batch is not None
        return batch

    def _sample(self, sampled: Sampled, x: Vector, batch: tuple[Any, ...], run: Run) -> Point:
        run.check()
        problem = run.problem
        problem.count.value += 1
        problem.count.gradient += 1
        with np.errstate(all="ignore"):
            value, gradient = sampled.at(x, batch)
        return Point(problem, x, problem.sign * value, gradient if problem.sign > 0 else -gradient)
