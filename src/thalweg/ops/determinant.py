"""Determinants: det, and its logarithm for matrices large enough to overflow it.

d log|det A| = tr(A⁻¹ dA). The determinant itself is a polynomial, and its derivative is the matrix of cofactors,
d det A = Σ Cᵢⱼ dAᵢⱼ, also where A is singular and det(A)·A⁻ᵀ is 0·∞. With A = U Σ Vᵀ, the cofactors are
C = ±U diag(∏_{k≠i} σₖ) Vᵀ: products without the one that may be zero. The second derivative has products without two:
dC = ±U [diag(P h) − P∘Hᵀ] Vᵀ, where H = Uᵀ dA V has the diagonal h, and Pᵢⱼ = ∏_{k≠i,j} σₖ, Pᵢᵢ = 0.
Up to 3×3 the determinant is written out and has all its derivatives everywhere; beyond, the third and higher ones need
A to be regular.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node, Op, full, make, make_tuple
from thalweg.ops.matrix import LinAlgError, as_floats, check_square, inner, matrix_op, mT, product, trace
from thalweg.ops.movement import broadcast, reshape, slice_
from thalweg.ops.solve import INV, Args, Tangents, factors, inv, inverse_by_factors

_WELL_CONDITIONED = 1e6  # up to this condition number, cofactors are det(A)·A⁻ᵀ

# --- sign and logarithm -----------------------------------------------------------------------------------------------


def _parity(pivots: Any) -> float:
    return -1.0 if np.count_nonzero(pivots != np.arange(len(pivots))) % 2 else 1.0


def _evaluate_slogdet(a: Any, *factor: Any) -> Any:
    if not factor:
        return np.linalg.slogdet(a)
    lu, pivots = factor
    d = lu.diagonal()
    with np.errstate(divide="ignore"):
        return np.prod(np.sign(d)) * a.dtype.type(_parity(pivots)), np.sum(np.log(np.abs(d)), dtype=a.dtype)


def _jvp_slogdet(tangents: Tangents, args: Args, y: Node) -> tuple[None, Node | None]:
    da = tangents[0]
    return None, None if da is None else inner(mT(make(INV, args, (False,))), da)


SLOGDET = matrix_op(
    "slogdet",
    lambda a, *factor: ((a.shape[:-2], a.dtype), (a.shape[:-2], a.dtype)),
    _evaluate_slogdet,
    several=True,
    jvp=_jvp_slogdet,
    stacked=1,
    note="(sign, log|det A|); the sign has derivative 0",
)


def slogdet(a: Node) -> tuple[Node, ...]:
    """The sign of the determinant and the logarithm of its absolute value."""
    check_square(a)
    (a,) = as_floats(a)
    return make_tuple(SLOGDET, (a, *factors(a)))


# --- det, its cofactors, and their change -----------------------------------------------------------------------------


def _evaluate_det(a: Any, *factor: Any) -> Any:
    if not factor:
        return np.linalg.det(a)
    lu, pivots = factor
    return np.prod(lu.diagonal()) * a.dtype.type(_parity(pivots))


def _jvp_det(tangents: Tangents, args: Args, y: Node) -> Node | None:
    da = tangents[0]
    return None if da is None else inner(make(COFACTORS, args), da)


DET = matrix_op("det", lambda a, *factor: (a.shape[:-2], a.dtype), _evaluate_det, jvp=_jvp_det, stacked=1,
                note="first and second derivatives hold for singular matrices too; all of them up to 3×3")  # fmt: skip


def det(a: Node) -> Node:
    """The determinant of each matrix."""
    check_square(a)
    (a,) = as_floats(a)
    n = a.shape[-1]
    if n == 0:
        return full(a.shape[:-2], 1.0, a.dtype)
    return _written_out(a) if n <= 3 else make(DET, (a, *factors(a)))


def _written_out(a: Node) -> Node:
    n = a.shape[-1]
    whole = [(0, s, 1) for s in a.shape[:-2]]
    m = [[slice_(a, (*whole, i, j)) for j in range(n)] for i in range(n)]
    if n == 1:
        return m[0][0]
    if n == 2:
        return m[0][0] * m[1][1] - m[0][1] * m[1][0]
    minors = [m[1][(k + 1) % 3] * m[2][(k + 2) % 3] - m[1][(k + 2) % 3] * m[2][(k + 1) % 3] for k in range(3)]
    return m[0][0] * minors[0] + m[0][1] * minors[1] + m[0][2] * minors[2]


def _inverse_if_well_conditioned(a: Any, *factor: Any) -> Any:
    try:
        x = inverse_by_factors(*factor) if factor else np.linalg.inv(a)
    except LinAlgError:
        return None
    condition = np.abs(a).sum(-2).max(-1) * np.abs(x).sum(-2).max(-1)
    return x if np.all(condition <= _WELL_CONDITIONED) else None


def _svd_with_sign(a: Any) -> tuple[Any, Any, Any, Any]:
    """det U · det V (a sign, with the axes of a matrix), U, σ and V."""
    u, s, vh = np.linalg.svd(a)
    sign = np.linalg.slogdet(u)[0] * np.linalg.slogdet(vh)[0]
    return sign[..., None, None], u, s, np.swapaxes(vh, -1, -2)


def _running(s: Any) -> tuple[Any, Any]:
    """Products of all factors before, and of all after, each place."""
    one = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([one, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], -1), -1)[..., ::-1]
    return before, after


def _without_two(s: Any) -> Any:
    """Pᵢⱼ = ∏_{k≠i,j} sₖ off the diagonal, 0 on it."""
    n = s.shape[-1]
    before, after = _running(s)
    later = np.triu(np.ones((n, n), bool), 1)
    between = np.cumprod(np.where(later, s[..., None, :], s.dtype.type(1)), -1)  # of sₖ with i < k ≤ j
    between = np.concatenate([np.ones_like(between[..., :1]), between[..., :-1]], -1)
    p = np.where(later, before[..., :, None] * between * after[..., None, :], s.dtype.type(0))
    return p + np.swapaxes(p, -1, -2)


def _evaluate_cofactors(a: Any, *factor: Any) -> Any:
    if not np.isfinite(a).all():
        return np.full_like(a, np.nan)
    x = _inverse_if_well_conditioned(a, *factor)
    if x is not None:
        return np.asarray(_evaluate_det(a, *factor))[..., None, None] * np.swapaxes(x, -1, -2)
    sign, u, s, v = _svd_with_sign(a)
    before, after = _running(s)
    return sign * (u * (before * after)[..., None, :]) @ np.swapaxes(v, -1, -2)


def _jvp_cofactors(tangents: Tangents, args: Args, y: Node) -> Node | None:
    da = tangents[0]
    return None if da is None else make(COFACTOR_CHANGE, (args[0], da))


COFACTORS = matrix_op("cofactors", lambda a, *factor: (a.shape, a.dtype), _evaluate_cofactors, jvp=_jvp_cofactors,
                      stacked=1, note="the derivative of det")  # fmt: skip


def _evaluate_change(a: Any, h: Any) -> Any:
    if not np.isfinite(a).all():
        return np.full_like(a, np.nan)
    x = _inverse_if_well_conditioned(a)
    if x is not None:
        xh = x @ h
        t = np.trace(xh, axis1=-2, axis2=-1)[..., None, None]
        return np.asarray(np.linalg.det(a))[..., None, None] * np.swapaxes(t * x - xh @ x, -1, -2)
    sign, u, s, v = _svd_with_sign(a)
    p = _without_two(s)
    rotated = np.swapaxes(u, -1, -2) @ h @ v
    change = -p * np.swapaxes(rotated, -1, -2)
    i = np.arange(a.shape[-1])
    change[..., i, i] = (p @ rotated[..., i, i][..., None])[..., 0]
    return sign * (u @ change @ np.swapaxes(v, -1, -2))


def _jvp_change(tangents: Tangents, args: Args, y: Node) -> Node | None:
    """In A, by way of the inverse: with X = A⁻¹ and D = det A, the op is D (tr(X H) X − X H X)ᵀ."""
    (da, dh), (a, h) = tangents, args
    moved = None if dh is None else make(COFACTOR_CHANGE, (a, dh))
    if da is None:
        return moved
    x = inv(a)
    dx = -product(x, da, x)
    scaled = lambda t, m: broadcast(reshape(t, (*t.shape, 1, 1)), m.shape) * m
    inside = scaled(trace(product(dx, h)), x) + scaled(trace(product(x, h)), dx) - product(dx, h, x) - product(x, h, dx)
    change = scaled(trace(product(x, da)), y) + scaled(det(a), mT(inside))
    return change if moved is None else change + moved


COFACTOR_CHANGE: Op = matrix_op("cofactor_change", lambda a, h: (h.shape, h.dtype), _evaluate_change, linear=(1,),
                            transpose=lambda g, k, args: make(COFACTOR_CHANGE, (args[0], g)), jvp=_jvp_change,
                            note="the second derivative of det, a symmetric bilinear form")  # fmt: skip
