"""pounce-solver, an interior point method after IPOPT's, given our derivatives: gradient, Jacobian, Hessian of L.

Small problems are given dense matrices, large ones the structure that `scipy.sparse` arrays of ours have.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import scipy.sparse

import thalweg as tw
from benchmarks.optimizers.solver import Answer, Solver, bounds, constraints, large, renewed

INFINITE = 2e19  # what it takes for infinity


class Statement:
    """The callbacks, by the names of cyipopt."""

    def __init__(self, f: Any, c: Any, n: int, sparse: bool, x0: Any) -> None:
        self.objective = f
        self.gradient = tw.grad(f)
        self.sparse = sparse
        if c is None:
            self._hessian = tw.hessian(lambda x, s, v: s * f(x), sparse=sparse)
            self.constraints = lambda x: np.zeros(0)
            rows = 0
        else:
            self._hessian = tw.hessian(lambda x, s, v: s * f(x) + np.sum(v * c(x)), sparse=sparse)
            self.constraints = c
            rows = len(c(x0))
            self._jacobian = tw.jacobian(c, sparse=sparse)
        if sparse:
            if rows:
                self._places = self._jacobian(x0).tocoo().coords
            pattern = self._hessian(x0, 1.0, np.ones(rows)).tocoo()
            self._below = pattern.coords[0] >= pattern.coords[1]
            self._lower = tuple(places[self._below] for places in pattern.coords)
        else:
            self._places = tuple(places.ravel() for places in np.indices((rows, n)))
            self._lower = np.tril_indices(n)

    def jacobianstructure(self) -> Any:
        return self._places

    def jacobian(self, x: Any) -> Any:
        J = self._jacobian(x)
        return J.data if self.sparse else J.ravel()

    def hessianstructure(self) -> Any:
        return self._lower

    def hessian(self, x: Any, multipliers: Any, factor: float) -> Any:
        H = self._hessian(x, factor, multipliers)
        if scipy.sparse.issparse(H):
            return H.data[self._below]
        return H[self._lower]


def solve(problem: Any, limit: float) -> Answer:
    import pounce

    f = renewed(problem.f)
    c, least, most = constraints(problem)
    low, high = bounds(problem)
    x0 = np.array(problem.x0, float)
    start = time.perf_counter()
    statement = Statement(f, c, problem.n, large(problem), x0)
    nlp = pounce.Problem(
        n=problem.n,
        m=len(least),
        problem_obj=statement,
        lb=np.maximum(low, -INFINITE),
        ub=np.minimum(high, INFINITE),
        cl=np.maximum(least, -INFINITE),
        cu=np.minimum(most, INFINITE),
    )
    nlp.add_option("print_level", 0)
    nlp.add_option("sb", "yes")
    nlp.add_option("max_wall_time", limit)
    x, info = nlp.solve(x0=x0)
    seconds = time.perf_counter() - start
    counted = {
        "value": info["n_obj_evals"],
        "gradient": info["n_grad_evals"],
        "constraints": info["n_constr_evals"],
        "jacobian": info["n_jac_evals"],
        "hessian": info["n_hess_evals"],
    }
    success = info["status_msg"] in ("Solve_Succeeded", "Solved_To_Acceptable_Level")
    return Answer(np.asarray(x), success, info["status_msg"], seconds, counted, info["iter_count"])


POUNCE = Solver("pounce", "pounce", solve)
