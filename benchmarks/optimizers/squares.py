"""SciPy's least_squares (trust region reflective) with exact Jacobians of ours."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy.optimize import least_squares

import thalweg as tw
from benchmarks.optimizers.solver import Answer, OutOfTime, Solver, array_of, bounds, renewed, timed


def solve(problem: Any, limit: float) -> Answer:
    residuals = array_of(renewed(problem.residuals))
    x0 = np.array(problem.x0, float)
    start = time.perf_counter()
    try:
        found = least_squares(
            timed(residuals, limit),
            x0,
            jac=tw.jacobian(residuals),
            bounds=bounds(problem),
            xtol=1e-10,
            ftol=1e-10,
            gtol=1e-10,
            max_nfev=10_000,
        )
    except OutOfTime as late:
        return Answer(late.args[0], False, "time limit", time.perf_counter() - start)
    seconds = time.perf_counter() - start
    counted = {"value": int(found.nfev), "jacobian": int(found.njev)}
    return Answer(found.x, found.status > 0, found.message, seconds, counted)


LEAST_SQUARES = Solver("SciPy least_squares", "scipy", solve, lambda p: p.residuals is not None)
