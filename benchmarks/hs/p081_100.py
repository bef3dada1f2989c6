"""Problems 81 to 100: five to seven variables. There is no 82 and no 94."""

from __future__ import annotations

from math import cos, sin

import numpy as np

from benchmarks.hs import heat, pulp_mill
from benchmarks.hs.book import problem
from benchmarks.hs.colville import LINEAR, ROWS, cubic
from benchmarks.hs.p061_080 import three_equations
from benchmarks.problem import TestProblem

SUGAR = np.array(
    [
        [-145421.402, 2931.1506, -40.427932, 5106.192, 15711.36],
        [-155011.1084, 4360.53352, 12.9492344, 10236.884, 13176.786],
        [-326669.5104, 7390.68412, -27.8986976, 16643.076, 30988.146],
    ]
)
ACCELERATION = np.array([50.0, 50, 75, 75, 75, 100, 100])
STAGES = np.diff(np.array([0.0, 25, 50, 100, 150, 200, 290, 380]))


def himmelblau(x):
    """Problem 83: the three quantities that are kept within limits."""
    y1 = 85.334407 + 0.0056858 * x[1] * x[4] + 0.0006262 * x[0] * x[3] - 0.0022053 * x[2] * x[4]
    y2 = 80.51249 + 0.0071317 * x[1] * x[4] + 0.0029955 * x[0] * x[1] + 0.0021813 * x[2] ** 2
    y3 = 9.300961 + 0.0047026 * x[2] * x[4] + 0.0012547 * x[0] * x[2] + 0.0019085 * x[2] * x[3]
    return [y1, 92 - y1, y2 - 90, 110 - y2, y3 - 20, 25 - y3]


def sugar(x):
    """Problem 84: the three quantities that are kept within limits."""
    y = [x[0] * (r[0] + r[1] * x[1] + r[2] * x[2] + r[3] * x[3] + r[4] * x[4]) for r in SUGAR]
    return [y[0], y[1], y[2], 294000 - y[0], 294000 - y[1], 277200 - y[2]]


def stepped_cost(x):
    """Problem 87: two prices that jump for the whole amount when it passes a limit."""
    first = 30 * x[0] if x[0] < 300 else 31 * x[0]
    if x[1] < 100:
        return first + 28 * x[1]
    return first + (29 * x[1] if x[1] < 200 else 30 * x[1])


def network(x):
    """Problem 87: the balances of an electrical network."""
    a, b, c, d, e = 131.078, 1.48477, 0.90798, cos(1.47588), sin(1.47588)
    return [
        300 - x[0] - x[2] * x[3] / a * np.cos(b - x[5]) + c * x[2] ** 2 / a * d,
        -x[1] - x[2] * x[3] / a * np.cos(b + x[5]) + c * x[3] ** 2 / a * d,
        -x[4] - x[2] * x[3] / a * np.sin(b + x[5]) + c * x[3] ** 2 / a * e,
        200 - x[2] * x[3] / a * np.sin(b - x[5]) + c * x[2] ** 2 / a * e,
    ]


def transformer(x):
    """Problem 93: the cost of a transformer."""
    first = x[0] * x[3] * (x[0] + x[1] + x[2])
    second = x[1] * x[2] * (x[0] + 1.57 * x[1] + x[3])
    return 0.0204 * first + 0.0187 * second + 0.0607 * first * x[4] ** 2 + 0.0437 * second * x[5] ** 2


def transformer_limits(x):
    """Problem 93: the rating and the losses."""
    first = x[0] * x[3] * (x[0] + x[1] + x[2])
    second = x[1] * x[2] * (x[0] + 1.57 * x[1] + x[3])
    return [
        0.001 * x[0] * x[1] * x[2] * x[3] * x[4] * x[5] - 2.07,
        1 - 0.00062 * first * x[4] ** 2 - 0.00058 * second * x[5] ** 2,
    ]


def blend(number, needs, others=()):
    """Problems 95 to 98: the same mixture for four sets of needs."""

    def supplies(x):
        return [
            17.1 * x[0] + 38.2 * x[1] + 204.2 * x[2] + 212.3 * x[3] + 623.4 * x[4] + 1495.5 * x[5]
            - 169 * x[0] * x[2] - 3580 * x[2] * x[4] - 3810 * x[3] * x[4] - 18500 * x[3] * x[5]
            - 24300 * x[4] * x[5] - needs[0],
            17.9 * x[0] + 36.8 * x[1] + 113.9 * x[2] + 169.7 * x[3] + 337.8 * x[4] + 1385.2 * x[5]
            - 139 * x[0] * x[2] - 2450 * x[3] * x[4] - 16600 * x[3] * x[5] - 17200 * x[4] * x[5] - needs[1],
            -273 * x[1] - 70 * x[3] - 819 * x[4] + 26000 * x[3] * x[4] - needs[2],
            159.9 * x[0] - 311 * x[1] + 587 * x[3] + 391 * x[4] + 2198 * x[5] - 14000 * x[0] * x[5] - needs[3],
        ]  # fmt: skip

    return problem(
        number,
        lambda x: 4.3 * x[0] + 31.8 * x[1] + 63.3 * x[2] + 15.8 * x[3] + 68.5 * x[4] + 4.7 * x[5],
        (0, 0, 0, 0, 0, 0),
        ineq=supplies,
        lower=0,
        upper=(0.31, 0.046, 0.068, 0.042, 0.028, 0.0134),
        note="A second minimum is at (0, 0, 0.0633, 0, 0, 0.0134)" if others else "",
        others=others,
    )


