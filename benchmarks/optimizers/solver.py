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

    With ``numpy``, the name ``np`` in it, and in all functions of the benchmarks that it reaches, is that module.
    """
    if f is None:
        return None
    if not isinstance(f, types.FunctionType):
        return lambda *args: f(*args)
    return _copied(f) if numpy is None else _with(f, numpy, {})


def _copied(
    f: types.FunctionType, names: dict[str, Any] | None = None, cells: tuple[types.CellType, ...] | None = None
) -> types.FunctionType:
    names = f.__globals__ if names is None else names
    closure = f.__closure__ if cells is None else cells
    copy = types.FunctionType(f.__code__.replace(), names, f.__name__, f.__defaults__, closure)
    copy.__kwdefaults__ = f.__kwdefaults__
    return copy


def _with(thing: Any, numpy: Any, done: dict[int, Any]) -> Any:
    """A function, or the names of a module, where ``np`` is ``numpy``; anything else as it is."""
    if id(thing) in done:
        return done[id(thing)]
    if isinstance(thing, dict):
        names = done[id(thing)] = dict(thing)
        names.update({name: _with(value, numpy, done) for name, value in thing.items() if _is_ours(value)})
        names["np"] = numpy
        return names
    if not _is_ours(thing):
        return thing
    cells = tuple(types.CellType() for _ in thing.__closure__ or ())
    copy = done[id(thing)] = _copied(thing, _with(thing.__globals__, numpy, done), cells if cells else None)
    for cell, old in zip(cells, thing.__closure__ or (), strict=True):
        cell.cell_contents = _with(old.cell_contents, numpy, done)
    return copy


def _is_ours(thing: Any) -> bool:
    return isinstance(thing, types.FunctionType) and thing.__globals__.get("__name__", "").startswith("benchmarks.")


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
