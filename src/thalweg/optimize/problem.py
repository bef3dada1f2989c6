r"""A problem: the objective and its derivatives on a flat vector, and the way back to the user's structure.

Every method of this room sees the same thing, a smooth function

    f: ℝⁿ → ℝ,   with  f(x),  ∇f(x)  and, where it is affordable,  ∇²f(x),

on one float64 vector.  What the user wrote — a function of a number, an array, a dict of arrays — is turned into that
by :func:`problem_from`, the only place of the room that differentiates.  A `Problem` can also be built from
hand-written callables, and then needs no tracing at all.

With constraints a problem is

    minimize f(x)   subject to   cₗ ≤ c(x) ≤ cᵤ,   xₗ ≤ x ≤ xᵤ,

where a row with cₗ = cᵤ is an equality.  Its Lagrangian is L(x, y, z) = f(x) + yᵀc(x) + zᵀx with one *signed*
multiplier for each row and each variable: y > 0 where the upper side holds the point, y < 0 where the lower side does.

A `Point` is a place where the functions have been evaluated; its Hessian is computed when first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thalweg.errors import ArgumentError

from .clock import check

__all__ = ["Constraints", "Evaluations", "Matrix", "Once", "Point", "Problem", "Residuals", "Vector"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class Once:
    """A truth that is found out when it is first asked for.

    Examples
    --------
    >>> sparse = Once(lambda: print("looking") or True)
    >>> sparse.known
    >>> bool(sparse), bool(sparse), sparse.known
    looking
    (True, True, True)
    """

    def __init__(self, find: Callable[[], bool]) -> None:
        self._find = find
        self.known: bool | None = None

    def __bool__(self) -> bool:
        if self.known is None:
            self.known = self._find()
        return self.known


def known(truth: bool | Once | None) -> bool | None:
    """What has been found out by now."""
    return truth.known if isinstance(truth, Once) else truth


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


def did_not_travel(*_: Any) -> Any:
    """What stands in the place of the user's functions after pickling."""
    raise ArgumentError(
        "This solution was pickled, and the functions of its problem did not travel with it: ask where the run was "
        "made, or minimize again from its x."
    )


def _no_rows(x: Vector) -> tuple[Vector, Any]:
    return np.zeros(0), np.zeros((0, x.size))


@dataclass(frozen=True, eq=False)
class Constraints:
    """Rows lower ≤ c(x) ≤ upper over a flat vector.

    Parameters
    ----------
    lower, upper : array (m,)
        The sides, −∞ or ∞ where there is none; equal for an equality.
    c_and_jacobian : callable
        ``x -> (c, J)`` of shapes (m,) and (m, n); J is an array, or a `scipy.sparse.csr_array` in a sparse problem.
    hessian : callable
        ``(x, y) -> Σ yᵢ ∇²cᵢ(x)``, (n, n), sparse in a sparse problem.
    linear : array of bool (m,), optional
        Rows that are known to be affine in x.
    names : sequence of str, optional
        A name for each row, as the user wrote the constraint.

    Examples
    --------
    >>> line = Constraints(np.ones(1), np.ones(1), lambda x: (x[:1] + x[1:], np.ones((1, 2))),
    ...                    lambda x, y: np.zeros((2, 2)))
    >>> line.m, line.equality
    (1, array([ True]))
    """

    lower: Vector
    upper: Vector
    c_and_jacobian: Callable[[Vector], tuple[Vector, Any]]
    hessian: Callable[[Vector, Vector], Any]
    linear: Any = None
    names: Sequence[str] = ()

    @property
    def m(self) -> int:
        """Number of rows."""
        return int(self.lower.size)

    @property
    def equality(self) -> NDArray[np.bool_]:
        """Which rows are equalities."""
        return np.asarray(self.lower == self.upper)


