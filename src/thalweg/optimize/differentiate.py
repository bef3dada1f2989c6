r"""Derivatives with respect to parameters: of the Lagrangian of a program f(x, p), c(x, p).

    ∂p ∇ₓL  (n, k),     ∂p c  (m, k),     ∂p L  (k),           L = f + yᵀc.

Together with `build` the place of this room that differentiates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg import calculus

from .problem import Matrix, Vector

__all__ = ["parameter_derivatives"]


def parameter_derivatives(
    program: Callable[..., Any], x: Vector, y: Vector, args: tuple[Any, ...], place: int
) -> tuple[Matrix, Matrix, Vector]:
    """Return ∂p∇ₓL, ∂p c and ∂p L for the argument at `place`, flattened.

    Examples
    --------
    >>> program = lambda x, p: (np.sum(x ** 2) * p, x[:1] - p)
    >>> mixed, moved, slope = parameter_derivatives(program, np.ones(2), np.ones(1), (3.0,), 0)
    >>> mixed.ravel(), moved.ravel(), slope
    (array([2., 2.]), array([-1.]), array([1.]))
    """
    p = np.asarray(args[place], dtype=np.float64)

    def with_p(q: Any) -> tuple[Any, ...]:
        value = q[0] if p.shape == () else np.reshape(q, p.shape)
        return (*args[:place], value, *args[place + 1 :])

    def lagrangian(v: Any, q: Any) -> Any:
        value, c = program(v, *with_p(q))
        return value + y @ c if y.size else value

    def slope(q: Any) -> Any:
        return calculus.grad(lagrangian)(x, q)

    q = p.ravel()
    mixed = np.asarray(calculus.jacobian(slope)(q)).reshape(x.size, q.size)
    partial = np.asarray(calculus.grad(lagrangian, 1)(x, q)).reshape(q.size)
    moved = np.zeros((0, q.size))
    if y.size:
        moved = np.asarray(calculus.jacobian(lambda v, s: program(v, *with_p(s))[1], 1)(x, q)).reshape(y.size, q.size)
    return mixed, moved, partial
