"""Differences, numerical gradients and interpolation between the points of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.graph import BOOL, FLOAT64, INT64, Node, as_node
from thalweg.ops.elementwise import (
    absolute,
    astype,
    equal,
    isnan,
    logical_or,
    maximum,
    minimum,
    not_equal,
    remainder,
    where,
)
from thalweg.ops.gather import ARGSORT, take
from thalweg.ops.movement import broadcast, concatenate, reshape
from thalweg.tracing.functions.joining import one_dtype
from thalweg.tracing.functions.movement import cut
from thalweg.tracing.functions.ordering import SEARCHSORTED
from thalweg.tracing.functions.registry import implements, normalize_axes, normalize_axis
from thalweg.tracing.tracer import node_of

_NOTHING: Any = getattr(np, "_NoValue", None)


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = _NOTHING, append: Any = _NOTHING) -> Node:
    x = node_of(a)
    if n == 0:
        return x
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n!r}")
    if x.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = normalize_axis(axis, x.ndim)
    parts = [x]
    for extra, at in ((prepend, 0), (append, 2)):
        if extra is not _NOTHING:
            e = node_of(extra, x.dtype)
            if e.ndim == 0:
                e = broadcast(e, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
            parts.insert(at, e)
    x = concatenate(one_dtype(parts), axis)
    for _ in range(n):
        size = x.shape[axis]
        later, earlier = cut(x, axis, min(1, size), size), cut(x, axis, 0, max(size - 1, 0))
        x = not_equal(later, earlier) if x.dtype == BOOL else later - earlier
    return x


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Node:
    x = node_of(ary)
    x = reshape(x, (x.size,))
    parts = [diff(x)]
    for extra, at in ((to_begin, 0), (to_end, 2)):
        if extra is not None:
            e = node_of(extra, x.dtype)
            parts.insert(at, astype(reshape(e, (e.size,)), x.dtype))
    return concatenate(parts, 0)


# --- np.gradient ----------------------------------------------------------------------------------------------------


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Node | tuple[Node, ...]:
    x = node_of(f)
    axes: Sequence[int] = normalize_axes(axis, x.ndim)
    if isinstance(axis, tuple | list):
        axes = [normalize_axis(a, x.ndim) for a in axis]
    spacings = [node_of(v) for v in varargs] or [as_node(1.0, x.dtype)]
    if len(spacings) == 1 and len(axes) > 1 and spacings[0].ndim == 0:
        spacings = spacings * len(axes)
    if len(spacings) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    x = x if x.dtype.kind == "f" else astype(x, FLOAT64)
    found = []
    for i, h in zip(axes, spacings, strict=True):
        if h.ndim > 1:
            raise ValueError("distances must be either scalars or 1d")
        if h.ndim == 1 and h.size != x.shape[i]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        if x.shape[i] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
                "required."
            )
        found.append(_gradient_along(x, h if h.dtype.kind == "f" else astype(h, FLOAT64), i, edge_order))
    return found[0] if len(found) == 1 else tuple(found)


def _gradient_along(x: Node, h: Node, i: int, edge_order: int) -> Node:
    """Central differences inside, one-sided ones at the ends (Fornberg 1988); ``h`` is a step or the coordinates."""
    n = x.shape[i]

    def part(a: int, b: int) -> Node:
        return cut(x, i, a, b)

    if h.ndim == 0:
        inner = (part(2, n) - part(0, n - 2)) / (2.0 * h)
        if edge_order == 1:
            first = (part(1, 2) - part(0, 1)) / h
            last = (part(n - 1, n) - part(n - 2, n - 1)) / h
        else:
            first = (-1.5 / h) * part(0, 1) + (2.0 / h) * part(1, 2) + (-0.5 / h) * part(2, 3)
            last = (0.5 / h) * part(n - 3, n - 2) + (-2.0 / h) * part(n - 2, n - 1) + (1.5 / h) * part(n - 1, n)
        return concatenate([first, inner, last], i)
    steps = diff(h)

    def step(a: int, b: int) -> Node:
        return reshape(cut(steps, 0, a, b), tuple(b - a if j == i else 1 for j in range(x.ndim)))

    d1, d2 = step(0, n - 2), step(1, n - 1)
    inner = -(d2 / (d1 * (d1 + d2))) * part(0, n - 2) + ((d2 - d1) / (d1 * d2)) * part(1, n - 1)
    inner = inner + (d1 / (d2 * (d1 + d2))) * part(2, n)
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / step(0, 1)
        last = (part(n - 1, n) - part(n - 2, n - 1)) / step(n - 2, n - 1)
    else:
        d1, d2 = step(0, 1), step(1, 2)
        first = -((2.0 * d1 + d2) / (d1 * (d1 + d2))) * part(0, 1) + ((d1 + d2) / (d1 * d2)) * part(1, 2)
        first = first - (d1 / (d2 * (d1 + d2))) * part(2, 3)
        d1, d2 = step(n - 3, n - 2), step(n - 2, n - 1)
        last = (d2 / (d1 * (d1 + d2))) * part(n - 3, n - 2) - ((d2 + d1) / (d1 * d2)) * part(n - 2, n - 1)
        last = last + ((2.0 * d2 + d1) / (d2 * (d1 + d2))) * part(n - 1, n)
    return concatenate([first, inner, last], i)


# --- interpolation --------------------------------------------------------------------------------------------------


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Node:
    """Differentiable in the table too; at a point of the table, the slope is that on its right."""
    at, points, values = (astype(node_of(v), FLOAT64) for v in (x, xp, fp))
    if points.ndim != 1 or values.ndim != 1:
        deep = max(points.ndim, values.ndim) > 1
        raise ValueError("object too deep for desired array" if deep else "Data points must be 1-D sequences")
    if points.size == 0:
        raise ValueError("array of sample points is empty")
    if points.size != values.size:
        raise ValueError("fp and xp are not of the same length.")
    if period is not None:
        left = right = None
        at, points, values = _periodic(at, points, values, astype(node_of(period), FLOAT64))
    n = points.size
    first, last = cut(values, 0, 0, 1), cut(values, 0, n - 1, n)
    low = reshape(first, ()) if left is None else astype(node_of(left), FLOAT64)
    high = reshape(last, ()) if right is None else astype(node_of(right), FLOAT64)
    start, end = reshape(cut(points, 0, 0, 1), ()), reshape(cut(points, 0, n - 1, n), ())
    if n == 1:
        inside = broadcast(reshape(first, ()), at.shape)
    else:
        j = SEARCHSORTED(points, at, params=("right",)) - 1
        j = minimum(maximum(j, as_node(0, INT64)), as_node(n - 2, INT64))
        x0, x1, y0, y1 = (take(v, k, 0) for v in (points, values) for k in (j, j + 1))
        slope = (y1 - y0) / (x1 - x0)
        line = slope * (at - x0) + y0
        other = where(logical_or(equal(at, x0), equal(y0, y1)), y0, slope * (at - x1) + y1)
        inside = where(equal(at, x1), y1, where(isnan(line), other, line))  # infinities: as NumPy
    y = where(at > end, high, where(at < start, low, inside))
    return where(isnan(at), at, y)


def _periodic(at: Node, points: Node, values: Node, period: Node) -> tuple[Node, Node, Node]:
    """The table over one period, continued by one point at each end."""
    if period.value is not None and period.value == 0:
        raise ValueError("period must be a non-zero value")
    period = absolute(period)
    at, points = remainder(at, period), remainder(points, period)
    order = ARGSORT(points, params=(0,))
    points, values = take(points, order, 0), take(values, order, 0)
    n = points.size
    points = concatenate([cut(points, 0, n - 1, n) - period, points, cut(points, 0, 0, 1) + period], 0)
    values = concatenate([cut(values, 0, n - 1, n), values, cut(values, 0, 0, 1)], 0)
    return at, points, values
