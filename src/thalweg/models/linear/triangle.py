r"""The data as a triangle: all that least squares needs to know of them.

    √w [1, X − μ, Y − ν]  =  Q [ √W   ·  ·  ]        W = Σ w
                               [  0   R  z  ]        R of the centred columns
                               [  0   0  E  ]        EᵀE: products of residuals

so that  Σ wᵢ (yᵢ − b − xᵢβ)²  =  W (ȳ − b − x̄β)² + ‖z − Rβ‖² + ‖E‖²  for every b and β.

Few rows: Householder's factorization of all of them.  Many: blocks.  The products AᵀA of the blocks (A = the design)
are summed and factorized by Cholesky, which costs a third of Householder's method and squares the condition number; so
the columns are first scaled to length one, the condition κ is looked at, and only where it is below `KAPPA` is this
used, with a step of refinement in a second pass (corrected seminormal equations), which leaves an error as small as
that of Householder's method.  The step is left out where κ² is a small number itself and the residuals are no small
part of y, so that there is nothing to mend.  Otherwise the blocks are factorized one below the other, R ← R of
[R; block]: as stable as Householder's method on all rows.

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

from .blocks import Array, Buffers, Rows, dense, summed
from .lapack import lengths, triangular

__all__ = ["NotFinite", "Triangle", "reduced", "residual_step"]

#: The scaled condition up to which products are used: κ²ε stays below 10⁻⁹ before the step of refinement.
KAPPA = 1e3
#: Up to this condition, and down to this part of Σ(y − ȳ)² in the residuals, products lose less than one digit.
PLAIN, PART = 4.0, 1e-4
#: A mean is near zero up to so many spreads of its column.
NEAR = 4.0


class NotFinite(ValueError):
    """X has a value that is NaN or infinite."""


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
    """Return the triangle of the rows; `NotFinite` where X is not."""
    n, p = len(rows), rows.unknowns
    if not rows.many and not rows.finite():
        raise NotFinite
    if n <= p:
        return _wide(rows)
    if not rows.many:
        A = rows.whole(0, n)
        Q, R = np.linalg.qr(A[:, :p])
        z = Q.T @ A[:, p:]
        E = A[:, p:] - Q @ z
        again = Q.T @ E  # what rounding left in the span
        E -= Q @ again
        return _read(rows, R, z + again, np.sum(E * E, axis=0), "householder", (Q, R))
    G = _products(rows, jobs)  # finite where X is, unless squares overflow
    if not np.all(np.isfinite(G)) and not rows.finite():
        raise NotFinite
    found = _by_cholesky(rows, G)
    if found is not None:
        return _read(rows, *found, "cholesky")

    def factor(start: int, stop: int, buffers: Buffers, so_far: Array | None) -> Array:
        block = rows.whole(start, stop, buffers)
        return _r(block if so_far is None else np.concatenate([so_far, block]))

    stacked = np.concatenate(summed(rows, factor, rows.columns**2, jobs))
    R = _r(stacked)
    E = R[p:, p:]
    return _read(rows, R[:p, :p], R[:p, p:], np.sum(E * E, axis=0), "blocks")


def _r(A: Array) -> Array:
    return np.asarray(np.linalg.qr(A, mode="r"))


def _products(rows: Rows, jobs: int) -> Array:
    """The products of all columns, √w [1, X − μ, Y − ν]."""
    one, p, N = int(rows.intercept), rows.unknowns, rows.columns

    def of(start: int, stop: int, buffers: Buffers, so_far: Any) -> Any:
        Z, V = rows.block(start, stop, buffers)
        found = np.dot(Z.T, Z), np.dot(Z.T, V), np.dot(V.T, V)
        if so_far is None:
            return found
        for a, b in zip(so_far, found):
            a += b
        return so_far

    parts = summed(rows, of, N**2, jobs)
    ZZ, ZV, VV = (_sum([part[k] for part in parts]) for k in range(3))
    order = [*range(rows.features, rows.features + one), *range(rows.features), *range(p, N)]
    return np.block([[ZZ, ZV], [ZV.T, VV]])[np.ix_(order, order)]


def _sum(parts: list[Array]) -> Array:
    """The sum by pairs."""
    while len(parts) > 1:
        parts = [sum(parts[k : k + 2][1:], parts[k]) for k in range(0, len(parts), 2)]
    return parts[0]


def _by_cholesky(rows: Rows, G: Array) -> tuple[Array, Array, Array] | None:
    """R, z and ‖E‖² from products; None where they are too ill conditioned for it."""
    p = rows.unknowns
    d = np.sqrt(np.diagonal(G)[:p])
    if not (np.all(np.isfinite(G)) and np.all(d > 0)):
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
    A = rows.whole(0, len(rows))
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
    """A second pass: how far β and the mean of the targets are to be moved, and Σ w r² before that.

    Columns whose mean is not far from zero are read where they lie; others are moved by μ first, block by block.
    """
    one, t = int(rows.intercept), rows.Y.shape[1]
    plain = isinstance(rows.X, np.ndarray) and rows.X.dtype == float
    plain = plain and bool(np.all(np.sqrt(triangle.W) * abs(triangle.mean) <= NEAR * lengths(triangle.R)))
    moved = np.zeros_like(triangle.mean) if plain else rows.shift
    c = triangle.target_mean - (triangle.mean - moved) @ beta if one else np.zeros(t)

    def of(start: int, stop: int, buffers: Buffers, so_far: Any) -> Any:
        if plain:
            Z = rows.X[start:stop]
        else:
            Z = np.subtract(dense(rows.X[start:stop]), buffers.shift[: stop - start], out=buffers.Z[: stop - start])
        r = rows.Y[start:stop] - np.dot(Z, beta)
        r -= c
        wr = r if rows.w is None else r * rows.w[start:stop, None]
        found = np.dot(Z.T, wr), wr.sum(axis=0), np.einsum("ij,ij->j", r, wr)
        return found if so_far is None else tuple(a + b for a, b in zip(so_far, found))

    parts = summed(rows, of, (rows.unknowns + 1) * t, jobs)
    g, g0, squares = (_sum([part[k] for part in parts]) for k in range(3))
    offset = g0 / triangle.W if one else np.zeros(t)
    if one:
        g = g - np.outer(triangle.mean - moved, g0)  # of the centred columns
    q = triangular(triangle.R, g, transposed=True)
    left = np.maximum(squares - np.sum(q * q, axis=0) - triangle.W * offset**2, 0)
    return triangular(triangle.R, q), offset, left
