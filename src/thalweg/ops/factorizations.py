"""Cholesky and QR.

A = L Lᵀ:  dL = L Φ(L⁻¹ dA L⁻ᵀ), an op of its own (`cholesky_change`).
A = Q R with as many rows as columns or more:  with C = Qᵀ dA R⁻¹, the skew matrix Ω that has C's entries below the
diagonal turns Q within its columns: dR = (C − Ω) R, dQ = Q Ω + (dA R⁻¹ − Q C) (Walter & Lehmann 2018, *Algorithmic
differentiation of linear algebra functions*). A wide matrix is the QR of its leading square block.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import ITEM, Node, constant, full, make, make_tuple
from thalweg.ops.cholesky_change import CHOLESKY_TANGENT
from thalweg.ops.matrix import (
    as_floats,
    check_matrix,
    check_square,
    matrix_op,
    mT,
    product,
    symmetric_tangent,
    triangle,
)
from thalweg.ops.movement import broadcast, concatenate, slice_
from thalweg.ops.solve import Args, Tangents, inv, triangular_solve


def _jvp_cholesky(tangents: Tangents, args: Args, L: Node) -> Node | None:
    (da,), (a,) = tangents, args
    return None if da is None else make(CHOLESKY_TANGENT, (L, symmetric_tangent(da, a)))


CHOLESKY = matrix_op("cholesky", lambda a: (a.shape, a.dtype), np.linalg.cholesky, jvp=_jvp_cholesky,
                     note="reads the lower triangle; a symmetric argument has a symmetric gradient")  # fmt: skip


def cholesky(a: Node) -> Node:
    """The lower triangular L with A = L Lᵀ; only the lower triangle of ``a`` is read."""
    check_square(a)
    (a,) = as_floats(a)
    return make(CHOLESKY, (a,))


# --- QR ---------------------------------------------------------------------------------------------------------------


def columns(x: Node, start: int, stop: int) -> Node:
    return slice_(x, (*((0, n, 1) for n in x.shape[:-1]), (start, stop, 1) if stop > start else (0, 0, 1)))


def rows(x: Node, start: int, stop: int) -> Node:
    return mT(columns(mT(x), start, stop))


def _infer_qr(a: Node, complete: bool) -> Any:
    *stack, m, n = a.shape
    k = m if complete else n
    return ((*stack, m, k), a.dtype), ((*stack, k, n), a.dtype)


def _jvp_qr(tangents: Tangents, args: Args, y: Node, complete: bool) -> tuple[Node | None, Node | None]:
    (da,), (a,) = tangents, args
    if da is None:
        return None, None
    *stack, m, n = a.shape
    q, r = make(ITEM, (y,), (0,)), make(ITEM, (y,), (1,))
    q1, r1 = columns(q, 0, n), rows(r, 0, n)
    t = mT(triangular_solve(r1, mT(da), lower=False, transposed=True))  # dA R⁻¹
    c = product(mT(q1), t)
    below = triangle(c, True, 0.0)
    omega = below - mT(below)
    dr = triangle(product(c - omega, r1), False)
    dq = product(q1, omega) + t - product(q1, c)
    if complete and m > n:
        dq = concatenate([dq, _change_of_complement(q1, dq)], len(stack) + 1)
        dr = concatenate([dr, full((*stack, m - n, n), 0.0, a.dtype)], len(stack))
    return dq, dr


def _change_of_complement(q: Node, dq: Node) -> Node:
    """How the further columns of a square Q turn, which LAPACK makes by reflections: Q = I − Y T Yᵀ.

    Its first columns Q₁ determine the rest (Ballard et al. 2014, *Reconstructing Householder vectors from tall-skinny
    QR*): with E₁, E₂ the columns of I, and B, C the upper and lower rows of Q₁, Q₂ = E₂ + (E₁ − Q₁) W, (I − B)ᵀ W = Cᵀ.
    """
    m, n = q.shape[-2:]
    unit = broadcast(constant(np.eye(m, n, dtype=q.dtype)), q.shape)
    inverse = mT(inv(rows(unit - q, 0, n), quiet=True))
    w = product(inverse, mT(rows(q, n, m)))
    dw = product(inverse, mT(rows(dq, n, m)) + product(mT(rows(dq, 0, n)), w))
    return product(unit - q, dw) - product(dq, w)


QR = matrix_op(
    "qr",
    _infer_qr,
    lambda a, complete: tuple(np.linalg.qr(a, "complete" if complete else "reduced")),
    several=True,
    jvp=_jvp_qr,
    note="(Q, R) for independent columns",
)


def qr(a: Node, complete: bool = False) -> Args:
    """Q with orthonormal columns and R upper triangular, A = Q R; ``complete`` makes Q square."""
    check_matrix(a)
    (a,) = as_floats(a)
    m, n = a.shape[-2:]
    if m >= n:
        return make_tuple(QR, (a,), (complete and m > n,))
    q, r = make_tuple(QR, (columns(a, 0, m),), (False,))
    return q, concatenate([r, product(mT(q), columns(a, m, n))], a.ndim - 1)
