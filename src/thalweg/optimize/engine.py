r"""What the loop asks of a method: an *engine*, which makes one iterate from another.

The loop (`descend`) does everything that is not mathematics of a method: history, callbacks, limits, interruption, the
question what the point is, leaving saddle points, the solution.  An engine does the mathematics:

    begin(x, run)      the first iterate, at x: also called anew, after the loop has left a saddle point
    advance(at, run)   the next iterate, or why there is none (`Stuck`)

and each `Iterate` says how far it is from stationarity in the units of `tol`: its `residual`.  For a problem without
constraints that is ‖∇f‖∞; with constraints the largest of the (scaled) residuals of the Karush–Kuhn–Tucker conditions

    ∇f + Jᵀy + z = 0,    cₗ ≤ c(x) ≤ cᵤ,  xₗ ≤ x ≤ xᵤ,    complementarity and signs of y and z.

An engine may also have ``instead(stuck, run)``: asked where it is stuck at a point that is no answer, for an iterate to
go on from all the same, or None.

An engine keeps what it remembers in attributes, and is made anew for every run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

import numpy as np

from .clock import OutOfTime
from .composition import Stuck
from .problem import Point, Problem, Vector

__all__ = ["Engine", "Iterate", "OutOfTime", "Run"]


@dataclass(frozen=True, eq=False)
class Iterate:
    """Where a method is, and how it came there.

    Attributes
    ----------
    point : Point
        x with f, ∇f, c and J.
    residual : float
        How far from stationarity; converged when it is at most `tol`.
    y, z : array
        Signed multipliers of the rows (m,) and of the bounds (n,), so that ∇f + Jᵀy + z → 0.  Empty without any.
    step : array or None
        What led here; None for a first iterate.
    size : float
        The step length or radius that was chosen.
    kind : str
        In a word or two: 'Newton', 'restoration', 'second-order correction' …
    message : str
        What happened, where it deserves a sentence.
    """

    point: Point
    residual: float
    y: Vector = field(default_factory=lambda: np.zeros(0))
    z: Vector = field(default_factory=lambda: np.zeros(0))
    step: Vector | None = None
    size: float = 0.0
    kind: str = ""
    message: str = ""


@dataclass(eq=False)
class Run:
    """What the loop lends to an engine.

    Attributes
    ----------
    problem : Problem
        What is minimized (already turned where the user maximizes).
    tol : float
        The residual that is asked for.
    deadline : float
        `perf_counter` time after which `evaluate` and `check` raise `OutOfTime`; infinite without a limit.
    evaluated : callable
        Told of each point (the loop remembers the best one).
    notes : list of str
        Sentences for the user's solution; append to it.

    Examples
    --------
    >>> bowl = Problem(1, lambda x: (float(x @ x), 2 * x))
    >>> Run(bowl).evaluate(np.array([3.0])).value
    9.0
    """

    problem: Problem
    tol: float = 1e-8
    deadline: float = float("inf")
    evaluated: Callable[[Point], None] = lambda point: None
    notes: list[str] = field(default_factory=list)
    _last: Point | None = field(default=None, repr=False)

    def evaluate(self, x: Vector) -> Point:
        """Evaluate f, ∇f, c and J at x; not again where x is the very array of the last point."""
        if self._last is not None and x is self._last.x:
            return self._last
        self.check()
        self._last = self.problem.at(x)
        self.evaluated(self._last)
        return self._last

    def known(self, point: Point) -> None:
        """Remember a point, so that the next evaluation at its x costs nothing."""
        self._last = point

    def check(self) -> None:
        """Raise `OutOfTime` once the time is up; to be called now and then in long computations."""
        if perf_counter() > self.deadline:
            raise OutOfTime

    @property
    def remaining(self) -> float:
        """Seconds left."""
        return self.deadline - perf_counter()


class Engine(Protocol):
    """A method at work."""

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Return the first iterate, at (or, to be feasible, near) x."""

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Return the next iterate, or why there is none."""

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Whether to go on, although the residual is small enough, since digits come cheaply."""
