"""Problems 21 to 40: two to four variables."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from benchmarks.hs.book import problem
from benchmarks.problem import TestProblem

FRACTION = 0.01 * np.arange(1, 100)
ABSCISSA = 25 + (-50 * np.log(FRACTION)) ** (2 / 3)


def holzmann(x):
    """Problem 25: a decay curve through 99 points."""
    misfit = -FRACTION + np.exp(-((ABSCISSA - x[1]) ** x[2]) / x[0])
    return np.sum(misfit**2)


def wood(x):
    """Problem 38, Colville's fourth: two valleys, coupled."""
    return (
        100 * (x[1] - x[0] ** 2) ** 2
        + (1 - x[0]) ** 2
        + 90 * (x[3] - x[2] ** 2) ** 2
        + (1 - x[2]) ** 2
        + 10.1 * ((x[1] - 1) ** 2 + (x[3] - 1) ** 2)
        + 19.8 * (x[1] - 1) * (x[3] - 1)
    )


PROBLEMS: list[TestProblem] = [
    problem(
        21,
        lambda x: 0.01 * x[0] ** 2 + x[1] ** 2 - 100,
        (-1, -1),
        ineq=lambda x: [10 * x[0] - x[1] - 10],
        lower=(2, -50),
        upper=50,
    ),
    problem(
        22,
        lambda x: (x[0] - 2) ** 2 + (x[1] - 1) ** 2,
        (2, 2),
        ineq=lambda x: [-x[0] - x[1] + 2, -(x[0] ** 2) + x[1]],
    ),
    problem(
        23,
        lambda x: x[0] ** 2 + x[1] ** 2,
        (3, 1),
        ineq=lambda x: [
            x[0] + x[1] - 1,
            x[0] ** 2 + x[1] ** 2 - 1,
            9 * x[0] ** 2 + x[1] ** 2 - 9,
            x[0] ** 2 - x[1],
            x[1] ** 2 - x[0],
        ],
        lower=-50,
        upper=50,
    ),
    problem(
        24,
        lambda x: ((x[0] - 3) ** 2 - 9) * x[1] ** 3 / (27 * sqrt(3)),
        (1, 0.5),
        ineq=lambda x: [x[0] / sqrt(3) - x[1], x[0] + sqrt(3) * x[1], -x[0] - sqrt(3) * x[1] + 6],
        lower=0,
    ),
    problem(
        25,
        holzmann,
        (100, 12.5, 3),
        lower=(0.1, 0, 0),
        upper=(100, 25.6, 5),
        note="The start, with the value 32.835, is stationary to within 2e-8",
        others=(32.8349999997,),
    ),
    problem(
        26,
        lambda x: (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 4,
        (-2.6, 2, 2),
        eq=lambda x: [(1 + x[1] ** 2) * x[0] + x[2] ** 4 - 3],
    ),
    problem(
        27,
        lambda x: 0.01 * (x[0] - 1) ** 2 + (x[1] - x[0] ** 2) ** 2,
        (2, 2, 2),
        eq=lambda x: [x[0] + x[2] ** 2 + 1],
    ),
    problem(
        28,
        lambda x: (x[0] + x[1]) ** 2 + (x[1] + x[2]) ** 2,
        (-4, 1, 1),
        eq=lambda x: [x[0] + 2 * x[1] + 3 * x[2] - 1],
    ),
    problem(
        29,
        lambda x: -x[0] * x[1] * x[2],
        (1, 1, 1),
        ineq=lambda x: [-(x[0] ** 2) - 2 * x[1] ** 2 - 4 * x[2] ** 2 + 48],
    ),
    problem(
        30,
        lambda x: x[0] ** 2 + x[1] ** 2 + x[2] ** 2,
        (1, 1, 1),
        ineq=lambda x: [x[0] ** 2 + x[1] ** 2 - 1],
        lower=(1, -10, -10),
        upper=10,
    ),
    problem(
        31,
        lambda x: 9 * x[0] ** 2 + x[1] ** 2 + 9 * x[2] ** 2,
        (1, 1, 1),
        ineq=lambda x: [x[0] * x[1] - 1],
        lower=(-10, 1, -10),
        upper=(10, 10, 1),
    ),
    problem(
        32,
        lambda x: (x[0] + 3 * x[1] + x[2]) ** 2 + 4 * (x[0] - x[1]) ** 2,
        (0.1, 0.7, 0.2),
        eq=lambda x: [1 - x[0] - x[1] - x[2]],
        ineq=lambda x: [6 * x[1] + 4 * x[2] - x[0] ** 3 - 3],
        lower=0,
    ),
    problem(
        33,
        lambda x: (x[0] - 1) * (x[0] - 2) * (x[0] - 3) + x[2],
        (0, 0, 3),
        ineq=lambda x: [x[2] ** 2 - x[1] ** 2 - x[0] ** 2, x[0] ** 2 + x[1] ** 2 + x[2] ** 2 - 4],
        lower=0,
        upper=(inf, inf, 5),
        note="A second minimum is at (0, 0, 2)",
        others=(-4.0,),
    ),
    problem(
        34,
        lambda x: -x[0],
        (0, 1.05, 2.9),
        ineq=lambda x: [x[1] - np.exp(x[0]), x[2] - np.exp(x[1])],
        lower=0,
        upper=(100, 100, 10),
    ),
    problem(
        35,
        lambda x: (
            9
            - 8 * x[0]
            - 6 * x[1]
            - 4 * x[2]
            + 2 * x[0] ** 2
            + 2 * x[1] ** 2
            + x[2] ** 2
            + 2 * x[0] * x[1]
            + 2 * x[0] * x[2]
        ),
        (0.5, 0.5, 0.5),
        ineq=lambda x: [3 - x[0] - x[1] - 2 * x[2]],
        lower=0,
    ),
    problem(
        36,
        lambda x: -x[0] * x[1] * x[2],
        (10, 10, 10),
        ineq=lambda x: [72 - x[0] - 2 * x[1] - 2 * x[2]],
        lower=0,
        upper=(20, 11, 42),
    ),
    problem(
        37,
        lambda x: -x[0] * x[1] * x[2],
        (10, 10, 10),
        ineq=lambda x: [72 - x[0] - 2 * x[1] - 2 * x[2], x[0] + 2 * x[1] + 2 * x[2]],
        lower=0,
        upper=42,
    ),
    problem(38, wood, (-3, -1, -3, -1), lower=-10, upper=10),
    problem(
        39,
        lambda x: -x[0],
        (2, 2, 2, 2),
        eq=lambda x: [x[1] - x[0] ** 3 - x[2] ** 2, x[0] ** 2 - x[1] - x[3] ** 2],
    ),
    problem(
        40,
        lambda x: -x[0] * x[1] * x[2] * x[3],
        (0.8, 0.8, 0.8, 0.8),
        eq=lambda x: [x[0] ** 3 + x[1] ** 2 - 1, x[0] ** 2 * x[3] - x[2], x[3] ** 2 - x[1]],
    ),
]
