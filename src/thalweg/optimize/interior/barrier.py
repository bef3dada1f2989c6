r"""The barrier parameter μ: how fast the path to the solution is followed.

*Free mode.*  At each iteration the step for μ is linear in μ, Δ(μ) = Δ_aff + μ Δ_cen.  For a grid of σ, μ = σ × average
of d v, the *quality function* predicts the residuals after the longest step that keeps d and v positive,

    q(σ) = (1 − α_d)² ‖r‖²/size + (1 − α_p)² ‖c‖²/m + ‖(d + α_p Δd)(v + α_d Δv)‖²/bounds,

and the σ of least q is taken; all of the grid is computed at once.

*Monotone mode.*  If the residuals do not fall for a while, μ is held until its barrier problem is solved to κ_ε μ, and
then becomes min(κ_μ μ, μ^θ) (Fiacco & McCormick).  As soon as the residuals are below what they were, free mode is
back.

References
----------
Nocedal, Wächter & Waltz, *Adaptive barrier update strategies for nonlinear interior methods*, SIAM J. Optim. 19 (2009).
Wächter & Biegler, Math. Program. 106 (2006), equations 7–8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..problem import Vector

__all__ = ["Barrier", "longest", "quality_sigma"]

KAPPA_EPSILON, KAPPA_MU, THETA_MU = 10.0, 0.2, 1.5
#: The least μ for an objective that is not scaled, and the least and largest of all.
LEAST_MU, TINIEST_MU, MOST_MU = 1e-11, 1e-20, 1e5
#: Fraction of the way to the nearest bound that a step may go.
TAU_LEAST = 0.99
#: Values of σ that are compared.
SIGMAS = np.array([1e-6, 1e-4, 1e-3, 1e-2, 3e-2, 0.1, 0.2, 0.35, 0.6, 1.0, 2.0, 5.0])
#: How many residuals of earlier iterations are remembered; the current one must be below one of them.
MEMORY, REDUCTION = 4, 0.9999


def longest(relative: Vector, tau: float) -> float:
    """Return the longest α ≤ 1 with d + α Δd ≥ (1 − τ) d, for the ratios Δd/d.

    Examples
    --------
    >>> longest(np.array([-2.0, 1.0]), 0.99)
    0.495
    """
    steepest = -float(relative.min())
    return 1.0 if steepest <= tau else tau / steepest


def quality_sigma(
    d: Vector, v: Vector, dd: Vector, dv: Vector, average: float, tau: float, dual: float, primal: float
) -> float:
    """Return the σ of the grid with the least quality function.

    Parameters
    ----------
    d, v : array
        Distances and multipliers of the bounds.
    dd, dv : array (2, bounds)
        Their steps: the affine one, and by how much it changes with μ.
    average : float
        Average of d v.
    tau : float
        Fraction of the way to the bounds.
    dual, primal : float
        ‖r‖²/size and ‖c‖²/m.
    """
    mu = (SIGMAS * average)[:, None]
    step_d, step_v = dd[0] + mu * dd[1], dv[0] + mu * dv[1]
    alpha_p = np.minimum(1.0, tau / np.maximum((-step_d / d).max(axis=1), tau))
    alpha_d = np.minimum(1.0, tau / np.maximum((-step_v / v).max(axis=1), tau))
    product = (d + alpha_p[:, None] * step_d) * (v + alpha_d[:, None] * step_v)
    q = (1 - alpha_d) ** 2 * dual + (1 - alpha_p) ** 2 * primal + np.einsum("ij,ij->i", product, product) / d.size
    return float(SIGMAS[q.argmin()])


@dataclass
class Barrier:
    """Chooses between the modes.

    Attributes
    ----------
    mu : float
        The barrier parameter.
    least : float
        Its least value.
    free : bool
        Whether μ is chosen anew at each iteration.
    adaptive : bool
        Whether there is a free mode at all.
    residuals : list of float
        What the residuals were, for free mode to be better than.

    Examples
    --------
    >>> barrier = Barrier(0.1, adaptive=False)
    >>> barrier.lower(lambda mu: 0.5 if mu > 0.05 else 1.0), barrier.mu
    (True, 0.02)
    """

    mu: float = 0.1
    least: float = LEAST_MU
    adaptive: bool = True
    free: bool = True
    residuals: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free = self.free and self.adaptive

    @property
    def tau(self) -> float:
        """Fraction of the way to the nearest bound that a step may go."""
        return max(TAU_LEAST, 1.0 - self.mu)

    def observe(self, residual: float) -> bool:
        """Take note of the residuals of a new iterate; return whether free mode may be used."""
        if not self.adaptive:
            return False
        enough = len(self.residuals) < MEMORY or residual <= REDUCTION * max(self.residuals)
        if enough:
            self.residuals = [*self.residuals[-(MEMORY - 1) :], residual]
        return enough

    def hold(self, mu: float) -> None:
        """Go over to monotone mode, at μ."""
        self.free = False
        self.mu = min(max(mu, self.least), MOST_MU)

    def lower(self, error: Callable[[float], float], once: bool = False) -> bool:
        """Lower μ while its barrier problem is solved, error(μ) ≤ κ_ε μ; return whether it has changed."""
        changed = False
        while self.mu > self.least and error(self.mu) <= KAPPA_EPSILON * self.mu:
            self.mu = max(self.least, min(KAPPA_MU * self.mu, self.mu**THETA_MU))
            changed = True
            if once:
                break
        return changed
