r"""Robust losses for least squares: F(x) = ½ C² Σ ρ((rᵢ/C)²), in which large residuals count less.

    linear    ρ(z) = z                      soft_l1   ρ(z) = 2 (√(1 + z) − 1)
    huber     ρ(z) = z, beyond 1: 2 √z − 1  cauchy    ρ(z) = ln(1 + z)
    arctan    ρ(z) = arctan z

Each is written once, in NumPy; its derivatives, and those of F, come from tracing.  The result carries the Jacobian
that Triggs et al. scale such that JᵀJ is the Gauss–Newton approximation of ∇²F,

    Jᵢ ← Jᵢ √(ρ′ + 2 ρ″ zᵢ),

with a root of nearly zero where the loss is concave.

References
----------
Triggs, McLauchlan, Hartley & Fitzgibbon, "Bundle Adjustment — A Modern Synthesis" (2000), §4.3 and appendix.
Huber, *Robust Statistics* (1981), §4.8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.optimize.problem import Matrix, Vector

__all__ = ["LOSSES", "robust_cost", "slopes", "triggs"]

EPS = float(np.finfo(float).eps)


def _huber(z: Any) -> Any:
    return np.where(z <= 1, z, 2 * np.sqrt(np.maximum(z, 1.0)) - 1)


#: ρ by name; None for the identity.
LOSSES: dict[str, Callable[[Any], Any] | None] = {
    "linear": None,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": _huber,
    "cauchy": lambda z: np.log1p(z),
    "arctan": lambda z: np.arctan(z),
}

#: ρ′ and ρ″, for Jacobians that are not traced.
_SLOPES: dict[str, Callable[[Vector], tuple[Vector, Vector]]] = {
    "soft_l1": lambda z: ((1 + z) ** -0.5, -0.5 * (1 + z) ** -1.5),
    "huber": lambda z: (
        np.where(z <= 1, 1.0, np.maximum(z, 1.0) ** -0.5),
        np.where(z <= 1, 0.0, -0.5 * np.maximum(z, 1.0) ** -1.5),
    ),
    "cauchy": lambda z: (1 / (1 + z), -1 / (1 + z) ** 2),
    "arctan": lambda z: (1 / (1 + z**2), -2 * z / (1 + z**2) ** 2),
}


def robust_cost(residuals: Callable[[Any], Any], loss: Any, scale: float) -> Callable[[Any], Any]:
    """Return F for a loss by name, or for one of the user's: ``loss(z)`` of shape (3, m) with ρ, ρ′ and ρ″.

    Examples
    --------
    >>> F = robust_cost(lambda x: x, "cauchy", 2.0)
    >>> round(float(F(np.array([2.0]))), 6)  # 2 ln 2
    1.386294
    """
    rho = LOSSES[loss] if isinstance(loss, str) else lambda z: loss(z)[0]
    assert rho is not None

    def cost(x: Any) -> Any:
        return 0.5 * scale**2 * np.sum(rho((residuals(x) / scale) ** 2))

    return cost


def slopes(loss: Any, r: Vector, scale: float) -> tuple[Vector, Vector]:
    """ρ′ and ρ″ at z = (r/C)²."""
    z = (r / scale) ** 2
    if isinstance(loss, str):
        return _SLOPES[loss](z)
    rho = np.asarray(loss(z), dtype=np.float64)
    return rho[1], rho[2]


def triggs(loss: Any, r: Vector, J: Matrix, scale: float) -> Matrix:
    """The Jacobian scaled for a robust loss.

    Examples
    --------
    >>> triggs("huber", np.array([0.5, 4.0]), np.ones((2, 1)), 1.0).round(6)  # linear beyond 1: no curvature
    array([[1.],
           [0.]])
    """
    first, second = slopes(loss, r, scale)
    return np.asarray(J * np.sqrt(np.maximum(first + 2 * second * (r / scale) ** 2, EPS))[:, None])
