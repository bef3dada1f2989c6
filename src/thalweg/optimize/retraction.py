r"""Back to the constraints: a step along a tangent, corrected so that it stays where it may be.

A step s along the tangent space of c leaves the constraints by ½ sᵀ∇²c s, of second order.  Gauss–Newton brings it
back:

    x ← x − J_F⁺ r,      r = what the held rows, and those that are violated, are off,

with J_F the columns of variables that are not at a bound, the least correction each time.  What is found differs from
x + s by O(|s|²), so the curve t ↦ retraction(x + t v) has the tangent v, and along it f has the second derivative
vᵀ∇²L v at a stationary point.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §15.6 (second-order correction).
Absil, Mahony & Sepulchre, *Optimization Algorithms on Matrix Manifolds* (2008), §4.1 (retractions).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .problem import Matrix, Point, Vector

__all__ = ["retracted", "room_along"]

#: Steps of Gauss–Newton; it converges quadratically, so more would not help.
STEPS = 8
#: How far off a row may be in the end, beside its size.
EXACT = 1e-12


def retracted(
    x: Vector, rows: NDArray[np.intp] | None, evaluate: Callable[[Vector], Point], allowed: float = 0.0
) -> Point | None:
    """Return the point of the constraints that Gauss–Newton reaches from `x`, or None where it reaches none.

    Parameters
    ----------
    x : array
        Where the tangent step led.
    rows : array of int or None
        Rows of c that are to be held on the side that is nearest; others only where they are violated.
    evaluate : callable
        x → Point.
    allowed : float
        A violation that counts as none, as at the point where the step began.

    Examples
    --------
    >>> from thalweg.optimize.problem import Constraints, Problem
    >>> circle = Constraints(np.ones(1), np.ones(1), lambda x: (np.array([x @ x]), 2 * x[None]),
    ...                      lambda x, y: 2 * np.eye(2))
    >>> p = Problem(2, lambda x: (x[0], np.array([1.0, 0.0])), constraints=circle)
    >>> retracted(np.array([1.0, 1.0]), np.array([0]), p.at).x.round(12)
    array([0.70710678, 0.70710678])
    """
    point = evaluate(x)
    problem = point.problem
    if problem.lower is not None and problem.upper is not None:
        inside = np.clip(point.x, problem.lower, problem.upper)
        if not np.array_equal(inside, point.x):
            point = evaluate(inside)
    if not problem.m or not point.finite:
        return point
    before = np.inf
    for _ in range(STEPS):
        off, size = _off(point, rows)
        worst = float(np.max(np.abs(off) / size, initial=0.0))
        if worst <= EXACT or (worst <= 1e-9 and worst > 0.1 * before):
            return point
        if worst > 2 * before and worst > 1.0:
            break
        before = worst
        step = _correction(point, off)
        if step is None:
            break
        x = point.x + step
        if problem.lower is not None and problem.upper is not None:
            x = np.clip(x, problem.lower, problem.upper)
        following = evaluate(x)
        if not following.finite:
            break
        point = following
    off, size = _off(point, rows)
    return point if np.all(np.abs(off) <= np.maximum(allowed, 1e-9 * size)) else None


def room_along(point: Point, v: Vector) -> float:
    """Return how far v can be followed within the bounds of the variables.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> box = Problem(2, lambda x: (x @ x, 2 * x), lower=np.zeros(2), upper=np.ones(2))
    >>> room_along(box.at([0.25, 0.5]), np.array([1.0, -1.0]))
    0.5
    """
    problem = point.problem
    if problem.lower is None or problem.upper is None:
        return float("inf")
    side = np.where(v > 0, problem.upper, problem.lower)
    moving = v != 0
    return float(max(np.min((side[moving] - point.x[moving]) / v[moving], initial=np.inf), 0.0))


def _off(point: Point, rows: NDArray[np.intp] | None) -> tuple[Vector, Vector]:
    """How far each row of c is from where it should be, and the size of its terms."""
    constraints = point.problem.constraints
    assert constraints is not None
    c = point.c
    off = np.maximum(c - constraints.upper, 0.0) - np.maximum(constraints.lower - c, 0.0)
    if rows is not None and rows.size:
        above, below = c[rows] - constraints.upper[rows], c[rows] - constraints.lower[rows]
        off[rows] = np.where(np.abs(above) <= np.abs(below), above, below)
    size = np.maximum(np.abs(c), abs(point.J) @ np.abs(point.x))
    return off, np.where(size > 0, size, 1.0)


def _correction(point: Point, off: Vector) -> Vector | None:
    """The least step of the variables between their bounds that undoes `off` to first order."""
    problem = point.problem
    free = np.ones(problem.n, dtype=bool)
    if problem.lower is not None and problem.upper is not None:
        free = (point.x > problem.lower) & (point.x < problem.upper)
    wanted = off != 0
    J: Any = point.J[wanted][:, free]
    step = np.zeros(problem.n)
    if problem.sparse:
        from scipy.sparse.linalg import lsmr

        step[free] = -lsmr(J, off[wanted], atol=1e-14, btol=1e-14, maxiter=2000)[0]
    else:
        step[free] = -_least_squares(J, off[wanted])
    return step if np.isfinite(step).all() else None


def _least_squares(J: Matrix, off: Vector) -> Vector:
    return np.asarray(np.linalg.lstsq(J, off, rcond=1e-10)[0])