@dataclass(frozen=True, eq=False)
class Residuals:
    """An objective ½ ‖r(x)‖²: the residuals and their Jacobian.

    Parameters
    ----------
    r_and_jacobian : callable
        ``x -> (r, J)`` of shapes (k,) and (k, n).
    """

    r_and_jacobian: Callable[[Vector], tuple[Vector, Any]]


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
    lower, upper : array, optional
        Bounds of the variables, ±∞ where there is none; None without any bounds.  lower < upper: fixed variables are
        taken out when the problem is built.
    constraints : Constraints, optional
        The rows cₗ ≤ c(x) ≤ cᵤ.
    first : callable, optional
        ``x -> (f, ∇f, c, J)`` in one evaluation, where that is cheaper than one by one.
    lagrangian : callable, optional
        ``(x, σ, y) -> σ ∇²f + Σ yᵢ ∇²cᵢ`` in one evaluation.
    residuals : Residuals, optional
        Where f(x) = ½ ‖r(x)‖².
    values : callable, optional
        f at the rows of a matrix, in one batch.
    structure : str
        What the graph has shown, in a word or two: 'convex quadratic', 'linear', 'sum of squares'.
    sampled : Sampled, optional
        The objective by mini-batches, for stochastic methods.
    sparse : bool or Once
        Hessians and Jacobians are `scipy.sparse.csr_array`.  Without constraints nobody knows before it is asked for:
        only what forms or factorizes a Hessian asks.
    convex : bool or None
        Whether f is known to be convex and the feasible set too.
    smooth : bool, Once or None
        Whether f and c are known to have derivatives everywhere that they are finite: no abs, max, floor, branches.
        Kinks are not looked for then.

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
    lower: Vector | None = None
    upper: Vector | None = None
    constraints: Constraints | None = None
    first: Callable[[Vector], tuple[float, Vector, Vector, Any]] | None = None
    lagrangian: Callable[[Vector, float, Vector], Any] | None = None
    residuals: Residuals | None = None
    values: Callable[[Matrix], Vector] | None = None
    sampled: Any = None
    structure: str = ""
    sparse: bool | Once = False
    convex: bool | None = None
    smooth: bool | Once | None = None

    def __post_init__(self) -> None:
        if (self.lower is None) != (self.upper is None):
            nowhere = np.full(self.n, np.inf)
            object.__setattr__(self, "lower", -nowhere if self.lower is None else self.lower)
            object.__setattr__(self, "upper", nowhere if self.upper is None else self.upper)
        if not self.names:
            object.__setattr__(self, "names", tuple(f"x[{i}]" for i in range(self.n)))

    def at(self, x: Any) -> Point:
        """Evaluate the function and its gradient at `x`."""
        x = np.asarray(x, dtype=np.float64)
        self.count.value += 1
        self.count.gradient += 1
        with np.errstate(all="ignore"):
            if self.first is not None:
                value, gradient, c, J = self.first(x)
                return Point(self, x, float(value), np.asarray(gradient, dtype=np.float64), c, J)
            value, gradient = self.f_and_gradient(x)
            c, J = _no_rows(x) if self.constraints is None else self.constraints.c_and_jacobian(x)
        return Point(self, x, float(value), np.asarray(gradient, dtype=np.float64), c, J)

    @property
    def m(self) -> int:
        """Number of rows of the constraints."""
        return 0 if self.constraints is None else self.constraints.m

    @property
    def bounded(self) -> bool:
        """Whether any variable has a bound."""
        return self.lower is not None

    @property
    def constrained(self) -> bool:
        """Whether there are constraints or bounds."""
        return self.bounded or self.m > 0

    def hessian(self, x: Vector) -> Any:
        """Return ∇²f at `x`, symmetric; by central differences of the gradient where none was given.

        A `scipy.sparse.csr_array` in a sparse problem, else an array.
        """
        self.count.hessian += 1
        with np.errstate(all="ignore"):
            if self.f_hessian is None:
                rows = []
                for e in np.eye(self.n):
                    check()
                    rows.append(self._difference(x, e))
                H = np.stack(rows)
            elif self.sparse:
                return self.f_hessian(x)
            else:
                H = np.asarray(self.f_hessian(x), dtype=np.float64)
        return 0.5 * (H + H.T)

    def lagrangian_hessian(self, x: Vector, y: Vector, factor: float = 1.0) -> Any:
        """Return factor·∇²f + Σ yᵢ ∇²cᵢ at `x`: sparse (csr) in a sparse problem, else an array."""
        if self.lagrangian is not None:
            self.count.hessian += 1
            with np.errstate(all="ignore"):
                H = self.lagrangian(x, factor, y)
            return H if self.sparse else 0.5 * (H + H.T)
        H = factor * self.hessian(x)
        if self.constraints is not None:
            with np.errstate(all="ignore"):
                G = self.constraints.hessian(x, y)
            H = H + (G if self.sparse else 0.5 * (np.asarray(G) + np.asarray(G).T))
        return H

    def hessian_product(self, x: Vector, v: Vector) -> Vector:
        """Return H(x) v without forming H where that can be avoided."""
        check()  # hundreds are asked for between two evaluations
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

    def without_functions(self) -> Problem:
        """Return the problem as data alone, which can be pickled: whoever evaluates it is told why that cannot be."""
        held = self.constraints
        if held is not None:
            held = Constraints(held.lower, held.upper, did_not_travel, did_not_travel, held.linear, held.names)
        return Problem(
            n=self.n,
            f_and_gradient=did_not_travel,
            names=self.names,
            count=self.count.snapshot(),
            sign=self.sign,
            lower=self.lower,
            upper=self.upper,
            constraints=held,
            structure=self.structure,
            sparse=bool(known(self.sparse)),
            convex=self.convex,
            smooth=known(self.smooth),
        )

    def negated(self) -> Problem:
        """Return the problem of −f, which shares the count: to maximize f is to minimize −f."""

        def f_and_gradient(x: Vector) -> tuple[float, Vector]:
            value, gradient = self.f_and_gradient(x)
            return -value, -np.asarray(gradient)

        def joint(x: Vector) -> tuple[float, Vector, Vector, Any]:
            assert first is not None
            value, gradient, c, J = first(x)
            return -value, -np.asarray(gradient), c, J

        hessian, product, line = self.f_hessian, self.f_hessian_product, self.f_line
        first, lagrangian, values = self.first, self.lagrangian, self.values
        return replace(
            self,
            sign=-self.sign,
            f_and_gradient=f_and_gradient,
            first=None if first is None else joint,
            lagrangian=None if lagrangian is None else lambda x, factor, y: lagrangian(x, -factor, y),
            residuals=None,
            values=None if values is None else lambda points: -values(points),
            convex=None,
            f_hessian=None if hessian is None else lambda x: -hessian(x),
            f_hessian_product=None if product is None else lambda x, v: -np.asarray(product(x, v)),
            f_line=None if line is None else lambda x, v, order: -np.asarray(line(x, v, order)),
        )

    def _difference(self, x: Vector, v: Vector) -> Vector:
        """H(x) v by differences of the gradient, central or on the side that the bounds leave: error about ε^(2/3)."""
        length = float(np.linalg.norm(v))
        if length == 0:
            return np.zeros(self.n)
        h = np.cbrt(np.finfo(float).eps) * max(1.0, float(np.linalg.norm(x))) / length
        if self.lower is not None and self.upper is not None:
            for side in (1.0, -1.0):
                if np.any(x - side * h * v < self.lower) or np.any(x - side * h * v > self.upper):
                    h = side * h
                    here, near, far = (self.at(x + k * h * v).gradient for k in range(3))
                    return (4 * near - far - 3 * here) / (2 * h)
        ahead, behind = self.at(x + h * v).gradient, self.at(x - h * v).gradient
        return (ahead - behind) / (2 * h)


