"""The methods of ufuncs: ``reduce``, ``accumulate``, ``reduceat``, ``outer``, ``at``.

The arithmetic ones are reductions by themselves. For every other elementwise op of two arguments, ``reduce`` and
``accumulate`` are what their names say: the op, applied from one element to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.graph import OPS, Node, Op, as_node, constant
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r
from thalweg.ops.gather import scatter_add
from thalweg.ops.movement import broadcast, concatenate, normalize_basic, reshape, slice_
from thalweg.tracing.context import concrete, trace_error
from thalweg.tracing.functions import reduce as plain
from thalweg.tracing.functions.reduce import Axis, finish, floating, masked, source
from thalweg.tracing.functions.registry import implements_method, normalize_axes, normalize_axis
from thalweg.tracing.tracer import UFUNCS, Tracer, node_of, nodes_of, unsupported

_REDUCTIONS: dict[str, Callable[..., Node]] = {
    "add": plain.sum,
    "multiply": plain.prod,
    "maximum": plain.max,
    "minimum": plain.min,
}
_SCANS: dict[str, Op] = {"add": r.CUMSUM, "multiply": r.CUMPROD, "maximum": r.CUMMAX, "minimum": r.CUMMIN}


def _op_of(ufunc: Any, method: str) -> Callable[..., Node]:
    op = UFUNCS.get(ufunc)
    if op is None or ufunc.nin != 2 or ufunc.signature is not None:
        raise unsupported(f"np.{ufunc.__name__}.{method}")
    return op


# --- reduce ---------------------------------------------------------------------------------------------------------


@implements_method("reduce", "add", "multiply")
def reduce_sum(
    ufunc: Any, a: Any, axis: Axis = 0, dtype: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Node:
    return _REDUCTIONS[ufunc.__name__](a, _axis(a, axis), dtype, keepdims=keepdims, initial=initial, where=where)


@implements_method("reduce", "maximum", "minimum")
def reduce_extremum(
    ufunc: Any, a: Any, axis: Axis = 0, dtype: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Node:
    x = source(a, dtype)
    return _REDUCTIONS[ufunc.__name__](x, _axis(x, axis), keepdims=keepdims, initial=initial, where=where)


@implements_method("reduce", "logical_and", "logical_or")
def reduce_logic(
    ufunc: Any, a: Any, axis: Axis = 0, dtype: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Node:
    over = plain.all if ufunc is np.logical_and else plain.any
    y = over(a, _axis(a, axis), keepdims=keepdims, where=where)
    return y if initial is None else OPS[ufunc.__name__](y, node_of(initial))


@implements_method("reduce", "logaddexp")
def reduce_logaddexp(
    ufunc: Any, a: Any, axis: Axis = 0, dtype: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> Node:
    x = masked(floating(source(a, dtype)), where, -np.inf)
    axes = normalize_axes(_axis(x, axis), x.ndim)
    y = finish(r.logsumexp(x, axes), x, axes, keepdims)
    return y if initial is None else e.logaddexp(y, node_of(initial, y.dtype))


def _axis(a: Any, axis: Axis) -> Axis:
    """Of a scalar, axis 0 is taken to be no axis, as NumPy does."""
    return None if node_of(a).ndim == 0 and axis in (0, -1) else axis


@implements_method("reduce", "*")
def reduce_step_by_step(ufunc: Any, a: Any, axis: Axis = 0, dtype: Any = None, keepdims: Any = False) -> Node:
    op = _op_of(ufunc, "reduce")
    x = source(a, dtype)
    axes = normalize_axes(_axis(x, axis), x.ndim)
    merged = plain.merge(x, axes) if axes else reshape(x, (*x.shape, 1))
    terms = _terms(merged, merged.ndim - 1)
    if len(axes) > 1:
        ufunc.reduce(np.ones((1,) * len(axes)), axis=None)  # NumPy's own error where the order of the axes would matter
    if not terms:
        y = broadcast(as_node(float(ufunc.reduce(np.zeros(0))), x.dtype), merged.shape[:-1])  # or NumPy's own error
        return finish(y, x, axes, keepdims)
    y = terms[0]
    for term in terms[1:]:
        y = op(y, term)
    return finish(y, x, axes, keepdims)


def _terms(x: Node, axis: int) -> list[Node]:
    whole: list[Any] = [slice(None)] * x.ndim
    return [slice_(x, normalize_basic(x.shape, [*whole[:axis], i, *whole[axis + 1 :]])) for i in range(x.shape[axis])]


def _stack(parts: list[Node], axis: int) -> Node:
    return concatenate([reshape(p, (*p.shape[:axis], 1, *p.shape[axis:])) for p in parts], axis)


# --- accumulate -----------------------------------------------------------------------------------------------------


@implements_method("accumulate", *_SCANS)
def accumulate(ufunc: Any, a: Any, axis: int = 0, dtype: Any = None) -> Node:
    x = source(a, dtype)
    return _SCANS[ufunc.__name__](x, params=(normalize_axis(axis, x.ndim),))


@implements_method("accumulate", "*")
def accumulate_step_by_step(ufunc: Any, a: Any, axis: int = 0, dtype: Any = None) -> Node:
    op = _op_of(ufunc, "accumulate")
    x = source(a, dtype)
    k = normalize_axis(axis, x.ndim)
    terms = _terms(x, k)
    if not terms:
        return x
    results = terms[:1]
    for term in terms[1:]:
        results.append(op(results[-1], term))
    return _stack(results, k)


# --- reduceat -------------------------------------------------------------------------------------------------------


@implements_method("reduceat", "*")
def reduceat(ufunc: Any, a: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Node:
    """The reduction of each stretch from one index to the next; a single element where the next is not larger."""
    x = source(a, dtype)
    k = normalize_axis(axis, x.ndim)
    n = x.shape[k]
    starts = [int(i) for i in np.asarray(concrete(node_of(indices)))]
    results = []
    for i, start in enumerate(starts):
        if not 0 <= start < n:
            raise IndexError(f"index {start} out-of-bounds in {ufunc.__name__}.reduceat [0, {n})")
        end = starts[i + 1] if i + 1 < len(starts) else n
        part = slice(start, max(end, start + 1))
        piece = slice_(x, normalize_basic(x.shape, [part if j == k else slice(None) for j in range(x.ndim)]))
        results.append(_reduce(ufunc, piece, k))
    return _stack(results, k)


def _reduce(ufunc: Any, x: Node, axis: int) -> Node:
    from thalweg.tracing.tracer import UFUNC_METHODS

    handler = UFUNC_METHODS.get((ufunc.__name__, "reduce")) or reduce_step_by_step
    y: Node = handler(ufunc, x, axis)
    return y


# --- outer and at ---------------------------------------------------------------------------------------------------


@implements_method("outer", "*")
def outer(ufunc: Any, a: Any, b: Any) -> Node:
    op = _op_of(ufunc, "outer")
    x, y = nodes_of([a, b])
    return op(reshape(x, (*x.shape, *(1,) * y.ndim)), y)


@implements_method("at", "add", "subtract")
def add_at(ufunc: Any, a: Any, indices: Any, b: Any) -> None:
    """Adds in place, once for every time that a place is named."""
    if not isinstance(a, Tracer):
        raise trace_error(
            f"np.{ufunc.__name__}.at on a plain array, made outside the function that is being differentiated.\n"
            "  Create it inside the function (np.zeros(...))."
        )
    base = a.node
    added = node_of(b, base.dtype)
    if added.dtype.kind == "f" and base.dtype.kind != "f":
        raise TypeError(
            f"cannot add {added.dtype.name} numbers to an array of dtype {base.dtype.name}: make it of floats"
        )
    places = np.arange(base.size, dtype=np.int64).reshape(base.shape)[_fixed(indices)]
    added = e.astype(-added if ufunc is np.subtract else added, base.dtype)
    filled = scatter_add(
        reshape(base, (base.size,)), broadcast(added, places.shape), constant(np.ascontiguousarray(places)), 0
    )
    a.assign(reshape(filled, base.shape))


def _fixed(key: Any) -> Any:
    """An index with its traced integers and masks taken for granted (by a guard)."""
    if isinstance(key, tuple):
        return tuple(_fixed(k) for k in key)
    return np.asarray(concrete(key.node)) if isinstance(key, Tracer) else key
