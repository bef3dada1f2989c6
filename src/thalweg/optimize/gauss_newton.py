r"""Gauss and Newton: for a sum of squares, the second derivatives that come with the first.

For f = ½ ‖r(x)‖² with Jacobian J of the residuals

    ∇f = Jᵀr,      ∇²f = JᵀJ + Σ rᵢ ∇²rᵢ,

and where the residuals are small, or nearly linear, the second term may be left out.  The step minimizes ½ ‖r + J s‖²:
it needs first derivatives only, it is downhill wherever J has full rank, and it converges quadratically to a solution
with r = 0, linearly to one with r ≠ 0.

This is the plain method: the direction of Gauss and Newton, shortened where the sum does not fall as the linearized
residuals promise.  `levenberg_marquardt` turns the step as well, and takes the second term where it is needed.

References
----------
Gauss, *Theoria motus* (1809), §179; Nocedal & Wright, *Numerical Optimization* (2nd ed.), §10.3.
Björck, *Numerical Methods for Least Squares Problems* (1996), §9.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .composition import NoDirection, Path, Proposal
from .least_squares_path import LeastSquaresPath, column_scales
from .newton_sparse import sparse_path
from .problem import Point, Vector

__all__ = ["GaussNewtonPath", "gauss_newton", "linearized", "linearized_path", "units"]

#: Part of its former length that the unit of a variable keeps.
KEPT = 0.9


def linearized(point: Point, method: str) -> tuple[Vector, Any]:
    """Return r and J at `point`, or say why that cannot be.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem, Residuals
    >>> line = Residuals(lambda x: (x - 3, np.eye(1)))
    >>> fit = Problem(1, lambda x: (0.5 * float((x - 3) @ (x - 3)), x - 3), residuals=line)
    >>> linearized(fit.at([5.0]), "gauss-newton")
    (array([2.]), array([[1.]]))
    """
    residuals = point.problem.residuals
    if residuals is None:
        raise ArgumentError(
            f"method={method!r} is for sums of squares: give the residuals to tw.least_squares, "
            "or use method='auto' for this objective."
        )
    with np.errstate(all="ignore"):
        r, J = residuals.r_and_jacobian(point.x)
    entries = J.data if point.problem.sparse else J
    if not (np.isfinite(r).all() and np.isfinite(entries).all()):
        raise NoDirection("the Jacobian of the residuals is not finite")
    return np.asarray(r, dtype=np.float64), J


def units(J: Any, before: Vector | None = None) -> Vector:
    """Return units for the variables in which the columns of J have length one.

    A column that has shrunk keeps a part of its former length: without that, a variable which has lost its influence
    for the moment, as the rate of an exponential that has died away, could go anywhere.  (Moré keeps all of it.)

    Examples
    --------
    >>> units(np.array([[3.0, 0.0], [4.0, 0.0]])), units(np.array([[1.0, 1.0]]), np.array([0.5, 40.0]))
    (array([5., 1.]), array([ 1., 36.]))
    """
    d = column_scales(J) if isinstance(J, np.ndarray) else np.sqrt(np.asarray((J * J).sum(axis=0)).ravel())
    if before is not None:
        return np.maximum(d, KEPT * before)
    return np.where(d > 0, d, 1.0)


def linearized_path(point: Point, r: Vector, J: Any, d: Vector) -> Path:
    """Return the path of the linearized residuals, by singular values, or by factorizations of a sparse JᵀJ."""
    length_of_x = float(np.linalg.norm(d * point.x))
    if point.problem.sparse:
        return sparse_path((J.T @ J).tocsr(), point.gradient, d, length_of_x)
    return LeastSquaresPath(r, J, d, length_of_x)


@dataclass(frozen=True)
class GaussNewtonPath:
    """The ray along the step of Gauss and Newton, as far as that step."""

    whole: Proposal
    curve: Path

    def __call__(self, size: float) -> Proposal:
        """Return the part of the step that has at most that length."""
        if self.whole.size <= size:
            return self.whole
        t = size / self.whole.size
        return Proposal(t * self.whole.step, t * (2 - t) * self.whole.predicted, size, "damped Gauss–Newton")

    @property
    def natural(self) -> float:
        """The length of the whole step, but no more than that of x."""
        return self.curve.natural

    def measure(self, step: Vector) -> float:
        """Return ‖D s‖."""
        return self.curve.measure(step)

    def steepness(self, gradient: Vector) -> float:
        """Return ‖D⁻¹ g‖."""
        return self.curve.steepness(gradient)


def gauss_newton(point: Point) -> GaussNewtonPath:
    """Return the ray of the Gauss–Newton step from `point`.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem, Residuals
    >>> line = Residuals(lambda x: (2 * x - 6, 2 * np.eye(1)))
    >>> fit = Problem(1, lambda x: (0.5 * float((2 * x - 6) @ (2 * x - 6)), 4 * x - 12), residuals=line)
    >>> gauss_newton(fit.at([5.0]))(np.inf).step
    array([-2.])
    """
    r, J = linearized(point, "gauss-newton")
    curve = linearized_path(point, r, J, units(J))
    return GaussNewtonPath(curve(np.finfo(float).max), curve)
