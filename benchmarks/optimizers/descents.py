"""SciPy's methods without constraints, and L-BFGS-B, with the exact derivatives that ours have too.

All stop at the same largest component of the gradient; what else may stop them is put out of the way.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np
from scipy.optimize import Bounds, minimize

import thalweg as tw
from benchmarks.optimizers.solver import (
    GRADIENT,
    Answer,
    OutOfTime,
    Solver,
    bounded,
    bounds,
    renewed,
    timed,
    unconstrained,
)

OPTIONS: dict[str, dict[str, Any]] = {
    "BFGS": {"gtol": GRADIENT, "maxiter": 10_000},
    "L-BFGS-B": {"gtol": GRADIENT, "ftol": 1e-15, "maxiter": 100_000, "maxfun": 1_000_000},
    "CG": {"gtol": GRADIENT, "maxiter": 100_000},
    "Newton-CG": {"xtol": 1e-10, "maxiter": 10_000},
    "trust-exact": {"gtol": GRADIENT, "maxiter": 10_000},
    "trust-ncg": {"gtol": GRADIENT, "maxiter": 10_000},
}


def solve(problem: Any, limit: float, method: str) -> Answer:
    f = renewed(problem.f)
    x0 = np.array(problem.x0, float)
    start = time.perf_counter()
    given: dict[str, Any] = {}
    if method in ("Newton-CG", "trust-exact", "trust-ncg"):
        given["hess"] = tw.hessian(f)
    if bounded(problem):
        given["bounds"] = Bounds(*bounds(problem))
    try:
        found = minimize(
            timed(tw.value_and_grad(f), limit), x0, jac=True, method=method, options=OPTIONS[method], **given
        )
    except OutOfTime as late:
        return Answer(late.args[0], False, "time limit", time.perf_counter() - start)
    seconds = time.perf_counter() - start
    counted = {"value": found.nfev, "gradient": found.njev, "hessian": found.get("nhev", 0)}
    counted = {name: int(n) for name, n in counted.items() if n}
    return Answer(found.x, bool(found.success), str(found.message), seconds, counted, int(found.nit))


def by(method: str) -> Solver:
    """SciPy's method of that name."""
    takes_bounds = method == "L-BFGS-B"
    fits = (lambda p: not p.constrained) if takes_bounds else unconstrained
    return Solver(f"SciPy {method}", "scipy", functools.partial(solve, method=method), fits)