@dataclass(frozen=True, eq=False)
class Point:
    """A point of ℝⁿ with the value and gradient of the function there, and the constraints with their Jacobian."""

    problem: Problem
    x: Vector
    value: float
    gradient: Vector
    c: Vector = field(default_factory=lambda: np.zeros(0))
    J: Any = None

    @cached_property
    def hessian(self) -> Any:
        """The Hessian of f here, computed once."""
        return self.problem.hessian(self.x)

    @cached_property
    def finite(self) -> bool:
        """Whether value, gradient, constraints and Jacobian are numbers to go on with."""
        if not (np.isfinite(self.value) and np.isfinite(self.gradient).all()):
            return False
        if not self.problem.m:
            return True
        entries = self.J.data if self.problem.sparse else self.J
        return bool(np.isfinite(self.c).all() and np.isfinite(entries).all())

    @cached_property
    def violation(self) -> float:
        """By how much the worst constraint or bound is violated; 0 at a feasible point."""
        worst, problem = 0.0, self.problem
        if problem.constraints is not None and problem.m:
            with np.errstate(invalid="ignore"):  # an infinite row of c
                over = np.maximum(problem.constraints.lower - self.c, self.c - problem.constraints.upper)
            worst = float(np.max(over, initial=0.0))
        if problem.lower is not None and problem.upper is not None:
            over = np.maximum(problem.lower - self.x, self.x - problem.upper)
            worst = max(worst, float(np.max(over, initial=0.0)))
        return worst

    @property
    def gradient_norm(self) -> float:
        """Largest absolute component of the gradient, ‖∇f‖∞."""
        return float(np.max(np.abs(self.gradient), initial=0.0))
