r"""Where derivatives do not see what the function does: kinks and jumps at the point itself.

By convention |x| has the derivatives 0, 0, 0, … at 0, so to them x² − |x| has a minimum there, which is false.  What
a smooth function does near a stationary point is small of second order,

    f(x + t v) − f(x) = ½ t² vᵀHv + O(t³),

so halving t divides it by four or more; across a kink it is divided by two, across a jump by one, and where the second
derivative jumps, as that of x|x|, it is divided by four but may have the other sign than vᵀHv.  That is looked for
along ± the axes and two directions in general position (which see every kink that an axis sees), at t = h, h/2, h/16;
the second and third place only where the first does not settle it.  On constraints f is L, and the directions are the
tangent parts of these.
It is evidence from values, so it can refute what derivatives say, and does not prove the opposite.

References
----------
Rockafellar & Wets, *Variational Analysis* (1998), §8.A (subderivatives).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite

import numpy as np

from .degenerate import Verdict, Way
from .problem import Matrix, Point, Problem, Vector

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


def verdict_on_kink(
    point: Point,
    hessian: Matrix | None,
    basis: Matrix | None = None,
    size: float | None = None,
    value: Callable[[Vector], float] | None = None,
) -> Verdict | None:
    """Say what a point is whose derivatives are conventions; None where values and derivatives agree.

    Parameters
    ----------
    point : Point
        Where; bounds of its problem are respected.
    hessian : array or None
        ∇²f there.
    basis : array (n, r), optional
        Only directions in the span of its columns are tried.
    size : float, optional
        Size of the terms of which the value is made, for their rounding; |f| by default.
    value : callable, optional
        x → f(x), where that is not the function of the problem.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> ridge = Problem(1, lambda x: (x[0]**2 - abs(x[0]), 2 * x - np.sign(x)), lambda x: 2 * np.eye(1))
    >>> verdict_on_kink(ridge.at([0.0]), 2 * np.eye(1)).falling.rate
    -1.0
    >>> verdict_on_kink(Problem(1, lambda x: (x @ x, 2 * x)).at([0.0]), 2 * np.eye(1)) is None
    True
    """
    if point.problem.smooth:
        return None
    size = abs(point.value) if size is None else size
    with np.errstate(all="ignore"):
        changes = list(_changes(point, hessian, basis, size, value or _value_of(point.problem)))
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


def _directions(n: int, basis: Matrix | None) -> Matrix:
    """The axes and two directions in general position, as rows of unit length; their parts in the span of a basis."""
    V = _ALL.get(n)
    if V is None:
        general = [np.cos(1.0 + 2.0 * np.arange(n)), np.sin(1.0 + 3.0 * np.arange(n))] if n > 1 else []
        V = np.array([*(np.eye(n) if n <= AXES else ()), *general])
        V /= np.linalg.norm(V, axis=1)[:, None]
        if n <= AXES:
            _ALL[n] = V
    if basis is None or basis.shape[1] == n:
        return V
    if basis.shape[1] == 1:
        v = basis[:, 0]
        return np.asarray(v / np.linalg.norm(v))[None]
    Q = np.linalg.qr(basis)[0]
    V = (V @ Q) @ Q.T
    lengths = np.linalg.norm(V, axis=1)
    return np.asarray(V[lengths > 1e-6] / lengths[lengths > 1e-6, None])


#: The directions for few variables, made once.
_ALL: dict[int, Matrix] = {}


def _value_of(problem: Problem) -> Callable[[Vector], float]:
    """x → f(x), without counting: a look around is no part of the run."""
    first, f_and_gradient = problem.first, problem.f_and_gradient
    if first is not None:
        return lambda x: float(first(x)[0])
    return lambda x: float(f_and_gradient(x)[0])


def _changes(
    point: Point, hessian: Matrix | None, basis: Matrix | None, size: float, value: Callable[[Vector], float]
) -> Iterator[_Change]:
    problem, x = point.problem, point.x
    V = _directions(x.size, basis)
    h = DISTANCE * max(1.0, float(np.max(np.abs(x))))
    slopes = (np.abs(V @ point.gradient) * h).tolist()
    bends = [0.0] * len(V) if hessian is None else (0.5 * h * h * np.sum((V @ hessian) * V, axis=1)).tolist()
    noise = 1e3 * float(np.finfo(float).eps) * size
    low, high = problem.lower, problem.upper
    for v, slope, bend in zip(V, slopes, bends):
        for u in (v, -v):
            if low is not None and high is not None:
                there = x + h * u
                if (there < low).any() or (there > high).any():
                    continue
            change = _change(value, point, u, h, slope, bend, noise)
            if change is not None:
                yield change


def _change(
    value: Callable[[Vector], float], point: Point, v: Vector, h: float, slope: float, bend: float, noise: float
) -> _Change | None:
    def change(t: float) -> float:
        return value(point.x + t * v) - point.value

    whole = change(h)
    if not isfinite(whole) or abs(whole) <= noise:
        return None
    jumping = bend * whole < 0 and abs(whole) > UNEXPLAINED * slope
    unexplained = abs(whole) > UNEXPLAINED * (slope + abs(bend)) + noise
    if not (jumping or unexplained):
        return None
    half = change(h / 2)
    if jumping and 3 < whole / (half or np.inf) < 5:
        return _Change(Way(v, whole / h**2, 2))
    if not unexplained:
        return None
    sixteenth = change(h / 16)
    if half * whole <= 0 or sixteenth * whole <= 0 or abs(sixteenth) <= noise:
        return None
    if whole / half > 2.5 or whole / sixteenth > 25:
        return None
    order = 0 if whole / half < 1.5 else 1
    return _Change(Way(v, whole / h**order, order))
