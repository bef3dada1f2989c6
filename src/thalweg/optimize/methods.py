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

from .backtracking import Backtracking
from .directed import Directed
from .engine import Engine
from .fixed_rate import FixedRate
from .gradient_descent import steepest_descent
from .interior import InteriorPoint
from .newton import newton
from .problem import Problem
from .trust_region import TrustRegion

__all__ = ["METHODS", "Chosen", "Method", "choose"]

#: "auto" forms Hessians up to this many variables.
NEWTON_LIMIT = 300


@dataclass(frozen=True)
class Method:
    """An entry of the table: what it is, what it can take, and how to make its engine.

    Attributes
    ----------
    name, summary : str
        As `method=` and as one line of help.
    make : callable
        ``(problem, **options) -> Engine``.
    max_iterations : int
        The default limit.
    options : tuple of str
        Names of the options that it takes.
    bounds, constraints : bool
        Whether it can keep bounds, and constraints.
    residuals, batches : bool
        Whether it needs a sum of squares, or mini-batches.
    second_order : bool
        Whether it uses second derivatives, so that looking at them at the end costs little beside.
    """

    name: str
    summary: str
    make: Callable[..., Engine]
    max_iterations: int
    options: tuple[str, ...] = ()
    bounds: bool = False
    constraints: bool = False
    residuals: bool = False
    batches: bool = False
    second_order: bool = False


def _gradient_descent(problem: Problem, learning_rate: float | None = None) -> Engine:
    return Directed(
        lambda: steepest_descent, lambda: Backtracking() if learning_rate is None else FixedRate(learning_rate)
    )


METHODS = {
    method.name: method
    for method in (
        Method(
            "gradient-descent",
            "steepest descent θ ← θ − η∇L(θ), with the learning rate η given or chosen by backtracking",
            _gradient_descent,
            max_iterations=20_000,
            options=("learning_rate",),
        ),
        Method(
            "newton",
            "trust region on the exact Hessian: quadratic convergence, leaves saddle points along negative curvature",
            lambda problem: Directed(lambda: newton, TrustRegion, second_order=True),
            max_iterations=1_000,
            second_order=True,
        ),
        Method(
            "interior-point",
            "primal-dual interior point with a filter: any constraints, small or large and sparse",
            lambda problem, **options: InteriorPoint(**options),
            max_iterations=3_000,
            options=("mu_strategy",),
            bounds=True,
            constraints=True,
            second_order=True,
        ),
    )
}


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
    return Chosen(method, reason, method.make(problem, **given), given)


def _check(method: Method, problem: Problem, options: Mapping[str, Any]) -> None:
    """Refuse options and problems that the method cannot take."""
    for option in options:
        if option not in method.options:
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
    if method.residuals and problem.residuals is None:
        raise ArgumentError(
            f"method={method.name!r} is for sums of squares: call tw.least_squares(residuals, x0) for it."
        )


def _those(holds: Callable[[Method], bool]) -> str:
    return ", ".join(m.name for m in METHODS.values() if holds(m))


def _suited(problem: Problem, options: Mapping[str, Any]) -> tuple[str, str]:
    many = "variable" if problem.n == 1 else "variables"
    if problem.constrained:
        return "interior-point", "chosen for constraints"
    if "learning_rate" in options:
        return "gradient-descent", "chosen because a learning rate was given"
    if problem.f_hessian is None:
        return "gradient-descent", "chosen because there is no Hessian"
    if problem.n > NEWTON_LIMIT:
        return "gradient-descent", f"chosen for {problem.n} variables, where forming the Hessian would cost too much"
    return "newton", f"chosen for {problem.n} {many}, where the exact Hessian is cheap"


def _unknown(name: str, key: str) -> str:
    close = difflib.get_close_matches(key, [*METHODS, "auto"], n=1, cutoff=0.5)
    hint = f" Perhaps you meant {close[0]!r}." if close else ""
    width = max(len(known) for known in METHODS)
    lines = [f"  {'auto'.ljust(width)}  picks one of these for the problem, and says why"]
    lines += [f"  {method.name.ljust(width)}  {method.summary}" for method in METHODS.values()]
    return f"There is no method {name!r}.{hint} The methods are:\n" + "\n".join(lines)
