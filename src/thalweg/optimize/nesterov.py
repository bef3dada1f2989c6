r"""Nesterov's accelerated gradient, with adaptive restart.

    x₊ = y − η ∇f(y),      y₊ = x₊ + β (x₊ − x),        β = (t − 1)/t₊,   t₊ = (1 + √(1 + 4 t²))/2,   t₀ = 1.

The gradient is taken at y, a look ahead along the momentum.  For a convex f with curvature at most L and η = 1/L

    f(x_k) − f* ≤ 2 L ‖x₀ − x*‖² / (k + 1)²,

the best order that gradients alone allow, against 1/k for steepest descent.  Where f curves up, by m at least, the
momentum becomes too large and the values ripple.  So t starts again from 1 where the momentum leads uphill,

    ∇f(y)ᵀ(x₊ − x) > 0,

which brings the linear rate 1 − √(m/L) without m being known.

The run is that of the points y: there the function is evaluated, once a step.  The x in between follow from them,
x₊ = (y₊ + β x)/(1 + β).

References
----------
Nesterov, Soviet Math. Dokl. 27 (1983).  Beck & Teboulle, SIAM J. Imaging Sci. 2 (2009), theorem 4.4.
O'Donoghue & Candès, *Adaptive restart for accelerated gradient schemes*, Found. Comput. Math. 15 (2015), §3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .composition import Proposal
from .problem import Point, Vector
from .ray import first_size

__all__ = ["Nesterov", "NesterovPath"]


@dataclass(frozen=True, eq=False)
class NesterovPath:
    """From y to the next y, by learning rate η."""

    point: Point
    x: Vector
    beta: float

    def __call__(self, size: float) -> Proposal:
        """Return the step −η ∇f + β (x₊ − x)."""
        y, g = self.point.x, self.point.gradient
        down = -size * g
        step = down + self.beta * (y + down - self.x) if self.beta else down
        return Proposal(step, -float(g.dot(step)), size, "Nesterov")

    @property
    def natural(self) -> float:
        """The rate of a first step that moves x by a tenth of its length."""
        return first_size(self.point)

    def measure(self, step: Vector) -> float:
        """Return the learning rate at which −η ∇f has that length."""
        slope = sqrt(self.point.gradient.dot(self.point.gradient))
        return sqrt(step.dot(step)) / slope if slope > 0 else 1.0

    def steepness(self, gradient: Vector) -> float:
        """Return ‖∇f‖."""
        return sqrt(gradient.dot(gradient))


@dataclass(eq=False)
class Nesterov:
    """Draws the path of the accelerated gradient.

    Parameters
    ----------
    restart : bool
        Whether t starts again where the momentum leads uphill.

    Examples
    --------
    >>> from thalweg.optimize.fixed_rate import FixedRate
    >>> from thalweg.optimize.problem import Problem
    >>> slope = Problem(1, lambda x: (float(x[0]), np.ones(1)))
    >>> y, nesterov, rule = slope.at([0.0]), Nesterov(), FixedRate(1.0)
    >>> for _ in range(3):
    ...     y = rule(y, nesterov(y), slope.at).point
    ...     print(y.x.round(4))
    [-1.]
    [-2.2818]
    [-3.8381]
    """

    restart: bool = True
    t: float = 1.0
    beta: float = 0.0
    x: Vector | None = None
    y: Vector | None = None
    gradient: Vector | None = None

    def __call__(self, point: Point) -> NesterovPath:
        """Return the path from y."""
        y = point.x
        if self.x is None or self.y is None or self.gradient is None:
            self.x, self.t, self.beta = y, 1.0, 0.0
        elif not np.array_equal(self.y, y):
            ahead = (y + self.beta * self.x) / (1 + self.beta)
            if self.restart and self.gradient.dot(ahead - self.x) > 0:
                self.x, self.t, self.beta = y, 1.0, 0.0
            else:
                self.x, self.t = ahead, _next(self.t)
                self.beta = (self.t - 1) / _next(self.t)
        self.y, self.gradient = y, point.gradient
        return NesterovPath(point, self.x, self.beta)

    def forget(self) -> bool:
        """Drop the momentum; False if there was none."""
        had, self.x, self.y = self.beta > 0, None, None
        return had


def _next(t: float) -> float:
    return 0.5 * (1 + sqrt(1 + 4 * t * t))
