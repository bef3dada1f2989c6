r"""How far a point with multipliers is from the Karush–Kuhn–Tucker conditions.

For  minimize f(x)  subject to  cₗ ≤ c(x) ≤ cᵤ,  xₗ ≤ x ≤ xᵤ  with signed multipliers y and z the error is the largest of

    stationarity      ‖∇f + Jᵀy + z‖∞
    feasibility       the largest violation of a side
    complementarity   max |uᵢ| · (distance to the side that the sign of uᵢ points to),  u = (y, z);
                      |uᵢ| itself where there is no such side.

No scaling is applied: this is what a user would compute by hand.  It is zero at a KKT point and nowhere else.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), theorem 12.1.
"""

from __future__ import annotations

import numpy as np

from .problem import Point, Vector

__all__ = ["complementarity_error", "kkt_error"]


def kkt_error(point: Point, y: Vector, z: Vector) -> float:
    """Return the largest residual of the KKT conditions; NaN counts as infinite.

    Examples
    --------
    x² on x ≥ 1: at x = 1 the multiplier of the lower bound is −2.

    >>> from thalweg.optimize.problem import Problem
    >>> f = Problem(1, lambda x: (float(x @ x), 2 * x), lower=np.ones(1))
    >>> kkt_error(f.at([1.0]), np.zeros(0), np.array([-2.0]))
    0.0
    >>> kkt_error(f.at([1.5]), np.zeros(0), np.array([-2.0]))
    1.0
    """
    problem = point.problem
    gradient = point.gradient
    if problem.m:
        gradient = gradient + point.J.T @ y
    if problem.lower is not None:
        gradient = gradient + z
    worst = float(np.abs(gradient).max(initial=0.0))
    if problem.constraints is not None and problem.m:
        lower, upper = problem.constraints.lower, problem.constraints.upper
        worst = max(worst, float(np.maximum(lower - point.c, point.c - upper).max()))
        worst = max(worst, complementarity_error(point.c, y, lower, upper))
    if problem.lower is not None and problem.upper is not None:
        lower, upper = problem.lower, problem.upper
        worst = max(worst, float(np.maximum(lower - point.x, point.x - upper).max()))
        worst = max(worst, complementarity_error(point.x, z, lower, upper))
    return worst if worst == worst else float("inf")


def complementarity_error(value: Vector, multiplier: Vector, lower: Vector, upper: Vector) -> float:
    """Return the largest |multiplier| times the distance to its side.

    Examples
    --------
    >>> complementarity_error(np.array([0.5, 3.0]), np.array([2.0, 0.0]), np.zeros(2), np.array([1.0, np.inf]))
    1.0
    """
    some = multiplier.nonzero()[0]
    if not some.size:
        return 0.0
    u, v = multiplier[some], value[some]
    gap = np.abs(np.where(u > 0, upper[some], lower[some]) - v)
    return float((np.abs(u) * np.where(gap < np.inf, gap, 1.0)).max())
