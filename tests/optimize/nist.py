"""The nonlinear regressions of NIST's Statistical Reference Datasets: models, data, both starts, certified values.

https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

import thalweg as tw
from thalweg.optimize import Problem
from thalweg.optimize.problem import Residuals

DATA = Path(__file__).parent / "data" / "nist"

#: model(b, x), for y or (Nelson) its logarithm
MODELS = {
    "chwirut2": lambda b, x: np.exp(-b[0] * x) / (b[1] + b[2] * x),
    "danwood": lambda b, x: b[0] * x ** b[1],
    "enso": lambda b, x: (
        b[0]
        + b[1] * np.cos(2 * np.pi * x / 12)
        + b[2] * np.sin(2 * np.pi * x / 12)
        + b[4] * np.cos(2 * np.pi * x / b[3])
        + b[5] * np.sin(2 * np.pi * x / b[3])
        + b[7] * np.cos(2 * np.pi * x / b[6])
        + b[8] * np.sin(2 * np.pi * x / b[6])
    ),
    "gauss1": lambda b, x: (
        b[0] * np.exp(-b[1] * x)
        + b[2] * np.exp(-((x - b[3]) ** 2) / b[4] ** 2)
        + b[5] * np.exp(-((x - b[6]) ** 2) / b[7] ** 2)
    ),
    "hahn1": lambda b, x: (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3),
    "kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "lanczos3": lambda b, x: b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x),
    "mgh09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "mgh17": lambda b, x: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
    "misra1a": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
    "misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** (-2)),
    "nelson": lambda b, x: b[0] - b[1] * x[0] * np.exp(-b[2] * x[1]),
    "roszman1": lambda b, x: b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi,
}
MODELS["gauss2"] = MODELS["gauss1"]


class Regression(NamedTuple):
    """A regression as a problem ½ ‖r‖², with its two starts, and what is certified."""

    problem: Problem
    starts: tuple[np.ndarray, np.ndarray]
    certified: np.ndarray
    sum_of_squares: float


def least_squares_problem(residuals, n, lower=None, upper=None):
    """½ ‖r‖² with exact derivatives."""
    jacobian = tw.jacobian(residuals)
    hessian = tw.hessian(lambda b: 0.5 * np.sum(residuals(b) ** 2))

    def r_and_jacobian(b):
        return np.asarray(residuals(b), dtype=float), np.asarray(jacobian(b), dtype=float)

    def f_and_gradient(b):
        r, J = r_and_jacobian(b)
        return 0.5 * float(r @ r), J.T @ r

    return Problem(n, f_and_gradient, hessian, lower=lower, upper=upper, residuals=Residuals(r_and_jacobian))


def regression(name: str) -> Regression:
    """The regression of that name."""
    text = (DATA / f"{name}.csv").read_text().splitlines()
    numbers = {line[2:].split(":")[0]: line.split(":")[1].split() for line in text if line.startswith("# ")}
    table = np.array([line.split(",") for line in text[6:]], dtype=float).T
    y, x = table[0], table[1] if len(table) == 2 else table[1:]
    y = np.log(y) if name == "nelson" else y
    model = MODELS[name]
    first, second, certified = (np.array(numbers[key], dtype=float) for key in ("start 1", "start 2", "certified"))
    return Regression(
        least_squares_problem(lambda b: model(b, x) - y, certified.size),
        (first, second),
        certified,
        float(numbers["sum of squares"][0]),
    )
