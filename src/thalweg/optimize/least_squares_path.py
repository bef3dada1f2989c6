r"""The path of Levenberg and Marquardt: minima of ½ ‖r + J s‖² over balls.

    s(Δ) = argmin  ½ ‖r + J s‖²    over  ‖D s‖ ≤ Δ.

With the singular values of the scaled Jacobian, J D⁻¹ = U diag(σ) Vᵀ, and b = Uᵀr the solution is

    D s = −V diag(σ / (σ² + μ)) b,      ‖D s‖ = Δ  or  μ = 0,

and m(0) − m(s) = ½ Σ bᵢ² (1 − ρᵢ²),  ρ = μ/(σ² + μ).  JᵀJ is never formed, so no digits are lost to its condition,
which is the square of that of J.  For μ = 0 this is the step of Gauss and Newton; where J has not full rank, the
shortest one.  μ is found by Newton's method on 1/‖D s‖ − 1/Δ (Hebden, Moré), which converges monotonically from the
left.

References
----------
Levenberg (1944), Marquardt (1963); Hebden (1973).
Moré, *The Levenberg–Marquardt algorithm: implementation and theory*, Lecture Notes in Mathematics 630 (1978).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §10.3.
"""

from __future__ import annotations

import numpy as np

from . import lapack
from .composition import NoDirection, Proposal
from .problem import Matrix, Vector

__all__ = ["LeastSquaresPath", "column_scales"]

EPS = float(np.finfo(float).eps)


class LeastSquaresPath:
    """Minima of the linearized sum of squares over balls ‖D s‖ ≤ Δ.

    Parameters
    ----------
    r : array (k,)
        Residuals.
    J : array (k, n)
        Their Jacobian.
    d : array (n,)
        The diagonal of D.
    length_of_x : float
        ‖D x‖, for a first radius.

    Examples
    --------
    >>> path = LeastSquaresPath(np.array([2.0, 1.0]), np.diag([1.0, 2.0]), np.array([1.0, 2.0]))
    >>> path(np.inf).step, path(np.inf).predicted
    (array([-2. , -0.5]), 2.5)
    >>> path(1.0).kind, round(path(1.0).size, 6)
    ('Levenberg–Marquardt', 1.0)
    """

    def __init__(self, r: Vector, J: Matrix, d: Vector, length_of_x: float = 0.0) -> None:
        self.d, self.length_of_x = d, length_of_x
        U, sigma, Vt, failed = lapack.dgesdd(J / d, full_matrices=0)
        if failed:
            U, sigma, Vt, failed = lapack.dgesvd(J / d, full_matrices=0)
        if failed or not np.isfinite(sigma).all():
            raise NoDirection("the Jacobian of the residuals is not finite")
        b = U.T @ r
        rank = int(np.count_nonzero(sigma > max(J.shape) * EPS * sigma[0])) if sigma.size else 0
        self.sigma, self.b, self.Vt = sigma[:rank], b[:rank], Vt[:rank]
        self.full = -self.b / self.sigma
        self.length = float(np.sqrt(self.full @ self.full))

    def __call__(self, size: float) -> Proposal:
        """Return the minimum of the model in the ball of radius `size`."""
        if self.length <= size or not self.length > 0:
            return Proposal((self.full @ self.Vt) / self.d, 0.5 * float(self.b @ self.b), self.length, "Gauss–Newton")
        sigma2 = self.sigma**2
        steep = self.sigma * self.b
        mu = max(float((np.abs(steep) / size - sigma2).max()), 0.0)
        for _ in range(50):
            below = sigma2 + mu
            z = steep / below
            length = float(np.sqrt(z @ z))
            if length <= size * (1 + 1e-6):
                break
            mu += (length / size - 1) * length**2 / float(z @ (z / below))
        kept = mu / below
        predicted = 0.5 * float((self.b * self.b) @ ((sigma2 / below) * (1 + kept)))
        return Proposal((-z @ self.Vt) / self.d, predicted, length, "Levenberg–Marquardt")

    @property
    def natural(self) -> float:
        """The length of the Gauss–Newton step, but no more than the length of x (of one, at the origin)."""
        return min(self.length, self.length_of_x or 1.0) or 1.0

    def measure(self, step: Vector) -> float:
        """Return ‖D s‖."""
        return float(np.linalg.norm(self.d * step))

    def steepness(self, gradient: Vector) -> float:
        """Return ‖D⁻¹ g‖."""
        return float(np.linalg.norm(gradient / self.d))


def column_scales(J: Matrix) -> Vector:
    """Return the lengths of the columns of J.

    Examples
    --------
    >>> column_scales(np.array([[3.0, 0.0], [4.0, 0.0]]))
    array([5., 0.])
    """
    largest = np.abs(J).max(axis=0, initial=0.0)  # so that squares do not overflow
    unit = J / np.where(largest > 0, largest, 1.0)
    return np.asarray(largest * np.sqrt((unit * unit).sum(axis=0)))
