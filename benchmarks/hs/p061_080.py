"""Problems 61 to 80: three to five variables."""

from __future__ import annotations

from math import sqrt

import numpy as np

from benchmarks.hs import alkylation
from benchmarks.hs.book import problem
from benchmarks.hs.normal import normal_distribution
from benchmarks.problem import TestProblem

TIMES = np.array([0.1, *range(1, 19)])
MEASURED = np.array(
    [0.00189, 0.1038, 0.268, 0.506, 0.577, 0.604, 0.725, 0.898, 0.947, 0.845]
    + [0.702, 0.528, 0.385, 0.257, 0.159, 0.0869, 0.0453, 0.01509, 0.00189]
)


def two_gammas(x):
    """Problem 70: a mixture of two gamma densities through 19 points, Γ by Stirling's formula.

    The book prints Stirling's factor 1 + 1/(12t) in the numerator. It belongs in the denominator, as in the authors'
    programs, and only there gives the published value.
    """
    b = x[2] + (1 - x[2]) * x[3]
    late = (
        (x[2] * b ** x[1] * (x[1] / 6.2832) ** 0.5)
        * (TIMES / 7.658) ** (x[1] - 1)
        * np.exp(x[1] - b * TIMES * x[1] / 7.658)
        / (1 + 1 / (12 * x[1]))
    )
    early = (
        ((1 - x[2]) * (b / x[3]) ** x[0] * (x[0] / 6.2832) ** 0.5)
        * (TIMES / 7.658) ** (x[0] - 1)
        * np.exp(x[0] - b * TIMES * x[0] / (7.658 * x[3]))
        / (1 + 1 / (12 * x[0]))
    )
    return np.sum((late + early - MEASURED) ** 2)


def reactors(x):
    """Problem 62: three reactors in a row."""
    return -32.174 * (
        255 * np.log((x[0] + x[1] + x[2] + 0.03) / (0.09 * x[0] + x[1] + x[2] + 0.03))
        + 280 * np.log((x[1] + x[2] + 0.03) / (0.07 * x[1] + x[2] + 0.03))
        + 290 * np.log((x[2] + 0.03) / (0.13 * x[2] + 0.03))
    )


def inspection(number, a, b, d, n):
    """Problems 68 and 69: the cheapest plan of inspections, for costs a and b and samples of n."""
    shift = d * sqrt(n)

    def cost(x):
        growth = np.exp(x[0]) - 1
        return (a * n - (b * growth - x[2]) / (growth + x[3]) * x[3]) / x[0]

    def chances(x):
        return [
            x[2] - 2 * normal_distribution(-x[1]),
            x[3] - normal_distribution(-x[1] + shift) - normal_distribution(-x[1] - shift),
        ]

    return problem(number, cost, (1, 1, 1, 1), eq=chances, lower=(1e-4, 0, 0, 0), upper=(100, 100, 2, 2), skip=("jax",))


def power_station(number, largest_angle):
    """Problems 74 and 75: two stations of an alternating-current network, the angles within a limit."""
    return problem(
        number,
        lambda x: 3 * x[0] + 1e-6 * x[0] ** 3 + 2 * x[1] + 2e-6 / 3 * x[1] ** 3,
        (0, 0, 0, 0),
        eq=lambda x: [
            1000 * np.sin(-x[2] - 0.25) + 1000 * np.sin(-x[3] - 0.25) + 894.8 - x[0],
            1000 * np.sin(x[2] - 0.25) + 1000 * np.sin(x[2] - x[3] - 0.25) + 894.8 - x[1],
            1000 * np.sin(x[3] - 0.25) + 1000 * np.sin(x[3] - x[2] - 0.25) + 1294.8,
        ],
        ineq=lambda x: [x[3] - x[2] + largest_angle, x[2] - x[3] + largest_angle],
        lower=(0, 0, -largest_angle, -largest_angle),
        upper=(1200, 1200, largest_angle, largest_angle),
    )


def three_equations(x):
    """The constraints of problems 78, 80 and 81."""
    return [
        x[0] ** 2 + x[1] ** 2 + x[2] ** 2 + x[3] ** 2 + x[4] ** 2 - 10,
        x[1] * x[2] - 5 * x[3] * x[4],
        x[0] ** 3 + x[1] ** 3 + 1,
    ]


