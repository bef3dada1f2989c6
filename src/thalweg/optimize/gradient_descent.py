r"""Steepest descent: θ ← θ − η ∇L(θ).

The gradient points where the function rises fastest; its opposite is where it falls fastest.  The path is the ray

    s(η) = −η ∇L(θ),        L(θ) − L(θ + s) ≈ η ‖∇L‖²,

and η, the *learning rate*, is the size that a step rule chooses: fixed (`fixed_rate`) or by backtracking.

On a quadratic with Hessian eigenvalues in [m, M] a fixed η multiplies the error by max(|1 − ηm|, |1 − ηM|) in each
step: it converges if and only if η < 2/M, fastest for η = 2/(m + M) with rate (κ − 1)/(κ + 1), κ = M/m.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §2.2 and §3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .composition import Proposal
from .problem import Point, Vector

__all__ = ["SteepestDescent", "steepest_descent"]


@dataclass(frozen=True)
class SteepestDescent:
    """The ray −η ∇f from a point, by learning rate η."""

    point: Point

    def __call__(self, size: float) -> Proposal:
        """Return the step −η ∇f."""
        g = self.point.gradient
        return Proposal(-size * g, size * float(g @ g), size, "steepest descent")

    @property
    def natural(self) -> float:
        """The rate of a first step that moves x by a tenth of its length (or by 0.1 at the origin)."""
        length = float(np.linalg.norm(self.point.x)) or 1.0
        slope = float(np.linalg.norm(self.point.gradient))
        return 0.1 * length / slope if slope > 0 else 1.0

    def measure(self, step: Vector) -> float:
        """Return the learning rate that gives a step of that length."""
        slope = float(np.linalg.norm(self.point.gradient))
        return float(np.linalg.norm(step)) / slope if slope > 0 else 1.0

    def steepness(self, gradient: Vector) -> float:
        """Return ‖∇f‖."""
        return float(np.linalg.norm(gradient))


def steepest_descent(point: Point) -> SteepestDescent:
    """Return the path of steepest descent from `point`.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x @ x, 2 * x))
    >>> steepest_descent(bowl.at([3.0, 4.0]))(0.5).step
    array([-3., -4.])
    """
    return SteepestDescent(point)
