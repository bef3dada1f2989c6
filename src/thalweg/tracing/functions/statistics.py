"""NumPy's statistics: means, variances, quantiles, covariances.

They are formulas in the primitives, so their derivatives need no rules. A median or quantile sorts and reads at fixed
positions of the order; its derivative goes to the elements that stand there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import FLOAT64, INT64, Node, as_node, constant, full
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r
from thalweg.ops.contract import contract
from thalweg.ops.gather import scatter_add, take
from thalweg.ops.movement import BROADCAST, broadcast, concatenate, normalize_basic, reshape, slice_, transpose
from thalweg.ops.order import select
from thalweg.tracing.context import concrete, trace_error
from thalweg.tracing.functions.reduce import Axis, finish, floating, graph_dtype, masked, merge, source
from thalweg.tracing.functions.registry import array_methods, implements, normalize_axes
from thalweg.tracing.tracer import node_of

# --- mean and variance ----------------------------------------------------------------------------------------------


def _number(x: Node, axes: r.Axes, where: Any) -> Node | float:
    """How many elements go into each result of a reduction, in a shape that broadcasts against ``x``."""
    if where is True:
        count = 1
        for i in axes:
            count *= x.shape[i]
        return float(count)
    mask = e.astype(broadcast(node_of(where), x.shape), x.dtype)
    return r.against(r.sum_(mask, axes), x, axes)


def _mean(x: Node, axes: r.Axes, where: Any) -> Node:
    """The mean, in a shape that broadcasts against ``x``."""
    return r.against(r.sum_(masked(x, where, 0), axes), x, axes) / _number(x, axes, where)


@implements(np.mean)
def mean(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> Node:
    x = floating(source(a, dtype, out))
    axes = normalize_axes(axis, x.ndim)
    return _dimensions(_mean(x, axes, where), x, axes, keepdims)


def _dimensions(y: Node, x: Node, axes: r.Axes, keepdims: Any) -> Node:
    """A result that broadcasts against ``x``, with the reduced dimensions kept or dropped."""
    return reshape(y, tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes))


@implements(np.var)
def var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Node:
    """Σ (x − x̄)² / (n − ddof); NaN or ∞ where nothing is left to divide by, as in NumPy."""
    if correction is not None:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    x = floating(source(a, dtype, out))
    axes = normalize_axes(axis, x.ndim)
    center = _mean(x, axes, where) if mean is None else node_of(mean, x.dtype)
    squares = masked(e.square(x - center), where, 0)
    freedom = e.maximum(as_node(_number(x, axes, where), x.dtype) - as_node(ddof, x.dtype), as_node(0.0, x.dtype))
    y = r.against(r.sum_(squares, axes), x, axes) / freedom
    return _dimensions(y, x, axes, keepdims)


@implements(np.std)
def std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Node:
    return e.sqrt(var(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction))


@implements(np.average)
def average(
    a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Node | tuple[Node, Node]:
    x = floating(node_of(a))
    axes = normalize_axes(axis, x.ndim)
    if weights is None:
        y = mean(x, axis, keepdims=keepdims)
        return (y, full(y.shape, float(_number(x, axes, True)), y.dtype)) if returned else y  # type: ignore[arg-type]
    w = node_of(weights)
    if w.shape != x.shape:
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        order = [axis] if isinstance(axis, int | np.integer) else list(axis)
        order = [int(i) % x.ndim for i in order]
        if w.shape != tuple(x.shape[i] for i in order):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        w = transpose(w, tuple(sorted(range(len(order)), key=order.__getitem__)))
        w = broadcast(reshape(w, tuple(n if i in axes else 1 for i, n in enumerate(x.shape))), x.shape)
    total = finish(r.sum_(w, axes), x, axes, keepdims)
    known = total.args[0].value if total.op is BROADCAST else total.value
    if known is not None and np.any(np.asarray(known) == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    y = finish(r.sum_(x * w, axes), x, axes, keepdims) / total
    return (y, broadcast(e.astype(total, y.dtype), y.shape)) if returned else y


# --- order statistics -----------------------------------------------------------------------------------------------


def _selected(x: Node, *ranks: np.ndarray[Any, Any]) -> list[Node]:
    """The order statistics of the last axis at each array of ranks (their axes come first), NaN if there is any NaN."""
    last = x.shape[-1] - 1
    wanted = sorted({last, *(int(k) for each in ranks for k in each.ravel())})
    ordered = select(x, tuple(wanted))
    place = {k: i for i, k in enumerate(wanted)}
    found = [
        _read(ordered, np.array([place[int(k)] for k in each.ravel()], np.int64).reshape(each.shape)) for each in ranks
    ]
    if x.dtype.kind != "f":
        return found
    some_nan = e.isnan(_read(ordered, np.asarray(place[last])))  # NaN counts as the largest
    return [e.where(some_nan, as_node(float("nan"), x.dtype), y) for y in found]


def _read(ordered: Node, positions: np.ndarray[Any, Any]) -> Node:
    """The elements at fixed positions of the last axis; the axes of the positions come first."""
    last = ordered.ndim - 1
    if positions.ndim == 0:
        return slice_(ordered, normalize_basic(ordered.shape, [*[slice(None)] * last, int(positions)]))
    y = take(ordered, constant(positions), last)
    return transpose(y, (*range(last, y.ndim), *range(last)))


def _expand(y: Node, x: Node, axes: r.Axes, lead: int) -> Node:
    """Reduced axes put back with length one, behind ``lead`` axes of several quantiles."""
    return reshape(y, (*y.shape[:lead], *(1 if i in axes else n for i, n in enumerate(x.shape))))


@implements(np.median)
def median(a: Any, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Node:
    x = floating(source(a, None, out))
    axes = normalize_axes(axis, x.ndim)
    merged = merge(x, axes)
    n = merged.shape[-1] if axes else 1
    if not axes:
        return x
    if n == 0:
        y = full(merged.shape[:-1], float("nan"), x.dtype)
    else:
        below, y = _selected(merged, np.asarray((n - 1) // 2), np.asarray(n // 2))
        if n % 2 == 0:
            y = (below + y) / 2.0
    return _expand(y, x, axes, 0) if keepdims else y


_READ_ONLY = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")  # methods that do not interpolate


def _levels(q: Any, name: str) -> np.ndarray[Any, Any]:
    levels = node_of(q)
    if levels.value is None:
        raise trace_error(f"np.{name} with a traced q: give the level as a plain number; the data may be traced")
    return np.asarray(levels.value)


def _quantile(x: Node, level: np.ndarray[Any, Any], weak: bool, axis: Axis, method: str, keepdims: Any) -> Node:
    """Quantiles; with ``weak`` levels (Python numbers), in the dtype of ``x``.

    NumPy itself says where between two elements a level lies, by any of its methods: the quantile of 0, 1, …, n−1.
    """
    axes = normalize_axes(axis, x.ndim)
    merged = merge(x, axes) if axes else reshape(x, (*x.shape, 1))
    n = merged.shape[-1]
    if n == 0:
        raise IndexError("a quantile of an empty array: there is no element to choose")
    whole = level.dtype.kind in "iub" and method == "linear"
    place = np.asarray(np.quantile(np.arange(n, dtype=np.float64), level, method=method))  # type: ignore[call-overload]
    below = np.floor(place).astype(np.int64)
    if method in _READ_ONLY or whole:
        (y,) = _selected(merged, below)
    else:
        lower, upper = map(floating, _selected(merged, below, np.minimum(below + 1, n - 1)))
        share = (place - below).reshape((*place.shape, *(1,) * (merged.ndim - 1)))
        t = constant(np.asarray(share, dtype=lower.dtype if weak else FLOAT64))
        step = upper - lower
        y = e.where(constant(share >= 0.5), upper - step * (1 - t), lower + step * t)
    return _expand(y, x, axes, level.ndim) if keepdims else y


@implements(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
) -> Node:
    x = source(a, None, out)
    return _quantile(x, _levels(q, "quantile"), type(q) in (int, float), axis, method, keepdims)


@implements(np.percentile)
def percentile(
    a: Any,
    q: Any,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: Any = False,
) -> Node:
    x = source(a, None, out)
    level = np.asarray(np.true_divide(_levels(q, "percentile"), 100))
    return _quantile(x, level, type(q) in (int, float), axis, method, keepdims)


# --- covariance -----------------------------------------------------------------------------------------------------


def _variables(m: Any, rowvar: Any, y: Any, dtype: Any) -> Node:
    """One variable a row, one observation a column."""

    def rows(values: Any, turn: bool) -> Node:
        x = e.astype(node_of(values), FLOAT64 if dtype is None else graph_dtype(dtype))
        if x.ndim > 2:
            raise ValueError("m has more than 2 dimensions")
        if x.ndim < 2:
            return reshape(x, (1, x.size))
        return transpose(x, (1, 0)) if turn else x

    x = rows(m, not rowvar)
    if y is not None:
        other = rows(y, False)
        x = concatenate([x, transpose(other, (1, 0)) if not rowvar and other.shape[0] != 1 else other], 0)
    return x


def _covariance(x: Node, ddof: Any) -> Node:
    centered = x - r.keep(r.sum_(x, (1,)), x, (1,)) / float(x.shape[1])
    freedom = max(x.shape[1] - ddof, 0)
    factor = np.true_divide(1.0, freedom) if freedom else np.inf
    return contract(centered, centered, (0, 2), (1, 2), (0, 1)) * as_node(float(factor), x.dtype)


@implements(np.cov)
def cov(m: Any, y: Any = None, rowvar: Any = True, bias: Any = False, ddof: Any = None, *, dtype: Any = None) -> Node:
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    c = _covariance(_variables(m, rowvar, y, dtype), (0 if bias else 1) if ddof is None else ddof)
    return reshape(c, tuple(n for n in c.shape if n != 1))


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: Any = True, *, dtype: Any = None) -> Node:
    c = _covariance(_variables(x, rowvar, y, dtype), 1)
    n = c.shape[0]
    variances = slice_(reshape(c, (n * n,)), normalize_basic((n * n,), [slice(None, None, n + 1)]))
    deviations = e.sqrt(variances)
    c = c / reshape(deviations, (n, 1)) / reshape(deviations, (1, n))
    one = as_node(1.0, c.dtype)
    c = e.where(c > one, one, e.where(c < -one, -one, c))  # beyond by rounding only
    return reshape(c, ()) if n == 1 else c


# --- counting -------------------------------------------------------------------------------------------------------


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Node:
    """Sums of the weights that share a position. The positions are integers that the trace takes for granted."""
    positions = np.asarray(concrete(node_of(x)))
    if positions.ndim != 1 or (positions.size and positions.dtype.kind not in "iub"):
        raise TypeError("np.bincount: the positions must be integers in one dimension")
    if weights is None:
        return constant(np.bincount(positions, minlength=minlength).astype(INT64))
    if positions.size and positions.min() < 0:
        raise ValueError("'list' argument must have no negative elements")
    w = e.astype(node_of(weights), FLOAT64)  # NumPy adds up in float64 whatever it is given
    if w.shape != positions.shape:
        raise ValueError("The weights and list don't have the same length.")
    size = max(int(positions.max()) + 1 if positions.size else 0, minlength)
    return scatter_add(full((size,), 0.0, FLOAT64), w, constant(positions.astype(INT64)), 0)


array_methods(mean=np.mean, var=np.var, std=np.std)
