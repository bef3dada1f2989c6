r"""Programs with functions that cannot be traced: the same problem from parts.

The objective and every constraint are looked at one by one (`parts`), so that one call into a compiled library costs
only the derivatives of the function that makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.optimize.problem import Constraints, Matrix, Problem, Residuals, Vector

from .conditions import Condition
from .parts import Part, dense

__all__ = ["Objective", "Pieces", "pieces", "residual_pieces"]


@dataclass(frozen=True)
class Objective:
    """The function to minimize and the derivatives that the user gave.

    Attributes
    ----------
    value : callable
        ``x -> number``.
    gradient, hessian, product : callable or None
        ``x -> vector``, ``x -> matrix``, ``(x, v) -> H v``.
    name : str
    """

    value: Callable[[Any], Any]
    gradient: Callable[[Vector], Any] | None = None
    hessian: Callable[[Vector], Any] | None = None
    product: Callable[[Vector, Vector], Any] | None = None
    name: str = "fun"


@dataclass(frozen=True)
class Pieces:
    """A problem over the free variables, its start, and the parts that it is made of."""

    problem: Problem
    start: Vector
    parts: list[Part]

    @property
    def notes(self) -> list[str]:
        """Sentences on derivatives that are not exact."""
        return [part.note for part in self.parts if part.note]

    @property
    def differenced(self) -> bool:
        """Whether any derivative is a difference of values."""
        return any(part.source == "differences" for part in self.parts)


class _Frame:
    """The free variables among all."""

    def __init__(self, start: Vector, lower: Vector, upper: Vector) -> None:
        same = lower == upper
        self.free = np.flatnonzero(~same)
        self.fixed = np.where(same, lower, start)
        self.start = start[self.free]
        self.lower, self.upper = lower[self.free], upper[self.free]
        self.bounded = bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    def whole(self, v: Any) -> Any:
        """All variables."""
        if self.free.size == self.fixed.size:
            return v
        order = np.zeros(self.fixed.size, dtype=np.int64)
        order[self.free] = np.arange(self.free.size)
        held = np.ones(self.fixed.size)
        held[self.free] = 0.0
        return v[order] * (1.0 - held) + self.fixed * held

    def part(self, g: Callable[[Any], Any], jacobian: Any, hessian: Any, name: str) -> Part:
        """A function of all variables, as one of those that are free."""
        n, free = self.fixed.size, self.free

        def columns(v: Vector) -> Any:
            found = jacobian(self.whole(v))
            if n == free.size:
                return found
            array = found.toarray() if hasattr(found, "toarray") else np.asarray(found, dtype=np.float64)
            return array.reshape(-1, n)[:, free]

        def inner(v: Vector, y: Vector) -> Any:
            found = hessian(self.whole(v), y)
            if n == free.size:
                return found
            array = found.toarray() if hasattr(found, "toarray") else found
            array = array @ np.eye(n) if hasattr(array, "matvec") else np.asarray(array, dtype=np.float64)
            return array[np.ix_(free, free)]

        return Part(
            lambda v: g(self.whole(v)),
            None if jacobian is None else columns,
            None if hessian is None else inner,
            self.lower,
            self.upper,
            name,
        )


def pieces(objective: Objective, conditions: list[Condition], start: Vector, lower: Vector, upper: Vector) -> Pieces:
    """Return the problem of an objective and constraints.

    Examples
    --------
    >>> import math
    >>> nowhere = np.full(1, np.inf)
    >>> found = pieces(Objective(lambda x: math.floor(x[0]) + float(x[0]) ** 2), [], np.array([2.5]), -nowhere, nowhere)
    >>> found.differenced, found.problem.at([2.5]).gradient.round(6)
    (True, array([5.]))
    """
    frame = _Frame(start, lower, upper)
    gradient, hess, product = objective.gradient, objective.hessian, objective.product

    def curvature(x: Vector, y: Vector) -> Any:
        if hess is not None:
            return y[0] * _array(hess(x), x.size)
        assert product is not None
        return y[0] * np.stack([np.asarray(product(x, e), dtype=np.float64) for e in np.eye(x.size)])

    given = None if gradient is None else lambda x: np.reshape(np.asarray(gradient(x), dtype=np.float64), (1, -1))
    known = curvature if hess is not None or product is not None else None
    f = frame.part(lambda x: np.reshape(objective.value(x), (1,)), given, known, objective.name)
    rows = [frame.part(c.g, c.jacobian, c.hessian, c.name) for c in conditions]
    for part in (f, *rows):
        part.probe(frame.start)
    one = np.ones(1)

    def first(x: Vector) -> tuple[float, Vector]:
        return float(f.value(x)[0]), f.jacobian(x)[0]

    problem = Problem(
        n=frame.start.size,
        f_and_gradient=first,
        f_hessian=(lambda x: f.hessian(x, one)) if f.curvature else None,
        unravel=frame.whole,
        names=tuple(f"x[{j}]" for j in frame.free),
        constraints=_constraints(conditions, rows, frame.start),
        lower=frame.lower if frame.bounded else None,
        upper=frame.upper if frame.bounded else None,
    )
    return Pieces(problem, frame.start, [f, *rows])


def residual_pieces(
    residuals: Callable[[Any], Any], jacobian: Any, start: Vector, lower: Vector, upper: Vector, name: str
) -> Pieces:
    """Return the problem of ½ ‖r‖²."""
    frame = _Frame(start, lower, upper)
    part = frame.part(residuals, jacobian, None, name)
    part.probe(frame.start)
    last: list[Any] = [None, None]

    def at(x: Vector) -> tuple[Vector, Matrix]:
        if last[0] is not x:
            last[:] = [x, (part.value(x), part.jacobian(x))]
        return last[1]

    def first(x: Vector) -> tuple[float, Vector]:
        r, J = at(x)
        return 0.5 * float(r @ r), J.T @ r

    def second(x: Vector) -> Matrix:
        r, J = at(x)
        return J.T @ J + part.hessian(x, r)

    problem = Problem(
        n=frame.start.size,
        f_and_gradient=first,
        f_hessian=second if part.curvature else None,
        residuals=Residuals(at),
        unravel=frame.whole,
        names=tuple(f"x[{j}]" for j in frame.free),
        lower=frame.lower if frame.bounded else None,
        upper=frame.upper if frame.bounded else None,
    )
    return Pieces(problem, frame.start, [part])


def _constraints(conditions: list[Condition], rows: list[Part], start: Vector) -> Constraints | None:
    if not rows:
        return None
    sizes = [part.value(start).size for part in rows]
    ends = np.cumsum(sizes)
    sides = [condition.sides(size) for condition, size in zip(conditions, sizes)]

    def values(x: Vector) -> tuple[Vector, Matrix]:
        return np.concatenate([part.value(x) for part in rows]), np.concatenate([part.jacobian(x) for part in rows])

    def hessian(x: Vector, y: Vector) -> Matrix:
        total = np.zeros((x.size, x.size))
        for part, end, size in zip(rows, ends, sizes):
            if np.any(y[end - size : end]):
                total += part.hessian(x, y[end - size : end])
        return total

    names = tuple(f"{c.name}[{k}]" for c, size in zip(conditions, sizes) for k in range(size))
    return Constraints(
        np.concatenate([low for low, _ in sides]),
        np.concatenate([high for _, high in sides]),
        values,
        hessian,
        None,
        names,
    )


def _array(matrix: Any, n: int) -> Matrix:
    return dense(matrix, (n, n))
