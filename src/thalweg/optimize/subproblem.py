r"""The trust-region subproblem, solved exactly.

    minimize  m(s) = gᵀs + ½ sᵀHs    over  ‖s‖ ≤ Δ.

s is a global solution if and only if there is a σ ≥ 0 with

    (H + σI) s = −g,    H + σI ⪰ 0,    σ (Δ − ‖s‖) = 0        (Moré & Sorensen 1983, lemma 2.4).

In the eigenbasis H = Q diag(λ) Qᵀ, with γ = Qᵀg, the solution is z_i = −γ_i/(λ_i + σ), and σ is the root of the secular
equation ‖z(σ)‖ = Δ.  We solve it for μ = σ + λ₁ ≥ 0, in the differences λ_i − λ₁, so that nothing cancels however close
the root lies to the pole.  Newton's method on 1/‖z‖ − 1/Δ, which is concave and increasing, converges monotonically
from any point to the left of the root.

The *hard case*: g has no part along the lowest eigenvectors, and even μ → 0 leaves ‖z‖ < Δ.  Then H has λ₁ ≤ 0 and any
multiple of the lowest eigenvector may be added: ‖z + τ e₁‖ = Δ.  This is the step that leaves a saddle point where the
gradient is exactly zero.

References
----------
Moré & Sorensen, *Computing a trust region step*, SIAM J. Sci. Stat. Comput. 4 (1983).
Conn, Gould & Toint, *Trust-Region Methods* (2000), §7.3; Nocedal & Wright (2nd ed.), §4.3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .problem import Vector

__all__ = ["BallMinimum", "minimize_in_ball"]


class BallMinimum(NamedTuple):
    """Minimum of a quadratic model over a ball, in the eigenbasis of the model."""

    z: Vector
    sigma: float
    decrease: float
    kind: str


def minimize_in_ball(eigenvalues: Vector, gamma: Vector, radius: float) -> BallMinimum:
    """Minimize γᵀz + ½ Σ λᵢ zᵢ² over ‖z‖ ≤ radius.

    Parameters
    ----------
    eigenvalues : array
        λ in ascending order.
    gamma : array
        The gradient in the eigenbasis.
    radius : float
        Δ > 0; may be infinite when all eigenvalues are positive.

    Returns
    -------
    BallMinimum
        z, σ, the decrease m(0) − m(z) and the kind of step: 'Newton' (inside), 'trust region' (on the boundary) or
        'negative curvature' (the hard case).

    Examples
    --------
    At a saddle with zero gradient the best step goes along the negative curvature:

    >>> import numpy as np
    >>> step = minimize_in_ball(np.array([-2.0, 2.0]), np.zeros(2), 0.5)
    >>> step.z, step.decrease, step.kind
    (array([0.5, 0. ]), 0.25, 'negative curvature')
    """
    lam, gamma = _without_noise(np.asarray(eigenvalues, float), np.asarray(gamma, float))
    lowest = float(lam[0])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inside = np.where(gamma == 0, 0.0, -gamma / lam)
    flat_only = lowest == 0 and not gamma[lam == 0].any()
    if (lowest > 0 or flat_only) and float(np.linalg.norm(inside)) <= radius:
        return BallMinimum(inside, 0.0, _decrease(lam, gamma, inside), "Newton")

    gaps = lam - lowest
    mu, z = _boundary(gaps, gamma, radius, max(0.0, lowest))
    kind = "trust region"
    shortfall = radius**2 - float(z @ z)
    if mu == 0.0 and shortfall > 0:
        z = z.copy()
        z[0] = np.sqrt(shortfall)
        kind = "negative curvature"
    return BallMinimum(z, mu - lowest, _decrease(lam, gamma, z), kind)


def _without_noise(lam: Vector, gamma: Vector) -> tuple[Vector, Vector]:
    """Set to zero what rounding alone can have made of a zero eigenvalue and of the gradient along it."""
    eps = lam.size * np.finfo(float).eps
    null = np.abs(lam) <= eps * float(np.max(np.abs(lam)))
    noise = null & (np.abs(gamma) <= 10 * eps * float(np.linalg.norm(gamma)))
    return np.where(null, 0.0, lam), np.where(noise, 0.0, gamma)


def _boundary(gaps: Vector, gamma: Vector, radius: float, floor: float) -> tuple[float, Vector]:
    """Return the root μ ≥ floor of ‖γ/(gaps + μ)‖ = radius and −γ/(gaps + μ); μ = 0 in the hard case."""
    mu = max(floor, float(np.max(np.abs(gamma) / radius - gaps)))
    if mu <= 0:
        open_part = (gaps > 0) & (gamma != 0)
        z = np.zeros_like(gamma)
        z[open_part] = -gamma[open_part] / gaps[open_part]
        if float(np.linalg.norm(z)) <= radius:
            return 0.0, z
        mu = np.finfo(float).tiny
    z = np.zeros_like(gamma)
    used = gamma != 0
    for _ in range(200):
        z[used] = -gamma[used] / (gaps[used] + mu)
        length = float(np.linalg.norm(z))
        if length <= radius * (1 + 4 * np.finfo(float).eps):
            break
        slope = float(np.sum((z[used] / length) ** 2 / (gaps[used] + mu)))  # of log ‖z‖: squares of z may underflow
        correction = (length / radius - 1) / slope
        if mu + correction == mu:
            break
        mu += correction
    return mu, z


def _decrease(lam: Vector, gamma: Vector, z: Vector) -> float:
    return -float(gamma @ z + 0.5 * (lam * z) @ z)
