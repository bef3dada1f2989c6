r"""From the triangle to the coefficients: β with least ‖z − Rβ‖, of least length where there are many.

The columns of R are scaled to length one, R = AD, so that units do not matter to the rank: the number of singular
values of A = U S Vᵀ above a tolerance.  With full rank Rβ = z is solved as it stands.  Otherwise the solutions are
those with  VᵀDβ = S⁻¹Uᵀz,  and the shortest of them lies in the span of the columns of W = DV = QT:

    β = Q T⁻ᵀ S⁻¹ Uᵀ z = G z,

and in either case  cov β = σ² GGᵀ  with  G = R⁻¹  or the G above.

References
----------
G. H. Golub and C. F. Van Loan, *Matrix Computations*, 5.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .blocks import Array
from .lapack import lengths, triangular
from .triangle import Triangle

__all__ = ["Solved", "dependencies", "solved"]

#: Rounding errors of the data that are not taken for a direction of their own, in units of the last place.
ROUNDING = 64.0
#: A coefficient of a dependency below this, in columns of length one, is not named.
NAMED = 1e-7


@dataclass(eq=False)
class Solved:
    """Attributes
    ----------
    beta : array (k, t)
    rank : int
        Of the centred design.
    singular : array (min(n, k),)
        Its singular values, in the units of the data.
    condition : float
        Of the columns scaled to length one, as far as they are independent.
    G : array (k, rank)
        cov β = σ² GGᵀ.
    """

    beta: Array
    rank: int
    singular: Array
    condition: float
    G: Array


def scaled(triangle: Triangle, tol: float | None, eps: float) -> tuple[Array, Array, float]:
    """A = RD⁻¹, the diagonal of D, and the tolerance of the rank; a column of rounding errors counts as zero."""
    R = triangle.R
    d = lengths(R)
    whole = np.hypot(d, np.sqrt(triangle.W) * triangle.mean)
    rounding = ROUNDING * eps
    constant = d <= rounding * whole
    d = np.where(constant, 1.0, d)
    A = np.where(constant, 0.0, R / d)
    if tol is None:  # what is lost where the mean is far from zero in units of the spread
        lost = np.max(whole[~constant] / d[~constant], initial=1.0)
        tol = max(ROUNDING, R.shape[1]) * eps * float(lost)
    return A, d, min(tol, 1.0)


def solved(triangle: Triangle, tol: float | None, eps: float) -> Solved:
    """Return β, and what is needed to judge it."""
    R, z = triangle.R, triangle.z
    k = R.shape[1]
    A, d, tol = scaled(triangle, tol, eps)
    singular = np.linalg.svd(R, compute_uv=False)
    s = np.linalg.svd(A, compute_uv=False)
    rank = int(np.sum(s > tol * s[0])) if s.size and s[0] > 0 else 0
    condition = float(s[0] / s[rank - 1]) if rank else 1.0
    if rank == k and triangle.how != "rows":
        beta = triangular(R, z)
        G = triangular(R, np.eye(k))
        return Solved(beta, rank, singular, condition, G)
    U, s, Vt = np.linalg.svd(A, full_matrices=False)
    U, s, Vt = U[:, :rank], s[:rank], Vt[:rank]
    Q, T = np.linalg.qr(d[:, None] * Vt.T)
    M = triangular(T, np.diag(1 / s), transposed=True) if rank else np.zeros((0, 0))
    return Solved(Q @ (M @ (U.T @ z)), rank, singular, condition, Q @ M)


@dataclass(frozen=True)
class Dependency:
    """Column `column` is `constant` + Σ `factors`[j] × column j."""

    column: int
    factors: dict[int, float]
    constant: float


def dependencies(triangle: Triangle, tol: float | None, eps: float, intercept: bool) -> list[Dependency]:
    """The columns that repeat earlier ones, and how: by Gram–Schmidt, twice, on the columns of A from left to right."""
    A, d, tol = scaled(triangle, tol, eps)
    r, k = A.shape
    basis = np.zeros((r, min(r, k)))
    kept: list[int] = []
    found = []
    for j in range(k):
        a, B = A[:, j].copy(), basis[:, : len(kept)]
        for _ in range(2):
            a -= B @ (B.T @ a)
        length = float(np.linalg.norm(a))
        if length > max(tol, 1e-14) * np.sqrt(k) and len(kept) < min(r, k):
            basis[:, len(kept)] = a / length
            kept.append(j)
            continue
        c = np.linalg.lstsq(A[:, kept], A[:, j], rcond=None)[0] if kept and A[:, j].any() else np.zeros(len(kept))
        factors = {i: float(v * d[j] / d[i]) for i, v in zip(kept, c) if abs(v) > NAMED}
        constant = float(triangle.mean[j] - sum(v * triangle.mean[i] for i, v in factors.items())) if intercept else 0.0
        size = abs(triangle.mean[j]) + sum(abs(v * triangle.mean[i]) for i, v in factors.items())
        found.append(Dependency(j, factors, constant if abs(constant) > 1e-9 * size else 0.0))
    return found


def told(dependency: Dependency, names: Sequence[str]) -> str:
    """``x3 = 2*x1 + x2``."""
    terms: list[str] = []
    for j, factor in dependency.factors.items():
        size = "" if abs(abs(factor) - 1) < 1e-9 else f"{_short(abs(factor))}*"
        terms.append(f"{_sign(factor, not terms)}{size}{names[j]}")
    if dependency.constant or not terms:
        terms.append(f"{_sign(dependency.constant, not terms)}{_short(abs(dependency.constant))}")
    text = f"{names[dependency.column]} = {''.join(terms)}"
    return text if dependency.factors else f"{text}, a constant"


def _sign(value: float, first: bool) -> str:
    if first:
        return "-" if value < 0 else ""
    return " - " if value < 0 else " + "


def _short(value: Any) -> str:
    return f"{value:.6g}"
