r"""Newton's direction: the minimum of the exact quadratic model over a region of trust.

    s(Δ) = argmin  ∇fᵀs + ½ sᵀ∇²f s    over  ‖D s‖ ≤ Δ,

with the exact Hessian.  Where it is positive definite and Δ large enough, s is Newton's step −H⁻¹∇f, and convergence
to a nondegenerate minimum is quadratic.  Where it is not, the step follows the negative curvature downhill, so a
saddle point does not hold the method: not even one where the gradient is exactly zero.

The diagonal D gives the variables units in which the Hessian is equilibrated (see `scaling`): the path, and so the
run, does not depend on the units in which the user wrote the variables.

References
----------
Moré & Sorensen, *Computing a trust region step* (1983); Nocedal & Wright (2nd ed.), §4.3 and theorem 4.9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .composition import NoDirection, Proposal
from .problem import Matrix, Point, Vector
from .scaling import equilibrate
from .subproblem import minimize_in_ball

__all__ = ["NewtonPath", "newton"]


@dataclass(frozen=True)
class NewtonPath:
    """Minima of the quadratic model over balls, by radius, in equilibrated variables."""

    d: Vector
    eigenvalues: Vector
    Q: Matrix
    gamma: Vector
    length_of_x: float

    def __call__(self, size: float) -> Proposal:
        """Return the minimum of the model in the ball of radius `size`."""
        best = minimize_in_ball(self.eigenvalues, self.gamma, size)
        return Proposal((self.Q @ best.z) / self.d, best.decrease, float(np.linalg.norm(best.z)), best.kind)

    @property
    def natural(self) -> float:
        """The length of Newton's step where it leads to a minimum of the model, else a tenth of x."""
        lam, gamma = self.eigenvalues, self.gamma
        if lam[0] > lam.size * np.finfo(float).eps * lam[-1]:
            return max(float(np.linalg.norm(gamma / lam)), np.finfo(float).tiny)
        return max(float(np.linalg.norm(gamma)), 0.1 * self.length_of_x) or 1.0

    def measure(self, step: Vector) -> float:
        """Return ‖D s‖."""
        return float(np.linalg.norm(self.d * step))

    def steepness(self, gradient: Vector) -> float:
        """Return ‖D⁻¹ ∇f‖."""
        return float(np.linalg.norm(gradient / self.d))


def newton(point: Point) -> NewtonPath:
    """Return the path of trust-region steps from `point`.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.problem import Problem
    >>> H = np.array([[2.0, 1.0], [1.0, 3.0]])
    >>> bowl = Problem(2, lambda x: (0.5 * x @ H @ x, H @ x), lambda x: H)
    >>> here = bowl.at([1.0, 2.0])
    >>> np.round(here.x + newton(here)(np.inf).step, 12) + 0.0
    array([0., 0.])
    """
    H = point.hessian
    if not np.isfinite(H).all():
        raise NoDirection("the Hessian is not finite")
    d = equilibrate(H)
    eigenvalues, Q = np.linalg.eigh(H / np.outer(d, d))
    Q = Q * _signs(Q)
    return NewtonPath(d, eigenvalues, Q, Q.T @ (point.gradient / d), float(np.linalg.norm(d * point.x)))


def _signs(Q: Matrix) -> Vector:
    """Signs that make the largest component of each eigenvector positive, so that no run depends on LAPACK's choice."""
    largest = np.abs(Q).argmax(axis=0)
    return np.where(Q[largest, np.arange(Q.shape[1])] < 0, -1.0, 1.0)
