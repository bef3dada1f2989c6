r"""From a `Solution` to SciPy's `OptimizeResult`, field by field.

Where SciPy's method reports an inverse Hessian that it has built up from steps, BFGS and L-BFGS-B, the exact one is
given: (∇²f)⁻¹ at the solution.  Programs take standard errors from its diagonal, for which an approximation is a poor
guide.  For L-BFGS-B it comes as SciPy's operator, made from pairs (s, y) = (v, λ v) of eigenvectors and eigenvalues,
from which the update formula builds the inverse exactly, since they are conjugate.  Beyond 200 variables both are built
from the last steps, as SciPy does it.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), theorem 6.4 and §7.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import LbfgsInvHessProduct, OptimizeResult

from thalweg.optimize.problem import Matrix, Vector
from thalweg.optimize.solution import Solution, Status

from .conditions import Condition, slsqp_multipliers, split
from .names import Name
from .watching import Watch

__all__ = ["WORDS", "Result", "compose", "hess_inv_of", "row_multipliers", "said", "summary"]

#: How a message begins, in SciPy's words.
WORDS = {
    Status.CONVERGED: "Optimization terminated successfully.",
    Status.ITERATION_LIMIT: "Maximum number of iterations has been exceeded.",
    Status.NOT_FINITE: "NaN result encountered.",
}


class Result(OptimizeResult):
    """SciPy's result, with what Thalweg knows besides.

    Attributes
    ----------
    kind : str
        What the point is: 'strict minimum', 'minimum', 'saddle', …
    certificate : Certificate
        The numbers that show it.
    multipliers : array
        As SciPy's SLSQP orders and signs them, for every method; where there are constraints.
    """

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.update(fields)

    def attach(self, solution: Solution) -> Result:
        """Carry the whole solution, which is neither printed nor pickled."""
        self.__dict__["_solution"] = solution
        return self

    @property
    def solution(self) -> Solution | None:
        """Thalweg's `Solution`; None after pickling."""
        return self.__dict__.get("_solution")

    def __getstate__(self) -> None:
        return None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), "solution"]


def compose(
    solution: Solution,
    name: Name,
    watch: Watch,
    conditions: list[Condition],
    notes: list[str],
    calls: int | None,
    box: tuple[Vector, Vector],
) -> Result:
    """Return the result of a run.

    Parameters
    ----------
    solution : Solution
    name : Name
        The method of SciPy's whose fields and numbers it has.
    watch : Watch
        What was seen on the way.
    conditions : list of Condition
        The constraints.
    notes : list of str
        For the message.
    calls : int or None
        How often the objective was called, where that is more than the evaluations that the run counts.
    box : two arrays
        Bounds of all variables; equal ones fix a variable.
    """
    status, success = name.codes[solution.status], solution.success
    words = said(solution, watch)
    if watch.stopped == "returned True" or (watch.stopped == "callback" and name.title == "trust-constr"):
        status = 3 if watch.stopped == "returned True" else 99
    elif watch.stopped == "evaluations":
        status = 1 if name.title in ("Nelder-Mead", "Powell") else name.codes[Status.ITERATION_LIMIT]
        status = 5 if name.title == "COBYQA" else status
    elif watch.stopped == "target":
        status, success = 1, True
    x = np.array(solution.x, dtype=np.float64).reshape(-1)
    gradient = np.array(solution.gradient, dtype=np.float64).reshape(-1)
    free = np.flatnonzero(box[0] != box[1])
    gradient[box[0] == box[1]] = np.nan  # over fixed variables it is not known
    fields = name.fields.split()
    result = Result(x=x, fun=np.float64(solution.value), nit=solution.iterations, status=status, success=success)
    result["nfev"] = solution.nfev if calls is None else calls
    result["message"] = " ".join([words, *([f"Notes: {'; '.join(notes)}."] if notes else [])])
    for field, value in (("jac", gradient), ("njev", solution.njev), ("nhev", solution.nhev)):
        if field in fields:
            result[field] = value
    if "hess" in fields and solution.hess is not None:
        result["hess"] = solution.hess
    if "hess_inv" in fields:
        inverse = hess_inv_of(solution, watch, free, x.size)
        result["hess_inv"] = inverse.todense() if name.title == "BFGS" else inverse
    signed = row_multipliers(solution, conditions)
    if "maxcv" in fields:
        result["maxcv"] = solution.certificate.feasibility
    if conditions or "multipliers" in fields:
        result["multipliers"] = slsqp_multipliers(conditions, signed)
    if "trust-constr" in fields:
        _trust_constr(result, solution, conditions, signed, gradient, box)
    if watch.keep_all:
        result["allvecs"] = watch.iterates
    result["kind"] = solution.kind
    result["certificate"] = solution.certificate
    return result.attach(solution)


def said(solution: Solution, watch: Watch) -> str:
    """The message of a run, which begins as SciPy's."""
    if watch.stopped == "callback":
        return "`callback` raised `StopIteration`."
    if watch.stopped == "returned True":
        return "`callback` function requested termination."
    if watch.stopped == "evaluations":
        return "Maximum number of function evaluations has been exceeded."
    if watch.stopped == "target":
        return "The target of the function value was reached."
    message = solution.message.replace("max_iterations", "maxiter")
    return " ".join(text for text in (WORDS.get(solution.status, ""), message) if text)


