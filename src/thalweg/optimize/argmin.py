r"""The minimum as a function of parameters, with derivatives.

    x*(p) = argmin f(x, p)  subject to constraints that may depend on p,

is a function like any other: ``argmin(f, x0)(p)`` can be called, and differentiated by `thalweg.grad` and its kin.  Its
derivative comes from the optimality conditions (`ops.implicit`), written so that they hold for every activity at once:
with w = (x, y, z),

    F(w, p) = ( ∇f + Jᵀy + z,    a ∘ (c − side) + (1 − a) ∘ y,    b ∘ (x − side) + (1 − b) ∘ z ),

where a and b say which rows and bounds hold the point.  At a strict minimum with independent active gradients and no
zero multiplier among them, ∂F/∂w is invertible.  The path that the solver took does not matter.

References
----------
Fiacco, *Introduction to Sensitivity and Stability Analysis* (1983), §3.2; Amos & Kolter, *OptNet*, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg import calculus
from thalweg.errors import ArgumentError
from thalweg.graph import Node, make, substitute
from thalweg.ops.implicit import IMPLICIT
from thalweg.tracing.trace import trace_leaves
from thalweg.tracing.tracer import Tracer, node_of, wrap

from .built import Built
from .descend import descent
from .problem import Vector

__all__ = ["Argmin", "argmin"]


def argmin(f: Callable[..., Any], x0: Any, **options: Any) -> Argmin:
    """Return the function p ↦ argmin over x of f(x, p), which can be differentiated.

    Parameters
    ----------
    f : callable
        ``f(x, *parameters)``; the parameters are numbers or arrays.
    x0 : number, array, or nested structure
        The starting point of every solve.
    **options
        Those of `minimize`: ``subject_to``, ``bounds``, ``method``, ``tol`` …

    Returns
    -------
    Argmin
        Takes the parameters and returns x*.  Raises `ArgumentError` where the solver does not converge; its
        ``solution(*parameters)`` gives the whole `Solution`.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> nearest = tw.argmin(lambda x, p: np.sum((x - p) ** 2), np.zeros(2), subject_to=lambda x: x[0] + x[1] == 1)
    >>> nearest(np.array([2.0, 1.0]))
    array([1., 0.])
    >>> tw.jacobian(nearest)(np.array([2.0, 1.0]))
    array([[ 0.5, -0.5],
           [-0.5,  0.5]])
    """
    return Argmin(f, x0, options)


class Argmin:
    """What `argmin` returns."""

    def __init__(self, f: Callable[..., Any], x0: Any, options: dict[str, Any]) -> None:
        if "args" in options:
            raise ArgumentError("Parameters are the arguments of the function that argmin returns; leave out args=.")
        self.f = f
        self.x0 = x0
        self.options = {**options, "method": options.get("method", "auto")}
        self._known: dict[Any, _Solver] = {}

    def __call__(self, *parameters: Any) -> Any:
        if not parameters:
            raise ArgumentError("argmin(f, x0) is a function of the parameters of f: give at least one.")
        if not any(type(p) is Tracer for p in parameters):
            return self.solution(*parameters).x
        nodes = [node_of(p) if type(p) is Tracer else node_of(np.asarray(p, dtype=np.float64)) for p in parameters]
        solver = self._solver([n.shape for n in nodes])
        w = make(IMPLICIT, tuple(nodes), (solver,))
        return solver.built.problem.unravel(wrap(w)[: solver.n])

    def solution(self, *parameters: Any) -> Any:
        """The whole solution for these parameters."""
        options = dict(self.options)
        return _converged(descent(self.f, self.x0, options.pop("method"), args=parameters, **options).run())

    def _solver(self, shapes: Sequence[tuple[int, ...]]) -> _Solver:
        key = tuple(shapes)
        if key not in self._known:
            self._known[key] = _Solver(self, key)
        return self._known[key]


class _Solver:
    """w(p) = (x, y, z) for parameters of some shapes, as `ops.implicit` wants it."""

    def __init__(self, owner: Argmin, shapes: Sequence[tuple[int, ...]]) -> None:
        options = dict(owner.options)
        examples = tuple(np.zeros(s) if s else 0.0 for s in shapes)
        self.owner = owner
        self.built: Built = descent(owner.f, owner.x0, options.pop("method"), args=examples, **options).built
        self.n, self.m = self.built.problem.n, self.built.problem.m
        self.size = 2 * self.n + self.m

    def solve(self, *parameters: Any) -> Vector:
        """Solve for these parameters."""
        given = tuple(np.array(p) if np.ndim(p) else float(p) for p in parameters)
        s = self.owner.solution(*given)
        if s.y.size != self.m or s.flat.size != self.n:
            raise ArgumentError("The number of constraints or of free variables changes with the parameters.")
        return np.concatenate([s.flat, s.y, s.z])

    def tangent(self, w: Node, parameters: Sequence[Node], tangents: Sequence[Node | None]) -> Node:
        """dw = −(∂F/∂w)⁻¹ ∂F/∂p dp."""
        moving = [k for k, t in enumerate(tangents) if t is not None]

        def system(w: Any, values: Sequence[Any], moves: Sequence[Any]) -> Any:
            right = np.zeros(self.size)
            for k, t in zip(moving, moves, strict=True):
                J = np.reshape(calculus.jacobian(self._conditions, 1 + k)(w, *values), (self.size, -1))
                right = right + J @ np.reshape(t, (-1,))
            return -np.linalg.solve(calculus.jacobian(self._conditions)(w, *values), right)

        nodes = [w, *parameters, *(t for t in tangents if t is not None)]
        count = 1 + len(parameters)
        examples = [np.zeros(n.shape) for n in nodes]
        traced = trace_leaves(
            system, examples, [(n.shape, n.dtype) for n in nodes],
            lambda leaves: ((leaves[0], leaves[1:count], leaves[count:]), {}),
        )  # fmt: skip
        if traced.guards:
            raise ArgumentError(
                "argmin: f or its constraints ask a value for its truth (if, while); write np.where, so that the "
                "minimum can be differentiated."
            )
        return substitute(traced.outputs, dict(zip(traced.inputs, nodes, strict=True)))[0]

    def _conditions(self, w: Any, *parameters: Any) -> Any:
        """F(w, p)."""
        n, m, problem = self.n, self.m, self.built.problem
        program = self.built.program
        assert program is not None
        x, y, z = w[:n], w[n : n + m], w[n + m :]

        def lagrangian(v: Any, multipliers: Any, *given: Any) -> Any:
            value, c = program(v, *given)
            return value + multipliers @ c if m else value

        parts = [calculus.grad(lagrangian)(x, y, *parameters) + z]
        if m:
            constraints = problem.constraints
            assert constraints is not None
            c = program(x, *parameters)[1]
            side, active = _side(y, constraints.lower, constraints.upper)
            held = np.where(constraints.equality, True, active)
            parts.append(np.where(held, c - side, y))
        if problem.lower is None or problem.upper is None:
            parts.append(z)
        else:
            side, active = _side(z, problem.lower, problem.upper)
            parts.append(np.where(active, x - side, z))
        return np.concatenate(parts)


def _side(multiplier: Any, lower: Vector, upper: Vector) -> tuple[Any, Any]:
    """The side that the sign of a multiplier points to, finite, and whether there is one."""
    low, high = np.where(np.isfinite(lower), lower, 0.0), np.where(np.isfinite(upper), upper, 0.0)
    return np.where(multiplier > 0, high, low), multiplier != 0


def _converged(solution: Any) -> Any:
    if not solution.success:
        raise ArgumentError(f"argmin: the solver did not converge. {solution.message}")
    return solution
