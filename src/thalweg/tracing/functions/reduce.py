"""NumPy's reductions and scans.

A reduction over several axes is one over their product: the axes are brought together, in C order. ``where=`` puts the
neutral element in the places that do not count; ``initial=`` is one more element.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import BOOL, FLOAT64, INT64, Node, Op, as_node, canonical, full
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r
from thalweg.ops.movement import broadcast, concatenate, normalize_basic, reshape, slice_, transpose
from thalweg.tracing.context import trace_error
from thalweg.tracing.functions.registry import array_methods, implements, normalize_axes, normalize_axis
from thalweg.tracing.tracer import node_of

Axis = Any  # None, an int or a tuple of ints


def graph_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype of a graph that stands for ``dtype``."""
    return canonical(np.empty(0, dtype)).dtype


def floating(x: Node) -> Node:
    """``x`` with real entries: integers and booleans become float64."""
    return x if x.dtype.kind == "f" else e.astype(x, FLOAT64)


def source(a: Any, dtype: Any = None, out: Any = None) -> Node:
    """The argument of a reduction, in the dtype in which it is carried out."""
    if out is not None:
        raise trace_error("out= was given by position: give it by keyword (out=...) or leave it away")
    x = node_of(a)
    return x if dtype is None else e.astype(x, graph_dtype(dtype))


def axes_of(axis: Axis, x: Node) -> r.Axes:
    """The axes of a reduction by a ufunc: of a number, axis 0 is no axis."""
    if x.ndim == 0 and not isinstance(axis, tuple | list) and axis in (0, -1):
        return ()
    return normalize_axes(axis, x.ndim)


def finish(y: Node, x: Node, axes: r.Axes, keepdims: Any) -> Node:
    return r.keep(y, x, axes) if keepdims else y


def masked(x: Node, where: Any, neutral: float) -> Node:
    """``x`` with the neutral element in the places where the mask is false."""
    return x if where is True else e.where(node_of(where), x, as_node(neutral, x.dtype))


def merge(x: Node, axes: r.Axes) -> Node:
    """The axes brought together in one, the last."""
    if len(axes) == x.ndim:
        return reshape(x, (x.size,))
    if len(axes) == 1 and axes[0] == x.ndim - 1:
        return x
    kept = [i for i in range(x.ndim) if i not in axes]
    moved = transpose(x, (*kept, *axes))
    size = 1
    for i in axes:
        size *= x.shape[i]
    return reshape(moved, (*moved.shape[: len(kept)], size))


# --- sums and products ----------------------------------------------------------------------------------------------


