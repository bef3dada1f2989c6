"""Problems 41 to 60: two to seven variables."""

from __future__ import annotations

from math import asin, inf, sqrt

import numpy as np

from benchmarks.hs.book import problem
from benchmarks.hs.p001_020 import valley
from benchmarks.problem import TestProblem

# Problem 57, chlorine left in a product after so many weeks: one row a week, (weeks, fractions measured).
CHLORINE = [
    (8, (0.49, 0.49)),
    (10, (0.48, 0.47, 0.48, 0.47)),
    (12, (0.46, 0.46, 0.45, 0.43)),
    (14, (0.45, 0.43, 0.43)),
    (16, (0.44, 0.43, 0.43)),
    (18, (0.46, 0.45)),
    (20, (0.42, 0.42, 0.43)),
    (22, (0.41, 0.41, 0.40)),
    (24, (0.42, 0.40, 0.40)),
    (26, (0.41, 0.40, 0.41)),
    (28, (0.41, 0.40)),
    (30, (0.40, 0.40, 0.38)),
    (32, (0.41, 0.40)),
    (34, (0.40,)),
    (36, (0.41, 0.38)),
    (38, (0.40, 0.40)),
    (40, (0.39,)),
    (42, (0.39,)),
]
WEEKS = np.array([float(week) for week, measured in CHLORINE for _ in measured])
LEFT = np.array([fraction for _, measured in CHLORINE for fraction in measured])


def chlorine(x):
    """Problem 57: exponential decay through 44 measurements."""
    return np.sum((LEFT - x[0] - (0.49 - x[0]) * np.exp(-x[1] * (WEEKS - 8))) ** 2)


def normal_density(x):
    """Problem 54: minus the density of six normal variables, the first two correlated."""
    h = (
        ((x[0] - 1e4) ** 2 / 6.4e7 + (x[0] - 1e4) * (x[1] - 1) / 2e4 + (x[1] - 1) ** 2) / 0.96
        + (x[2] - 2e6) ** 2 / 4.9e13
        + (x[3] - 10) ** 2 / 2.5e3
        + (x[4] - 1e-3) ** 2 / 2.5e-3
        + (x[5] - 1e8) ** 2 / 2.5e17
    )
    return -np.exp(-h / 2)


def response_surface(x):
    """Problem 59: a fitted polynomial of degree six, and an exponential."""
    a, b = x[0], x[1]
    return (
        -75.196
        + 3.8112 * a
        - 0.12694 * a**2
        + 2.0567e-3 * a**3
        - 1.0345e-5 * a**4
        + 6.8306 * b
        - 0.030234 * a * b
        + 1.28134e-3 * a**2 * b
        - 3.5256e-5 * a**3 * b
        + 2.266e-7 * a**4 * b
        - 0.25645 * b**2
        + 3.4604e-3 * b**3
        - 1.3514e-5 * b**4
        + 28.106 / (b + 1)
        + 5.2375e-6 * a**2 * b**2
        + 6.3e-8 * a**3 * b**2
        - 7e-10 * a**3 * b**3
        - 3.4054e-4 * a * b**2
        + 1.6638e-6 * a * b**3
        + 2.8673 * np.exp(0.0005 * a * b)
    )


