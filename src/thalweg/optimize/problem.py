r"""A problem: the objective and its derivatives on a flat vector, and the way back to the user's structure.

Every method of this room sees the same thing, a smooth function

    f: ℝⁿ → ℝ,   with  f(x),  ∇f(x)  and, where it is affordable,  ∇²f(x),

on one float64 vector.  What the user wrote — a function of a number, an array, a dict of arrays — is turned into that
by :func:`problem_from`, the only place of the room that differentiates.  A `Problem` can also be built from
hand-written callables, and then needs no tracing at all.

A `Point` is a place where the function has been evaluated; its Hessian is computed when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evaluations", "Matrix", "Point", "Problem", "Vector"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

#: Up to this many variables the Hessian is formed in full; beyond, only its products with vectors are used.
DENSE_LIMIT = 200


@dataclass
class Evaluations:
    """How often the function and its derivatives were evaluated."""

    value: int = 0
    gradient: int = 0
    hessian: int = 0

    def snapshot(self) -> Evaluations:
        """Return a copy that counts no further."""
        return replace(self)


def _identity(x: Vector) -> Any:
    return x


@dataclass(frozen=True)
class Problem:
    """A smooth function on ℝⁿ with its derivatives, counting how often each is evaluated.

    Parameters
    ----------
    n : int
        Number of variables.
    f_and_gradient : callable
        ``x -> (value, gradient)`` on flat float64 vectors.
    f_hessian : callable, optional
        ``x -> matrix`` of shape (n, n).  Without it, differences of gradients are used.
    f_hessian_product : callable, optional
        ``(x, v) -> H(x) v``.
    f_line : callable, optional
        ``(x, v, order) -> c`` with f(x + t v) = c₀ + c₁ t + … + c_order t^order + o(t^order).  It decides what a
        point is where the Hessian is singular.
    unravel : callable, optional
        Flat vector → the structure that the user works with.
    names : sequence of str, optional
        A name for each coordinate, for display.
    explain : callable, optional
        ``x -> sentence or None``: where in the user's code a value that is not finite comes from.
    undisturbed : callable
        A context within which, as the caller promises, nothing that the function reads besides x is changed; what takes
        long to be compared with an earlier call is then looked at once.
    count : Evaluations
        Counts the evaluations.
    sign : float
        −1 where this is minus the user's function, so that messages can speak of theirs.

    Examples
    --------
    >>> import numpy as np
    >>> bowl = Problem(2, lambda x: (x @ x, 2 * x), lambda x: 2 * np.eye(2))
    >>> bowl.at([3.0, 4.0]).value
    25.0
    >>> bowl.names, bowl.count.gradient
    (('x[0]', 'x[1]'), 1)
    """

    n: int
    f_and_gradient: Callable[[Vector], tuple[float, Vector]]
    f_hessian: Callable[[Vector], Matrix] | None = None
    f_hessian_product: Callable[[Vector, Vector], Vector] | None = None
    f_line: Callable[[Vector, Vector, int], Vector] | None = None
    unravel: Callable[[Vector], Any] = _identity
    names: Sequence[str] = ()
    explain: Callable[[Vector], str | None] | None = None
    undisturbed: Callable[[], AbstractContextManager[None]] = nullcontext
    count: Evaluations = field(default_factory=Evaluations, compare=False)
    sign: float = 1.0

    def __post_init__(self) -> None:
        if not self.names:
            object.__setattr__(self, "names", tuple(f"x[{i}]" for i in range(self.n)))

    def at(self, x: Any) -> Point:
        """Evaluate the function and its gradient at `x`."""
        x = np.asarray(x, dtype=np.float64)
        self.count.value += 1
        self.count.gradient += 1
        with np.errstate(all="ignore"):
            value, gradient = self.f_and_gradient(x)
        return Point(self, x, float(value), np.asarray(gradient, dtype=np.float64))

    def hessian(self, x: Vector) -> Matrix:
        """Return the Hessian at `x`, symmetrized; by central differences of the gradient where none was given."""
        self.count.hessian += 1
        with np.errstate(all="ignore"):
            if self.f_hessian is None:
                H = np.stack([self._difference(x, e) for e in np.eye(self.n)])
            else:
                H = np.asarray(self.f_hessian(x), dtype=np.float64)
        return 0.5 * (H + H.T)

    def hessian_product(self, x: Vector, v: Vector) -> Vector:
        """Return H(x) v without forming H where that can be avoided."""
        with np.errstate(all="ignore"):
            if self.f_hessian_product is not None:
                return np.asarray(self.f_hessian_product(x, v), dtype=np.float64)
            if self.f_hessian is not None:
                return np.asarray(self.f_hessian(x), dtype=np.float64) @ v
            return self._difference(x, v)

    @property
    def exact_hessian(self) -> bool:
        """Whether second derivatives are exact, not differences of gradients."""
        return self.f_hessian is not None or self.f_hessian_product is not None

    def line(self, x: Vector, v: Vector, order: int) -> Vector | None:
        """Return the Taylor coefficients of t ↦ f(x + t v), or None where they are not known."""
        if self.f_line is None:
            return None
        with np.errstate(all="ignore"):
            return np.asarray(self.f_line(x, v, order), dtype=np.float64)

    def negated(self) -> Problem:
        """Return the problem of −f, which shares the count: to maximize f is to minimize −f."""

        def f_and_gradient(x: Vector) -> tuple[float, Vector]:
            value, gradient = self.f_and_gradient(x)
            return -value, -np.asarray(gradient)

        hessian, product, line = self.f_hessian, self.f_hessian_product, self.f_line
        return replace(
            self,
            sign=-self.sign,
            f_and_gradient=f_and_gradient,
            f_hessian=None if hessian is None else lambda x: -np.asarray(hessian(x)),
            f_hessian_product=None if product is None else lambda x, v: -np.asarray(product(x, v)),
            f_line=None if line is None else lambda x, v, order: -np.asarray(line(x, v, order)),
        )

    def _difference(self, x: Vector, v: Vector) -> Vector:
        """H(x) v by a central difference of the gradient: error about ε^(2/3)."""
        length = float(np.linalg.norm(v))
        if length == 0:
            return np.zeros(self.n)
        h = np.cbrt(np.finfo(float).eps) * max(1.0, float(np.linalg.norm(x))) / length
        ahead, behind = self.at(x + h * v).gradient, self.at(x - h * v).gradient
        return (ahead - behind) / (2 * h)


@dataclass(frozen=True, eq=False)
class Point:
    """A point of ℝⁿ with the value and gradient of the function there."""

    problem: Problem
    x: Vector
    value: float
    gradient: Vector

    @cached_property
    def hessian(self) -> Matrix:
        """The Hessian here, computed once."""
        return self.problem.hessian(self.x)

    @property
    def finite(self) -> bool:
        """Whether value and gradient are numbers to go on with."""
        return bool(np.isfinite(self.value) and np.isfinite(self.gradient).all())

    @property
    def gradient_norm(self) -> float:
        """Largest absolute component of the gradient, ‖∇f‖∞."""
        return float(np.max(np.abs(self.gradient), initial=0.0))
