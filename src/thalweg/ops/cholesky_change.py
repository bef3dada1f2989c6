"""How the Cholesky factor changes with its matrix, and the adjoint of that.

A = L Lᵀ:  dL = L Φ(L⁻¹ dA L⁻ᵀ), where Φ takes the lower triangle and halves its diagonal. The adjoint takes a
cotangent G of L to the symmetric part of L⁻ᵀ Φ(Lᵀ G) L⁻¹. As they stand, these cost a dozen times what L does. Both
follow the factorization by halves instead, with L₁₁, L₂₁, L₂₂ the blocks of L, in matrix products and with 2½ times its
operations (Murray 2016, *Differentiation of the Cholesky decomposition*):

    forwards    dL₂₁ = (dA₂₁ − L₂₁ dL₁₁ᵀ) L₁₁⁻ᵀ,  then dL₂₂ from dA₂₂ − dL₂₁ L₂₁ᵀ − L₂₁ dL₂₁ᵀ
    backwards   C₂₂ from G₂₂,  B = (G₂₁ − 2 C₂₂ L₂₁) L₁₁⁻¹,  C₂₁ = B/2,  then C₁₁ from G₁₁ − Bᵀ L₂₁

Each is the other's transpose, so there are derivatives of all orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from thalweg.graph import Node, Op, make
from thalweg.ops.matrix import each, lapack, matrix_op, mT, product, triangle
from thalweg.ops.solve import TRIANGULAR_SOLVE

_WHOLE = 48  # up to this order a block is not divided further


@lru_cache(maxsize=64)
def _weights(n: int, dtype: Any) -> Any:
    w = np.tril(np.ones((n, n), dtype))
    w[np.arange(n), np.arange(n)] = 0.5
    return w


def _phi(x: Any) -> Any:
    return x * _weights(x.shape[-1], x.dtype)


def _symmetric(x: Any) -> Any:
    return (x + np.swapaxes(x, -1, -2)) * x.dtype.type(0.5)


def _inverse(L: Any) -> Any:
    """L⁻¹, in C order: LAPACK sees the transpose."""
    return lapack("trtri", L.dtype)(L.T, lower=0)[0].T


def _over(x: Any, L: Any, transposed: bool) -> Any:
    """X L⁻¹, or X L⁻ᵀ: to LAPACK, which reads by columns, L⁻ᵀ Xᵀ or L⁻¹ Xᵀ."""
    found = lapack("trtrs", L.dtype)(np.ascontiguousarray(L).T, np.ascontiguousarray(x).T, lower=0, trans=transposed)
    return found[0].T


def _tangent(L: Any, s: Any) -> Any:
    n = len(L)
    if n <= _WHOLE:
        w = _inverse(np.ascontiguousarray(L))
        return L @ _phi(w @ s @ w.T)
    h = n // 2
    a, b, c = L[:h, :h], L[h:, :h], L[h:, h:]
    out = np.zeros((n, n), L.dtype)
    da = out[:h, :h] = _tangent(a, s[:h, :h])
    db = out[h:, :h] = _over(s[h:, :h] - b @ da.T, a, True)
    turned = db @ b.T
    out[h:, h:] = _tangent(c, s[h:, h:] - turned - turned.T)
    return out


def _cotangent(L: Any, g: Any) -> Any:
    n = len(L)
    if n <= _WHOLE:
        w = _inverse(np.ascontiguousarray(L))
        return _symmetric(w.T @ _phi(L.T @ g) @ w)
    h = n // 2
    a, b, c = L[:h, :h], L[h:, :h], L[h:, h:]
    out = np.empty((n, n), L.dtype)
    low = out[h:, h:] = _cotangent(c, g[h:, h:])
    side = _over(g[h:, :h] - 2 * (low @ b), a, False)
    np.multiply(side, L.dtype.type(0.5), out=out[h:, :h])
    out[:h, h:] = out[h:, :h].T
    out[:h, :h] = _cotangent(a, g[:h, :h] - side.T @ b)
    return out


def _evaluate_tangent(L: Any, s: Any) -> Any:
    if not L.size:
        return s
    if L.ndim == 2:
        return _tangent(L, _symmetric(s))
    if L.shape[-1] > _WHOLE:
        return each(_evaluate_tangent, L.shape, L.dtype, L, s)
    half = np.linalg.solve(L, _symmetric(s))
    return L @ _phi(np.linalg.solve(L, np.swapaxes(half, -1, -2)))


def _evaluate_cotangent(L: Any, g: Any) -> Any:
    if not L.size:
        return g
    if L.ndim == 2:
        return _cotangent(L, g)
    if L.shape[-1] > _WHOLE:
        return each(_cotangent, L.shape, L.dtype, L, g)
    t = np.swapaxes(L, -1, -2)
    half = np.linalg.solve(t, _phi(t @ g))
    return _symmetric(np.linalg.solve(t, np.swapaxes(half, -1, -2)))


# --- second derivatives: the formulas as they stand -----------------------------------------------------------------


def _solved(L: Node, x: Node, transposed: bool = False) -> Node:
    return make(TRIANGULAR_SOLVE, (L, x), (True, transposed, False))


def _halves(x: Node) -> Node:
    return triangle(x, True, 0.5)


def _symmetric_part(x: Node) -> Node:
    return (x + mT(x)) * 0.5


def _jvp_tangent(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node) -> Node | None:
    """With Y = L⁻¹ S L⁻ᵀ and K = L⁻¹ dL:  dL Φ(Y) − L Φ(K Y + Y Kᵀ)."""
    (dL, ds), (L, s) = tangents, args
    moved = None if ds is None else make(CHOLESKY_TANGENT, (L, ds))
    if dL is None:
        return moved
    dL = triangle(dL)
    inside = _solved(L, mT(_solved(L, _symmetric_part(s))))
    turned = product(_solved(L, dL), inside)
    change = product(dL, _halves(inside)) - product(L, _halves(turned + mT(turned)))
    return change if moved is None else change + moved


def _jvp_cotangent(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node) -> Node | None:
    """With M = L⁻ᵀ Φ(Lᵀ G) L⁻¹ and H = dL L⁻¹, the symmetric part of  L⁻ᵀ Φ(dLᵀ G) L⁻¹ − Hᵀ M − M H."""
    (dL, dg), (L, g) = tangents, args
    moved = None if dg is None else make(CHOLESKY_COTANGENT, (L, dg))
    if dL is None:
        return moved
    dL = triangle(dL)
    between = lambda x: mT(_solved(L, mT(_solved(L, _halves(x), True)), True))
    m = between(product(mT(L), g))
    h = mT(_solved(L, mT(dL), True))
    change = _symmetric_part(between(product(mT(dL), g)) - product(mT(h), m) - product(m, h))
    return change if moved is None else change + moved


CHOLESKY_TANGENT: Op = matrix_op(
    "cholesky_tangent",
    lambda L, s: (s.shape, s.dtype),
    _evaluate_tangent,
    linear=(1,),
    transpose=lambda g, k, args: make(CHOLESKY_COTANGENT, (args[0], g)),
    jvp=_jvp_tangent,
    note="the change of L with a symmetric change of L Lᵀ",
)
CHOLESKY_COTANGENT: Op = matrix_op(
    "cholesky_cotangent",
    lambda L, g: (g.shape, g.dtype),
    _evaluate_cotangent,
    linear=(1,),
    transpose=lambda g, k, args: make(CHOLESKY_TANGENT, (args[0], g)),
    jvp=_jvp_cotangent,
    note="the adjoint of cholesky_tangent",
)
