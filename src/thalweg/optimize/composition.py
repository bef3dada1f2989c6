r"""The vocabulary of methods: a method is a *direction* times a *step rule*.

From a point x a **direction** draws a *path*: a curve of candidate steps s(size), one for each positive size, with the
decrease that its own model of the function promises,

    steepest descent   s(η) = −η ∇f,                      promised  η ‖∇f‖²            (a linear model),
    Newton             s(Δ) = argmin m(s) over ‖s‖ ≤ Δ,    promised  m(0) − m(s(Δ))     (a quadratic model).

A **step rule** walks along that path: it picks a size, evaluates the function there, and either takes the step or tries
another size.  The size is a learning rate for one direction and a trust radius for another; the rules need not know.

Both are small objects that may remember (a rule its last size, a direction the curvature it has seen).  They are made
anew for every run.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), chapters 2–4, for the two great families; the separation of the
two roles follows Rader, Lyons & Kidger, *Optimistix* (2024).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from .problem import Point, Vector

__all__ = [
    "Direction",
    "NoDirection",
    "Path",
    "Proposal",
    "Remembering",
    "StepRule",
    "Stuck",
    "Taken",
    "better",
    "decrease",
]

#: Where the promised decrease is below this fraction of |f|, the difference of two values is mostly rounding.
DROWNED = 1e-11
#: Violations of constraints up to this size do not decide which of two points is better.
FEASIBLE = 1e-8


class Proposal(NamedTuple):
    """A candidate step: where to go and what its model promises."""

    step: Vector
    predicted: float
    size: float
    kind: str


class Path(Protocol):
    """The candidate steps of a direction from one point, by size."""

    def __call__(self, size: float) -> Proposal:
        """Return the candidate of at most that size."""

    @property
    def natural(self) -> float:
        """A size to begin with when nothing is known yet."""

    def measure(self, step: Vector) -> float:
        """Return the size that `step` has in the units of this path."""

    def steepness(self, gradient: Vector) -> float:
        """Return the length of `gradient` in the units of this path."""


class Direction(Protocol):
    """Draws a path from each point of the run, in turn."""

    def __call__(self, point: Point) -> Path:
        """Return the path that leaves `point`, or raise `NoDirection`."""


class Remembering(Direction, Protocol):
    """A direction that learns from the points it has seen; called again at the last of them, it draws the same path."""

    def forget(self) -> bool:
        """Drop what was learnt, since no step was found along it; False if there was nothing to drop."""


class NoDirection(ArithmeticError):
    """The derivatives that a direction needs are not finite at a point."""


@dataclass(frozen=True)
class Taken:
    """A step that was accepted."""

    point: Point
    step: Vector
    size: float
    kind: str
    message: str = ""


@dataclass(frozen=True)
class Stuck:
    """No step was accepted; the reason is a sentence for the user.

    Attributes
    ----------
    reason : str
        Begins in lower case and has no full stop.
    not_finite : bool
        Whether it is for a value that is not finite, at the place `at`.
    too_far : bool
        Whether the steps asked for grow without bound.
    at : array, optional
        Where.
    status : str
        'infeasible' where the constraints contradict one another (as far as can be seen from here), 'unbounded' where
        the function falls without end; empty where the method cannot go on for want of digits.
    """

    reason: str
    not_finite: bool = False
    too_far: bool = False
    at: Vector | None = None
    status: str = ""


class StepRule(Protocol):
    """Chooses how far to go along a path."""

    def __call__(self, point: Point, path: Path, evaluate: Callable[[Vector], Point]) -> Taken | Stuck:
        """Return the accepted step, or why there is none."""


def decrease(point: Point, trial: Point, proposal: Proposal) -> float:
    r"""Return by how much the function fell from `point` to `trial`.

    Normally f(x) − f(x + s).  Near a minimum that difference drowns in rounding (f is flat to second order, so x can be
    found this way to half the digits only), while the gradients are still accurate.  There the trapezoidal rule

        f(x) − f(x + s) ≈ −½ (∇f(x) + ∇f(x + s))ᵀ s

    is used instead.  Requiring it to reach a fraction δ of −∇fᵀs is the *approximate Wolfe* condition of Hager & Zhang
    (SIAM J. Optim. 16, 2005, §2); Conn, Gould & Toint (*Trust-Region Methods*, §17.4.2) treat the same difficulty.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> f = Problem(1, lambda x: (1e6 + float(x[0] ** 2), 2 * x))
    >>> here, there = f.at([1e-6]), f.at([0.0])
    >>> here.value - there.value
    0.0
    >>> decrease(here, there, Proposal(there.x - here.x, 1e-12, 1.0, ""))
    1e-12
    """
    difference = point.value - trial.value
    noise = DROWNED * abs(point.value)
    if proposal.predicted <= noise and abs(difference) <= noise:
        return -0.5 * float((point.gradient + trial.gradient) @ proposal.step)
    return difference


def better(point: Point, other: Point) -> bool:
    """Whether `point` is the one to keep: feasible, then lower, and where values differ by rounding only, flatter.

    Violations up to 10⁻⁸ of the sides count as none.
    """
    if not point.finite:
        return False
    if not other.finite:
        return True
    if point.problem.constrained:
        one, two = point.violation, other.violation
        if max(one, two) > FEASIBLE * (1 + abs(other.value)) and abs(one - two) > 0.1 * max(one, two):
            return one < two
    noise = DROWNED * abs(other.value)
    if abs(point.value - other.value) > noise:
        return not other.value <= point.value
    return point.gradient_norm < other.gradient_norm


def unchanged(point: Point, step: Vector) -> bool:
    """Whether the step is too short to change x in floating point."""
    return bool(np.array_equal(point.x + step, point.x))