def range_of_rocket(x):
    """Problem 99: minus the squared distance flown."""
    return -(np.sum(ACCELERATION * STAGES * np.cos(x)) ** 2)


def height_of_rocket(x):
    """Problem 99: height and vertical speed at the end, one stage after the other."""
    climb = STAGES * (ACCELERATION * np.sin(x) - 32)
    speed, height = 0.0, 0.0
    for i in range(7):
        height = height + 0.5 * STAGES[i] * climb[i] + STAGES[i] * speed
        speed = speed + climb[i]
    return [height - 1e5, speed - 1e3]


def heated_rod(number, switches):
    """Problems 88 to 92."""
    start = (0.5, -0.5, 0.5, -0.5, 0.5, -0.5)[:switches]
    return problem(number, heat.time, start, ineq=heat.reached, lower=-10, upper=10)


PROBLEMS: list[TestProblem] = [
    problem(
        81,
        lambda x: np.exp(x[0] * x[1] * x[2] * x[3] * x[4]) - 0.5 * (x[0] ** 3 + x[1] ** 3 + 1) ** 2,
        (-2, 2, 2, -1, -1),
        eq=three_equations,
        lower=(-2.3, -2.3, -3.2, -3.2, -3.2),
        upper=(2.3, 2.3, 3.2, 3.2, 3.2),
    ),
    problem(
        83,
        lambda x: 5.3578547 * x[2] ** 2 + 0.8356891 * x[0] * x[4] + 37.293239 * x[0] - 40792.141,
        (78, 33, 27, 27, 27),
        ineq=himmelblau,
        lower=(78, 33, 27, 27, 27),
        upper=(102, 45, 45, 45, 45),
    ),
    problem(
        84,
        lambda x: (
            24345
            + 8720288.849 * x[0]
            - 150512.5253 * x[0] * x[1]
            + 156.6950325 * x[0] * x[2]
            - 476470.3222 * x[0] * x[3]
            - 729482.8271 * x[0] * x[4]
        ),
        (2.52, 2, 37.5, 9.25, 6.8),
        ineq=sugar,
        lower=(0, 1.2, 20, 9, 6.5),
        upper=(1000, 2.4, 60, 9.3, 7),
    ),
    problem(
        85,
        pulp_mill.loss,
        (900, 80, 115, 267, 27),
        ineq=pulp_mill.limits,
        lower=(704.4148, 68.6, 0, 193, 25),
        upper=(906.3855, 288.88, 134.75, 287.0966, 84.1988),
        note="Published as −1.90513375, not quite at the minimum",
    ),
    problem(86, cubic, (0, 0, 0, 0, 1), ineq=lambda x: list(ROWS @ x - LINEAR), lower=0),
    problem(
        87,
        stepped_cost,
        (390, 1000, 419.5, 340.5, 198.175, 0.5),
        eq=network,
        lower=(0, 0, 340, 340, -1000, 0),
        upper=(400, 1000, 420, 420, 1000, 0.5236),
        note="Both prices jump, so that the objective is not continuous",
        skip=("casadi", "jax"),
    ),
    heated_rod(88, 2),
    heated_rod(89, 3),
    heated_rod(90, 4),
    heated_rod(91, 5),
    heated_rod(92, 6),
    problem(93, transformer, (5.54, 4.4, 12.02, 11.82, 0.702, 0.852), ineq=transformer_limits, lower=0),
    blend(95, (4.97, -1.88, -29.08, -78.02)),
    blend(96, (4.97, -1.88, -69.08, -118.02)),
    blend(97, (32.97, 25.12, -29.08, -78.02), others=(4.071246356513221,)),
    blend(98, (32.97, 25.12, -124.08, -173.02), others=(4.071246356513221,)),
    problem(99, range_of_rocket, (0.5,) * 7, eq=height_of_rocket, lower=0, upper=1.58),
    problem(
        100,
        lambda x: (
            (x[0] - 10) ** 2
            + 5 * (x[1] - 12) ** 2
            + x[2] ** 4
            + 3 * (x[3] - 11) ** 2
            + 10 * x[4] ** 6
            + 7 * x[5] ** 2
            + x[6] ** 4
            - 4 * x[5] * x[6]
            - 10 * x[5]
            - 8 * x[6]
        ),
        (1, 2, 0, 4, 0, 1, 1),
        ineq=lambda x: [
            127 - 2 * x[0] ** 2 - 3 * x[1] ** 4 - x[2] - 4 * x[3] ** 2 - 5 * x[4],
            282 - 7 * x[0] - 3 * x[1] - 10 * x[2] ** 2 - x[3] + x[4],
            196 - 23 * x[0] - x[1] ** 2 - 6 * x[5] ** 2 + 8 * x[6],
            -4 * x[0] ** 2 - x[1] ** 2 + 3 * x[0] * x[1] - 2 * x[2] ** 2 - 5 * x[5] + 11 * x[6],
        ],
    ),
]
