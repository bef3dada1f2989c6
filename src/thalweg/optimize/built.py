"""A problem as solvers see it, and what is needed to speak of it in the user's terms: what `build` makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .problem import Problem, Vector, did_not_travel
from .relations import Relations
from .structure import Structure

__all__ = ["Built", "Force"]


@dataclass(frozen=True, eq=False)
class Force:
    """The value of `Built.slope` at a solution, in place of the function that gave it."""

    value: Vector

    def __call__(self, v: Vector, y: Vector) -> Vector:
        return self.value


@dataclass(frozen=True, eq=False)
class Built:
    """A problem as solvers see it, and what is needed to speak of it in the user's terms.

    Attributes
    ----------
    problem, start
        Over the flat vector of free variables.
    relations : Relations
        The constraints as they were written.
    layout : Structure
        Of all variables.
    free : array of int or None
        Places of the free variables among all; None where all are free.
    fixed : array
        The values of all variables, right for those that are fixed.
    program : callable or None
        ``(v, *args) -> (f, c)`` over the free variables, for derivatives with respect to parameters.
    args : tuple
        Further arguments of the user's functions.
    degree : float
        Of the objective as a polynomial; ∞ where it is none or not known.
    lower, upper : array or None
        The bounds that the argument `bounds` gave, over all variables.
    objective : callable or None
        The user's function.
    slope : callable or None
        ``(v, y) -> ∇f + Jᵀy`` over all variables, where some are fixed: the force on what holds those.
    """

    problem: Problem
    start: Vector
    relations: Relations = field(default_factory=Relations)
    layout: Structure | None = None
    free: Any = None
    fixed: Any = None
    program: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    degree: float = float("inf")
    lower: Vector | None = None
    upper: Vector | None = None
    objective: Callable[..., Any] | None = None
    slope: Callable[..., Any] | None = None

    @property
    def travelled(self) -> bool:
        """Whether this was pickled, and has no functions any more."""
        return self.problem.f_and_gradient is did_not_travel

    def __getstate__(self) -> dict[str, Any]:
        """All but the functions, and the arguments that only they can use."""
        slope = self.slope if type(self.slope) is Force else None
        kept = {name: value for name, value in self.__dict__.items() if name not in ("program", "objective")}
        return kept | {
            "problem": self.problem.without_functions(),
            "program": None,
            "objective": None,
            "args": (),
            "slope": slope,
        }

    def whole(self, v: Vector) -> Vector:
        """All variables, the fixed ones with their values."""
        if self.free is None:
            return v
        x = np.array(self.fixed)
        x[self.free] = v
        return x

    def spread(self, v: Vector, fill: float = 0.0) -> Vector:
        """A vector over the free variables as one over all."""
        if self.free is None:
            return v
        whole = np.full(self.fixed.size, fill)
        whole[self.free] = v
        return whole
