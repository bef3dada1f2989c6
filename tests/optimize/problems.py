"""Test functions with hand-written or polynomial derivatives, and where their minima are."""

from __future__ import annotations

import numpy as np

from optimize.polynomials import polynomial_problem
from thalweg.optimize import Problem


def rosenbrock(x):
    return sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(len(x) - 1))


def beale(x):
    return sum((c - x[0] + x[0] * x[1] ** k) ** 2 for k, c in ((1, 1.5), (2, 2.25), (3, 2.625)))


def powell_singular(x):
    return (x[0] + 10 * x[1]) ** 2 + 5 * (x[2] - x[3]) ** 2 + (x[1] - 2 * x[2]) ** 4 + 10 * (x[0] - x[3]) ** 4


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def mountain_pass(x):
    return x[0] ** 2 - x[1] ** 2 + x[1] ** 4


def wood(x):
    return (
        100 * (x[1] - x[0] ** 2) ** 2
        + (1 - x[0]) ** 2
        + 90 * (x[3] - x[2] ** 2) ** 2
        + (1 - x[2]) ** 2
        + 10 * (x[1] + x[3] - 2) ** 2
        + 0.1 * (x[1] - x[3]) ** 2
    )


HIMMELBLAU_MINIMA = np.array([[3, 2], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126]])

#: function, start, value at the minimum
STANDARD = {
    "rosenbrock": (rosenbrock, [-1.2, 1.0], 0.0),
    "rosenbrock-10": (rosenbrock, [0.5] * 10, 0.0),
    "beale": (beale, [1.0, 1.0], 0.0),
    "powell-singular": (powell_singular, [3.0, -1.0, 0.0, 1.0], 0.0),
    "himmelblau": (himmelblau, [0.0, 0.0], 0.0),
    "wood": (wood, [-3.0, -1.0, -3.0, -1.0], 0.0),
    "mountain-pass": (mountain_pass, [1.0, 0.0], -0.25),
    "mountain-pass-top": (mountain_pass, [0.0, 0.0], -0.25),
}


def standard(name):
    f, start, value = STANDARD[name]
    return polynomial_problem(f, len(start)), np.array(start), value


def quadratic(H, b=None):
    """½ xᵀHx − bᵀx."""
    H = np.asarray(H, float)
    b = np.zeros(len(H)) if b is None else np.asarray(b, float)
    return Problem(len(H), lambda x: (0.5 * x @ H @ x - b @ x, H @ x - b), lambda x: H)
