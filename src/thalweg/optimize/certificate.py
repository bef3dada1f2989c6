r"""The numbers that show what a point is, so that nobody has to take the verdict on trust.

For a stationary point x of L = f + yᵀc + zᵀx on its constraints (without any L = f):

- *stationarity* ‖∇ₓL‖∞ and *feasibility*, the largest violation, say how well the first-order conditions hold, with
  *complementarity*, the largest product of a multiplier and the distance from the side that it belongs to, and
  *multiplier signs*, the largest multiplier that pulls the wrong way;
- the *eigenvalues* of the Hessian of L on the tangent space of the constraints that hold the point give the
  second-order condition;
- *strict complementarity*, the smallest multiplier of an active inequality, tells how clearly that holds the point, and
  the *rank* of the active gradients beside their number whether the multipliers are unique (LICQ);
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
        By how much the worst constraint or bound is violated, zero without constraints.
    eigenvalues : array
        Of the Hessian (of L on the tangent space, with constraints), ascending; only the extreme ones beyond 200
        variables, where the Hessian is sparse or not formed.
    zero_below : float
        |eigenvalue| that counts as zero after equilibration: the measured error of the Hessian.
    condition : float
        Condition number of the equilibrated Hessian (with constraints: of the Karush–Kuhn–Tucker matrix).
    expected_error : float
        ‖H⁺∇f‖∞, the distance to the stationary point of the quadratic model: the length of Newton's step, on the active
        constraints where there are some.
    expected_decrease : float
        ½ |∇fᵀH⁺∇f|, the decrease still to be had there.
    constraint_rank : int or None
        Number of linearly independent gradients among the active constraints; None without constraints.
    number_active : int or None
        Number of active constraints, bounds included.
    complementarity : float
        Largest |multiplier| · distance to the side that it belongs to.
    multiplier_signs : float
        The largest multiplier of an inequality that has the wrong sign for the kind of the point; zero where all are
        right, and at a saddle point the least that is wrong either way.
    strict_complementarity : float or None
        The least |μᵢ| ‖aᵢ‖ of an active inequality, beside the largest force |∂f| or |μᵢ| ‖aᵢ‖, in units of the
        variables in which the Hessian of L is of size one: 0 where a constraint is active without holding the point.
        None without active inequalities.
    mfcq : bool or None
        Whether the multipliers are bounded (Mangasarian–Fromovitz); None without constraints or where not looked at.
    """

    stationarity: float
    feasibility: float = 0.0
    eigenvalues: Vector = field(default_factory=lambda: np.zeros(0))
    zero_below: float = 0.0
    condition: float = float("inf")
    expected_error: float = float("nan")
    expected_decrease: float = float("nan")
    constraint_rank: int | None = None
    number_active: int | None = None
    complementarity: float = 0.0
    multiplier_signs: float = 0.0
    strict_complementarity: float | None = None
    mfcq: bool | None = None

    @property
    def licq(self) -> bool:
        """Whether the gradients of the active constraints are independent, so that multipliers are unique.

        Examples
        --------
        >>> Certificate(0.0, constraint_rank=1, number_active=2).licq
        False
        """
        return self.constraint_rank == self.number_active

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
            "number_active": self.number_active,
            "licq": self.licq,
            "mfcq": self.mfcq,
            "complementarity": self.complementarity,
            "multiplier_signs": self.multiplier_signs,
            "strict_complementarity": self.strict_complementarity,
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
