r"""Iterative refinement of least squares with residuals in twice the working precision.

The coefficients x and the residuals r solve  r + Ax = y,  Aᵀr = 0.  What these equations leave over,

    f = y − r − Ax,        g = −Aᵀr,

is computed to twice the precision, x and r being kept so too, and the correction of both follows from A = QR:

    h = R⁻ᵀg,   d = Qᵀf,   δx = R⁻¹(d − h),   δr = f − Qd + Qh.

As long as κ(A) ε < 1 this converges to the exact solution for the numbers given, rounded.

A number of twice the precision is a sum of two, high + low; sums and products of such are by error-free
transformations.

References
----------
Å. Björck, *Iterative refinement of linear least squares solutions I*, BIT 7 (1967).  T. J. Dekker, *A floating-point
technique for extending the available precision*, Numerische Mathematik 18 (1971).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import Array
from .lapack import lengths, triangular

__all__ = ["refined"]

Pair = tuple[Any, Any]
MOST = 12
SPLIT = 134217729.0  # 2²⁷ + 1
#: Larger numbers overflow when they are split.
LARGEST = 1e290


def refined(
    X: Array, shift: Array, y: Array, root: Array | None, intercept: bool, Q: Array, R: Array, start: Array
) -> tuple[Array, float, float] | None:
    """Refine one target's coefficients.

    Parameters
    ----------
    X, y : arrays (n, k), (n,)
        The data.
    shift : array (k,)
        μ; the design is A = √w [1, X − μ], without the ones if there is no intercept.
    root : array (n,), optional
        √w.
    Q, R : arrays
        A = QR.
    start : array
        x = (c, β).

    Returns
    -------
    β, the intercept of the data as given, and Σ w r²; None where it does not converge.
    """
    n = len(X)
    one = int(intercept)
    if max(np.max(np.abs(X), initial=0), np.max(np.abs(y), initial=0)) > LARGEST:
        return None
    A = two_sum(X, -shift)
    if one:
        A = np.concatenate([np.ones((n, 1)), A[0]], 1), np.concatenate([np.zeros((n, 1)), A[1]], 1)
    halves = split(A[0])
    x = start, np.zeros_like(start)
    r = minus((y, np.zeros(n)), total(times(A, halves, (x[0][None], x[1][None])), axis=1))
    scale = lengths(R)
    before = np.inf
    for _ in range(MOST):
        Ax = total(times(A, halves, (x[0][None], x[1][None])), axis=1)
        f = plus(minus(two_sum(y, -r[0]), Ax), (-r[1], 0.0))
        g = total(times(A, halves, _weighted(r, root)), axis=0)
        fw = f[0] if root is None else root * f[0]
        d = Q.T @ fw
        h = triangular(R, -g[0], transposed=True)
        dx = triangular(R, d - h)
        dr = fw + Q @ (h - d)
        if root is not None:
            dr = np.divide(dr, root, out=f[0].copy(), where=root > 0)
        step, size = float(np.max(scale * np.abs(dx))), float(np.max(scale * np.abs(x[0])))
        if not np.isfinite(step) or (step > before / 4 and step > 1e-14 * size):
            return None
        x, r = plus(x, (dx, 0.0)), plus(r, (dr, 0.0))
        if step <= 1e-18 * size or step >= before / 4:
            break
        before = step
    if one:  # b = c − Σ μβ
        p = times((shift, 0.0), split(shift), (x[0][1:], x[1][1:]))
        b = float(sum(minus((x[0][0], x[1][0]), total(p, axis=0))))
    else:
        b = 0.0
    residuals = r[0] if root is None else root * r[0]
    return x[0][one:] + x[1][one:], b, float(residuals @ residuals)


def _weighted(r: Pair, root: Array | None) -> Pair:
    """w r, as a column."""
    if root is None:
        return r[0][:, None], r[1][:, None]
    w = root * root
    high, low = product(w, split(w), r[0])
    return high[:, None], (low + w * r[1])[:, None]


def two_sum(a: Any, b: Any) -> Pair:
    """a + b exactly."""
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


def plus(a: Pair, b: Pair) -> Pair:
    s, e = two_sum(a[0], b[0])
    return two_sum(s, e + (a[1] + b[1]))


def minus(a: Pair, b: Pair) -> Pair:
    return plus(a, (-b[0], -b[1]))


def split(a: Any) -> Pair:
    """Two halves of the digits."""
    t = SPLIT * a
    high = t - (t - a)
    return high, a - high


def product(a: Any, halves: Pair, b: Any) -> Pair:
    """a·b exactly, given the halves of a."""
    p = a * b
    b1, b2 = split(b)
    a1, a2 = halves
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def times(a: Pair, halves: Pair, b: Pair) -> Pair:
    p, e = product(a[0], halves, b[0])
    return p, e + (a[0] * b[1] + a[1] * b[0])


def total(a: Pair, axis: int) -> Pair:
    """The sum along an axis, by halves of it."""
    high, low = np.moveaxis(a[0], axis, 0), np.moveaxis(np.asarray(a[1]), axis, 0)
    while len(high) > 1:
        m = len(high) // 2
        odd = (high[2 * m :], low[2 * m :])
        high, low = plus((high[:m], low[:m]), (high[m : 2 * m], low[m : 2 * m]))
        if len(odd[0]):
            high, low = np.concatenate([high, odd[0]]), np.concatenate([low, odd[1]])
    return (high[0], low[0]) if len(high) else (np.zeros(high.shape[1:]), np.zeros(low.shape[1:]))
