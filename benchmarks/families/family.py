"""A problem that is stated for any number of variables, and the same statement in CasADi's symbols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class LargeProblem:
    """One member of a family: the attributes of `benchmarks.problem.TestProblem`, with arrays for lists.

    Attributes
    ----------
    eq
        x -> array, to be 0.
    value
        The optimal value where it is known from elsewhere.
    in_casadi
        (casadi, x) -> (f, g) for a column x of symbols: the objective, and what is to be 0 or None.
    """

    name: str
    f: Callable[[Any], Any]
    x0: Array
    in_casadi: Callable[[Any, Any], tuple[Any, Any]]
    eq: Callable[[Any], Any] | None = None
    ineq: Callable[[Any], Any] | None = None
    lower: Array | None = None
    upper: Array | None = None
    value: float | None = None
    better: tuple[float, ...] = ()
    others: tuple[float, ...] = ()
    residuals: None = None
    peers_skip: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """The number of variables."""
        return self.x0.size

    @property
    def constrained(self) -> bool:
        """Whether there are constraints besides the bounds."""
        return self.eq is not None or self.ineq is not None


@dataclass(frozen=True)
class Family:
    """The problems of one statement, of about n variables each; ``sizes`` are those that are measured."""

    name: str
    what: str
    at: Callable[[int], LargeProblem]
    sizes: tuple[int, ...] = (10**3, 10**4, 10**5)
