"""NumPy's reductions that leave NaN out: ``where`` puts the neutral element there, and NaN has derivative 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node, as_node
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r
from thalweg.ops.gather import ARGSORT, take_along
from thalweg.ops.movement import reshape
from thalweg.tracing.context import concrete
from thalweg.tracing.functions import reduce as plain
from thalweg.tracing.functions import statistics
from thalweg.tracing.functions.reduce import Axis, axes_of, source
from thalweg.tracing.functions.registry import implements, normalize_axes
from thalweg.tracing.tracer import node_of


def _is_number(x: Node) -> Node:
    return e.logical_not(e.isnan(x))


def _where(x: Node, where: Any) -> Node:
    number = _is_number(x)
    return number if where is True else e.logical_and(number, node_of(where))


@implements(np.nansum)
def nansum(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
    where: Any = True,
) -> Node:  # fmt: skip
    x = source(a, dtype, out)
    return plain.sum(x, axis, keepdims=keepdims, initial=initial, where=_where(x, where))


@implements(np.nanprod)
def nanprod(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, initial: Any = None,
    where: Any = True,
) -> Node:  # fmt: skip
    x = source(a, dtype, out)
    return plain.prod(x, axis, keepdims=keepdims, initial=initial, where=_where(x, where))


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None) -> Node:
    x = source(a, dtype, out)
    return plain.cumsum(plain.masked(x, _is_number(x), 0), axis)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None) -> Node:
    x = source(a, dtype, out)
    return plain.cumprod(plain.masked(x, _is_number(x), 1), axis)


@implements(np.nanmean)
def nanmean(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Node:
    x = source(a, dtype, out)
    axis = axes_of(axis, x)
    return statistics.mean(x, axis, keepdims=keepdims, where=_where(x, where))


@implements(np.nanvar)
def nanvar(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = True, mean: Any = None, correction: Any = None,
) -> Node:  # fmt: skip
    x = source(a, dtype, out)
    axis = axes_of(axis, x)
    number = _where(x, where)
    count = plain.sum(number, axis, keepdims=keepdims)
    v = statistics.var(x, axis, None, None, ddof, keepdims, where=number, mean=mean, correction=correction)
    taken = ddof if correction is None else correction
    return e.where(count > as_node(taken, v.dtype), v, as_node(float("nan"), v.dtype))


@implements(np.nanstd)
def nanstd(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = True, mean: Any = None, correction: Any = None,
) -> Node:  # fmt: skip
    return e.sqrt(nanvar(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction))


def _extremum(of: Any, neutral: float, a: Any, axis: Axis, out: Any, keepdims: Any, initial: Any, where: Any) -> Node:
    x = source(a, None, out)
    if x.dtype.kind != "f":
        return of(x, axis, keepdims=keepdims, initial=initial, where=where)
    number = _is_number(x)
    y = of(plain.masked(x, number, neutral), axis, keepdims=keepdims, initial=initial, where=where)
    if initial is not None:
        return y
    return e.where(plain.any(number, axis, keepdims=keepdims), y, as_node(float("nan"), y.dtype))


@implements(np.nanmax)
def nanmax(
    a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Node:
    return _extremum(plain.max, -np.inf, a, axis, out, keepdims, initial, where)


@implements(np.nanmin)
def nanmin(
    a: Any, axis: Axis = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Node:
    return _extremum(plain.min, np.inf, a, axis, out, keepdims, initial, where)


def _position(op: Any, neutral: float, a: Any, axis: Axis, out: Any, keepdims: Any) -> Node:
    x = source(a, None, out)
    if x.dtype.kind == "f":
        number = _is_number(x)
        if concrete(plain.any(e.logical_not(plain.any(number, axis)))):
            raise ValueError("All-NaN slice encountered")
        x = plain.masked(x, number, neutral)
    return op(x, axis, keepdims=keepdims)


@implements(np.nanargmax)
def nanargmax(a: Any, axis: Axis = None, out: Any = None, *, keepdims: Any = False) -> Node:
    return _position(plain.argmax, -np.inf, a, axis, out, keepdims)


@implements(np.nanargmin)
def nanargmin(a: Any, axis: Axis = None, out: Any = None, *, keepdims: Any = False) -> Node:
    return _position(plain.argmin, np.inf, a, axis, out, keepdims)


@implements(np.nanmedian)
def nanmedian(a: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Node:
    """NaN sorts last, so the middle is that of the first ``count`` in order."""
    x = plain.floating(source(a, None, out))
    axes = normalize_axes(axis, x.ndim)
    if not axes:
        return x
    merged = plain.merge(x, axes)
    if not merged.shape[-1]:
        return statistics.median(x, axes, keepdims=keepdims)
    last = merged.ndim - 1
    ordered = take_along(merged, ARGSORT(merged, params=(last,)), last)
    count = r.keep(r.sum_(_is_number(merged), (last,)), merged, (last,))
    low = e.maximum(e.floor_divide(count - 1, as_node(2, count.dtype)), as_node(0, count.dtype))
    high = e.floor_divide(count, as_node(2, count.dtype))
    y = (take_along(ordered, low, last) + take_along(ordered, high, last)) / 2.0
    y = reshape(e.where(count > 0, y, as_node(float("nan"), y.dtype)), merged.shape[:-1])
    return reshape(y, tuple(1 if i in axes else n for i, n in enumerate(x.shape))) if keepdims else y
