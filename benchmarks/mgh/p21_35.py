"""Problems 21 to 35: any number of variables. The sizes are those whose optimal value the paper gives, or ten."""

from __future__ import annotations

import numpy as np

from benchmarks.mgh.book import least_squares
from benchmarks.problem import TestProblem

SMALL = np.sqrt(1e-5)


def extended_rosenbrock(x):
    """Problem 21."""
    return np.concatenate([10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]])


def extended_powell(x):
    """Problem 22."""
    a, b, c, d = x[::4], x[1::4], x[2::4], x[3::4]
    return np.concatenate([a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2])


def penalty_1(n):
    """Problem 23."""
    return least_squares(
        23, "penalty I", lambda x: [*(SMALL * (x - 1)), np.sum(x**2) - 0.25], np.arange(1, n + 1), sizes=True
    )


def penalty_2(n):
    """Problem 24."""
    steps = np.exp(np.arange(2, n + 1) / 10) + np.exp(np.arange(1, n) / 10)
    weights = np.arange(n, 0.0, -1)

    def residuals(x):
        growth = np.exp(x / 10)
        return [
            x[0] - 0.2,
            *(SMALL * (growth[1:] + growth[:-1] - steps)),
            *(SMALL * (growth[1:] - np.exp(-0.1))),
            np.sum(weights * x**2) - 1,
        ]

    return least_squares(24, "penalty II", residuals, (0.5,) * n, sizes=True)


def variably_dimensioned(x):
    """Problem 25."""
    moment = np.sum(np.arange(1.0, len(x) + 1) * (x - 1))
    return [*(x - 1), moment, moment**2]


def trigonometric(x):
    """Problem 26."""
    i = np.arange(1.0, len(x) + 1)
    return len(x) - np.sum(np.cos(x)) + i * (1 - np.cos(x)) - np.sin(x)


def brown_almost_linear(x):
    """Problem 27."""
    total = np.sum(x) - (len(x) + 1)
    return [*(x[i] + total for i in range(len(x) - 1)), np.prod(x) - 1]


def boundary_value(n):
    """Problem 28: u″ = (u + t + 1)³/2 with u(0) = u(1) = 0, by differences."""
    h = 1 / (n + 1)
    t = h * np.arange(1, n + 1)
    second = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    return least_squares(28, "discrete boundary value", lambda x: second @ x + h**2 * (x + t + 1) ** 3 / 2, t * (t - 1))


def integral_equation(n):
    """Problem 29: the same equation, as an integral with Green's function."""
    h = 1 / (n + 1)
    t = h * np.arange(1, n + 1)
    green = np.where(t[:, None] >= t, (1 - t[:, None]) * t, t[:, None] * (1 - t))
    return least_squares(
        29, "discrete integral equation", lambda x: x + h * (green @ (x + t + 1) ** 3) / 2, t * (t - 1)
    )


def broyden_tridiagonal(x):
    """Problem 30."""
    inner = (3 - 2 * x) * x + 1
    return [
        inner[i] - (x[i - 1] if i else 0.0) - (2 * x[i + 1] if i + 1 < len(x) else 0.0) for i in range(len(x))
    ]  # fmt: skip


def broyden_banded(n):
    """Problem 31: five neighbours below, one above."""
    i = np.arange(n)
    neighbours = ((i[None, :] >= i[:, None] - 5) & (i[None, :] <= i[:, None] + 1) & (i[None, :] != i[:, None])) * 1.0
    return least_squares(31, "Broyden banded", lambda x: x * (2 + 5 * x**2) + 1 - neighbours @ (x * (1 + x)), (-1,) * n)


def linear(number, title, matrix, note):
    """Problems 32 to 34: Ax − 1."""
    return least_squares(number, title, lambda x: matrix @ x - 1, (1,) * matrix.shape[1], note=note)


FULL_RANK = np.vstack([np.eye(10), np.zeros((10, 10))]) - 0.1
ONE = np.outer(np.arange(1.0, 21), np.arange(1.0, 11))
INNER = np.outer([0.0, *range(1, 19), 0], [0.0, *range(2, 10), 0])


def chebyquad(n):
    """Problem 35: abscissas that integrate the Chebyshev polynomials of degree 1 to n on [0, 1] with equal weights."""
    integrals = [0.0 if i % 2 else -1 / (i * i - 1) for i in range(1, n + 1)]

    def residuals(x):
        shifted = 2 * x - 1
        before, now = 1.0, shifted
        rows = []
        for integral in integrals:
            rows.append(np.sum(now) / n - integral)
            before, now = now, 2 * shifted * now - before
        return rows

    return least_squares(
        35, "Chebyquad", residuals, np.arange(1, n + 1) / (n + 1), sizes=True, note="The variables may be permuted"
    )


PROBLEMS: list[TestProblem] = [
    least_squares(21, "extended Rosenbrock", extended_rosenbrock, (-1.2, 1) * 5),
    least_squares(
        22,
        "extended Powell singular",
        extended_powell,
        (3, -1, 0, 1) * 3,
        note="Singular at the solution",
    ),
    penalty_1(4),
    penalty_1(10),
    penalty_2(4),
    penalty_2(10),
    least_squares(25, "variably dimensioned", variably_dimensioned, 1 - np.arange(1, 11) / 10),
    least_squares(
        26,
        "trigonometric",
        trigonometric,
        (0.1,) * 10,
        note="A second minimum is 2.79506e-5",
        others=(2.79505612188e-5,),
    ),
    least_squares(
        27,
        "Brown almost-linear",
        brown_almost_linear,
        (0.5,) * 10,
        note="A second minimum is at (0, …, 0, 11)",
        others=(1.0,),
    ),
    boundary_value(10),
    integral_equation(10),
    least_squares(30, "Broyden tridiagonal", broyden_tridiagonal, (-1,) * 10),
    broyden_banded(10),
    linear(32, "linear, full rank", FULL_RANK, "With twenty residuals"),
    linear(33, "linear, rank 1", ONE, "With twenty residuals. Taken wherever Σ j xⱼ = 3/41"),
    linear(34, "linear, rank 1 with zero columns and rows", INNER, "With twenty residuals. Taken on a plane"),
    chebyquad(8),
    chebyquad(9),
]
