"""Pseudo-inverses and least squares, also where columns depend on each other.

As long as the rank does not change (Golub & Pereyra 1973, *The differentiation of pseudo-inverses*),
dA⁺ = −A⁺ dA A⁺ + A⁺A⁺ᵀ dAᵀ (I − A A⁺) + (I − A⁺A) dAᵀ A⁺ᵀA⁺,
and the X of least norm that minimizes ‖A X − B‖ is A⁺B. A bound that drops singular values which are not 0 (a truncated
singular value decomposition, as one regularizes) makes another function of A, which is differentiated as what it is:
the sum of vᵢ uᵢᵀ/σᵢ over those that are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import INT64, ITEM, Node, as_node, make, make_tuple, shape_error
from thalweg.ops.elementwise import logical_not, where
from thalweg.ops.matrix import as_floats, check_matrix, matrix_op, mT, product, spread
from thalweg.ops.movement import broadcast
from thalweg.ops.reduce import MAX, keep, sum_
from thalweg.ops.solve import Args, Tangents
from thalweg.ops.spectral import svd, svdvals


def _jvp_pinv(tangents: Tangents, args: Args, p: Node, cutoff: float) -> Node | None:
    (da,), (a,) = tangents, args
    if da is None:
        return None
    left, right = product(p, mT(p), mT(da)), product(mT(da), mT(p), p)
    return left - product(left, a, p) + right - product(p, a, right) - product(p, da, p)


PINV = matrix_op(
    "pinv",
    lambda a, cutoff: ((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype),
    lambda a, cutoff: np.linalg.pinv(a, rcond=cutoff),
    jvp=_jvp_pinv,
    note="the derivative at constant rank",
)


def _only_rounding(cutoff: float, dtype: np.dtype[Any]) -> bool:
    """Whether what lies below the bound is 0 but for rounding."""
    return bool(cutoff <= np.sqrt(np.finfo(dtype).eps))


def dropped(s: Node, cutoff: float) -> Node:
    """Which singular values lie below ``cutoff`` times the largest."""
    if s.shape[-1] == 0:
        return s > 0
    axis = (s.ndim - 1,)
    return s <= broadcast(keep(make(MAX, (s,), (axis,)), s, axis), s.shape) * cutoff


def truncated_inverse(a: Node, drop: Node) -> Node:
    """The pseudo-inverse from the singular values that are not marked in ``drop``."""
    u, s, vh = svd(a)
    inverse = where(drop, as_node(0.0, s.dtype), 1 / where(drop, as_node(1.0, s.dtype), s))
    v = mT(vh)
    return product(v * spread(inverse, v.shape, True), mT(u))


def count_kept(drop: Node) -> Node:
    """The rank."""
    return sum_(logical_not(drop), (drop.ndim - 1,))


def pinv(a: Node, cutoff: float) -> Node:
    """The pseudo-inverse; singular values below ``cutoff`` times the largest count as 0."""
    check_matrix(a)
    (a,) = as_floats(a)
    if _only_rounding(cutoff, a.dtype):
        return make(PINV, (a,), (float(cutoff),))
    return truncated_inverse(a, dropped(svdvals(a), cutoff))


# --- least squares ----------------------------------------------------------------------------------------------------


def _infer_lstsq(a: Node, b: Node, cutoff: float) -> Any:
    if a.shape[:-1] != b.shape[:-1]:
        raise shape_error(f"lstsq: a matrix of shape {a.shape} and a right side of shape {b.shape} do not fit together")
    stack = a.shape[:-2]
    return ((*stack, a.shape[-1], b.shape[-1]), b.dtype), (stack, INT64)


def _evaluate_lstsq(a: Any, b: Any, cutoff: float) -> Any:
    if a.ndim == 2:
        x, _, rank, _ = np.linalg.lstsq(a, b, cutoff)
        return x, np.int64(rank)
    x, rank = np.empty((*a.shape[:-2], a.shape[-1], b.shape[-1]), b.dtype), np.empty(a.shape[:-2], np.int64)
    for i in np.ndindex(a.shape[:-2]):
        x[i], rank[i] = _evaluate_lstsq(a[i], b[i], cutoff)
    return x, rank


def _jvp_lstsq(tangents: Tangents, args: Args, y: Node, cutoff: float) -> tuple[Node | None, None]:
    (da, db), (a, b) = tangents, args
    x, p = make(ITEM, (y,), (0,)), pinv(a, cutoff)
    dx = None if db is None else product(p, db)
    if da is not None:
        residual, back = b - product(a, x), product(mT(da), mT(p), x)
        change = product(p, mT(p), mT(da), residual) - product(p, da, x) + back - product(p, a, back)
        dx = change if dx is None else dx + change
    return dx, None


LSTSQ = matrix_op("lstsq", _infer_lstsq, _evaluate_lstsq, several=True, jvp=_jvp_lstsq,
                  note="(x, rank); the derivative at constant rank")  # fmt: skip


def lstsq(a: Node, b: Node, cutoff: float) -> Args:
    """The X of least norm among those with the least ‖A X − B‖, for matrices B, and the rank of A."""
    a, b = as_floats(a, b)
    if not _only_rounding(cutoff, a.dtype):
        drop = dropped(svdvals(a), cutoff)
        return product(truncated_inverse(a, drop), b), count_kept(drop)
    return make_tuple(LSTSQ, (a, b), (float(cutoff),))
