r"""Functions that cannot be traced: a compiled library, a simulation in another process.

The user says so, and how derivatives are to be had: functions that return them, or differences of values,

    ∂ᵢf ≈ (f(x + h eᵢ) − f(x − h eᵢ)) / 2h,      h = ε^{1/3} max(1, |xᵢ|)      (error about ε^{2/3}),

one-sided, with h = ε^{1/2}, where a bound is in the way.  Nothing of this ever happens unasked: a function that cannot
be traced is an error by default, which names the call.  Constraints are traced as always; where they cannot be either,
they are given as plain functions (``{"eq": g, "ineq": h}``, SciPy's constraints) and differenced.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §8.1; Dennis & Schnabel (1983), §5.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError, TraceError
from thalweg.tracing import tree

from .built import Built
from .calling import call
from .clock import check
from .problem import Constraints, Matrix, Problem, Residuals, Vector
from .relations import Nesting, Relation, Relations
from .structure import Structure
from .written import Plain, Ranged, accepted, written

__all__ = ["DERIVATIVES", "Given", "given_derivatives"]

#: What the argument `derivatives` may be.
DERIVATIVES = ("exact", "finite-difference")
EPS = float(np.finfo(float).eps)
FIXED = "Variables can be fixed only where the function is traced; leave them out of x0 instead."


@dataclass(frozen=True)
class Given:
    """Derivatives from the user, or by differences.

    Attributes
    ----------
    grad : callable, True or None
        ``grad(x, *args)`` with the structure of x; True where f returns ``(value, gradient)``; None for differences.
    hess : callable or None
        ``hess(x, *args)`` over the flat coordinates, (n, n); None for differences of the gradient.
    differences : bool
        Whether what is not given is approximated by differences.
    residuals : bool
        Whether f returns residuals; `grad` is then their Jacobian, (k, n).
    trace_constraints : callable or None
        How constraints are traced; they are taken as plain functions where it fails.
    """

    grad: Any = None
    hess: Callable[..., Any] | None = None
    differences: bool = False
    residuals: bool = False
    trace_constraints: Callable[..., Any] | None = None

    def built(
        self,
        f: Callable[..., Any],
        subject_to: Any,
        layout: Structure,
        lower: Vector,
        upper: Vector,
        args: tuple[Any, ...],
    ) -> Built:
        """State the problem."""
        if not self.differences and self.grad is None:
            raise ArgumentError("Give the gradient too (grad=), or say derivatives='finite-difference'.")
        if np.any(lower == upper):
            raise ArgumentError(FIXED)
        constraints, relations, low, high = None, Relations(), lower, upper
        if subject_to is not None:
            constraints, relations, low, high = self._constraints(subject_to, layout, lower, upper, args)
        n = layout.start.size
        first, squares = self._first(f, layout, args, low, high)
        bounded = bool(np.isfinite(low).any() or np.isfinite(high).any())
        hess = self.hess
        problem = Problem(
            n=n,
            f_and_gradient=first,
            f_hessian=None if hess is None else lambda x: np.asarray(hess(layout.unravel(x), *args)).reshape(n, n),
            unravel=layout.unravel,
            names=layout.names,
            residuals=squares,
            lower=low if bounded else None,
            upper=high if bounded else None,
            constraints=constraints,
        )
        return Built(problem, layout.start, relations, layout, args=args, lower=lower, upper=upper)

    # ---------------------------------------------------------------- the objective

    def _first(
        self, f: Callable[..., Any], layout: Structure, args: tuple[Any, ...], lower: Vector, upper: Vector
    ) -> tuple[Callable[[Vector], tuple[float, Vector]], Residuals | None]:
        if self.residuals:
            return self._squares(f, layout, args, lower, upper)

        def value(x: Vector) -> float:
            return _number(call(f, layout.unravel(x), args))

        if self.grad is True:

            def pair(x: Vector) -> tuple[float, Vector]:
                found = call(f, layout.unravel(x), args)
                if not isinstance(found, tuple) or len(found) != 2:
                    raise ArgumentError("With grad=True the function returns (value, gradient).")
                return _number(found[0]), _flat(found[1], layout.start.size, "gradient")

            return pair, None
        if self.grad is None:
            return lambda x: (value(x), differences(lambda v: np.array([value(v)]), x, lower, upper)[0]), None
        grad = self.grad
        return lambda x: (value(x), _flat(grad(layout.unravel(x), *args), x.size, "gradient")), None

    def _squares(
        self, f: Callable[..., Any], layout: Structure, args: tuple[Any, ...], lower: Vector, upper: Vector
    ) -> tuple[Callable[[Vector], tuple[float, Vector]], Residuals]:
        def residuals(x: Vector) -> Vector:
            leaves, _ = tree.flatten(call(f, layout.unravel(x), args))
            return np.concatenate([np.asarray(leaf, dtype=np.float64).ravel() for leaf in leaves])

        def both(x: Vector) -> tuple[Vector, Matrix]:
            if self.grad is True:
                r, J = call(f, layout.unravel(x), args)
                r = np.asarray(r, dtype=np.float64).ravel()
                return r, np.asarray(J, dtype=np.float64).reshape(r.size, x.size)
            r = residuals(x)
            if self.grad is None:
                return r, differences(residuals, x, lower, upper)
            return r, np.asarray(self.grad(layout.unravel(x), *args), dtype=np.float64).reshape(r.size, x.size)

        last: list[Any] = [None, None]

        def at(x: Vector) -> tuple[Vector, Matrix]:
            if last[0] is not x:
                last[:] = [x, both(x)]
            return last[1]

        def first(x: Vector) -> tuple[float, Vector]:
            r, J = at(x)
            return 0.5 * float(r @ r), J.T @ r

        return first, Residuals(at)

    # ---------------------------------------------------------------- constraints

    def _constraints(
        self, subject_to: Any, layout: Structure, lower: Vector, upper: Vector, args: tuple[Any, ...]
    ) -> tuple[Constraints | None, Relations, Vector, Vector]:
        if self.trace_constraints is not None:
            try:
                traced = self.trace_constraints(subject_to, layout, lower, upper, args)
            except TraceError:
                if not self.differences:
                    raise
            else:
                if traced.free is not None:
                    raise ArgumentError(FIXED)
                problem = traced.problem
                low = lower if problem.lower is None else problem.lower
                high = upper if problem.upper is None else problem.upper
                constraints = problem.constraints
                if constraints is not None and problem.sparse:
                    constraints = _dense(constraints)  # as the derivatives are that the user gives
                return constraints, traced.relations, low, high
        rows = _numeric(written(subject_to, lambda g, x, given: g(x, *accepted(g, args)), ()), layout)

        def c(x: Vector) -> Vector:
            return np.concatenate([np.asarray(r.value(layout.unravel(x)), dtype=np.float64).ravel() for r in rows])

        def jacobian(x: Vector) -> Matrix:
            return differences(c, x, lower, upper)

        def hessian(x: Vector, y: Vector) -> Matrix:
            return differences(lambda v: jacobian(v).T @ y, x, lower, upper, EPS ** (1 / 4))

        sizes = [np.size(r.value(layout.unravel(layout.start))) for r in rows]
        low = np.concatenate([np.broadcast_to(r.lower, k) for r, k in zip(rows, sizes)]).astype(np.float64)
        high = np.concatenate([np.broadcast_to(r.upper, k) for r, k in zip(rows, sizes)]).astype(np.float64)
        relations, start = [], 0
        for r, k in zip(rows, sizes):
            shape = np.shape(r.value(layout.unravel(layout.start)))
            part = slice(start, start + k)
            relations.append(Relation(r.text, "", r.sign, shape, low[part], high[part]))
            start += k
        all_of = Relations(tuple(relations), Nesting(0 if len(relations) == 1 else list(range(len(relations)))))
        made = Constraints(low, high, lambda x: (c(x), jacobian(x)), hessian, None, all_of.names)
        return made, all_of, lower, upper


def _dense(sparse: Constraints) -> Constraints:
    def c_and_jacobian(x: Vector) -> tuple[Vector, Matrix]:
        c, J = sparse.c_and_jacobian(x)
        return c, J.toarray()

    return replace(sparse, c_and_jacobian=c_and_jacobian, hessian=lambda x, y: sparse.hessian(x, y).toarray())


def given_derivatives(grad: Any, hess: Any, derivatives: str, residuals: bool = False) -> Given | None:
    """What the arguments `grad`, `hess` and `derivatives` say; None where everything is traced."""
    if derivatives not in DERIVATIVES:
        raise ArgumentError(f"derivatives must be 'exact' or 'finite-difference', not {derivatives!r}.")
    differences = derivatives == "finite-difference"
    if not differences and grad is None:
        if hess is not None:
            raise ArgumentError("hess= needs grad= beside it; without both, derivatives are exact and found for you.")
        return None
    if not (grad is None or grad is True or callable(grad)):
        raise ArgumentError(f"grad must be a function (or True where f returns its gradient too), not {grad!r}.")
    if not (hess is None or callable(hess)):
        raise ArgumentError(f"hess must be a function, not {hess!r}.")
    from .build import traced_constraints

    return Given(grad, hess, differences, residuals, traced_constraints)


@dataclass(frozen=True, eq=False)
class _Rows:
    value: Callable[[Any], Any]
    lower: Any
    upper: Any
    sign: str
    text: str


def _numeric(constraint: Callable[[Any, Any], Any], layout: Structure) -> list[_Rows]:
    """Constraints that are plain functions, found by calling them at the start."""
    found = list(_leaves(constraint(layout.unravel(layout.start), ())))
    rows = []
    for k, leaf in enumerate(found):
        if isinstance(leaf, Plain):
            upper = 0.0 if leaf.kind == "eq" else np.inf
            rows.append(_Rows(_nth(constraint, k), 0.0, upper, "==" if leaf.kind == "eq" else ">=", leaf.text))
        elif isinstance(leaf, Ranged):
            low, high = np.ravel(leaf.lower), np.ravel(leaf.upper)
            rows.append(_Rows(_nth(constraint, k), low, high, "between", leaf.text))
        elif np.asarray(leaf).dtype.kind == "f":
            rows.append(_Rows(_nth(constraint, k), 0.0, 0.0, "==", ""))
        else:
            raise ArgumentError(
                "Comparisons cannot be read from a function that is not traced: give the constraints as "
                "{'eq': g, 'ineq': h} with plain functions (h(x) >= 0), or as SciPy's NonlinearConstraint."
            )
    return rows


def _nth(constraint: Callable[[Any, Any], Any], k: int) -> Callable[[Any], Any]:
    def value(x: Any) -> Any:
        leaf = list(_leaves(constraint(x, ())))[k]
        return leaf.value if isinstance(leaf, (Plain, Ranged)) else leaf

    return value


def _leaves(value: Any) -> Any:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def differences(
    f: Callable[[Vector], Vector], x: Vector, lower: Vector, upper: Vector, relative: float = EPS ** (1 / 3)
) -> Matrix:
    """Return the Jacobian of f at x by central differences that stay within bounds.

    Examples
    --------
    >>> nowhere = np.full(2, np.inf)
    >>> differences(lambda x: np.array([x[0] * x[1]]), np.array([2.0, 3.0]), -nowhere, nowhere).round(8)
    array([[3., 2.]])
    """
    columns = []
    here: Vector | None = None
    for i in range(x.size):
        check()
        h = relative * max(1.0, abs(float(x[i])))
        ahead, behind = x.copy(), x.copy()
        ahead[i], behind[i] = x[i] + h, x[i] - h
        if ahead[i] > upper[i] or behind[i] < lower[i]:
            h = float(np.sqrt(EPS)) * max(1.0, abs(float(x[i])))
            side = -1.0 if x[i] + h > upper[i] else 1.0
            here = f(x) if here is None else here
            ahead[i] = x[i] + side * h
            columns.append((f(ahead) - here) / (ahead[i] - x[i]))
        else:
            columns.append((f(ahead) - f(behind)) / (ahead[i] - behind[i]))
    return np.stack(columns, axis=-1)


def _number(value: Any) -> float:
    array = np.asarray(value, dtype=np.float64)
    if array.size != 1:
        raise ArgumentError(f"The function to minimize must return one number, but it returned shape {array.shape}.")
    return float(array.reshape(()))


def _flat(value: Any, n: int, what: str) -> Vector:
    leaves, _ = tree.flatten(value)
    flat = np.concatenate([np.asarray(leaf, dtype=np.float64).ravel() for leaf in leaves])
    if flat.size != n:
        raise ArgumentError(f"The {what} has {flat.size} entries, but there are {n} variables.")
    return flat
