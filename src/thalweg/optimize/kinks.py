r"""Where derivatives do not see what the function does: kinks and jumps at the point itself.

By convention |x| has the derivatives 0, 0, 0, … at 0, so to them x² − |x| has a minimum there, which is false.  What
a smooth function does near a stationary point is small of second order,

    f(x + t v) − f(x) = ½ t² vᵀHv + O(t³),

so halving t divides it by four or more; across a kink it is divided by two, across a jump by one, and where the second
derivative jumps, as that of x|x|, it is divided by four but may have the other sign than vᵀHv.  That is looked for
along ± the axes and two directions in general position (which see every kink that an axis sees), at t = h, h/2, h/16.
It is evidence from values, so it can refute what derivatives say, and does not prove the opposite.

References
----------
Rockafellar & Wets, *Variational Analysis* (1998), §8.A (subderivatives).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .degenerate import Verdict, Way
from .problem import Evaluations, Matrix, Point, Vector

__all__ = ["verdict_on_kink"]

#: h beside the length of x.
DISTANCE = 1e-5
#: How many times larger a change must be than what the second derivatives and rounding explain.
UNEXPLAINED = 100.0
#: Up to so many variables every axis is tried.
AXES = 16


@dataclass(frozen=True, eq=False)
class _Change:
    """f changes by about rate · t^order along v, which the derivatives do not know of."""

    way: Way

    @property
    def word(self) -> str:
        return ("jumps", "has a kink", "has jumping second derivatives")[self.way.order]


def verdict_on_kink(point: Point, hessian: Matrix | None) -> Verdict | None:
    """Say what a point is whose derivatives are conventions; None where values and derivatives agree.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> ridge = Problem(1, lambda x: (x[0]**2 - abs(x[0]), 2 * x - np.sign(x)), lambda x: 2 * np.eye(1))
    >>> verdict_on_kink(ridge.at([0.0]), 2 * np.eye(1)).falling.rate
    -1.0
    >>> verdict_on_kink(Problem(1, lambda x: (x @ x, 2 * x)).at([0.0]), 2 * np.eye(1)) is None
    True
    """
    changes = [c for c in (_change(point, hessian, v) for v in _directions(point.x.size)) if c is not None]
    if not changes:
        return None
    ways = [c.way for c in changes]
    falling = min((w for w in ways if w.rate < 0), key=lambda w: w.rate, default=None)
    rising = max((w for w in ways if w.rate > 0), key=lambda w: w.rate, default=None)
    what = f"the function {changes[0].word} here, where its derivatives are conventions: it "
    if falling and rising:
        return Verdict("saddle", what + "falls on one side and rises on another", falling, rising)
    tendency = "falls" if falling else "rises"
    return Verdict("degenerate", f"{what}{tendency} in the directions tried", falling, rising)


def _directions(n: int) -> Iterator[Vector]:
    general = np.cos(1.0 + 2.0 * np.arange(n)), np.sin(1.0 + 3.0 * np.arange(n))
    axes = np.eye(n) if n <= AXES else ()
    for v in (*axes, *(general if n > 1 else ())):
        yield v / np.linalg.norm(v)
        yield -v / np.linalg.norm(v)


def _change(point: Point, hessian: Matrix | None, v: Vector) -> _Change | None:
    problem = replace(point.problem, count=Evaluations())  # a look around is no part of the run
    h = DISTANCE * max(1.0, float(np.max(np.abs(point.x))))

    def change(t: float) -> float:
        return problem.at(point.x + t * v).value - point.value

    noise = 1e3 * float(np.finfo(float).eps) * abs(point.value)
    slope = abs(float(point.gradient @ v)) * h
    bend = 0.0 if hessian is None else 0.5 * float(v @ hessian @ v) * h * h
    whole = change(h)
    if not np.isfinite(whole) or abs(whole) <= noise:
        return None
    half = change(h / 2)
    if bend * whole < 0 and abs(whole) > UNEXPLAINED * slope and 3 < whole / (half or np.inf) < 5:
        return _Change(Way(v, whole / h**2, 2))
    if abs(whole) <= UNEXPLAINED * (slope + abs(bend)) + noise:
        return None
    sixteenth = change(h / 16)
    if half * whole <= 0 or sixteenth * whole <= 0 or abs(sixteenth) <= noise:
        return None
    if whole / half > 2.5 or whole / sixteenth > 25:
        return None
    order = 0 if whole / half < 1.5 else 1
    return _Change(Way(v, whole / h**order, order))
