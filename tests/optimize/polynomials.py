"""Problems whose derivatives owe nothing to the library: polynomials, by NumPy's polynomial arithmetic."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.polynomial import Polynomial

from thalweg.optimize import Problem


def along(f, x, v, order):
    """Taylor coefficients of t ↦ f(x + t v), by putting polynomials in t into f."""
    value = f([Polynomial([a, b]) for a, b in zip(x, v)])
    coefficients = np.zeros(order + 1)
    found = (value if isinstance(value, Polynomial) else Polynomial([float(value)])).coef[: order + 1]
    coefficients[: found.size] = found
    return coefficients


def polynomial_problem(f, n, **extra):
    """The problem of a polynomial f of a sequence of n variables, with exact derivatives and Taylor coefficients."""
    eye = np.eye(n)

    def f_and_gradient(x):
        return f(list(x)), np.array([along(f, x, e, 1)[1] for e in eye])

    def hessian(x):
        H = np.diag([2 * along(f, x, e, 2)[2] for e in eye])
        for i, j in combinations(range(n), 2):
            both = 2 * along(f, x, eye[i] + eye[j], 2)[2]
            H[i, j] = H[j, i] = 0.5 * (both - H[i, i] - H[j, j])
        return H

    given = {"f_hessian": hessian, "f_line": lambda x, v, order: along(f, x, v, order)} | extra
    return Problem(n, f_and_gradient, **given)
