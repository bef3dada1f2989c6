"""Problems 1 to 20: two variables."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from benchmarks.hs.book import problem
from benchmarks.problem import TestProblem


def valley(x):
    """Rosenbrock's curved valley: the objective of eight problems, each with other constraints."""
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


PROBLEMS: list[TestProblem] = [
    problem(1, valley, (-2, 1), lower=(-inf, -1.5)),
    problem(
        2, valley, (-2, 1), lower=(-inf, 1.5), note="A second minimum is at (−1.2210, 1.5)", others=(4.941229317989185,)
    ),
    problem(3, lambda x: x[1] + 1e-5 * (x[1] - x[0]) ** 2, (10, 1), lower=(-inf, 0)),
    problem(4, lambda x: (x[0] + 1) ** 3 / 3 + x[1], (1.125, 0.125), lower=(1, 0)),
    problem(
        5,
        lambda x: np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1,
        (0, 0),
        lower=(-1.5, -3),
        upper=(4, 3),
    ),
    problem(6, lambda x: (1 - x[0]) ** 2, (-1.2, 1), eq=lambda x: [10 * (x[1] - x[0] ** 2)]),
    problem(
        7,
        lambda x: np.log(1 + x[0] ** 2) - x[1],
        (2, 2),
        eq=lambda x: [(1 + x[0] ** 2) ** 2 + x[1] ** 2 - 4],
    ),
    problem(
        8,
        lambda x: -1.0,
        (2, 1),
        eq=lambda x: [x[0] ** 2 + x[1] ** 2 - 25, x[0] * x[1] - 9],
        note="The objective is constant: the question is a feasible point, of which there are four",
    ),
    problem(
        9,
        lambda x: np.sin(np.pi * x[0] / 12) * np.cos(np.pi * x[1] / 16),
        (0, 0),
        eq=lambda x: [4 * x[0] - 3 * x[1]],
        note="The objective is periodic: (12k − 3, 16k − 4) are minima for every integer k",
    ),
    problem(
        10,
        lambda x: x[0] - x[1],
        (-10, 10),
        ineq=lambda x: [-3 * x[0] ** 2 + 2 * x[0] * x[1] - x[1] ** 2 + 1],
    ),
    problem(
        11,
        lambda x: (x[0] - 5) ** 2 + x[1] ** 2 - 25,
        (4.9, 0.1),
        ineq=lambda x: [-(x[0] ** 2) + x[1]],
    ),
    problem(
        12,
        lambda x: 0.5 * x[0] ** 2 + x[1] ** 2 - x[0] * x[1] - 7 * x[0] - 7 * x[1],
        (0, 0),
        ineq=lambda x: [25 - 4 * x[0] ** 2 - x[1] ** 2],
    ),
    problem(
        13,
        lambda x: (x[0] - 2) ** 2 + x[1] ** 2,
        (-2, -2),
        ineq=lambda x: [(1 - x[0]) ** 3 - x[1]],
        lower=0,
        note="The feasible set ends in a cusp at the solution: no multipliers exist there",
    ),
    problem(
        14,
        lambda x: (x[0] - 2) ** 2 + (x[1] - 1) ** 2,
        (2, 2),
        eq=lambda x: [x[0] - 2 * x[1] + 1],
        ineq=lambda x: [-0.25 * x[0] ** 2 - x[1] ** 2 + 1],
    ),
    problem(
        15,
        valley,
        (-2, 1),
        ineq=lambda x: [x[0] * x[1] - 1, x[0] + x[1] ** 2],
        upper=(0.5, inf),
        note="A second minimum is at (−0.79212, −1.26243)",
        others=(360.3797671742835,),
    ),
    problem(
        16,
        valley,
        (-2, 1),
        ineq=lambda x: [x[0] + x[1] ** 2, x[0] ** 2 + x[1]],
        lower=(-0.5, -inf),
        upper=(0.5, 1),
        note="A second minimum is at (−1/2, 1/√2)",
        others=(23.144660940672626,),
    ),
    problem(
        17,
        valley,
        (-2, 1),
        ineq=lambda x: [x[1] ** 2 - x[0], x[0] ** 2 - x[1]],
        lower=(-0.5, -inf),
        upper=(0.5, 1),
    ),
    problem(
        18,
        lambda x: 0.01 * x[0] ** 2 + x[1] ** 2,
        (2, 2),
        ineq=lambda x: [x[0] * x[1] - 25, x[0] ** 2 + x[1] ** 2 - 25],
        lower=(2, 0),
        upper=50,
    ),
    problem(
        19,
        lambda x: (x[0] - 10) ** 3 + (x[1] - 20) ** 3,
        (20.1, 5.84),
        ineq=lambda x: [
            (x[0] - 5) ** 2 + (x[1] - 5) ** 2 - 100,
            -((x[0] - 6) ** 2) - (x[1] - 5) ** 2 + 82.81,
        ],
        lower=(13, 0),
        upper=100,
    ),
    problem(
        20,
        valley,
        (-2, 1),
        ineq=lambda x: [x[0] + x[1] ** 2, x[0] ** 2 + x[1], x[0] ** 2 + x[1] ** 2 - 1],
        lower=(-0.5, -inf),
        upper=(0.5, inf),
        note="A second minimum, 83.5 − 25√3, is at (−1/2, √3/2)",
        others=(83.5 - 25 * sqrt(3),),
    ),
]
