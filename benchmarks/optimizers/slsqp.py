"""SciPy's SLSQP with exact gradients of ours: made while the clock runs, and handed over ready.

Its ``ftol`` is 10⁻⁸ instead of 10⁻⁶, since values are compared to six digits, and it may take a thousand iterations.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np
from scipy.optimize import Bounds, minimize

import thalweg as tw
from benchmarks.optimizers.solver import (
    Answer,
    OutOfTime,
    Solver,
    array_of,
    bounded,
    bounds,
    large,
    renewed,
    timed,
)


def solve(problem: Any, limit: float, ready: bool = False) -> Answer:
    """``ready``: the derivatives have been traced, and called at the start, before the clock starts."""
    f, eq, ineq = renewed(problem.f), renewed(problem.eq), renewed(problem.ineq)
    x0 = np.array(problem.x0, float)
    start = time.perf_counter()
    objective = tw.value_and_grad(f)
    restrictions = []
    for kind, c in (("eq", eq), ("ineq", ineq)):
        if c is not None:
            c = array_of(c)
            restrictions.append({"type": kind, "fun": c, "jac": tw.jacobian(c)})
    given = {"bounds": Bounds(*bounds(problem), keep_feasible=False)} if bounded(problem) else {}
    if ready:
        objective(x0)
        for r in restrictions:
            r["jac"](x0)
        start = time.perf_counter()
    try:
        found = minimize(
            timed(objective, limit),
            x0,
            jac=True,
            method="SLSQP",
            constraints=restrictions,
            options={"maxiter": 1000, "ftol": 1e-8},
            **given,
        )
    except OutOfTime as late:
        return Answer(late.args[0], False, "time limit", time.perf_counter() - start)
    seconds = time.perf_counter() - start
    counted = {"value": int(found.nfev), "gradient": int(found.njev)}
    return Answer(found.x, bool(found.success), found.message, seconds, counted, int(found.nit))


SLSQP = Solver("SciPy SLSQP", "scipy", solve, lambda p: not large(p))
READY = Solver("SLSQP, gradients ready", "scipy", functools.partial(solve, ready=True), lambda p: not large(p))
