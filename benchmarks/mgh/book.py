"""One entry of the paper: residuals and a start, with the answer looked up by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.mgh.answers import ANSWERS
from benchmarks.problem import Scalar, TestProblem, Vector


def sum_of_squares(residuals: Vector) -> Scalar:
    """The function Σ r².

    Examples
    --------
    >>> sum_of_squares(lambda x: [x[0] - 1, 2 * x[1]])([4, 1])
    13
    """

    def f(x):
        r = residuals(x)
        return sum(t**2 for t in r) if isinstance(r, list) else np.sum(r**2)

    return f


def least_squares(
    number: int,
    title: str,
    residuals: Vector,
    start: Sequence[float],
    *,
    sizes: bool = False,
    note: str = "",
    others: tuple[float, ...] = (),
) -> TestProblem:
    """The problem of that number; with ``sizes`` its name ends with the number of variables, as in ``MGH20-6``.

    Examples
    --------
    >>> p = least_squares(1, "Rosenbrock", lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]], (-1.2, 1))
    >>> p.name, round(p.f(p.x0), 10), p.value
    ('MGH1', 24.2, 0.0)
    """
    name = f"MGH{number}-{len(start)}" if sizes else f"MGH{number}"
    value, solution = ANSWERS[name]
    source = f"Moré, Garbow & Hillstrom (1981), problem {number}, {title}"
    return TestProblem(
        name=name,
        f=sum_of_squares(residuals),
        x0=tuple(float(t) for t in start),
        value=float(value),
        residuals=residuals,
        source=source + (f". {note}" if note else ""),
        others=others,
        solution=tuple(float(t) for t in solution),
    )
