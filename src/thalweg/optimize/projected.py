r"""Bounds: what stationarity means in a box, and which variables are free to move.

For  minimize f(x)  subject to  xₗ ≤ x ≤ xᵤ  let P be the projection onto the box, componentwise
P(x) = min(max(x, xₗ), xᵤ).  A point of the box is stationary if and only if x = P(x − ∇f(x)), so

    residual = ‖x − P(x − ∇f(x))‖∞

measures how far it is from that, in the units of ∇f where no bound is near.  The multipliers are

    zᵢ = −∂f/∂xᵢ   where the step −∇f would be stopped by a bound,      zᵢ = 0  elsewhere,

so that ∇f + z = 0 on the variables that are held, z < 0 at a lower and z > 0 at an upper bound.

A variable is *held* when it lies on a bound and the gradient pushes it against that bound; the others are *free*.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §16.7 and §17.4 (projected gradients).
Bertsekas, *Projected Newton methods for problems with simple constraints*, SIAM J. Control Optim. 20 (1982).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .problem import Problem, Vector

__all__ = ["Box", "Stationarity", "box_of"]


class Stationarity(NamedTuple):
    """How far a point of a box is from being stationary, and the multipliers of the bounds there."""

    residual: float
    z: Vector


@dataclass(frozen=True, eq=False)
class Box:
    """The points with lower ≤ x ≤ upper.

    Examples
    --------
    >>> box = Box(np.zeros(2), np.full(2, np.inf))
    >>> box.project(np.array([-1.0, 3.0]))
    array([0., 3.])
    >>> box.stationarity(np.array([0.0, 3.0]), np.array([2.0, 0.5]))
    Stationarity(residual=0.5, z=array([-2., -0.]))
    """

    lower: Vector
    upper: Vector

    def project(self, x: Vector) -> Vector:
        """Return the nearest point of the box."""
        return np.minimum(np.maximum(x, self.lower), self.upper)

    def stationarity(self, x: Vector, gradient: Vector) -> Stationarity:
        """Return ‖x − P(x − ∇f)‖∞ and z; the residual is infinite where the gradient is not finite."""
        ahead = x - gradient
        moved = np.minimum(np.maximum(ahead, self.lower), self.upper)
        stopped = moved != ahead
        # Without a bound in the way the residual is the gradient itself: x − (x − g) would lose its last digits.
        residual = float(np.abs(np.where(stopped, x - moved, gradient)).max(initial=0.0))
        return Stationarity(residual if residual == residual else np.inf, np.where(stopped, -gradient, -0.0))

    def free(self, x: Vector, gradient: Vector) -> NDArray[np.bool_]:
        """Return which variables are not held at a bound by the gradient."""
        return ((x > self.lower) | (gradient <= 0)) & ((x < self.upper) | (gradient >= 0))

    def inside(self, x: Vector) -> NDArray[np.bool_]:
        """Return which variables lie strictly between their bounds."""
        return (x > self.lower) & (x < self.upper)

    def room(self, x: Vector, direction: Vector) -> float:
        """Return the largest t ≥ 0 with x + t·direction in the box."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ahead = np.where(direction > 0, self.upper - x, self.lower - x) / direction
        return float(np.min(ahead[direction != 0], initial=np.inf))


def box_of(problem: Problem) -> Box:
    """Return the bounds of a problem, infinite where it has none.

    Examples
    --------
    >>> box_of(Problem(1, lambda x: (x @ x, 2 * x))).upper
    array([inf])
    """
    if problem.lower is None or problem.upper is None:
        nowhere = np.full(problem.n, np.inf)
        return Box(-nowhere, nowhere)
    return Box(np.asarray(problem.lower, dtype=np.float64), np.asarray(problem.upper, dtype=np.float64))