PROBLEMS: list[TestProblem] = [
    problem(
        61,
        lambda x: 4 * x[0] ** 2 + 2 * x[1] ** 2 + 2 * x[2] ** 2 - 33 * x[0] + 16 * x[1] - 24 * x[2],
        (0, 0, 0),
        eq=lambda x: [3 * x[0] - 2 * x[1] ** 2 - 7, 4 * x[0] - x[2] ** 2 - 11],
        note="The equations are dependent at the start",
    ),
    problem(62, reactors, (0.7, 0.2, 0.1), eq=lambda x: [x[0] + x[1] + x[2] - 1], lower=0, upper=1),
    problem(
        63,
        lambda x: 1000 - x[0] ** 2 - 2 * x[1] ** 2 - x[2] ** 2 - x[0] * x[1] - x[0] * x[2],
        (2, 2, 2),
        eq=lambda x: [8 * x[0] + 14 * x[1] + 7 * x[2] - 56, x[0] ** 2 + x[1] ** 2 + x[2] ** 2 - 25],
        lower=0,
    ),
    problem(
        64,
        lambda x: 5 * x[0] + 50000 / x[0] + 20 * x[1] + 72000 / x[1] + 10 * x[2] + 144000 / x[2],
        (1, 1, 1),
        ineq=lambda x: [1 - 4 / x[0] - 32 / x[1] - 120 / x[2]],
        lower=1e-5,
    ),
    problem(
        65,
        lambda x: (x[0] - x[1]) ** 2 + (x[0] + x[1] - 10) ** 2 / 9 + (x[2] - 5) ** 2,
        (-5, 5, 0),
        ineq=lambda x: [48 - x[0] ** 2 - x[1] ** 2 - x[2] ** 2],
        lower=(-4.5, -4.5, -5),
        upper=(4.5, 4.5, 5),
    ),
    problem(
        66,
        lambda x: 0.2 * x[2] - 0.8 * x[0],
        (0, 1.05, 2.9),
        ineq=lambda x: [x[1] - np.exp(x[0]), x[2] - np.exp(x[1])],
        lower=0,
        upper=(100, 100, 10),
    ),
    problem(
        67,
        alkylation.loss,
        (1745, 12000, 110),
        ineq=alkylation.limits,
        lower=1e-5,
        upper=(2000, 16000, 120),
        note="Fixed points solved in place of iterated",
    ),
    inspection(68, a=1e-4, b=1, d=1, n=24),
    inspection(69, a=0.1, b=1000, d=1, n=4),
    problem(
        70,
        two_gammas,
        (2, 4, 0.04, 2),
        ineq=lambda x: [x[2] + (1 - x[2]) * x[3]],
        lower=1e-5,
        upper=(100, 100, 1, 100),
    ),
    problem(
        71,
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        (1, 5, 5, 1),
        eq=lambda x: [x[0] ** 2 + x[1] ** 2 + x[2] ** 2 + x[3] ** 2 - 40],
        ineq=lambda x: [x[0] * x[1] * x[2] * x[3] - 25],
        lower=1,
        upper=5,
    ),
    problem(
        72,
        lambda x: 1 + x[0] + x[1] + x[2] + x[3],
        (1, 1, 1, 1),
        ineq=lambda x: [
            0.0401 - 4 / x[0] - 2.25 / x[1] - 1 / x[2] - 0.25 / x[3],
            0.010085 - 0.16 / x[0] - 0.36 / x[1] - 0.64 / x[2] - 0.64 / x[3],
        ],
        lower=0.001,
        upper=(4e5, 3e5, 2e5, 1e5),
    ),
    problem(
        73,
        lambda x: 24.55 * x[0] + 26.75 * x[1] + 39 * x[2] + 40.5 * x[3],
        (1, 1, 1, 1),
        eq=lambda x: [x[0] + x[1] + x[2] + x[3] - 1],
        ineq=lambda x: [
            2.3 * x[0] + 5.6 * x[1] + 11.1 * x[2] + 1.3 * x[3] - 5,
            12 * x[0]
            + 11.9 * x[1]
            + 41.8 * x[2]
            + 52.1 * x[3]
            - 21
            - 1.645 * np.sqrt(0.28 * x[0] ** 2 + 0.19 * x[1] ** 2 + 20.5 * x[2] ** 2 + 0.62 * x[3] ** 2),
        ],
        lower=0,
    ),
    power_station(74, 0.55),
    power_station(75, 0.48),
    problem(
        76,
        lambda x: (
            x[0] ** 2
            + 0.5 * x[1] ** 2
            + x[2] ** 2
            + 0.5 * x[3] ** 2
            - x[0] * x[2]
            + x[2] * x[3]
            - x[0]
            - 3 * x[1]
            + x[2]
            - x[3]
        ),
        (0.5, 0.5, 0.5, 0.5),
        ineq=lambda x: [
            5 - x[0] - 2 * x[1] - x[2] - x[3],
            4 - 3 * x[0] - x[1] - 2 * x[2] + x[3],
            x[1] + 4 * x[2] - 1.5,
        ],
        lower=0,
    ),
    problem(
        77,
        lambda x: (x[0] - 1) ** 2 + (x[0] - x[1]) ** 2 + (x[2] - 1) ** 2 + (x[3] - 1) ** 4 + (x[4] - 1) ** 6,
        (2, 2, 2, 2, 2),
        eq=lambda x: [
            x[0] ** 2 * x[3] + np.sin(x[3] - x[4]) - 2 * sqrt(2),
            x[1] + x[2] ** 4 * x[3] ** 2 - 8 - sqrt(2),
        ],
    ),
    problem(78, lambda x: x[0] * x[1] * x[2] * x[3] * x[4], (-2, 1.5, 2, -1, -1), eq=three_equations),
    problem(
        79,
        lambda x: (x[0] - 1) ** 2 + (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 2 + (x[2] - x[3]) ** 4 + (x[3] - x[4]) ** 4,
        (2, 2, 2, 2, 2),
        eq=lambda x: [
            x[0] + x[1] ** 2 + x[2] ** 3 - 2 - 3 * sqrt(2),
            x[1] - x[2] ** 2 + x[3] + 2 - 2 * sqrt(2),
            x[0] * x[4] - 2,
        ],
    ),
    problem(
        80,
        lambda x: np.exp(x[0] * x[1] * x[2] * x[3] * x[4]),
        (-2, 2, 2, -1, -1),
        eq=three_equations,
        lower=(-2.3, -2.3, -3.2, -3.2, -3.2),
        upper=(2.3, 2.3, 3.2, 3.2, 3.2),
    ),
]
