"""Problems 1 to 12: two and three variables."""

from __future__ import annotations

import numpy as np

from benchmarks.mgh.book import least_squares
from benchmarks.problem import TestProblem

TEN = np.arange(1.0, 11)
FIFTEEN = np.arange(1.0, 16)
SIXTEEN = 45 + 5 * np.arange(1.0, 17)
FRACTIONS = np.arange(1, 100) / 100
ABSCISSAS = 25 + (-50 * np.log(FRACTIONS)) ** (2 / 3)

BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
HALF_BELL = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
BELL = np.array([*HALF_BELL, 0.3989, *reversed(HALF_BELL)])
MEYER = np.array(
    [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872], dtype=float
)


def beale(x):
    """Problem 5."""
    return [y - x[0] * (1 - x[1] ** i) for i, y in ((1, 1.5), (2, 2.25), (3, 2.625))]


def helical_valley(x):
    """Problem 7. Measured from the second axis, the angle jumps where that of the paper does: at x₁ = 0 > x₂."""
    turns = 0.25 - np.arctan2(x[0], x[1]) / (2 * np.pi)
    return [10 * (x[2] - 10 * turns), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


def bard(x):
    """Problem 8."""
    return BARD - (x[0] + FIFTEEN / ((16 - FIFTEEN) * x[1] + np.minimum(FIFTEEN, 16 - FIFTEEN) * x[2]))


def box(x):
    """Problem 12, with ten residuals."""
    t = TEN / 10
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


PROBLEMS: list[TestProblem] = [
    least_squares(1, "Rosenbrock", lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]], (-1.2, 1)),
    least_squares(
        2,
        "Freudenstein and Roth",
        lambda x: [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]],
        (0.5, -2),
        note="A second minimum is at (11.41, −0.8968)",
        others=(48.98425367924,),
    ),
    least_squares(
        3,
        "Powell badly scaled",
        lambda x: [1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001],
        (0, 1),
    ),
    least_squares(4, "Brown badly scaled", lambda x: [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2], (1, 1)),
    least_squares(5, "Beale", beale, (1, 1)),
    least_squares(
        6,
        "Jennrich and Sampson",
        lambda x: 2 + 2 * TEN - (np.exp(TEN * x[0]) + np.exp(TEN * x[1])),
        (0.3, 0.4),
    ),
    least_squares(7, "helical valley", helical_valley, (-1, 0, 0)),
    least_squares(8, "Bard", bard, (1, 1, 1)),
    least_squares(
        9,
        "Gaussian",
        lambda x: x[0] * np.exp(-x[1] * ((8 - FIFTEEN) / 2 - x[2]) ** 2 / 2) - BELL,
        (0.4, 1, 0),
    ),
    least_squares(10, "Meyer", lambda x: x[0] * np.exp(x[1] / (SIXTEEN + x[2])) - MEYER, (0.02, 4000, 250)),
    least_squares(
        11,
        "Gulf research and development",
        lambda x: np.exp(-(np.abs(ABSCISSAS - x[1]) ** x[2]) / x[0]) - FRACTIONS,
        (5, 2.5, 0.15),
        note="With 99 residuals",
    ),
    least_squares(
        12, "box three-dimensional", box, (0, 10, 20), note="Also 0 at (10, 1, −1) and where x₁ = x₂ and x₃ = 0"
    ),
]
