r"""The data as a triangle: all that least squares needs to know of them.

    √w [1, X − μ, Y − ν]  =  Q [ √W   ·  ·  ]        W = Σ w
                               [  0   R  z  ]        R of the centred columns
                               [  0   0  E  ]        EᵀE: products of residuals

so that  Σ wᵢ (yᵢ − b − xᵢβ)²  =  W (ȳ − b − x̄β)² + ‖z − Rβ‖² + ‖E‖²  for every b and β.

Few rows: Householder's factorization of all of them.  Many: blocks.  The products AᵀA of the blocks (A = the design)
are summed and factorized by Cholesky, which costs a third of Householder's method and squares the condition number; so
the columns are first scaled to length one, the condition κ is looked at, and only where it is below `KAPPA` is this
used, with a step of refinement in a second pass (corrected seminormal equations), which leaves an error as small as
that of Householder's method.  Otherwise the blocks are factorized one below the other, R ← R of [R; block]: as stable
as Householder's method on all rows.

References
----------
Å. Björck, *Stability analysis of the method of seminormal equations for linear least squares problems*, Linear Algebra
and its Applications 88 (1987).  J. Demmel, L. Grigori, M. Hoemmen and J. Langou, *Communication-optimal parallel and
sequential QR and LU factorizations*, SIAM Journal on Scientific Computing 34 (2012).  G. H. Golub and C. F. Van Loan,
*Matrix Computations*, 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .blocks import Array, Rows, summed
from .lapack import triangular

__all__ = ["Triangle", "reduced", "residual_step"]

#: The scaled condition up to which products are used: κ²ε stays below 10⁻⁹ before the step of refinement.
KAPPA = 1e3


@dataclass(eq=False)
class Triangle:
    """See the head of this file; all in double precision.

    Attributes
    ----------
    W : float
        The sum of the weights.
    mean, target_mean : arrays (k,), (t,)
        x̄ and ȳ; 0 without an intercept.
    R, z : arrays (r, k), (r, t)
        r = min(n, k); R is upper triangular, but not where there are fewer rows than columns.
    rss : array (t,)
        ‖E‖², the sum of squares that no coefficient can change.
    how : str
        'householder', 'cholesky', 'blocks', or 'rows': they are kept as they are, being at most as many as unknowns.
    factors : two arrays, optional
        Q and R of the whole design, with few rows.
    """

    W: float
    mean: Array
    target_mean: Array
    R: Array
    z: Array
    rss: Array
    how: str
    factors: tuple[Array, Array] | None = None


def reduced(rows: Rows, jobs: int) -> Triangle:
    """Return the triangle of the rows."""
    n, p = len(rows), rows.unknowns
    if n <= p:
        return _wide(rows)
    if not rows.many:
        A = rows.block(0, n)
        Q, R = np.linalg.qr(A[:, :p])
        z = Q.T @ A[:, p:]
        E = A[:, p:] - Q @ z
        again = Q.T @ E  # what rounding left in the span
        E -= Q @ again
        return _read(rows, R, z + again, np.sum(E * E, axis=0), "householder", (Q, R))
    G = _sum(summed(rows, _product, rows.columns**2, jobs))
    found = _by_cholesky(rows, G)
    if found is not None:
        return _read(rows, *found, "cholesky")
    stacked = np.concatenate(summed(rows, _factor, rows.columns**2, jobs))
    R = np.linalg.qr(stacked, mode="r")
    E = R[p:, p:]
    return _read(rows, R[:p, :p], R[:p, p:], np.sum(E * E, axis=0), "blocks")


def _product(block: Array, so_far: Array | None) -> Array:
    G = block.T @ block
    return G if so_far is None else np.add(so_far, G, out=so_far)


def _factor(block: Array, so_far: Array | None) -> Array:
    return np.linalg.qr(block if so_far is None else np.concatenate([so_far, block]), mode="r")


def _sum(parts: list[Array]) -> Array:
    """The sum by pairs."""
    while len(parts) > 1:
        parts = [sum(parts[k : k + 2][1:], parts[k]) for k in range(0, len(parts), 2)]
    return parts[0]


def _by_cholesky(rows: Rows, G: Array) -> tuple[Array, Array, Array] | None:
    """R, z and ‖E‖² from products; None where they are too ill conditioned for it."""
    p = rows.unknowns
    d = np.sqrt(np.diagonal(G)[:p])
    if not np.all(d > 0):
        return None
    try:
        R = np.linalg.cholesky(G[:p, :p] / np.outer(d, d)).T
    except np.linalg.LinAlgError:
        return None
    s = np.linalg.svd(R, compute_uv=False)
    if not s[0] <= KAPPA * s[-1]:
        return None
    z = triangular(R, G[:p, p:] / d[:, None], transposed=True)
    rss = np.diagonal(G)[p:] - np.sum(z * z, axis=0)
    return R * d, z, np.maximum(rss, 0)


def _read(rows: Rows, R: Array, z: Array, rss: Array, how: str, factors: Any = None) -> Triangle:
    if not rows.intercept:
        W = float(len(rows) if rows.w is None else rows.w.sum())
        return Triangle(W, rows.shift, rows.target_shift, R, z, rss, how, factors)
    mean, target = rows.shift + R[0, 1:] / R[0, 0], rows.target_shift + z[0] / R[0, 0]
    return Triangle(float(R[0, 0] ** 2), mean, target, R[1:, 1:], z[1:], rss, how, factors)


def _wide(rows: Rows) -> Triangle:
    """At most as many rows as unknowns: the centred rows are kept as they are."""
    one, p = int(rows.intercept), rows.unknowns
    A = rows.block(0, len(rows))
    W = float(len(rows) if rows.w is None else rows.w.sum())
    mean, target = rows.shift, rows.target_shift
    if one:
        q = A[:, 0] / np.sqrt(W)
        for _ in range(2):
            moved = q @ A[:, 1:]
            A[:, 1:] -= np.outer(q, moved)
            mean, target = mean + moved[: p - 1] / np.sqrt(W), target + moved[p - 1 :] / np.sqrt(W)
    return Triangle(W, mean, target, A[:, one:p], A[:, p:], np.zeros(rows.Y.shape[1]), "rows")


def residual_step(rows: Rows, triangle: Triangle, beta: Array, jobs: int) -> tuple[Array, Array, Array]:
    """A second pass: how far β and the mean of the targets are to be moved, and Σ w r² before that."""
    one, p, t = int(rows.intercept), rows.unknowns, rows.Y.shape[1]
    start = np.empty((p, t))
    start[one:] = beta
    if one:
        start[0] = triangle.target_mean - rows.target_shift - (triangle.mean - rows.shift) @ beta

    def of(block: Array, so_far: Any) -> Any:
        r = block[:, p:] - block[:, :p] @ start
        g, squares = block[:, :p].T @ r, np.einsum("ij,ij->j", r, r)
        return (g, squares) if so_far is None else (so_far[0] + g, so_far[1] + squares)

    parts = summed(rows, of, (p + 1) * t, jobs)
    g, squares = _sum([g for g, _ in parts]), _sum([s for _, s in parts])
    offset = g[0] / triangle.W if one else np.zeros(t)
    g = g[one:] - np.outer(triangle.mean - rows.shift, g[0]) if one else g  # of the centred columns
    q = triangular(triangle.R, g, transposed=True)
    left = np.maximum(squares - np.sum(q * q, axis=0) - triangle.W * offset**2, 0)
    return triangular(triangle.R, q), offset, left
