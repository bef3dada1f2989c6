"""Problems 111 to 119: ten to sixteen variables. There is no 115."""

from __future__ import annotations

import numpy as np

from benchmarks.hs.book import problem
from benchmarks.hs.colville import dual, dual_rows
from benchmarks.problem import TestProblem

FREE_ENERGY = np.array([-6.089, -17.164, -34.054, -5.914, -24.721, -14.986, -24.1, -10.708, -26.662, -22.179])

# Problem 118: the costs of three products, equal in each of five months.
LINEAR_COST = np.tile([2.3, 1.7, 2.2], 5)
QUADRATIC_COST = np.tile([0.0001, 0.0001, 0.00015], 5)
DEMAND = (60, 50, 70, 85, 100)

# Problem 119: which pairs of variables appear together, row by row, and eight equations.
PAIRS = (
    (1, 4, 7, 8, 16), (2, 3, 7, 10), (3, 7, 9, 10, 14), (4, 7, 11, 15), (5, 6, 10, 12, 16), (6, 8, 15), (7, 11, 13),
    (8, 10, 15), (9, 12, 16), (10, 14), (11, 13), (12, 14), (13, 14), (14,), (15,), (16,),
)  # fmt: skip
PRODUCTS = np.zeros((16, 16))
for _i, _row in enumerate(PAIRS):
    PRODUCTS[_i, [j - 1 for j in _row]] = 1
EQUATIONS = np.hstack(
    [
        np.array(
            [
                [0.22, 0.20, 0.19, 0.25, 0.15, 0.11, 0.12, 0.13],
                [-1.46, 0, -1.30, 1.82, -1.15, 0, 0.80, 0],
                [1.29, -0.89, 0, 0, -1.16, -0.96, 0, -0.49],
                [-1.10, -1.06, 0.95, -0.54, 0, -1.78, -0.41, 0],
                [0, 0, 0, -1.43, 1.51, 0.59, -0.33, -0.43],
                [0, -1.72, -0.33, 0, 1.62, 1.24, 0.21, -0.26],
                [1.12, 0, 0, 0.31, 0, 0, 1.12, 0],
                [0, 0.45, 0.26, -1.10, 0.58, 0, -1.03, 0.10],
            ]
        ),
        np.eye(8),
    ]
)
EQUATIONS[6, 8] = -0.36
SIDES = np.array([2.5, 1.1, -3.1, -3.5, 1.3, 2.1, 2.3, -1.5])


def equilibrium_of_logarithms(x):
    """Problem 111: the free energy of ten compounds, by the logarithms of their amounts."""
    amounts = np.exp(x)
    return np.sum(amounts * (FREE_ENERGY + x - np.log(np.sum(amounts))))


def equilibrium(x):
    """Problem 112: the free energy of ten compounds, by their amounts."""
    return np.sum(x * (FREE_ENERGY + np.log(x / np.sum(x))))


def elements(x):
    """Problems 111 and 112: three elements are neither made nor lost."""
    return [
        x[0] + 2 * x[1] + 2 * x[2] + x[5] + x[9] - 2,
        x[3] + 2 * x[4] + x[5] + x[6] - 1,
        x[2] + x[6] + x[7] + 2 * x[8] + x[9] - 1,
    ]


def wong(x):
    """Problem 113: Wong's second."""
    return (
        x[0] ** 2
        + x[1] ** 2
        + x[0] * x[1]
        - 14 * x[0]
        - 16 * x[1]
        + (x[2] - 10) ** 2
        + 4 * (x[3] - 5) ** 2
        + (x[4] - 3) ** 2
        + 2 * (x[5] - 1) ** 2
        + 5 * x[6] ** 2
        + 7 * (x[7] - 11) ** 2
        + 2 * (x[8] - 10) ** 2
        + (x[9] - 7) ** 2
        + 45
    )


def alkylation_margins(x):
    """Problem 114: four empirical formulas, each held within a band about its value."""
    a, b = 0.99, 0.9
    g1 = 35.82 - 0.222 * x[9] - b * x[8]
    g2 = -133 + 3 * x[6] - a * x[9]
    g5 = 1.12 * x[0] + 0.13167 * x[0] * x[7] - 0.00667 * x[0] * x[7] ** 2 - a * x[3]
    g6 = 57.425 + 1.098 * x[7] - 0.038 * x[7] ** 2 + 0.325 * x[5] - a * x[6]
    return [
        g1,
        g2,
        -g1 + x[8] * (1 / b - b),
        -g2 + (1 / a - a) * x[9],
        g5,
        g6,
        -g5 + (1 / a - a) * x[3],
        -g6 + (1 / a - a) * x[6],
    ]


