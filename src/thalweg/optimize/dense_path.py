r"""Newton's path from a dense Hessian, in the cheapest way for each radius.

    s(Δ) = argmin  gᵀs + ½ sᵀHs    over  ‖D s‖ ≤ Δ.

A Cholesky factorization of D⁻¹HD⁻¹ shows whether H is positive definite and gives Newton's step; if that lies within
the radius, nothing else is computed.  Otherwise the eigenvalues are found once, and every radius is a matter of the
scalar equation of `subproblem`.  `newton.NewtonPath` is the same curve, always by eigenvalues.

References
----------
Moré & Sorensen, *Computing a trust region step* (1983); Nocedal & Wright (2nd ed.), §4.3.
"""

from __future__ import annotations

import numpy as np

from . import lapack
from .composition import NoDirection, Proposal
from .problem import Matrix, Vector
from .subproblem import minimize_in_ball

__all__ = ["DensePath"]

EPS = float(np.finfo(float).eps)


class DensePath:
    """Minima of a dense quadratic model over balls ‖D s‖ ≤ Δ.

    Parameters
    ----------
    H, g, d : array
        The symmetric matrix, the gradient, and the diagonal of D.
    length_of_x : float
        ‖D x‖, for a first radius where the model has no minimum.

    Examples
    --------
    >>> path = DensePath(np.diag([2.0, 8.0]), np.array([2.0, 8.0]), np.ones(2))
    >>> path(10.0).step, path(10.0).kind
    (array([-1., -1.]), 'Newton')
    >>> path(0.5).kind, round(path(0.5).size, 12)
    ('trust region', 0.5)
    """

    def __init__(self, H: Matrix, g: Vector, d: Vector, length_of_x: float = 0.0) -> None:
        self.d, self.g, self.length_of_x = d, g, length_of_x
        self.scaled = H / d / d[:, None]
        self.newton = self._newton_step()
        self._cached_eigen: tuple[Vector, Matrix, Vector] | None = None

    def _newton_step(self) -> Proposal | None:
        """Newton's step where the Hessian is safely positive definite."""
        n = self.g.size
        C, failed = lapack.dpotrf(self.scaled, lower=1, clean=0)
        if failed or C.diagonal().min(initial=1.0) ** 2 <= 10 * n * EPS * np.abs(self.scaled).max(initial=0.0):
            return None
        z = -lapack.dpotrs(C, self.g / self.d, lower=1)[0]
        s = z / self.d
        return Proposal(s, -0.5 * float(self.g @ s), float(np.sqrt(z @ z)), "Newton")

    def _eigen(self) -> tuple[Vector, Matrix, Vector]:
        if self._cached_eigen is None:
            values, Q, failed = lapack.dsyevd(self.scaled, lower=1)
            if failed or not np.isfinite(values).all():
                raise NoDirection("the Hessian is not finite")
            if Q[np.abs(Q[:, 0]).argmax(), 0] < 0:  # so that no run depends on LAPACK's choice
                Q[:, 0] = -Q[:, 0]
            self._cached_eigen = (values, Q, Q.T @ (self.g / self.d))
        return self._cached_eigen

    def __call__(self, size: float) -> Proposal:
        """Return the minimum of the model in the ball of radius `size`."""
        if self.newton is not None and self.newton.size <= size:
            return self.newton
        values, Q, gamma = self._eigen()
        best = minimize_in_ball(values, gamma, size)
        return Proposal((Q @ best.z) / self.d, best.decrease, float(np.sqrt(best.z @ best.z)), best.kind)

    @property
    def natural(self) -> float:
        """The length of Newton's step where it leads to a minimum of the model, else a tenth of x."""
        if self.newton is not None:
            return max(self.newton.size, float(np.finfo(float).tiny))
        return max(float(np.linalg.norm(self.g / self.d)), 0.1 * self.length_of_x) or 1.0

    def measure(self, step: Vector) -> float:
        """Return ‖D s‖."""
        return float(np.linalg.norm(self.d * step))

    def steepness(self, gradient: Vector) -> float:
        """Return ‖D⁻¹ g‖."""
        return float(np.linalg.norm(gradient / self.d))
