"""NumPy's functions that pick elements out of arrays or write some of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import BOOL, INT64, Node, as_node, constant
from thalweg.ops.elementwise import astype, equal, remainder
from thalweg.ops.elementwise import maximum as larger
from thalweg.ops.elementwise import minimum as smaller
from thalweg.ops.elementwise import where as choose_where
from thalweg.ops.gather import in_range, take
from thalweg.ops.movement import broadcast, reshape
from thalweg.tracing import indexing
from thalweg.tracing.context import concrete, trace_error
from thalweg.tracing.functions.joining import one_dtype
from thalweg.tracing.functions.registry import array_methods, implements, implements_method, normalize_axis
from thalweg.tracing.tracer import UFUNCS, Tracer, known, node_of, nodes_of, unsupported


def positions_of(indices: Any) -> Node:
    """Integer positions as an int64 node."""
    node = node_of(np.asarray(indices, np.int64) if isinstance(indices, list | tuple) and not indices else indices)
    if node.dtype.kind not in "ib":
        raise TypeError("Cannot cast array data from dtype('float64') to dtype('int64') according to the rule 'safe'")
    return astype(node, INT64)


def in_mode(positions: Node, n: int, axis: int, mode: str) -> Node:
    """Positions made to lie in 0 … n − 1 by NumPy's ``mode``: an error, around the end, or at the end."""
    if mode == "raise":
        return in_range(positions, n, axis)
    if mode == "wrap":
        return remainder(positions, as_node(n, INT64))
    if mode == "clip":
        return smaller(larger(positions, as_node(0, INT64)), as_node(n - 1, INT64))
    raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {mode!r})")


def written_to(a: Any, name: str) -> Tracer:
    """The array that a function writes into; a plain one cannot hold a traced value."""
    if type(a) is Tracer:
        return a
    raise trace_error(
        f"{name} writes a value that is being differentiated into a plain array, made outside the function.\n"
        "  Create the array inside the function, or start from a copy: out = np.array(a)."
    )


# --- reading --------------------------------------------------------------------------------------------------------


@implements(np.take)
def take_(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Node:
    x = node_of(a)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    axis = normalize_axis(axis, x.ndim)
    positions = positions_of(indices)
    if x.shape[axis] == 0 and positions.size:
        raise IndexError("cannot do a non-empty take from an empty axes.")
    return take(x, in_mode(positions, x.shape[axis], axis, mode), axis)


@implements(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None) -> Node:
    kept = np.asarray(concrete(node_of(condition)))
    if kept.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return take_(a, np.flatnonzero(kept), axis)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Node:
    return take_(arr, np.flatnonzero(concrete(node_of(condition))))


@implements(np.choose)
def choose(a: Any, choices: Any, mode: str = "raise") -> Node:
    options = one_dtype([node_of(c) for c in choices])
    which = positions_of(a)
    shape = np.broadcast_shapes(which.shape, *(c.shape for c in options))
    fixed = known(which) if mode == "raise" else None
    if fixed is not None and not 0 <= np.min(fixed, initial=0) <= np.max(fixed, initial=0) < len(options):
        raise ValueError("invalid entry in choice array")
    which = broadcast(in_mode(which, len(options), 0, mode), shape)
    result = broadcast(options[0], shape)
    for k, option in enumerate(options[1:], 1):
        result = choose_where(equal(which, as_node(k, INT64)), option, result)
    return result


# --- writing --------------------------------------------------------------------------------------------------------


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    out = written_to(dst, "np.copyto")
    if where is True:
        out[...] = src
        return
    mask = node_of(where)
    out[...] = Tracer(broadcast(choose_where(mask, *nodes_of([src, out])), out.shape))


@implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    out = written_to(a, "np.put")
    positions = positions_of(ind)
    positions = in_mode(reshape(positions, (positions.size,)), out.size, 0, mode)
    values = node_of(v, out.dtype)
    if values.size and positions.size:
        out.flat[Tracer(positions)] = Tracer(_cycled(values, positions.size))


def _cycled(values: Node, count: int) -> Node:
    flat = reshape(values, (values.size,))
    return take(flat, constant(np.arange(count, dtype=np.int64) % values.size), 0)


@implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    out = written_to(a, "np.putmask")
    condition = astype(node_of(mask), BOOL)
    if condition.shape != out.shape:
        raise ValueError("putmask: mask and data must be the same size")
    new = reshape(_cycled(node_of(values, out.dtype), out.size), out.shape)
    out[...] = Tracer(choose_where(condition, new, out.node))


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    out = written_to(arr, "np.place")
    positions = np.flatnonzero(concrete(node_of(mask)))
    if positions.size:
        put(out, positions, vals)


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    out = written_to(arr, "np.put_along_axis")
    if axis is None:
        out.flat[indices] = values
        return
    axis = normalize_axis(axis, out.ndim)
    positions = node_of(indices)
    if positions.ndim != out.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    key = [
        Tracer(positions) if i == axis else np.arange(n).reshape([-1 if j == i else 1 for j in range(out.ndim)])
        for i, n in enumerate(out.shape)
    ]
    out[tuple(key)] = values


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    out = written_to(a, "np.fill_diagonal")
    if out.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if out.ndim == 2:
        step = out.shape[1] + 1
        end = None if wrap else out.shape[1] * out.shape[1]
    else:
        if len(set(out.shape)) > 1:
            raise ValueError("All dimensions of input must be of equal length")
        step, end = 1 + int(np.cumprod(out.shape[:-1]).sum()), None
    places = np.arange(out.size)[:end:step]
    values = node_of(val, out.dtype)
    if values.size and places.size:
        out.flat[places] = Tracer(_cycled(values, places.size))


@implements_method("at", "*")
def ufunc_at(ufunc: np.ufunc, a: Any, indices: Any, b: Any = None) -> None:
    out = written_to(a, f"np.{ufunc.__name__}.at")
    key = indexing.plain(indices)
    op = UFUNCS.get(ufunc)
    if op is None:
        raise unsupported(f"np.{ufunc.__name__}.at")
    places = indexing.flat_places(out.node, key)
    fixed = np.asarray(concrete(places)).ravel()
    flat = out.flat
    values = None if b is None else reshape(broadcast(node_of(b, out.dtype), places.shape), (fixed.size,))
    for turn in indexing.rounds(fixed):  # a place that is named k times is changed k times
        old = flat[fixed[turn]].node
        flat[fixed[turn]] = Tracer(op(old) if values is None else op(old, take(values, constant(turn), 0)))


def put_method(self: Tracer, indices: Any, values: Any, mode: str = "raise") -> None:
    put(self, indices, values, mode)


def compress_method(self: Tracer, condition: Any, axis: int | None = None) -> Tracer:
    return Tracer(compress(condition, self, axis))


array_methods(take=np.take, choose=np.choose)
Tracer.put = put_method  # type: ignore[attr-defined]
Tracer.compress = compress_method  # type: ignore[attr-defined]
