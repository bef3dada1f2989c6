"""The data of Colville's first problem (86) and of its dual (117).

The book prints 4 for the fourth number of the second row, which is 0.4 in Colville's report and in the authors'
programs. The row is not active at either solution.
"""

from __future__ import annotations

import numpy as np

ROWS = np.array(
    [
        [-16, 2, 0, 1, 0],
        [0, -2, 0, 0.4, 2],
        [-3.5, 0, 2, 0, 0],
        [0, -2, 0, -4, -1],
        [0, -9, -2, 1, -2.8],
        [2, 0, -4, 0, 0],
        [-1, -1, -1, -1, -1],
        [-1, -2, -3, -2, -1],
        [1, 2, 3, 4, 5],
        [1, 1, 1, 1, 1],
    ],
    dtype=float,
)
LINEAR = np.array([-40, -2, -0.25, -4, -4, -1, -40, -60, 5, 1])
QUADRATIC = np.array(
    [
        [30, -20, -10, 32, -10],
        [-20, 39, -6, -31, 32],
        [-10, -6, 10, -6, -10],
        [32, -31, -6, 39, -20],
        [-10, 32, -10, -20, 30],
    ],
    dtype=float,
)
CUBIC = np.array([4.0, 8, 10, 6, 2])
COST = np.array([-15.0, -27, -36, -18, -12])


def cubic(x):
    """Problem 86: eᵀx + xᵀCx + Σ dⱼ xⱼ³."""
    return COST @ x + x @ (QUADRATIC @ x) + np.sum(CUBIC * x**3)


def dual(x):
    """Problem 117: −bᵀu + vᵀCv + 2 Σ dⱼ vⱼ³ for the ten multipliers u and the five unknowns v."""
    u, v = x[:10], x[10:]
    return -(LINEAR @ u) + v @ (QUADRATIC @ v) + 2 * np.sum(CUBIC * v**3)


def dual_rows(x):
    """Problem 117: the gradient of the cubic is no less than Aᵀu."""
    u, v = x[:10], x[10:]
    return list(2 * (QUADRATIC @ v) + 3 * CUBIC * v**2 + COST - ROWS.T @ u)
