"""Problems 13 to 20: four to twelve variables."""

from __future__ import annotations

import numpy as np

from benchmarks.mgh.book import least_squares
from benchmarks.problem import TestProblem

KOWALIK = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
CONCENTRATION = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
FIFTHS = np.arange(1, 21) / 5
TENTHS = np.arange(1, 14) / 10
BIGGS = np.exp(-TENTHS) - 5 * np.exp(-10 * TENTHS) + 3 * np.exp(-4 * TENTHS)
OSBORNE_1 = np.array(
    [0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751]
    + [0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490]
    + [0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406]
)
OSBORNE_2 = np.array(
    [1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608]
    + [0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661]
    + [0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428]
    + [0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559]
    + [0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054]
)
WATSON_TIMES = np.arange(1, 30) / 29


def kowalik_osborne(x):
    """Problem 15."""
    u = CONCENTRATION
    return KOWALIK - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_dennis(x):
    """Problem 16, with twenty residuals."""
    t = FIFTHS
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def osborne_1(x):
    """Problem 17."""
    t = 10.0 * np.arange(33)
    return OSBORNE_1 - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


def biggs(x):
    """Problem 18, with thirteen residuals."""
    t = TENTHS
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - BIGGS


def osborne_2(x):
    """Problem 19."""
    t = np.arange(65) / 10
    peaks = sum(x[k] * np.exp(-((t - x[k + 7]) ** 2) * x[k + 4]) for k in (1, 2, 3))
    return OSBORNE_2 - (x[0] * np.exp(-t * x[4]) + peaks)


def watson(n):
    """Problem 20: a polynomial of n coefficients for the equation y' = y² + 1."""
    powers = WATSON_TIMES[:, None] ** np.arange(n)
    slopes = np.hstack([np.zeros((29, 1)), powers[:, :-1] * np.arange(1, n)])

    def residuals(x):
        return [*(slopes @ x - (powers @ x) ** 2 - 1), x[0], x[1] - x[0] ** 2 - 1]

    return least_squares(20, "Watson", residuals, (0,) * n, sizes=True)


PROBLEMS: list[TestProblem] = [
    least_squares(
        13,
        "Powell singular",
        lambda x: [
            x[0] + 10 * x[1],
            np.sqrt(5) * (x[2] - x[3]),
            (x[1] - 2 * x[2]) ** 2,
            np.sqrt(10) * (x[0] - x[3]) ** 2,
        ],
        (3, -1, 0, 1),
        note="The Hessian at the solution has rank 2",
    ),
    least_squares(
        14,
        "Wood",
        lambda x: [
            10 * (x[1] - x[0] ** 2),
            1 - x[0],
            np.sqrt(90) * (x[3] - x[2] ** 2),
            1 - x[2],
            np.sqrt(10) * (x[1] + x[3] - 2),
            (x[1] - x[3]) / np.sqrt(10),
        ],
        (-3, -1, -3, -1),
    ),
    least_squares(
        15,
        "Kowalik and Osborne",
        kowalik_osborne,
        (0.25, 0.39, 0.415, 0.39),
        note="A second lowest value, 0.00102734, is taken nowhere",
        others=(1.027345e-3,),
    ),
    least_squares(16, "Brown and Dennis", brown_dennis, (25, 5, -5, -1)),
    least_squares(17, "Osborne 1", osborne_1, (0.5, 1.5, -1, 0.01, 0.02)),
    least_squares(
        18,
        "Biggs EXP6",
        biggs,
        (1, 2, 1, 1, 1, 1),
        note="A second minimum has the value 0.00565565",
        others=(5.6556499255e-3,),
    ),
    least_squares(19, "Osborne 2", osborne_2, (1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5)),
    watson(6),
    watson(9),
    watson(12),
]