def membranes(x):
    """Problem 116: three stages of a separation by membranes."""
    a, b, c, d, e, f = 0.002, 1.262626, 1.231059, 0.03475, 0.975, 0.00975
    total = x[10] + x[11] + x[12]
    return [
        x[2] - x[1],
        x[1] - x[0],
        1 - a * x[6] + a * x[7],
        total - 50,
        250 - total,
        x[12] - b * x[9] + c * x[2] * x[9],
        x[4] - d * x[1] - e * x[1] * x[4] + f * x[1] ** 2,
        x[5] - d * x[2] - e * x[2] * x[5] + f * x[2] ** 2,
        x[3] - d * x[0] - e * x[0] * x[3] + f * x[0] ** 2,
        x[11] - b * x[8] + c * x[1] * x[8],
        x[10] - b * x[7] + c * x[0] * x[7],
        x[4] * x[6] - x[0] * x[7] - x[3] * x[6] + x[3] * x[7],
        1 - a * (x[1] * x[8] + x[4] * x[7] - x[0] * x[7] - x[5] * x[8]) - x[4] - x[5],
        x[1] * x[8] - x[2] * x[9] - x[5] * x[8] - 500 * x[1] + 500 * x[5] + x[1] * x[9],
        x[1] - 0.9 - a * (x[1] * x[9] - x[2] * x[9]),
    ]


def production(x):
    """Problem 118: the amounts change slowly from month to month, and meet the demand."""
    changes = [x[i + 3] - x[i] + 7 for i in range(12)]
    room = [(13, 14, 13)[i % 3] - changes[i] for i in range(12)]
    return [*changes, *room, *(x[3 * k] + x[3 * k + 1] + x[3 * k + 2] - need for k, need in enumerate(DEMAND))]


def coupled(x):
    """Problem 119: products of xᵢ² + xᵢ + 1."""
    t = x**2 + x + 1
    return t @ (PRODUCTS @ t)


PROBLEMS: list[TestProblem] = [
    problem(
        111,
        equilibrium_of_logarithms,
        (-2.3,) * 10,
        eq=lambda x: elements(np.exp(x)),
        lower=-100,
        upper=100,
    ),
    problem(
        112,
        equilibrium,
        (0.1,) * 10,
        eq=elements,
        lower=1e-6,
        note="Often quoted as −47.707579, a misprint: the value is that of problem 111",
    ),
    problem(
        113,
        wong,
        (2, 3, 5, 5, 1, 2, 7, 3, 6, 10),
        ineq=lambda x: [
            105 - 4 * x[0] - 5 * x[1] + 3 * x[6] - 9 * x[7],
            -10 * x[0] + 8 * x[1] + 17 * x[6] - 2 * x[7],
            8 * x[0] - 2 * x[1] - 5 * x[8] + 2 * x[9] + 12,
            -3 * (x[0] - 2) ** 2 - 4 * (x[1] - 3) ** 2 - 2 * x[2] ** 2 + 7 * x[3] + 120,
            -5 * x[0] ** 2 - 8 * x[1] - (x[2] - 6) ** 2 + 2 * x[3] + 40,
            -0.5 * (x[0] - 8) ** 2 - 2 * (x[1] - 4) ** 2 - 3 * x[4] ** 2 + x[5] + 30,
            -(x[0] ** 2) - 2 * (x[1] - 2) ** 2 + 2 * x[0] * x[1] - 14 * x[4] + 6 * x[5],
            3 * x[0] - 6 * x[1] - 12 * (x[8] - 8) ** 2 + 7 * x[9],
        ],
    ),
    problem(
        114,
        lambda x: 5.04 * x[0] + 0.035 * x[1] + 10 * x[2] + 3.36 * x[4] - 0.063 * x[3] * x[6],
        (1745, 12000, 110, 3048, 1974, 89.2, 92.8, 8, 3.6, 145),
        eq=lambda x: [
            1.22 * x[3] - x[0] - x[4],
            98000 * x[2] / (x[3] * x[8] + 1000 * x[2]) - x[5],
            (x[1] + x[4]) / x[0] - x[7],
        ],
        ineq=alkylation_margins,
        lower=(1e-5, 1e-5, 1e-5, 1e-5, 1e-5, 85, 90, 3, 1.2, 145),
        upper=(2000, 16000, 120, 5000, 2000, 93, 95, 12, 4, 162),
    ),
    problem(
        116,
        lambda x: x[10] + x[11] + x[12],
        (0.5, 0.8, 0.9, 0.1, 0.14, 0.5, 489, 80, 650, 450, 150, 150, 150),
        ineq=membranes,
        lower=(0.1, 0.1, 0.1, 0.0001, 0.1, 0.1, 0.1, 0.1, 500, 0.1, 1, 0.0001, 0.0001),
        upper=(1, 1, 1, 0.1, 0.9, 0.9, 1000, 1000, 1000, 500, 150, 150, 150),
        note="Published as 97.588409, not quite at the minimum",
    ),
    problem(117, dual, (*(0.001,) * 6, 60, *(0.001,) * 8), ineq=dual_rows, lower=0),
    problem(
        118,
        lambda x: np.sum(LINEAR_COST * x + QUADRATIC_COST * x**2),
        (20, 55, 15, *(20, 60, 20) * 4),
        ineq=production,
        lower=(8, 43, 3, *(0,) * 12),
        upper=(21, 57, 16, *(90, 120, 60) * 4),
    ),
    problem(119, coupled, (10,) * 16, eq=lambda x: list(EQUATIONS @ x - SIDES), lower=0, upper=5),
]
