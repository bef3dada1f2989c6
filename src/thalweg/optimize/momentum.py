r"""Momentum, the heavy ball: a step goes on in the direction of the last one.

    v ← β v − ∇L(θ),      θ ← θ + η v,        which is  θ₊ = θ − η ∇L(θ) + β (θ − θ₋).

A ball that rolls down with friction: along the floor of a valley the pushes add up, to 1/(1 − β) of one; across it they
cancel.  On a quadratic with Hessian eigenvalues in [m, M], κ = M/m, the best choice

    η = 4 / (√M + √m)²,      β = ((√κ − 1)/(√κ + 1))²

multiplies the error by √β in each step in the long run, against (κ − 1)/(κ + 1) without momentum: √κ times fewer steps.

With `restart` the ball stops where it would roll uphill, ∇Lᵀv ≥ 0, and starts anew; then momentum can be used where
nothing is known of β.

References
----------
Polyak, USSR Comput. Math. Math. Phys. 4 (1964).  Sutskever et al., ICML (2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .problem import Point, Vector
from .ray import Ray, first_size

__all__ = ["Momentum"]


@dataclass(eq=False)
class Momentum:
    """The direction v ← β v − ∇f.

    Parameters
    ----------
    momentum : float
        β, from 0 (steepest descent) to below 1.
    restart : bool
        Whether to drop v where it does not fall.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> slope = Problem(1, lambda x: (float(x[0]), np.ones(1)))
    >>> ball = Momentum(0.5)
    >>> [float(ball(slope.at([x])).d[0]) for x in (0.0, -1.0, -2.5)]
    [-1.0, -1.5, -1.75]
    """

    momentum: float = 0.9
    restart: bool = False
    velocity: Vector | None = None
    x: Vector | None = None

    def __call__(self, point: Point) -> Ray:
        """Return the ray along the velocity."""
        g = point.gradient
        v = self.velocity
        if v is None or self.x is None:
            v = -g
        elif not np.array_equal(self.x, point.x):
            v = self.momentum * v - g
            if self.restart and not g.dot(v) < 0:
                v = -g
        self.velocity, self.x = v, point.x
        return Ray(point, v, float(g.dot(v)), first_size(point), "momentum")

    def forget(self) -> bool:
        """Stop the ball; False if it was at rest."""
        had, self.velocity, self.x = self.velocity is not None, None, None
        return had
