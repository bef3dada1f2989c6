r"""The augmented Lagrangian of a problem: the function, its gradient and the products with its Hessian.

For rows cₗ ≤ c(x) ≤ cᵤ, multipliers y and a penalty ρ > 0, let

    t = s − P(s),   s = c(x) + y/ρ,      P the projection onto [cₗ, cᵤ].

Then (Powell, Hestenes, Rockafellar; both sides at once)

    ψ(x)    = f(x) + ½ρ ‖t‖²
    ∇ψ(x)   = ∇f + Jᵀŷ,                           ŷ = ρ t,
    ∇²ψ(x)v = ∇²L(x, ŷ)v + ρ J_Aᵀ(J_A v),         A = rows with t ≠ 0.

ŷ are the multipliers that x itself suggests, with the signs of this library: positive where the upper side holds.

References
----------
Rockafellar, *Augmented Lagrange multiplier functions and duality in nonconvex programming*, SIAM J. Control 12 (1974).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §17.3–17.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Point, Vector

__all__ = ["Penalized"]


class Penalized:
    """The augmented Lagrangian at a point, for given multipliers and penalty.

    Parameters
    ----------
    point : Point
        x with f, ∇f, c and J.
    y : array (m,)
        Multipliers.
    rho : float
        The penalty ρ.

    Examples
    --------
    x² on x = 1 with y = 0, ρ = 10, at x = 0: t = −1, so ψ = 5, ∇ψ = −10, ∇²ψ = 2 + 10.

    >>> from thalweg.optimize.problem import Constraints, Problem
    >>> row = Constraints(np.ones(1), np.ones(1), lambda x: (x, np.ones((1, 1))), lambda x, y: np.zeros((1, 1)))
    >>> f = Problem(1, lambda x: (float(x @ x), 2 * x), lambda x: 2 * np.eye(1), constraints=row)
    >>> psi = Penalized(f.at([0.0]), np.zeros(1), 10.0)
    >>> psi.value, psi.gradient, psi.product(np.ones(1)), psi.diagonal()
    (5.0, array([-10.]), array([12.]), array([12.]))
    """

    def __init__(self, point: Point, y: Vector, rho: float) -> None:
        self.point, self.rho = point, rho
        problem = point.problem
        self.value, self.gradient, self.multipliers = point.value, point.gradient, y
        self._matrix: Any = None
        if problem.constraints is not None and problem.m:
            shifted = point.c + y / rho
            t = shifted - np.clip(shifted, problem.constraints.lower, problem.constraints.upper)
            self.multipliers = rho * t
            self.value = point.value + 0.5 * rho * float(t @ t)
            self.gradient = point.gradient + point.J.T @ self.multipliers
            self.active = (t != 0) | problem.constraints.equality

    def product(self, v: Vector) -> Vector:
        """Return ∇²ψ v."""
        problem, point = self.point.problem, self.point
        if problem.m == 0:
            return np.asarray(problem.hessian_product(point.x, v)) if self._by_products else self._hessian @ v
        Hv = self._lagrangian_product(v)
        Jv = point.J @ v
        return np.asarray(Hv + self.rho * (point.J.T @ np.where(self.active, Jv, 0.0)))

    def diagonal(self) -> Vector | None:
        """The diagonal of ∇²ψ, where it can be had without further evaluations."""
        if self._by_products:
            H = np.zeros(self.point.x.size)
        else:
            H = self._hessian.diagonal().copy()
        if self.point.problem.m:
            J = self.point.J
            squares = J.multiply(J) if hasattr(J, "multiply") else J * J
            H += self.rho * np.asarray(squares.T @ self.active.astype(np.float64)).ravel()
        elif self._by_products:
            return None
        return H

    @property
    def _by_products(self) -> bool:
        return self.point.problem.f_hessian_product is not None

    @property
    def _hessian(self) -> Any:
        """∇²L(x, ŷ), formed once a point."""
        if self._matrix is None:
            point = self.point
            self._matrix = point.problem.lagrangian_hessian(point.x, self.multipliers)
        return self._matrix

    def _lagrangian_product(self, v: Vector) -> Vector:
        """∇²L(x, ŷ)v; for f by products where the problem has them."""
        if not self._by_products:
            return np.asarray(self._hessian @ v)
        point = self.point
        constraints = point.problem.constraints
        assert constraints is not None
        if self._matrix is None:
            linear = constraints.linear is not None and bool(np.all(constraints.linear))
            with np.errstate(all="ignore"):
                self._matrix = False if linear else constraints.hessian(point.x, self.multipliers)
        Hv = point.problem.hessian_product(point.x, v)
        return Hv if self._matrix is False else Hv + self._matrix @ v
