"""Problems of polynomials on polynomial constraints, with derivatives that owe nothing to the library."""

from __future__ import annotations

import numpy as np

from optimize.polynomials import polynomial_problem
from thalweg.optimize.problem import Constraints, Problem


def constrained(f, n, eq=(), ineq=(), lower=None, upper=None, **extra) -> Problem:
    """Minimize f on g(x) = 0 for g in eq, h(x) >= 0 for h in ineq, and bounds; x is a list of n variables."""
    objective = polynomial_problem(f, n)
    rows = [polynomial_problem(g, n) for g in (*eq, *ineq)]
    m, k = len(rows), len(eq)

    def c_and_jacobian(x):
        points = [row.at(x) for row in rows]
        return np.array([p.value for p in points]), np.array([p.gradient for p in points])

    def hessian(x, y):
        return sum((v * row.hessian(x) for v, row in zip(y, rows)), np.zeros((n, n)))

    sides = np.zeros(m), np.concatenate([np.zeros(k), np.full(m - k, np.inf)])
    rows_of_c = Constraints(*sides, c_and_jacobian, hessian) if m else None
    bounds = (
        {}
        if lower is None and upper is None
        else {
            "lower": np.full(n, -np.inf) if lower is None else np.array(lower, float),
            "upper": np.full(n, np.inf) if upper is None else np.array(upper, float),
        }
    )
    return Problem(
        n,
        objective.f_and_gradient,
        objective.f_hessian,
        f_line=objective.f_line,
        constraints=rows_of_c,
        **bounds,
        **extra,
    )