def row_multipliers(solution: Solution, conditions: list[Condition]) -> list[Vector]:
    """The multipliers of each constraint in L = f + Σ vᵢ gᵢ."""
    built = solution.built
    if built is None or not conditions:
        return []
    if not built.relations.all:
        sizes = [condition.g(np.asarray(solution.x)).size for condition in conditions]
        return split(solution.y, sizes)
    lower, upper = built.problem.lower, built.problem.upper
    sides: tuple[Vector | None, Vector | None] = (None, None)
    if lower is not None and upper is not None:
        sides = (built.spread(lower, -np.inf), built.spread(upper, np.inf))
    return [values for _, values in built.relations.signed(solution.y, built.spread(solution.z), *sides)]


def hess_inv_of(solution: Solution, watch: Watch, free: Any, n: int) -> LbfgsInvHessProduct:
    """(∇²f)⁻¹ as SciPy's operator, over the variables that are free and in the directions that f curves."""
    steps, changes = np.zeros((0, n)), np.zeros((0, n))
    H = solution.hessian
    if H is not None:
        values, vectors = np.linalg.eigh(H)
        bent = values > n * np.finfo(float).eps * float(np.max(np.abs(values), initial=0.0))
        steps = np.zeros((int(bent.sum()), n))
        steps[:, free] = vectors[:, bent].T
        changes = values[bent, None] * steps
    elif watch.pairs:
        kept = [(s, y) for s, y in watch.pairs if np.isfinite(y).all() and s @ y > 0]
        if kept:
            steps, changes = np.array([s for s, _ in kept]), np.array([y for _, y in kept])
    return LbfgsInvHessProduct(steps, changes)


def _trust_constr(
    result: Result,
    solution: Solution,
    conditions: list[Condition],
    signed: list[Vector],
    gradient: Vector,
    box: tuple[Vector, Vector],
) -> None:
    """What SciPy's trust-constr reports besides; numbers of its own machinery are NaN."""
    x = result["x"]
    n = x.size
    jacobians, values = _rows(solution, conditions)
    v = [np.array(s) for s in signed]
    if np.isfinite(box[0]).any() or np.isfinite(box[1]).any():
        jacobians, values = [*jacobians, np.eye(n)], [*values, x.copy()]
        v.append(_bound_multipliers(solution, box))
    lagrangian = gradient + sum((J.T @ m for J, m in zip(jacobians, v)), np.zeros(n))
    none = [0] * len(values)
    equality_only = all(bool(np.all(c.sides(m.size)[0] == c.sides(m.size)[1])) for c, m in zip(conditions, v))
    result.update(
        grad=gradient,
        lagrangian_grad=lagrangian,
        constr=values,
        jac=jacobians,
        v=v,
        njev=solution.njev,
        nhev=solution.nhev,
        niter=solution.iterations,
        cg_niter=0,
        cg_stop_cond=0,
        constr_nfev=[result["nfev"]] * len(values),
        constr_njev=[solution.njev] * len(values),
        constr_nhev=none,
        method="equality_constrained_sqp" if equality_only and len(v) == len(conditions) else "tr_interior_point",
        optimality=float(np.nanmax(np.abs(lagrangian), initial=0.0)),
        constr_violation=float(solution.certificate.feasibility),
        execution_time=solution.time,
        tr_radius=float("nan"),
        constr_penalty=float("nan"),
        barrier_parameter=float("nan"),
        barrier_tolerance=float("nan"),
    )


def _bound_multipliers(solution: Solution, box: tuple[Vector, Vector]) -> Vector:
    z = solution.bound_multipliers
    if z is not None:
        return np.asarray(z, dtype=np.float64).reshape(-1)
    whole = np.zeros(box[0].size)
    free = np.flatnonzero(box[0] != box[1])
    if solution.z.size == free.size:
        whole[free] = solution.z
    return whole


def _rows(solution: Solution, conditions: list[Condition]) -> tuple[list[Matrix], list[Vector]]:
    """∂g/∂x and g of each constraint at the solution."""
    from .parts import Part

    x = np.asarray(solution.x, dtype=np.float64)
    nowhere = np.full(x.size, np.inf)
    parts = [Part(c.g, c.jacobian, c.hessian, -nowhere, nowhere, c.name) for c in conditions]
    return [part.jacobian(x) for part in parts], [part.value(x) for part in parts]


def summary(result: Any) -> str:
    """What SciPy prints for ``disp``."""
    lines = [
        result.message,
        f"         Current function value: {result.fun:f}",
        f"         Iterations: {result.nit:d}",
        f"         Function evaluations: {result.nfev:d}",
    ]
    for word, field in (("Gradient", "njev"), ("Hessian", "nhev")):
        if field in result:
            lines.append(f"         {word} evaluations: {result[field]:d}")
    return "\n".join(lines)
