r"""The last digits: Newton's method on the active constraints.

An interior point method ends close to the bounds, never on them, with multipliers near zero where they are zero.  Once
it is clear which sides hold the point, the conditions

    ∇f(x) + A(x)ᵀy = 0,     a(x) = 0          (a: the active rows; active bounds are put in exactly)

are plain equations, and a Newton step doubles the digits.  It is taken only if the residual of *all* conditions falls:
signs, inactive rows and bounds included.  So what cannot be improved stays as it was.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §18.1 (Lagrange–Newton) and §19.8 (crossover).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from . import lapack
from .engine import Iterate, Run
from .kkt_error import kkt_error
from .problem import Point, Vector
from .sizes import POLISHED

__all__ = ["polished"]

#: Beyond so many, factors of a system that nobody has ordered for may fill in without bound: digits are not worth it.
SPARSE = 3_000
#: Steps at most: the first makes x exact enough that rounding is all that is left for the third.
STEPS = 3
#: Beside the gradient, a residual of this size is rounding.
EXACT = 1e-13


def polished(at: Iterate, run: Run) -> Iterate:
    """Return the iterate with what digits Newton's method on its active constraints gains.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> f = Problem(1, lambda x: (float(x @ x), 2 * x), lambda x: 2 * np.eye(1), lower=np.ones(1))
    >>> rough = Iterate(f.at([1.0 + 1e-6]), 1e-6, z=np.array([-2.1]))
    >>> exact = polished(rough, Run(f))
    >>> exact.point.x, exact.z
    (array([1.]), array([-2.]))
    """
    problem = at.point.problem
    if at.y.size != problem.m or at.z.size not in (0, problem.n) or problem.n + problem.m > SPARSE:
        return at
    z = at.z if at.z.size else np.zeros(problem.n)
    error = kkt_error(at.point, at.y, z)
    scale = float(np.max(np.abs(at.point.gradient), initial=1.0))
    if error <= EXACT * scale and not _has_dust(at.y, z):
        return at
    best = at
    for _ in range(STEPS):
        found = _step(best.point, best.y, z, run)
        if found is None:
            break
        point, y, new_z = found
        if not point.finite:
            break
        new_error = kkt_error(point, y, new_z)
        if not new_error < error:
            break
        step = point.x - at.point.x
        best, z = replace(best, point=point, residual=new_error, y=y, z=new_z, step=step, kind="polish"), new_z
        if new_error > 0.1 * error:
            break
        error = new_error
    return best


def _has_dust(y: Vector, z: Vector) -> bool:
    """Whether there are multipliers so small that they are likely to be zero."""
    sizes = np.abs(np.concatenate([y, z]))
    return bool(np.any((sizes > 0) & (sizes < 1e-7)))


def _step(point: Point, y: Vector, z: Vector, run: Run) -> tuple[Point, Vector, Vector] | None:
    """One Newton step on the active conditions: the new point with its multipliers."""
    problem, x = point.problem, point.x
    held, x_new = _active_bounds(point, z)
    free = np.flatnonzero(~held)
    rows, gap = _active_rows(point, y)
    if rows.size > free.size:
        return None
    H = problem.lagrangian_hessian(x, y)
    J = point.J if problem.m else np.zeros((0, problem.n))
    moved = x_new - x
    g = point.gradient + (H @ moved)
    gap = gap + (J @ moved)[rows]
    nothing = np.zeros(0), np.zeros(0)  # a vertex: bounds hold every variable
    solved = (_sparse if problem.sparse else _dense)(H, J, g, gap, rows, free) if free.size else nothing
    if solved is None:
        return None
    d, active_y = solved
    x_new = x_new.copy()
    x_new[free] += d
    if problem.lower is not None and problem.upper is not None:
        x_new = np.clip(x_new, problem.lower, problem.upper)
    if not np.isfinite(x_new).all():
        return None
    new = point if np.array_equal(x_new, x) else run.evaluate(x_new)
    new_y = np.zeros(problem.m)
    new_y[rows] = active_y
    new_z = np.zeros(problem.n)
    if held.any():
        slope = new.gradient + (new.J.T @ new_y if problem.m else 0.0)
        new_z[held] = -slope[held]
    return new, new_y, new_z


def _active_bounds(point: Point, z: Vector) -> tuple[Any, Vector]:
    """Which variables a bound holds (the multiplier outweighs the distance), and x with those put on it."""
    problem, x = point.problem, point.x
    if problem.lower is None or problem.upper is None:
        return np.zeros(x.size, bool), x
    side = np.where(z > 0, problem.upper, problem.lower)
    gap = np.abs(side - x)
    held = (z != 0) & (np.abs(z) > gap) & (gap <= 1e-3 * np.maximum(1.0, np.abs(x)))
    return held, np.where(held, side, x)


def _active_rows(point: Point, y: Vector) -> tuple[Any, Vector]:
    """The rows that hold the point, and by how much they are off."""
    constraints = point.problem.constraints
    if constraints is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    lower, upper = constraints.lower, constraints.upper
    side = np.where(y > 0, upper, lower)
    side = np.where(np.isfinite(side), side, np.where(np.isfinite(lower), lower, upper))
    off = point.c - side
    with np.errstate(invalid="ignore"):
        active = constraints.equality | ((y != 0) & (np.abs(y) > np.abs(off)))
    rows = np.flatnonzero(active)
    return rows, off[rows]


def _dense(H: Any, J: Any, g: Vector, gap: Vector, rows: Any, free: Any) -> tuple[Vector, Vector] | None:
    n, m = free.size, rows.size
    if n + m > POLISHED:
        return None
    K = np.zeros((n + m, n + m), order="F")
    K[:n, :n] = H[np.ix_(free, free)]
    K[n:, :n] = J[np.ix_(rows, free)]
    K[:n, n:] = K[n:, :n].T
    _, _, solution, failed = lapack.dgesv(K, -np.concatenate([g[free], gap]), overwrite_a=1, overwrite_b=1)
    if failed or not np.isfinite(solution).all():
        return None
    return solution[:n], solution[n:]


def _sparse(H: Any, J: Any, g: Vector, gap: Vector, rows: Any, free: Any) -> tuple[Vector, Vector] | None:
    from scipy.sparse import block_array, csr_array
    from scipy.sparse.linalg import splu

    A = csr_array(J)[rows][:, free] if rows.size else None
    K = H[free][:, free] if A is None else block_array([[H[free][:, free], A.T], [A, None]])
    try:
        solution = splu(K.tocsc()).solve(-np.concatenate([g[free], gap]))
    except RuntimeError:  # singular
        return None
    if not np.isfinite(solution).all():
        return None
    return solution[: free.size], solution[free.size :]
