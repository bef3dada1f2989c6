"""``numpy.linalg.norm`` of every order, for vectors and matrices.

Convention at kinks: the derivative is 0 at the zero vector and, for orders below 2, in components that are 0. It falls
out of the chain rule in which 0·∞ = 0: the norm is √Σx², and its derivative there ∞·2x = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node, as_node
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r
from thalweg.ops.movement import reshape, transpose
from thalweg.tracing.functions.reduce import finish, floating, merge
from thalweg.tracing.functions.registry import implements, normalize_axis
from thalweg.tracing.tracer import FUNCTIONS, node_of, unsupported


def _euclidean(x: Node, axes: r.Axes) -> Node:
    return e.sqrt(r.sum_(e.square(x), axes))


def _of_vectors(x: Node, order: Any, axes: r.Axes) -> Node:
    if order is None or order == 2:
        return _euclidean(x, axes)
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    if order == np.inf:
        return r.MAX(e.absolute(x), params=(axes,))
    if order == -np.inf:
        return r.MIN(e.absolute(x), params=(axes,))
    if order == 0:
        return r.sum_(e.astype(e.not_equal(x, as_node(0.0, x.dtype)), x.dtype), axes)
    if order == 1:
        return r.sum_(e.absolute(x), axes)
    p = as_node(float(order), x.dtype)
    return r.sum_(e.absolute(x) ** p, axes) ** (1.0 / float(order))


def _of_matrices(x: Node, order: Any, rows: int, columns: int) -> Node:
    """The norm over a pair of axes: ``rows`` counts the rows of the matrix."""
    if order is None or order in ("fro", "f"):
        return _euclidean(x, tuple(sorted((rows, columns))))
    if order in (1, -1, np.inf, -np.inf):
        summed, along = (rows, columns) if abs(order) == 1 else (columns, rows)
        totals = r.sum_(e.absolute(x), (summed,))
        pick = r.MAX if order > 0 else r.MIN
        return pick(totals, params=((along - (summed < along),),))
    if order in (2, -2, "nuc"):
        values = _singular_values(x, rows, columns)
        last = (values.ndim - 1,)
        if order == "nuc":
            return r.sum_(values, last)
        return (r.MAX if order == 2 else r.MIN)(values, params=(last,))
    raise ValueError("Invalid norm order for matrices.")


def _singular_values(x: Node, rows: int, columns: int) -> Node:
    svd = FUNCTIONS.get(np.linalg.svd)
    if svd is None:
        raise unsupported("np.linalg.norm of an order that needs singular values")
    others = [i for i in range(x.ndim) if i not in (rows, columns)]
    values: Node = svd(transpose(x, (*others, rows, columns)), compute_uv=False)
    return values


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Node:
    a = floating(node_of(x))
    if axis is None:
        axes: tuple[int, ...] = tuple(range(a.ndim))
        if ord is None or (ord in ("f", "fro") and a.ndim == 2) or (ord == 2 and a.ndim == 1):
            return finish(_euclidean(a, axes), a, axes, keepdims)
    else:
        axes = tuple(normalize_axis(i, a.ndim) for i in (axis if isinstance(axis, tuple | list) else (axis,)))
    if len(axes) == 1:
        return finish(_of_vectors(a, ord, axes), a, axes, keepdims)
    if len(axes) == 2:
        if axes[0] == axes[1]:
            raise ValueError("Duplicate axes given.")
        return finish(_of_matrices(a, ord, *axes), a, axes, keepdims)
    raise ValueError("Improper number of dimensions to norm.")


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Node:
    return norm(x, ord, (-2, -1), keepdims)


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Node:
    """The norm of all elements along the axes, however many, taken as one vector."""
    a = floating(node_of(x))
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(normalize_axis(i, a.ndim) for i in axes)
    merged = merge(a, axes) if axes else reshape(a, (*a.shape, 1))
    return finish(_of_vectors(merged, ord, (merged.ndim - 1,)), a, axes, keepdims)
