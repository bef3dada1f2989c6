r"""Coefficients between bounds, of one sign, or under any constraints: on the triangle, whatever the number of rows.

    minimize   ( W (ȳ − b − x̄β)² + ‖z − Rβ‖² + ‖E‖² ) / W     over the parameters {"coef": β, "intercept": b}

is the mean of the squared residuals, as a plain NumPy function of k + 1 variables.  Signs alone: the active-set method
of Lawson and Hanson for each target.  Else `thalweg.minimize`, whose solution has the multipliers.

The errors of the coefficients are those on the tangent space of the active constraints, with columns T:

    cov θ̂ = σ² T (TᵀMT)⁻¹ Tᵀ,       M = the products of the design,

which is the theory of equality constraints, given that those inequalities are active that are.

References
----------
C. L. Lawson and R. J. Hanson, *Solving Least Squares Problems*, chapters 20–23.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.optimize import minimize
from thalweg.optimize.active import active_at
from thalweg.optimize.solution import Solution

from .blocks import Array
from .lapack import lengths
from .triangle import Triangle

__all__ = ["bounds_by_name", "compressed", "constrained", "nonnegative", "spread_of_free", "spread_on_tangent"]

#: How near to its side a constraint is active.
ACTIVE = 1e-7


def compressed(triangle: Triangle, rss: Array, intercept: bool) -> Callable[[Any], Any]:
    """The mean of the squared residuals, from the triangle: a function of the parameters."""
    R, z, W, mean = triangle.R, triangle.z, triangle.W, triangle.mean
    target_mean, left = triangle.target_mean, float(np.sum(rss))

    def mean_squared_residual(parameters: Any) -> Any:
        coef = parameters["coef"]
        B = coef.reshape(-1, R.shape[1])
        value = left + np.sum((z.T - B @ R.T) ** 2)
        if intercept:
            value = value + W * np.sum((target_mean - parameters["intercept"] - B @ mean) ** 2)
        return value / W

    return mean_squared_residual


def bounds_by_name(bounds: Any, coef: Array, intercept: bool) -> dict[str, tuple[Any, Any]]:
    """The bounds as `minimize` takes them: ``(lower, upper)`` is for the coefficients, a dict names them."""
    named = bounds if isinstance(bounds, Mapping) else {"coef": bounds}
    allowed = {"coef": coef.shape, "intercept": coef.shape[:-1]} if intercept else {"coef": coef.shape}
    found = {}
    for name, pair in named.items():
        if name not in allowed:
            of = "no intercept is fitted" if name == "intercept" else "the parameters are 'coef' and 'intercept'"
            raise ArgumentError(f"bounds has the name {name!r}: {of}.")
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ArgumentError(
                f"bounds of {name} are a pair (lower, upper) of numbers, of arrays with a value for each coefficient, "
                f"or None where there is no side; {pair!r} is none."
            )
        sides = []
        for side, none in zip(pair, (-np.inf, np.inf)):
            value = np.asarray(none if side is None else side, dtype=float)
            try:
                value = np.broadcast_to(value, allowed[name]).astype(float)
            except ValueError:
                raise ArgumentError(
                    f"bounds of {name} have the shape {value.shape}; {name} has the shape {allowed[name]}."
                ) from None
            sides.append(value)
        found[name] = (sides[0], sides[1])
    return found


def nonnegative(triangle: Triangle) -> Array:
    """β ≥ 0 with least ‖z − Rβ‖, one target after the other: (k, t)."""
    from scipy.optimize import nnls

    R, z = triangle.R, triangle.z
    d = lengths(R)
    d[d == 0] = 1.0
    if not R.size:
        return np.zeros((R.shape[1], z.shape[1]))
    return np.stack([nnls(R / d, z[:, j])[0] / d for j in range(z.shape[1])], axis=1)


def constrained(
    objective: Callable[[Any], Any], start: dict[str, Any], bounds: Any, subject_to: Any, tol: float
) -> Solution:
    """Return the minimum under constraints."""
    return minimize(objective, start, bounds=bounds, subject_to=subject_to, tol=tol)


def spread_of_free(triangle: Triangle, free: Array, intercept: bool) -> Array:
    """S with cov (c, β) = σ² SSᵀ, c = b + x̄β, when all but these coefficients are held: (1 + k, ·)."""
    k = triangle.R.shape[1]
    T = np.eye(k + 1)[:, [0] * intercept + [1 + j for j in free]]
    return _spread(triangle, T)


def spread_on_tangent(triangle: Triangle, solution: Solution, intercept: bool) -> Array | None:
    """The same under the active constraints of a solution for one target; None where it does not say them."""
    built = solution.built
    if built is None or not solution.success:
        return None
    k = triangle.R.shape[1]
    free = np.arange(solution.flat.size) if built.free is None else built.free
    point = built.problem.at(solution.flat)  # of the free variables
    A = active_at(point, ACTIVE).gradients(point.J, free.size)
    A = A.toarray() if hasattr(A, "toarray") else np.asarray(A)
    _, s, Vt = np.linalg.svd(A) if A.size else (None, np.zeros(0), np.eye(free.size))
    rank = int(np.sum(s > 1e-10 * s[0])) if s.size and s[0] > 0 else 0
    T = np.zeros((k + 1, free.size - rank))
    rows = np.concatenate([np.arange(1, k + 1), [0]])[free]  # the variables are coef, then the intercept
    T[rows] = Vt[rank:].T
    if intercept:
        T[0] += triangle.mean @ T[1:]  # c = b + x̄β
    return _spread(triangle, T)


def _spread(triangle: Triangle, T: Array) -> Array:
    """T (TᵀMT)⁻¹Tᵀ = SSᵀ."""
    A = np.concatenate([np.sqrt(triangle.W) * T[:1], triangle.R @ T[1:]])
    d = lengths(A)
    d[d == 0] = 1.0
    _, s, Vt = np.linalg.svd(A / d, full_matrices=False)
    keep = s > 1e-12 * s[0] if s.size else s > 0
    return np.asarray((T / d) @ (Vt[keep].T / s[keep]))
