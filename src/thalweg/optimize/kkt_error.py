r"""How far a point with multipliers is from the Karush–Kuhn–Tucker conditions.

For  minimize f(x)  subject to  cₗ ≤ c(x) ≤ cᵤ,  xₗ ≤ x ≤ xᵤ  with signed multipliers y and z, it is the largest of

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
    rows, lower, upper = problem.constraints, problem.lower, problem.upper
    gradient = point.gradient + z if z.size else point.gradient
    worst = 0.0
    if rows is not None and problem.m:
        gradient = gradient + point.J.T @ y
        c = point.c
        worst = float(np.maximum(rows.lower - c, c - rows.upper).max())
        worst = max(worst, complementarity_error(c, y, rows.lower, rows.upper))
    if lower is not None and upper is not None:
        x = point.x
        worst = max(worst, float(np.maximum(lower - x, x - upper).max()), complementarity_error(x, z, lower, upper))
    stationarity = float(np.abs(gradient).max())
    total = stationarity + worst
    return max(stationarity, worst) if total == total else float("inf")


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
    u = multiplier[some]
    products = np.abs(u * (np.where(u > 0, upper[some], lower[some]) - value[some]))
    worst = float(products.max())
    return worst if worst < np.inf else float(np.where(products < np.inf, products, np.abs(u)).max())
