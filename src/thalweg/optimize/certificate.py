r"""The numbers that show what a point is, so that nobody has to take the verdict on trust.

For a stationary point x of L(x, λ) = f(x) + Σ λᵢ gᵢ(x) with gᵢ(x) = 0 (without constraints L = f):

- *stationarity* ‖∇ₓL‖∞ and *feasibility* ‖g‖∞ say how well the first-order conditions hold;
- the *eigenvalues* of the Hessian of L on the tangent space give the second-order condition;
- the *expected error* ‖s‖∞, s the Newton step, estimates how far x is from the exact point, and the *expected decrease*
  ½ |∇LᵀH⁺∇L| how much lower the function is there.

A small gradient alone proves little: that of 10⁻²⁰ f is small everywhere.  A point with small gradient whose Newton
step would still move x noticeably, and lower f noticeably, is *far* and does not count as found.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), theorems 12.5 and 12.6.
Dennis & Schnabel, *Numerical Methods for Unconstrained Optimization* (1983), §7.2 (scale-free stopping tests).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .problem import Vector

__all__ = ["Certificate", "Travel"]


@dataclass(frozen=True, eq=False)
class Certificate:
    """Residuals and curvature at a point.

    Attributes
    ----------
    stationarity : float
        ‖∇f‖∞, or ‖∇ₓL‖∞ with constraints.
    feasibility : float
        ‖g‖∞, zero without constraints.
    eigenvalues : array
        Of the Hessian (of L on the tangent space, with constraints), ascending; only the extreme ones
        beyond 200 variables, where the method does not form the Hessian.
    zero_below : float
        |eigenvalue| that counts as zero after equilibration: the measured error of the Hessian.
    condition : float
        Condition number of the equilibrated Hessian.
    expected_error : float
        ‖H⁺∇f‖∞, the distance to the stationary point of the quadratic model.
    expected_decrease : float
        ½ |∇fᵀH⁺∇f|, the decrease still to be had there.
    constraint_rank : int or None
        Number of linearly independent constraint gradients.
    """

    stationarity: float
    feasibility: float = 0.0
    eigenvalues: Vector = field(default_factory=lambda: np.zeros(0))
    zero_below: float = 0.0
    condition: float = float("inf")
    expected_error: float = float("nan")
    expected_decrease: float = float("nan")
    constraint_rank: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python numbers and lists.

        Examples
        --------
        >>> Certificate(0.0, condition=1.0).to_dict()["condition"]
        1.0
        """
        return {
            "stationarity": self.stationarity,
            "feasibility": self.feasibility,
            "eigenvalues": self.eigenvalues.tolist(),
            "zero_below": self.zero_below,
            "condition": self.condition,
            "expected_error": self.expected_error,
            "expected_decrease": self.expected_decrease,
            "constraint_rank": self.constraint_rank,
        }


@dataclass(frozen=True, eq=False)
class Travel:
    """How far a run has come: the largest |x| seen, coordinate by coordinate, and how much the value has fallen."""

    seen: Vector
    drop: float = 0.0

    def still_far(self, value: float, step: Vector, decrease: float) -> bool:
        """Whether a step of that size, to fall by that much, is one that a run should not stop before.

        Examples
        --------
        >>> travel = Travel(np.array([1.0]), drop=1.0)
        >>> travel.still_far(1e-20, np.array([0.5]), 1e-3)
        True
        >>> travel.still_far(1e-20, np.array([1e-9]), 1e-3)
        False
        """
        return self.moves(step) and decrease > 1e-8 * max(abs(value), self.drop)

    def moves(self, step: Vector) -> bool:
        """Whether a step of that size is noticeable beside the way so far."""
        return bool(np.any(np.abs(step) > 1e-3 * np.maximum(self.seen, 1e-3)))
