"""What a run remembers: its history, the best point it has evaluated, how far it came, whether it still gets on."""

from __future__ import annotations

from math import isfinite

import numpy as np

from .certificate import Travel
from .composition import better
from .engine import Iterate
from .history import History
from .problem import Point, Vector

__all__ = ["Record"]


class Record:
    """The memory of a run.

    Attributes
    ----------
    history : History
        The iterates.
    first, best : Point or None
        The first point evaluated, and the best: the lowest, or among equals the one with the smallest gradient.
    idle : int
        Iterations in a row that lowered neither the value nor the gradient norm.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(1, lambda x: (float(x @ x), 2 * x))
    >>> record = Record(np.array([2.0]))
    >>> for x in (2.0, 1.0, 3.0):
    ...     record.evaluated(bowl.at([x]))
    >>> record.first.value, record.best.value
    (4.0, 1.0)
    """

    def __init__(self, start: Vector) -> None:
        self.history = History()
        self.first: Point | None = None
        self.best: Point | None = None
        self.idle = 0
        self._seen = np.abs(start)
        self._lowest = np.inf
        self._flattest = np.inf
        self._nearest = np.inf

    def evaluated(self, point: Point) -> None:
        """Note that the function was evaluated at a point, whether the run goes there or not."""
        if self.first is None:
            self.first = point
        if self.best is None or better(point, self.best):
            self.best = point

    def reached(self, at: Iterate, step: Vector, time: float, sign: float) -> None:
        """Note that the run has come to an iterate; `sign` turns the values of a maximization back."""
        point = at.point
        self._seen = np.maximum(self._seen, np.abs(point.x))
        lower = not isfinite(self._lowest) or point.value < self._lowest - 1e-14 * abs(self._lowest)
        closer = at.residual < 0.99 * self._flattest or point.violation < 0.99 * self._nearest
        self.idle = 0 if lower or closer else self.idle + 1
        self._lowest = min(self._lowest, point.value)
        self._flattest = min(self._flattest, at.residual)
        self._nearest = min(self._nearest, point.violation)
        self.history.append(
            value=sign * point.value,
            gradient_norm=at.residual,
            infeasibility=point.violation,
            step_length=float(np.linalg.norm(step)),
            time=time,
            evaluations=point.problem.count.value,
            x=point.x,
        )

    def travel(self, point: Point) -> Travel:
        """How far the run has come when it is at `point`."""
        drop = 0.0 if self.first is None else max(self.first.value - point.value, 0.0)
        return Travel(self._seen, drop)

    @property
    def reach(self) -> float:
        """Length of the largest |x| seen."""
        return float(np.linalg.norm(self._seen))
