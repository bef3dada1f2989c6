"""The methods by name: which direction with which step rule, and how ``"auto"`` chooses.

To add a method: write its direction, its step rule or its engine in a file of its own, and give it a line in
:data:`METHODS`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .engine import Engine
from .first_order import FIRST_ORDER
from .method import Method
from .problem import Problem
from .relay import Relay
from .second_order import SECOND_ORDER
from .sizes import FEW, NEWTON_LIMIT, QUASI_NEWTON_LIMIT, SMALL

__all__ = ["METHODS", "Chosen", "Method", "choose"]


def _interior_point(problem: Problem, **options: Any) -> Engine:
    from .interior import InteriorPoint  # what only some runs need is imported by them: SciPy takes long

    return InteriorPoint(**options)


def _sqp(problem: Problem) -> Engine:
    from .sqp import SQP

    return SQP(problem)


def _sqp_then_interior_point(problem: Problem) -> Engine:
    return Relay(lambda: _sqp(problem), lambda: _interior_point(problem), ("sqp", "interior-point"))


def _augmented_lagrangian(problem: Problem) -> Engine:
    from .augmented import AugmentedLagrangian

    return AugmentedLagrangian(problem)


#: What `minimize` takes besides the options of a method: whoever misspells one is told.
ARGUMENTS = (
    "subject_to", "bounds", "args", "grad", "hess", "derivatives", "method", "tol", "max_iterations", "time_limit",
    "callback", "progress", "escape_saddles", "starts", "batches",
)  # fmt: skip

#: What others call them.
ELSEWHERE = {
    "constraints": "subject_to", "constraint": "subject_to", "maxiter": "max_iterations", "max_nfev": "max_iterations",
    "jac": "grad", "gradient": "grad", "gtol": "tol", "disp": "progress", "verbose": "progress", "lr": "learning_rate",
}  # fmt: skip


def _least_squares_then_newton(problem: Problem) -> Engine:
    first, second = METHODS["levenberg-marquardt"], METHODS["newton"]
    return Relay(lambda: first.make(problem), lambda: second.make(problem), (first.name, second.name), 300)


RELAYS = (
    Method(
        "levenberg-marquardt+newton",
        "levenberg-marquardt, and where it finds no end newton from the start: what auto takes for sums of squares",
        _least_squares_then_newton,
        max_iterations=2_000,
        bounds=True,
        residuals=True,
        second_order=True,
    ),
)

CONSTRAINED = (
    Method(
        "interior-point",
        "primal-dual interior point with a filter: any constraints, small and dense or large and sparse",
        _interior_point,
        max_iterations=3_000,
        options=("mu_strategy", "mu", "y", "z"),
        bounds=True,
        constraints=True,
        second_order=True,
    ),
    Method(
        "sqp",
        "sequential quadratic programming with the exact Hessian of the Lagrangian: few steps on small problems",
        _sqp,
        max_iterations=1_000,
        bounds=True,
        constraints=True,
        second_order=True,
    ),
    Method(
        "sqp+interior-point",
        "sqp, and where it cannot go on interior-point from the start: what auto takes for small problems",
        _sqp_then_interior_point,
        max_iterations=3_000,
        bounds=True,
        constraints=True,
        second_order=True,
    ),
    Method(
        "augmented-lagrangian",
        "multipliers and penalties around projected Newton steps, by products alone: too large to factorize",
        _augmented_lagrangian,
        max_iterations=10_000,
        bounds=True,
        constraints=True,
        second_order=True,
    ),
)

#: All methods by name.
METHODS = {method.name: method for method in (*FIRST_ORDER, *SECOND_ORDER, *RELAYS, *CONSTRAINED)}


@dataclass(frozen=True)
class Chosen:
    """A method, made ready for one run, and why it was chosen."""

    method: Method
    reason: str
    engine: Engine
    options: dict[str, Any]


def choose(name: str, problem: Problem, options: Mapping[str, Any] | None = None) -> Chosen:
    """Return the method of that name, or the one that suits the problem for ``"auto"``.

    Parameters
    ----------
    name : str
        A name of the table, or 'auto'.
    problem : Problem
        What is to be minimized.
    options : dict, optional
        Options of the method, by name; those that are None count as not given.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> chosen = choose("auto", Problem(2, lambda x: (x @ x, 2 * x), lambda x: x))
    >>> chosen.method.name, chosen.reason
    ('newton', 'chosen for 2 variables, where the exact Hessian is cheap')
    """
    given = {key: value for key, value in (options or {}).items() if value is not None}
    key = str(name).strip().lower().replace("_", "-").replace(" ", "-")
    reason = "as asked"
    if key == "auto":
        key, reason = _suited(problem, given)
    if key not in METHODS:
        raise ArgumentError(_unknown(name, key))
    method = METHODS[key]
    _check(method, problem, given)
    extra = {"sampled": problem.sampled} if method.batches else {}
    return Chosen(method, reason, method.make(problem, **given, **extra), given)


def _check(method: Method, problem: Problem, options: Mapping[str, Any]) -> None:
    """Refuse options and problems that the method cannot take."""
    for option in options:
        if option not in method.options:
            close = (
                [ELSEWHERE[option]]
                if option in ELSEWHERE
                else difflib.get_close_matches(option, [*ARGUMENTS, *method.options], n=1, cutoff=0.7)
            )
            if close:
                raise ArgumentError(f"There is no argument {option!r}. Perhaps you meant {close[0]!r}.")
            takers = [m.name for m in METHODS.values() if option in m.options]
            has = "learning rate" if option == "learning_rate" else f"option {option!r}"
            hint = f"use method={takers[0]!r}" if takers else "look at its spelling"
            raise ArgumentError(f"method={method.name!r} has no {has}; leave {option} out, or {hint}.")
    rate = options.get("learning_rate")
    if rate is not None and not callable(rate) and not (np.ndim(rate) == 0 and 0 < rate < float("inf")):
        raise ArgumentError(f"learning_rate must be a positive number, not {rate!r}.")
    if problem.m and not method.constraints:
        raise ArgumentError(
            f"method={method.name!r} cannot keep constraints; use 'auto', or one of: {_those(lambda m: m.constraints)}."
        )
    if problem.bounded and not method.bounds:
        raise ArgumentError(
            f"method={method.name!r} cannot keep bounds; use 'auto', or one of: {_those(lambda m: m.bounds)}."
        )
    if problem.sampled is not None and not method.batches:
        raise ArgumentError(
            f"method={method.name!r} sees the whole function, not batches; use one of: {_those(lambda m: m.batches)}."
        )
    if method.residuals and problem.residuals is None:
        raise ArgumentError(
            f"method={method.name!r} is for sums of squares: call tw.least_squares(residuals, x0) for it."
        )


def _those(holds: Callable[[Method], bool]) -> str:
    return ", ".join(m.name for m in METHODS.values() if holds(m))


def _suited(problem: Problem, options: Mapping[str, Any]) -> tuple[str, str]:
    """The method for a problem, and why."""
    n = problem.n
    variables = f"{n} variable{'s' * (n != 1)}"
    if problem.sampled is not None:
        return "adam", "chosen for mini-batches"
    if "learning_rate" in options or "schedule" in options:
        return "gradient-descent", "chosen because a learning rate was given"
    if problem.constraints is not None and problem.m:
        rows = f"{variables} and {problem.m} row{'s' * (problem.m != 1)} of constraints{_seen(problem)}"
        if not problem.sparse and n > SMALL and problem.f_hessian_product is not None:
            return "augmented-lagrangian", f"chosen for {rows}, too many to factorize a matrix that is not sparse"
        if not problem.sparse and n + problem.m <= FEW:
            return "sqp+interior-point", f"chosen for {rows}"
        return "interior-point", f"chosen for {rows}"
    if problem.residuals is not None and "quadratic" not in problem.structure and not _too_many(problem):
        if problem.f_hessian is not None and n <= NEWTON_LIMIT and not problem.sparse:
            return "levenberg-marquardt+newton", f"chosen for {variables} and a sum of squares"
        return "levenberg-marquardt", f"chosen for {variables} and a sum of squares"
    second = problem.f_hessian_product is not None
    second = second or (problem.f_hessian is not None and bool(n <= NEWTON_LIMIT or problem.sparse))
    if problem.bounded:
        if second:
            return "projected-newton", f"chosen for {variables} with bounds{_seen(problem)}"
        return "l-bfgs-b", f"chosen for {variables} with bounds, without second derivatives"
    if second:
        form = "sparse" if problem.sparse else "cheap"
        if not problem.sparse and (problem.f_hessian is None or n > NEWTON_LIMIT):
            return "newton", f"chosen for {variables}, by products with the exact Hessian"
        return "newton", f"chosen for {variables}, where the exact Hessian is {form}{_seen(problem)}"
    if problem.f_hessian is not None:
        return "l-bfgs", f"chosen for {variables}, where forming the Hessian would cost too much"
    few = n <= QUASI_NEWTON_LIMIT
    return ("bfgs" if few else "l-bfgs"), f"chosen for {variables} because there is no Hessian"


def _too_many(problem: Problem) -> bool:
    """Whether the Jacobian of residuals would be a dense matrix with very many columns, and products are at hand."""
    return problem.n > SMALL and problem.f_hessian_product is not None and not problem.sparse


def _seen(problem: Problem) -> str:
    """What the graph has shown of the problem, for the reason."""
    return f" ({problem.structure})" if problem.structure else ""


def _unknown(name: str, key: str) -> str:
    close = difflib.get_close_matches(key, [*METHODS, "auto"], n=1, cutoff=0.5)
    hint = f" Perhaps you meant {close[0]!r}." if close else ""
    width = max(len(known) for known in METHODS)
    lines = [f"  {'auto'.ljust(width)}  picks one of these for the problem, and says why"]
    lines += [f"  {method.name.ljust(width)}  {method.summary}" for method in METHODS.values()]
    return f"There is no method {name!r}.{hint} The methods are:\n" + "\n".join(lines)
