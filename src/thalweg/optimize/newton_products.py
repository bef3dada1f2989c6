r"""Newton's method for many variables: a trust region with Hessian products only.

The direction draws the path of `krylov`: conjugate gradients for ∇²f s = −∇f, which end early while the gradient is
large.  With the forcing terms

    η = min(0.1, (‖∇f(x)‖ / ‖∇f(x₀)‖)^½)

for the part of the gradient that may remain, the order of convergence is 3/2: hardly any digit of a step is computed
that the next one would change, and few steps are lost.  Negative curvature is followed where it is met.

Conjugate gradients need about √κ products for a Hessian of condition κ.  Where a sparse Hessian is known it is
equilibrated first, which makes the run independent of the units of the variables.

References
----------
Dembo, Eisenstat & Steihaug, *Inexact Newton methods*, SIAM J. Numer. Anal. 19 (1982).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §7.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .composition import NoDirection
from .krylov import KrylovPath
from .newton_sparse import sparse_scales
from .problem import Point, Vector

__all__ = ["NewtonProducts", "forcing"]


def forcing(steepness: float, first: float) -> float:
    """Return the part of the gradient that a step may leave.

    Examples
    --------
    >>> forcing(1.0, 1.0), forcing(1e-6, 1.0)
    (0.1, 0.001)
    """
    return min(0.1, float(np.sqrt(steepness / first))) if first > 0 else 0.1


@dataclass
class NewtonProducts:
    """Newton's direction by conjugate gradients.

    Attributes
    ----------
    first : float or None
        ‖∇f‖ at the first point of the run, which the forcing terms are relative to.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> h = np.linspace(1.0, 2.0, 500)
    >>> bowl = Problem(500, lambda x: (0.5 * float(h @ x**2), h * x), f_hessian_product=lambda x, v: h * v)
    >>> path = NewtonProducts()(bowl.at(np.ones(500)))
    >>> path(np.inf).kind, path.products < 10
    ('Newton', True)
    """

    first: float | None = None

    def __call__(self, point: Point) -> KrylovPath:
        """Return the path that leaves `point`."""
        problem, x = point.problem, point.x
        steepness = float(np.linalg.norm(point.gradient))
        self.first = steepness if self.first is None else max(self.first, steepness)
        if problem.sparse and problem.f_hessian is not None:
            H = point.hessian
            if not np.isfinite(H.data).all():
                raise NoDirection("the Hessian is not finite")
            d = sparse_scales(H)
            return KrylovPath(
                lambda v: H @ v, point.gradient, d, forcing(steepness, self.first), float(np.linalg.norm(d * x))
            )

        def product(v: Vector) -> Vector:
            return problem.hessian_product(x, v)

        return KrylovPath(
            product, point.gradient, np.ones(x.size), forcing(steepness, self.first), float(np.linalg.norm(x))
        )
