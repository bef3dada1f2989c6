r"""How far to go along the step of a quadratic program.

The full step is tried first, then shorter ones.  A trial point is taken when the merit function or the filter accepts
it (`merit`); besides,

- a full Newton step that makes the KKT error half of the smallest one so far is taken at once.  The merit function may
  refuse such steps arbitrarily close to a solution, as Maratos found;
- where a full step is refused for the violation that the curvature of the constraints has caused, the rows are
  linearized about the trial point instead and the step is solved for again with the same factorization (a
  *second-order correction*);
- where differences of values drown in rounding, the KKT error decides.

A trial point where a function is not finite shortens the step.  Points whose violation exceeds a wall, at first ten
times that of the start, are not taken.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §15.4–15.6 and §18.3 (Maratos, second-order correction).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..composition import Stuck
from ..engine import Iterate, Run
from ..kkt_error import kkt_error
from ..problem import Point, Vector
from .merit import SUFFICIENT, Filter, Merit
from .step import Step
from .system import System

__all__ = ["Search", "Sides", "Taken"]

#: A full step whose KKT error is below this fraction of the smallest so far is taken at once.
CONTRACTION = 0.5
#: Where the decrease promised is below this fraction of the merit function, its differences are rounding.
DROWNED = 1e-11
#: Changes of the violation below this part of what the filter calls small are rounding.
LEVEL = 1e-6
#: No step is longer than this many times the largest |x| (at least one).
FAR = 100.0
MOST_TRIALS = 40


@dataclass(frozen=True, eq=False)
class Sides:
    """Lower and upper sides of the variables, then of the rows."""

    lower: Vector
    upper: Vector
    n: int

    def violation(self, c: Vector) -> Vector:
        """By how much each row is violated where it has the values c."""
        n = self.n
        return np.maximum(np.maximum(self.lower[n:] - c, c - self.upper[n:]), 0.0) if c.size else c

    def inside(self, x: Vector) -> Vector:
        """x moved into the bounds."""
        return np.minimum(np.maximum(x, self.lower[: self.n]), self.upper[: self.n])


class Taken(NamedTuple):
    """Where a step led: the point, the fraction of the step, the merit function, the KKT error if known, and how."""

    point: Point
    alpha: float
    merit: Merit
    residual: float | None
    kind: str


@dataclass
class Search:
    """What the line search remembers: the weights, the filter, the smallest KKT error and the wall."""

    sides: Sides
    merit: Merit
    filter: Filter
    wall: float = np.inf
    best: float = np.inf

    def __call__(self, at: Iterate, step: Step, system: System, run: Run) -> Taken | Stuck:
        """Return the first trial point that is taken."""
        point, sides, basic = at.point, self.sides, step.basic
        d = basic.d
        violation = sides.violation(point.c)
        left = sides.violation(point.c + basic.value[sides.n :]) if step.elastic else np.zeros(violation.size)
        slope, theta = float(point.gradient @ d), float(violation.sum())
        merit = self.merit.follow(basic.y, slope, step.curvature, violation - left)
        weights = merit.weights
        D = slope - float(weights @ (violation - left))
        before = point.value + float(weights @ violation)
        noise = DROWNED * (abs(point.value) + float(weights @ violation))
        if not (D < 0 or -D <= noise):
            return Stuck("the quadratic model has no direction of descent")
        wall = self.wall if theta < self.wall else 2.0 * theta
        length, around = float(np.abs(d).max()), max(1.0, float(np.abs(point.x).max()))
        alpha, not_finite = min(1.0, FAR * around / max(length, 1e-300)), None
        for _ in range(MOST_TRIALS):
            x = sides.inside(point.x + alpha * d)
            if (x == point.x).all():
                if alpha == 1.0:
                    return Taken(point, 1.0, merit, None, "multipliers")
                break
            trial = run.evaluate(x)
            if trial.value == -np.inf:
                return Stuck("the value is −∞ at a point that was tried", status="unbounded", at=x)
            if not trial.finite:
                not_finite = x
                alpha *= 0.2
                continue
            out = sides.violation(trial.c)
            total, after = float(out.sum()), trial.value + float(weights @ out)
            level = abs(total - theta) <= LEVEL * self.filter.small
            drowned = level and -D <= noise and abs(after - before) <= noise
            if total <= wall and not drowned:
                if after <= before + SUFFICIENT * alpha * D:
                    return Taken(trial, alpha, merit, None, "")
                if out.size and self.filter.accepts(theta, point.value, total, trial.value, slope, alpha):
                    return Taken(trial, alpha, merit, None, "")
            if alpha == 1.0:
                residual = kkt_error(trial, basic.y, basic.dual[: sides.n])
                contracts = step.exact and total <= wall and residual <= CONTRACTION * self.best
                if contracts or (drowned and residual < at.residual):
                    return Taken(trial, 1.0, merit, residual, "")
                if drowned:
                    return Stuck("no step makes the residual smaller in double precision")
                if out.size and float(weights @ out) > 0.1 * (after - before):
                    corrected = self._correct(point, step, trial, system, run)
                    if corrected is not None:
                        after = corrected.value + float(weights @ sides.violation(corrected.c))
                        if after <= before + SUFFICIENT * D:
                            return Taken(corrected, 1.0, merit, None, "second-order correction")
            rise = max(after - before - alpha * D, -alpha * D)
            alpha *= min(max(0.5 * -alpha * D / rise, 0.3), 0.5) if rise > 0 else 0.5
        if not_finite is not None:
            return Stuck("no step, however short, stays where the function is finite", True, at=not_finite)
        return Stuck("no step lowers the merit function in double precision")

    def _correct(self, point: Point, step: Step, trial: Point, system: System, run: Run) -> Point | None:
        """Solve once more with the rows as they are at the trial point, instead of their linear models."""
        n = self.sides.n
        right = np.zeros(n + trial.c.size)
        right[n:] = -(trial.c - point.c - step.basic.value[n:])
        d = step.basic.d + system.again(step.basic, right)[:n]
        corrected = run.evaluate(self.sides.inside(point.x + d))
        return corrected if corrected.finite else None
