r"""Where multipliers are not unique: is the Hessian of L definite for some of them?

With dependent active gradients all μ = μ₀ + N q of right signs balance the gradient.  Each gives a Hessian of L, and a
strict minimum is proved if for *one* of them vᵀ∇²L v > 0 for all tangent v.  The least of vᵀ∇²L v is a concave function
of μ, so it is raised by cutting planes: for the directions v₁, …, v_k met so far

    maximize s   over q, s   with   vⱼᵀ∇²f vⱼ + Σ μᵢ vⱼᵀ∇²cᵢ vⱼ ≥ s,   σᵢ μᵢ ≥ 0,

then the next v is the eigenvector of the least eigenvalue for the μ found.  It ends when the Hessian is definite, or
when no μ makes it positive on the directions met.

References
----------
Kelley, *The cutting-plane method for solving convex programs*, J. SIAM 8 (1960).
Bonnans & Shapiro, *Perturbation Analysis of Optimization Problems* (2000), §3.3 (second-order conditions over all μ).
"""

from __future__ import annotations

import numpy as np

from .holding import Holding
from .problem import Point, Vector

__all__ = ["definite_for_some"]

#: Planes after which the search is given up.
PLANES = 12
#: A least eigenvalue that counts as positive, beside the largest.
CLEAR = 1e-8
#: And beside what the Hessians of f and of the rows, times their multipliers, add up to: less is rounding.
ROUNDING = 1e-11


def definite_for_some(point: Point, held: Holding, sense: int) -> bool:
    """Whether the Hessian of L is definite on the tangent space for some multipliers of right sign.

    Positive definite, and right for a minimum, for sense 1; negative definite, and right for a maximum, for −1.
    """
    from scipy.optimize import linprog

    base, Z = held.base, held.tangent.directions
    rows, k = base.active.rows, base.active.size
    m = point.problem.m
    if not rows.size or k > 50:
        return False
    parts = np.zeros((k, Z.shape[1], Z.shape[1]))
    for place, row in enumerate(rows):
        only = np.zeros(m)
        only[row] = 1.0
        parts[place] = Z.T @ point.problem.lagrangian_hessian(point.x, only, 0.0) @ Z
    of_f = Z.T @ point.problem.lagrangian_hessian(point.x, np.zeros(m), 1.0) @ Z
    T = held.everything
    null = np.linalg.svd(T.U.T)[2][T.rank :].T / T.lengths[:, None]
    null /= np.max(np.abs(null), axis=0)
    q = null.shape[1]
    side = base.active.side * sense
    sided = np.flatnonzero(side)
    unit = max(float(np.max(np.abs(base.mu))), 1e-300)
    mu = base.mu
    planes: list[Vector] = []
    limits: list[float] = []
    for _ in range(PLANES):
        H = sense * (of_f + np.tensordot(mu, parts, 1))
        values, Q = np.linalg.eigh(H)
        size = float(np.max(np.abs(values)))
        added = float(np.max(np.abs(of_f) + np.tensordot(np.abs(mu), np.abs(parts), 1)))
        if values[0] > max(CLEAR * size, ROUNDING * added):
            return True
        v, size = Q[:, 0], max(size, ROUNDING * added, 1e-300)
        slopes = sense * np.einsum("i,kij,j->k", v, parts, v)
        planes.append(np.append(-unit / size * (slopes @ null), 1.0))
        limits.append((sense * float(v @ of_f @ v) + float(slopes @ base.mu)) / size)
        signs = np.hstack([-side[sided, None] * null[sided], np.zeros((sided.size, 1))])
        found = linprog(
            np.append(np.zeros(q), -1.0),
            A_ub=np.vstack([signs, planes]),
            b_ub=np.concatenate([side[sided] * base.mu[sided] / unit, limits]),
            bounds=[(-1e3, 1e3)] * q + [(None, 1.0)],
            method="highs",
        )
        if found.x is None or found.x[-1] <= 1e-6:
            return False
        mu = base.mu + unit * (null @ found.x[:q])
    return False
