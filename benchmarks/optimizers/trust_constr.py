"""SciPy's trust-constr with exact gradients, Jacobians and Hessians of ours.

With inequalities it stops where the gradient of the barrier function is below ``gtol``, whatever the barrier parameter
is then (3·10⁻⁵ on a disc, say). So that its values have six digits, ``gtol`` is out of the way there: ``xtol`` ends it.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from scipy.optimize import Bounds, NonlinearConstraint, minimize

import thalweg as tw
from benchmarks.optimizers.solver import Answer, OutOfTime, Solver, bounded, bounds, constraints, large, renewed, timed


def solve(problem: Any, limit: float) -> Answer:
    f = renewed(problem.f)
    c, low, high = constraints(problem)
    x0 = np.array(problem.x0, float)
    start = time.perf_counter()
    given: dict[str, Any] = {}
    if c is not None:
        curvature = tw.hessian(lambda x, v: np.sum(v * c(x)))
        given["constraints"] = NonlinearConstraint(c, low, high, jac=tw.jacobian(c), hess=curvature)
    if bounded(problem):
        given["bounds"] = Bounds(*bounds(problem))
    barrier = bounded(problem) or problem.ineq is not None
    objective = timed(tw.value_and_grad(f), limit)
    try:
        found = minimize(
            objective,
            x0,
            jac=True,
            hess=tw.hessian(f),
            method="trust-constr",
            options={"maxiter": 3000, "gtol": 1e-16 if barrier else 1e-8, "xtol": 1e-8},
            **given,
        )
    except OutOfTime as late:
        return Answer(late.args[0], False, "time limit", time.perf_counter() - start)
    seconds = time.perf_counter() - start
    counted = {"value": int(found.nfev), "gradient": int(found.njev), "hessian": int(found.nhev)}
    return Answer(found.x, found.status in (1, 2), found.message, seconds, counted, int(found.nit))


TRUST_CONSTR = Solver("SciPy trust-constr", "scipy", solve, lambda p: not large(p))
