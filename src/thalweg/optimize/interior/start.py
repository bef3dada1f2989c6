r"""Where the method begins: inside the bounds, with multipliers of least squares.

A component that is on a bound, or too close to it, is moved inside by

    min(κ₁ max(1, |side|), κ₂ (upper − lower)),        κ₁ = κ₂ = 10⁻²  (10⁻⁹ after a warm start),

and a slack likewise from c(x).  Multipliers of the rows are those for which the stationarity of the Lagrangian has the
least norm; where that gives large ones, the start says nothing, and zero is better.

References
----------
Wächter & Biegler, Math. Program. 106 (2006), §3.6.
"""

from __future__ import annotations

import numpy as np

from ..problem import Vector
from .form import Form, Place
from .newton_system import NewtonSystem

__all__ = ["inside", "least_squares_multipliers"]

#: Multipliers of least squares that are larger say nothing about the solution.
LARGEST_GUESS = 1e3


def inside(x: Vector, lower: Vector, upper: Vector, push: float) -> Vector:
    """Return x moved away from its bounds.

    Examples
    --------
    >>> inside(np.array([0.0, 5.0, 2.0]), np.zeros(3), np.array([1.0, 1.0, np.inf]), 1e-2)
    array([0.01, 0.99, 2.  ])
    """
    with np.errstate(invalid="ignore"):
        width = np.where(np.isfinite(upper - lower), upper - lower, np.inf)
        from_lower = np.minimum(push * np.maximum(1.0, np.abs(lower)), push * width)
        from_upper = np.minimum(push * np.maximum(1.0, np.abs(upper)), push * width)
        least = np.where(np.isfinite(lower), lower + from_lower, -np.inf)
        most = np.where(np.isfinite(upper), upper - from_upper, np.inf)
    return np.minimum(np.maximum(x, least), most)


def least_squares_multipliers(form: Form, system: NewtonSystem, place: Place, v: Vector) -> Vector:
    """Return y that makes ∇f + Jᵀy − Σ σ v e_B small, or zeros where it would be large.

    It is the solution of the Newton system with the identity for the Hessian.
    """
    if not form.m:
        return np.zeros(0)
    y = system.multipliers(place.J, form.gradient(place, v))
    if not np.isfinite(y).all() or np.abs(y).max() > LARGEST_GUESS:
        return np.zeros(form.m)
    return y
