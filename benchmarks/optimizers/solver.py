"""What a solver is asked and what it answers, the same for everybody.

The clock of a solver starts with plain functions that nobody has seen before (`renewed`) and stops when the point is
there: tracing, derivatives, symbols, compiling are its own time. What the answer is worth is judged by
`benchmarks.optimizers.judge`, after the clock has stopped.
"""

from __future__ import annotations

import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

#: The gradient at which all solvers that are told one may stop, on problems without constraints.
GRADIENT = 1e-6


@dataclass(frozen=True)
class Answer:
    """What a solver says of its last point, and what that took."""

    x: Array
    success: bool
    message: str
    seconds: float
    evaluations: dict[str, int] = field(default_factory=dict)
    iterations: int | None = None


class OutOfTime(Exception):
    """The time limit passed; raised from within the objective of a solver that knows no limit."""


@dataclass(frozen=True)
class Solver:
    """A solver and how it is called.

    Attributes
    ----------
    name
        As the tables have it.
    package
        What must be importable.
    solve
        (problem, seconds it may take) -> Answer.
    fits
        Whether it takes this problem.
    """

    name: str
    package: str
    solve: Callable[[Any, float], Answer]
    fits: Callable[[Any], bool] = lambda problem: True


def bounded(problem: Any) -> bool:
    """Whether the problem has bounds."""
    return problem.lower is not None or problem.upper is not None


def unconstrained(problem: Any) -> bool:
    """Whether nothing restricts the variables."""
    return not problem.constrained and not bounded(problem)


def large(problem: Any) -> bool:
    """Whether the derivatives are to be sparse."""
    return problem.n > 200


def bounds(problem: Any) -> tuple[Array, Array]:
    """The bounds, infinite where there are none."""
    low, high = problem.lower, problem.upper
    return (
        np.full(problem.n, -np.inf) if low is None else np.asarray(low, float),
        np.full(problem.n, np.inf) if high is None else np.asarray(high, float),
    )


def renewed(f: Callable[..., Any] | None, numpy: Any = None) -> Any:
    """A function with the same text that is no function seen before, so that nothing kept for another serves it.

    With ``numpy``, the name ``np`` in it, and in the functions of its module, means that module instead.
    """
    if f is None:
        return None
    if not isinstance(f, types.FunctionType):
        return lambda *args: f(*args)
    names = f.__globals__ if numpy is None else _with(f.__globals__, numpy)
    return _copied(f, names)


def _copied(f: types.FunctionType, names: dict[str, Any]) -> types.FunctionType:
    copy = types.FunctionType(f.__code__.replace(), names, f.__name__, f.__defaults__, f.__closure__)
    copy.__kwdefaults__ = f.__kwdefaults__
    return copy


def _with(names: dict[str, Any], numpy: Any) -> dict[str, Any]:
    """The names of a module, where ``np`` and what its own functions know by that name is ``numpy``."""
    changed = dict(names)
    for name, thing in names.items():
        if isinstance(thing, types.FunctionType) and thing.__module__.startswith("benchmarks."):
            inner = changed if thing.__globals__ is names else {**thing.__globals__, "np": numpy}
            changed[name] = _copied(thing, inner)
    changed["np"] = numpy
    return changed


def timed(f: Callable[..., Any], limit: float) -> Callable[..., Any]:
    """``f``, which raises `OutOfTime` once ``limit`` seconds are over, with the last point that it was given."""
    end = time.perf_counter() + limit

    def within(x: Any, *rest: Any) -> Any:
        if time.perf_counter() > end:
            raise OutOfTime(np.array(x))
        return f(x, *rest)

    return within


def constraints(problem: Any) -> tuple[Callable[[Any], Any] | None, Array, Array]:
    """All constraints as one new function with values between two sides, equations first."""
    eq, ineq = renewed(problem.eq), renewed(problem.ineq)
    if eq is None and ineq is None:
        return None, np.zeros(0), np.zeros(0)
    x0 = np.asarray(problem.x0, float)
    equations = 0 if eq is None else len(eq(x0))
    others = 0 if ineq is None else len(ineq(x0))
    low = np.zeros(equations + others)
    high = np.concatenate([np.zeros(equations), np.full(others, np.inf)])
    if ineq is None:
        return array_of(eq), low, high
    if eq is None:
        return array_of(ineq), low, high
    return (lambda x: np.concatenate([np.array(eq(x)), np.array(ineq(x))])), low, high


def array_of(c: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The values of a list of constraints as an array."""

    def values(x: Any) -> Any:
        found = c(x)
        return np.array(found) if isinstance(found, list | tuple) else found

    return values
