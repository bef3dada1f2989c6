"""Thalweg: the functions as they are."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np

import thalweg as tw
from benchmarks.optimizers.solver import GRADIENT, Answer, Solver, bounded, bounds, renewed, unconstrained

COUNTED = ("value", "gradient", "hessian", "product", "constraints", "jacobian")


def solve(problem: Any, limit: float, method: str = "auto", tol: float | None = None) -> Answer:
    """`tw.minimize` with what the problem has."""
    f, eq, ineq = renewed(problem.f), renewed(problem.eq), renewed(problem.ineq)
    given: dict[str, Any] = {}
    if problem.constrained:
        named = {"eq": eq, "ineq": ineq}
        given["subject_to"] = {name: c for name, c in named.items() if c is not None}
    if bounded(problem):
        given["bounds"] = bounds(problem)
    if tol is not None:
        given["tol"] = tol
    x0 = np.array(problem.x0, float)
    start = time.perf_counter()
    solution = tw.minimize(f, x0, method=method, time_limit=limit, **given)
    return _answer(solution, time.perf_counter() - start)


def least_squares(problem: Any, limit: float) -> Answer:
    """`tw.least_squares` of the residuals."""
    residuals = renewed(problem.residuals)
    given = {"bounds": bounds(problem)} if bounded(problem) else {}
    x0 = np.array(problem.x0, float)
    start = time.perf_counter()
    solution = tw.least_squares(residuals, x0, time_limit=limit, **given)
    return _answer(solution, time.perf_counter() - start)


def _answer(solution: Any, seconds: float) -> Answer:
    counted = {name: getattr(solution.evaluations, name, 0) for name in COUNTED}
    return Answer(
        np.asarray(solution.flat, float),
        bool(solution.success),
        f"{solution.status}: {solution.message} [{solution.method}]",
        seconds,
        {name: n for name, n in counted.items() if n},
        solution.iterations,
    )


def by(method: str) -> Solver:
    """The solver of one method, for problems without constraints."""
    call = functools.partial(solve, method=method, tol=GRADIENT)
    return Solver(f"Thalweg {method}", "thalweg", call, unconstrained)


OURS = Solver("Thalweg", "thalweg", solve)
LEAST_SQUARES = Solver("Thalweg least_squares", "thalweg", least_squares, lambda p: p.residuals is not None)