PROBLEMS: list[TestProblem] = [
    problem(
        41,
        lambda x: 2 - x[0] * x[1] * x[2],
        (2, 2, 2, 2),
        eq=lambda x: [x[0] + 2 * x[1] + 2 * x[2] - x[3]],
        lower=0,
        upper=(1, 1, 1, 2),
    ),
    problem(
        42,
        lambda x: (x[0] - 1) ** 2 + (x[1] - 2) ** 2 + (x[2] - 3) ** 2 + (x[3] - 4) ** 2,
        (1, 1, 1, 1),
        eq=lambda x: [x[0] - 2, x[2] ** 2 + x[3] ** 2 - 2],
    ),
    problem(
        43,
        lambda x: x[0] ** 2 + x[1] ** 2 + 2 * x[2] ** 2 + x[3] ** 2 - 5 * x[0] - 5 * x[1] - 21 * x[2] + 7 * x[3],
        (0, 0, 0, 0),
        ineq=lambda x: [
            8 - x[0] ** 2 - x[1] ** 2 - x[2] ** 2 - x[3] ** 2 - x[0] + x[1] - x[2] + x[3],
            10 - x[0] ** 2 - 2 * x[1] ** 2 - x[2] ** 2 - 2 * x[3] ** 2 + x[0] + x[3],
            5 - 2 * x[0] ** 2 - x[1] ** 2 - x[2] ** 2 - 2 * x[0] + x[1] + x[3],
        ],
    ),
    problem(
        44,
        lambda x: x[0] - x[1] - x[2] - x[0] * x[2] + x[0] * x[3] + x[1] * x[2] - x[1] * x[3],
        (0, 0, 0, 0),
        ineq=lambda x: [
            8 - x[0] - 2 * x[1],
            12 - 4 * x[0] - x[1],
            12 - 3 * x[0] - 4 * x[1],
            8 - 2 * x[2] - x[3],
            8 - x[2] - 2 * x[3],
            5 - x[2] - x[3],
        ],
        lower=0,
        note="A second minimum is at (3, 0, 4, 0)",
        others=(-13.0,),
    ),
    problem(
        45,
        lambda x: 2 - x[0] * x[1] * x[2] * x[3] * x[4] / 120,
        (2, 2, 2, 2, 2),
        lower=0,
        upper=(1, 2, 3, 4, 5),
    ),
    problem(
        46,
        lambda x: (x[0] - x[1]) ** 2 + (x[2] - 1) ** 2 + (x[3] - 1) ** 4 + (x[4] - 1) ** 6,
        (0.5 * sqrt(2), 1.75, 0.5, 2, 2),
        eq=lambda x: [x[0] ** 2 * x[3] + np.sin(x[3] - x[4]) - 1, x[1] + x[2] ** 4 * x[3] ** 2 - 2],
    ),
    problem(
        47,
        lambda x: (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 2 + (x[2] - x[3]) ** 4 + (x[3] - x[4]) ** 4,
        (2, sqrt(2), -1, 2 - sqrt(2), 0.5),
        eq=lambda x: [x[0] + x[1] ** 2 + x[2] ** 3 - 3, x[1] - x[2] ** 2 + x[3] - 1, x[0] * x[4] - 1],
        note="Printed with (x₂ − x₃)³, by which the published solution is no minimum. "
        "The authors' programs have the square",
    ),
    problem(
        48,
        lambda x: (x[0] - 1) ** 2 + (x[1] - x[2]) ** 2 + (x[3] - x[4]) ** 2,
        (3, 5, -3, 2, -2),
        eq=lambda x: [x[0] + x[1] + x[2] + x[3] + x[4] - 5, x[2] - 2 * (x[3] + x[4]) + 3],
    ),
    problem(
        49,
        lambda x: (x[0] - x[1]) ** 2 + (x[2] - 1) ** 2 + (x[3] - 1) ** 4 + (x[4] - 1) ** 6,
        (10, 7, 2, -3, 0.8),
        eq=lambda x: [x[0] + x[1] + x[2] + 4 * x[3] - 7, x[2] + 5 * x[4] - 6],
    ),
    problem(
        50,
        lambda x: (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 2 + (x[2] - x[3]) ** 4 + (x[3] - x[4]) ** 2,
        (35, -31, 11, 5, -5),
        eq=lambda x: [x[0] + 2 * x[1] + 3 * x[2] - 6, x[1] + 2 * x[2] + 3 * x[3] - 6, x[2] + 2 * x[3] + 3 * x[4] - 6],
    ),
    problem(
        51,
        lambda x: (x[0] - x[1]) ** 2 + (x[1] + x[2] - 2) ** 2 + (x[3] - 1) ** 2 + (x[4] - 1) ** 2,
        (2.5, 0.5, 2, -1, 0.5),
        eq=lambda x: [x[0] + 3 * x[1] - 4, x[2] + x[3] - 2 * x[4], x[1] - x[4]],
    ),
    problem(
        52,
        lambda x: (4 * x[0] - x[1]) ** 2 + (x[1] + x[2] - 2) ** 2 + (x[3] - 1) ** 2 + (x[4] - 1) ** 2,
        (2, 2, 2, 2, 2),
        eq=lambda x: [x[0] + 3 * x[1], x[2] + x[3] - 2 * x[4], x[1] - x[4]],
    ),
    problem(
        53,
        lambda x: (x[0] - x[1]) ** 2 + (x[1] + x[2] - 2) ** 2 + (x[3] - 1) ** 2 + (x[4] - 1) ** 2,
        (2, 2, 2, 2, 2),
        eq=lambda x: [x[0] + 3 * x[1], x[2] + x[3] - 2 * x[4], x[1] - x[4]],
        lower=-10,
        upper=10,
    ),
    problem(
        54,
        normal_density,
        (6e3, 1.5, 4e6, 2, 3e-3, 5e7),
        eq=lambda x: [x[0] + 4e3 * x[1] - 1.76e4],
        lower=(0, -10, 0, 0, -1, 0),
        upper=(2e4, 10, 1e7, 20, 1, 2e8),
        note="Far from the solution the objective is flat: the start is almost stationary, with a value near 0",
    ),
    problem(
        55,
        lambda x: x[0] + 2 * x[1] + 4 * x[4] + np.exp(x[0] * x[3]),
        (1, 2, 0, 0, 0, 2),
        eq=lambda x: [
            x[0] + 2 * x[1] + 5 * x[4] - 6,
            x[0] + x[1] + x[2] - 3,
            x[3] + x[4] + x[5] - 2,
            x[0] + x[3] - 1,
            x[1] + x[4] - 2,
            x[2] + x[5] - 2,
        ],
        lower=0,
        upper=(1, inf, inf, 1, inf, inf),
        note="The equations are dependent. A second minimum is at (1, 5/3, 1/3, 0, 1/3, 5/3)",
        others=(20 / 3,),
    ),
    problem(
        56,
        lambda x: -x[0] * x[1] * x[2],
        (1, 1, 1, asin(sqrt(1 / 4.2)), asin(sqrt(1 / 4.2)), asin(sqrt(1 / 4.2)), asin(sqrt(5 / 7.2))),
        eq=lambda x: [
            x[0] - 4.2 * np.sin(x[3]) ** 2,
            x[1] - 4.2 * np.sin(x[4]) ** 2,
            x[2] - 4.2 * np.sin(x[5]) ** 2,
            x[0] + 2 * x[1] + 2 * x[2] - 7.2 * np.sin(x[6]) ** 2,
        ],
    ),
    problem(
        57,
        chlorine,
        (0.42, 5),
        ineq=lambda x: [0.49 * x[1] - x[0] * x[1] - 0.09],
        lower=(0.4, -4),
        note="With x₂ → ∞ the objective falls to a second lowest value, taken nowhere",
        others=(0.0306476190476190,),
    ),
    problem(
        58,
        valley,
        (-2, 1),
        ineq=lambda x: [x[1] ** 2 - x[0], x[0] ** 2 - x[1], x[0] ** 2 + x[1] ** 2 - 1],
        lower=(-2, -inf),
        upper=(0.5, inf),
        note="Published as 3.19033354957, at a point that breaks a constraint by 2e-6. The authors' programs have "
        "x₁ ≥ −1/2, which the published solution does not keep",
    ),
    problem(
        59,
        response_surface,
        (90, 10),
        ineq=lambda x: [x[0] * x[1] - 700, x[1] - x[0] ** 2 / 125, (x[1] - 50) ** 2 - 5 * (x[0] - 55)],
        lower=0,
        upper=(75, 65),
        note="Published as −7.80422632408, not quite at the minimum. A second minimum is at (46.3996, 52.2197)",
        others=(-6.75456601913478,),
    ),
    problem(
        60,
        lambda x: (x[0] - 1) ** 2 + (x[0] - x[1]) ** 2 + (x[1] - x[2]) ** 4,
        (2, 2, 2),
        eq=lambda x: [x[0] * (1 + x[1] ** 2) + x[2] ** 4 - 4 - 3 * sqrt(2)],
        lower=-10,
        upper=10,
    ),
]
