"""CasADi with IPOPT (MUMPS): the functions called on CasADi's symbols, derivatives by CasADi.

Small problems are written in SX, scalar by scalar; the large families in MX, as CasADi advises for whole arrays (it is
the faster of the two there).
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.families import LargeProblem
from benchmarks.optimizers.solver import Answer, Solver, bounds, renewed

COUNTED = {
    "value": "n_call_nlp_f",
    "gradient": "n_call_nlp_grad_f",
    "constraints": "n_call_nlp_g",
    "jacobian": "n_call_nlp_jac_g",
    "hessian": "n_call_nlp_hess_l",
}


def stated(problem: Any) -> tuple[dict[str, Any], Any, Any]:
    """The problem in symbols, and the sides of its constraints."""
    import casadi as ca

    if isinstance(problem, LargeProblem):
        z = ca.MX.sym("z", problem.n)
        value, rows = problem.in_casadi(ca, z)
        nlp = {"x": z, "f": value}
        if rows is not None:
            nlp["g"] = rows
        return nlp, 0.0, 0.0
    z = ca.SX.sym("z", problem.n)
    x = np.empty(problem.n, dtype=object)
    for i in range(problem.n):
        x[i] = z[i]
    nlp = {"x": z, "f": renewed(problem.f)(x)}
    equations = [] if problem.eq is None else list(renewed(problem.eq)(x))
    others = [] if problem.ineq is None else list(renewed(problem.ineq)(x))
    if equations or others:
        nlp["g"] = ca.vertcat(*equations, *others)
    return nlp, 0.0, np.concatenate([np.zeros(len(equations)), np.full(len(others), np.inf)])


def solve(problem: Any, limit: float) -> Answer:
    import casadi as ca

    low, high = bounds(problem)
    start = time.perf_counter()
    nlp, least, most = stated(problem)
    options = {
        "ipopt.print_level": 0,
        "ipopt.sb": "yes",
        "ipopt.max_wall_time": limit,
        "print_time": False,
        "verbose_init": False,
        "show_eval_warnings": False,
    }
    solver = ca.nlpsol("solver", "ipopt", nlp, options)
    given = {"lbg": least, "ubg": most} if "g" in nlp else {}
    found = solver(x0=np.asarray(problem.x0, float), lbx=low, ubx=high, **given)
    x = np.array(found["x"]).ravel()
    seconds = time.perf_counter() - start
    stats = solver.stats()
    counted = {name: int(stats[key]) for name, key in COUNTED.items() if stats.get(key)}
    return Answer(x, bool(stats["success"]), stats["return_status"], seconds, counted, int(stats["iter_count"]))


IPOPT = Solver("CasADi + IPOPT", "casadi", solve)
