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


def scaled(R: Array, W: float, mean: Array, tol: float | None, eps: float) -> tuple[Array, Array, float]:
    """A = RD⁻¹, the diagonal of D, and the tolerance of the rank; a column of rounding errors counts as zero."""
    d = lengths(R)
    whole = np.hypot(d, np.sqrt(W) * mean)
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
    A, d, tol = scaled(R, triangle.W, triangle.mean, tol, eps)
    singular = np.linalg.svd(R, compute_uv=False)
    wide = triangle.how == "rows"
    U, s, Vt = np.linalg.svd(A, full_matrices=False) if wide else (None, np.linalg.svd(A, compute_uv=False), None)
    rank = int(np.sum(s > tol * s[0])) if s.size and s[0] > 0 else 0
    condition = float(s[0] / s[rank - 1]) if rank else 1.0
    if rank == k and not wide:
        beta = triangular(R, z)
        G = triangular(R, np.eye(k))
        return Solved(beta, rank, singular, condition, G)
    if U is None or Vt is None:
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


def dependencies(R: Array, W: float, mean: Array, tol: float | None, eps: float, intercept: bool) -> list[Dependency]:
    """The columns that repeat earlier ones, and how: by Gram–Schmidt, twice, on the columns of A from left to right.

    R, W and the mean are those of the triangle, without 'rows'.
    """
    A, d, tol = scaled(R, W, mean, tol, eps)
    k = A.shape[1]
    Q = np.zeros((k, k))
    kept: list[int] = []
    rest: list[int] = []
    for j in range(k):
        a, B = A[:, j].copy(), Q[:, : len(kept)]
        for _ in range(2):
            a -= B @ (B.T @ a)
        length = float(np.linalg.norm(a))
        if length > max(tol, 1e-14) * np.sqrt(k):
            Q[:, len(kept)] = a / length
            kept.append(j)
        else:
            rest.append(j)
    Q = Q[:, : len(kept)]
    C = triangular(np.triu(Q.T @ A[:, kept]), Q.T @ A[:, rest])
    return [_dependency(j, kept, C[:, i] * d[j] / d[kept], abs(C[:, i]) > NAMED, mean, d[j] / W**0.5, intercept)
            for i, j in enumerate(rest)]  # fmt: skip


def _dependency(
    j: int, kept: list[int], c: Array, named: Array, mean: Array, spread: float, intercept: bool
) -> Dependency:
    factors = {i: float(v) for i, v, is_named in zip(kept, c, named) if is_named}
    terms = [float(mean[j]), *(-v * float(mean[i]) for i, v in factors.items())]
    constant = sum(terms) if intercept else 0.0
    return Dependency(j, factors, constant if abs(constant) > 1e-9 * (spread + sum(map(abs, terms))) else 0.0)


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
