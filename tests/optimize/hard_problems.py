"""Constrained problems that are hard for one reason each, with what a method must find."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from thalweg.optimize.build import build
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Iterate, Run


class Case(NamedTuple):
    f: Any
    x0: tuple[float, ...]
    value: float
    subject_to: Any = None
    bounds: Any = None


def _eq(*rows):
    return {"eq": lambda x: [row(x) for row in rows]}


SOLVABLE = {
    "Hock and Schittkowski 71": Case(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        (1.0, 5.0, 5.0, 1.0),
        17.0140172891563,
        {
            "eq": lambda x: [x[0] ** 2 + x[1] ** 2 + x[2] ** 2 + x[3] ** 2 - 40],
            "ineq": lambda x: [x[0] * x[1] * x[2] * x[3] - 25],
        },
        (np.ones(4), 5 * np.ones(4)),
    ),
    "Maratos": Case(
        lambda x: 2 * (x[0] ** 2 + x[1] ** 2 - 1) - x[0], (0.8, 0.6), -1.0, _eq(lambda x: x[0] ** 2 + x[1] ** 2 - 1)
    ),
    "one row three times": Case(
        lambda x: (x[0] - 2) ** 2 + (x[1] - 1) ** 2,
        (3.0, 0.0),
        0.5,
        _eq(lambda x: x[0] + x[1] - 2, lambda x: x[0] + x[1] - 2, lambda x: 2 * x[0] + 2 * x[1] - 4),
    ),
    "one circle twice": Case(
        lambda x: x[0] + x[1],
        (1.0, -0.5),
        -np.sqrt(2),
        _eq(lambda x: x[0] ** 2 + x[1] ** 2 - 1, lambda x: 2 * x[0] ** 2 + 2 * x[1] ** 2 - 2),
    ),
    "complementarity": Case(
        lambda x: (x[0] - 1) ** 2 + (x[1] - 1) ** 2,
        (0.5, 0.4),
        1.0,
        {"ineq": lambda x: [-x[0] * x[1]]},
        (np.zeros(2), np.full(2, np.inf)),
    ),
    "logarithms": Case(
        lambda x: -np.log(x[0]) - np.log(x[1]), (0.1, 0.1), 2 * np.log(2), {"ineq": lambda x: [1 - x[0] - x[1]]}
    ),
    "concave in a box": Case(lambda x: -np.sum(x * x), (0.1, 0.2, -0.3), -3.0, None, (-np.ones(3), np.ones(3))),
    "units of 1e8 and 1e-8": Case(
        lambda x: 1e8 * (x[0] - 2e-4) ** 2 + 1e-8 * (x[1] - 2e4) ** 2,
        (1.0, 1.0),
        0.0,
        {"ineq": lambda x: [1e6 * (1e-3 - x[0])]},
    ),
    "quartic on a line": Case(lambda x: x[0] ** 4 + x[1] ** 4, (1.0, 1.0), 0.0, _eq(lambda x: x[0] - x[1])),
    "linear program": Case(
        lambda x: -x[0] - 2 * x[1],
        (0.0, 0.0),
        -7.0,
        {"ineq": lambda x: [4 - x[0] - x[1]]},
        (np.zeros(2), 3 * np.ones(2)),
    ),
    "start outside the bounds": Case(
        lambda x: np.sqrt(x[0]) + (x[1] - 3) ** 2, (-5.0, 9.0), 1.0, None, (np.ones(2), np.full(2, 4.0))
    ),
}

#: With the points of least violation that may be found.
INFEASIBLE = {
    "two values": Case(
        lambda x: x[0] ** 2 + x[1] ** 2, (0.5, 0.0), np.nan, _eq(lambda x: x[0] - 1, lambda x: x[0] - 2)
    ),
    "line off the box": Case(
        lambda x: x[0] + x[1], (0.5, 0.5), np.nan, _eq(lambda x: x[0] + x[1] - 4), (np.zeros(2), np.ones(2))
    ),
    "negative square": Case(lambda x: x[0], (2.0,), np.nan, _eq(lambda x: x[0] ** 2 + 1)),
}

UNBOUNDED = {
    "linear": Case(lambda x: x[0] + x[1], (0.0, 0.0), -np.inf, {"ineq": lambda x: [1 - x[0]]}),
    "concave on a line": Case(lambda x: x[0] ** 2 - x[1] ** 2, (1.0, 0.5), -np.inf, _eq(lambda x: x[0] - 1)),
}


def run(engine_of, case: Case, tol: float = 1e-8, most: int = 500) -> tuple[Iterate, Stuck | None, list[Iterate]]:
    """Iterate until the residual is small or the engine is stuck; every evaluation must keep the bounds."""
    problem = build(case.f, np.array(case.x0), subject_to=case.subject_to, bounds=case.bounds).problem
    low = -np.inf if problem.lower is None else problem.lower
    high = np.inf if problem.upper is None else problem.upper

    def inside(point):
        assert (point.x >= low).all() and (point.x <= high).all()

    loop = Run(problem, tol=tol, evaluated=inside)
    engine = engine_of(problem)
    at = engine.begin(np.array(case.x0), loop)
    path = [at]
    while not at.residual <= tol and len(path) < most:
        after = engine.advance(at, loop)
        if isinstance(after, Stuck):
            return at, after, path
        at = after
        path.append(at)
    return at, None, path