@implements(np.sum)
def sum(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Node:
    x = masked(source(a, dtype, out), where, 0)
    axes = axes_of(axis, x)
    y = finish(r.sum_(x, axes), x, axes, keepdims)
    return y if initial is None else y + node_of(initial, y.dtype)


@implements(np.prod)
def prod(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> Node:
    x = masked(source(a, dtype, out), where, 1)
    axes = axes_of(axis, x)
    if axes:
        merged = merge(x, axes)
        y = finish(r.prod_along(merged, merged.ndim - 1), x, axes, keepdims)
    else:
        y = e.astype(x, INT64) if x.dtype == BOOL else x
    return y if initial is None else y * node_of(initial, y.dtype)


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Axis = None, *, keepdims: Any = False) -> Node:
    x = node_of(a)
    return sum(e.not_equal(x, as_node(0, x.dtype)), axis, keepdims=keepdims)


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Node:
    """Σ (x_{i+1} − x_i)(y_i + y_{i+1}) / 2."""
    heights = floating(node_of(y))
    k = normalize_axis(axis, heights.ndim)
    if x is None:
        steps = node_of(dx, heights.dtype)
    else:
        places = node_of(x)
        at = 0 if places.ndim == 1 else normalize_axis(axis, places.ndim)
        steps = _along(places, at, slice(1, None)) - _along(places, at, slice(None, -1))
        if places.ndim == 1:
            steps = reshape(steps, tuple(steps.size if i == k else 1 for i in range(heights.ndim)))
    pieces = steps * (_along(heights, k, slice(1, None)) + _along(heights, k, slice(None, -1))) / 2.0
    return r.sum_(pieces, (normalize_axis(axis, pieces.ndim),))


def _along(x: Node, axis: int, part: slice) -> Node:
    index = [part if i == axis else slice(None) for i in range(x.ndim)]
    return slice_(x, normalize_basic(x.shape, index))


# --- extrema --------------------------------------------------------------------------------------------------------


def _extremum(op: Op, a: Any, axis: Axis, out: Any, keepdims: Any, initial: Any, where: Any) -> Node:
    x = source(a, None, out)
    axes = axes_of(axis, x)
    if where is not True:
        if initial is None:
            raise ValueError(f"np.{op.name} with where= needs initial=: the {op.name} of nothing is not defined")
        x = e.where(node_of(where), x, node_of(initial, x.dtype))
    if initial is None:
        return finish(op(x, params=(axes,)), x, axes, keepdims)
    start = node_of(initial, x.dtype)
    if 0 in [x.shape[i] for i in axes]:
        left = tuple(n for i, n in enumerate(x.shape) if i not in axes)
        return finish(broadcast(e.astype(start, x.dtype), left), x, axes, keepdims)
    pick = e.maximum if op is r.MAX else e.minimum
    return pick(finish(op(x, params=(axes,)), x, axes, keepdims), start)


@implements(np.max, np.amax)
def max(
    a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Node:
    return _extremum(r.MAX, a, axis, out, keepdims, initial, where)


@implements(np.min, np.amin)
def min(
    a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Node:
    return _extremum(r.MIN, a, axis, out, keepdims, initial, where)


@implements(np.ptp)
def ptp(a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False) -> Node:
    x = source(a, None, out)
    return max(x, axis, keepdims=keepdims) - min(x, axis, keepdims=keepdims)


def _position(op: Op, a: Any, axis: Axis, out: Any, keepdims: Any) -> Node:
    x = source(a, None, out)
    if axis is None or (x.ndim == 0 and axis in (0, -1)):
        y = op(reshape(x, (x.size,)), params=(0,))
        return finish(y, x, r.all_axes(x), keepdims)
    k = normalize_axis(axis, x.ndim)
    return finish(op(x, params=(k,)), x, (k,), keepdims)


@implements(np.argmax)
def argmax(a: Any, axis: Axis = None, out: Any = None, *, keepdims: Any = False) -> Node:
    return _position(r.ARGMAX, a, axis, out, keepdims)


@implements(np.argmin)
def argmin(a: Any, axis: Axis = None, out: Any = None, *, keepdims: Any = False) -> Node:
    return _position(r.ARGMIN, a, axis, out, keepdims)


# --- logic ----------------------------------------------------------------------------------------------------------


@implements(np.any)
def any(a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Node:
    x = masked(source(a, None, out), where, 0)
    axes = axes_of(axis, x)
    return finish(r.ANY(x, params=(axes,)), x, axes, keepdims)


@implements(np.all)
def all(a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False, *, where: Any = True) -> Node:
    x = masked(source(a, None, out), where, 1)
    axes = axes_of(axis, x)
    return finish(r.ALL(x, params=(axes,)), x, axes, keepdims)


# --- scans ----------------------------------------------------------------------------------------------------------


def _scan(op: Op, a: Any, axis: Axis, dtype: Any, out: Any) -> Node:
    x = source(a, dtype, out)
    if axis is None or (x.ndim == 0 and axis in (0, -1)):
        return op(reshape(x, (x.size,)), params=(0,))
    return op(x, params=(normalize_axis(axis, x.ndim),))


@implements(np.cumsum)
def cumsum(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None) -> Node:
    return _scan(r.CUMSUM, a, axis, dtype, out)


@implements(np.cumprod)
def cumprod(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None) -> Node:
    return _scan(r.CUMPROD, a, axis, dtype, out)


def _cumulative(op: Op, neutral: float, name: str, x: Any, axis: Axis, dtype: Any, include_initial: bool) -> Node:
    node = source(x, dtype)
    if node.ndim == 0:
        node = reshape(node, (1,))
    if axis is None:
        if node.ndim > 1:
            raise ValueError(f"np.{name}: an array of {node.ndim} dimensions needs axis=")
        axis = 0
    k = normalize_axis(axis, node.ndim)
    y = op(node, params=(k,))
    if include_initial:
        first = tuple(1 if i == k else n for i, n in enumerate(y.shape))
        y = concatenate([full(first, neutral, y.dtype), y], k)
    return y


@implements(np.cumulative_sum)
def cumulative_sum(x: Any, /, *, axis: Axis = None, dtype: Any = None, include_initial: bool = False) -> Node:
    return _cumulative(r.CUMSUM, 0, "cumulative_sum", x, axis, dtype, include_initial)


@implements(np.cumulative_prod)
def cumulative_prod(x: Any, /, *, axis: Axis = None, dtype: Any = None, include_initial: bool = False) -> Node:
    return _cumulative(r.CUMPROD, 1, "cumulative_prod", x, axis, dtype, include_initial)


array_methods(
    sum=np.sum,
    prod=np.prod,
    max=np.max,
    min=np.min,
    any=np.any,
    all=np.all,
    argmax=np.argmax,
    argmin=np.argmin,
    cumsum=np.cumsum,
    cumprod=np.cumprod,
)
