"""Sorting and searching. The positions carry no derivative; the sorted values are the values taken at them."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import INT64, Node, Op
from thalweg.ops.elementwise import astype, greater_equal, less_equal, logical_or, not_equal
from thalweg.ops.gather import ARGSORT, in_range, take, take_along
from thalweg.ops.movement import reshape
from thalweg.ops.reduce import ALL, sum_
from thalweg.tracing.context import concrete
from thalweg.tracing.functions.registry import array_methods, implements, normalize_axis
from thalweg.tracing.tracer import Tracer, node_of, unsupported


def _along(a: Any, axis: int | None) -> tuple[Node, int]:
    x = node_of(a)
    if axis is None:
        return reshape(x, (x.size,)), 0
    return x, normalize_axis(axis, x.ndim)


@implements(np.argsort)
def argsort(a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: bool | None = None) -> Node:
    if order is not None:
        raise unsupported("np.argsort with order=")
    x, i = _along(a, axis)
    return ARGSORT(x, params=(i,))


@implements(np.sort)
def sort(a: Any, axis: int | None = -1, kind: Any = None, order: None = None, *, stable: bool | None = None) -> Node:
    if order is not None:
        raise unsupported("np.sort with order=")
    x, i = _along(a, axis)
    return take_along(x, ARGSORT(x, params=(i,)), i)


def sort_in_place(self: Tracer, axis: int = -1, kind: Any = None, order: None = None, *, stable: Any = None) -> None:
    self.assign(sort(self, axis, kind, order))


# --- partitions -----------------------------------------------------------------------------------------------------

ARGPARTITION: Op = Op(
    "argpartition",
    lambda x, kth, axis: (x.shape, INT64),
    lambda x, kth, axis: np.argpartition(x, kth, axis=axis),
    family="movement",
    linear=(),
    batch=lambda args, batched, size, kth, axis: ARGPARTITION(args[0], params=(kth, axis + 1)),
    note="positions: no derivative",
)


def _kth(kth: Any, n: int) -> Any:
    places = np.atleast_1d(np.asarray(concrete(node_of(kth))))
    if np.any((places < -n) | (places >= n)):
        raise ValueError(f"kth(={int(places[(places < -n) | (places >= n)][0])}) out of bounds ({n})")
    return tuple(sorted({int(k) % n for k in places}))


@implements(np.argpartition)
def argpartition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Node:
    if order is not None:
        raise unsupported("np.argpartition with order=")
    x, i = _along(a, axis)
    return ARGPARTITION(x, params=(_kth(kth, x.shape[i]), i))


@implements(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Node:
    x, i = _along(a, axis)
    return take_along(x, argpartition(Tracer(x), kth, i, kind, order), i)


def partition_in_place(self: Tracer, kth: Any, axis: int = -1, kind: str = "introselect", order: None = None) -> None:
    self.assign(partition(self, kth, axis, kind, order))


@implements(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Node:
    rows = [node_of(k) for k in keys]
    i = normalize_axis(axis, rows[0].ndim)
    found = ARGSORT(rows[0], params=(i,))
    for row in rows[1:]:  # stable sorts, the most important key last
        found = take_along(found, ARGSORT(take_along(row, found, i), params=(i,)), i)
    return found


# --- searching ------------------------------------------------------------------------------------------------------


def _batch_searchsorted(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, side: str) -> Node:
    a, v = args
    if not batched[0]:
        return SEARCHSORTED(a, v, params=(side,))
    # another table for each: count the entries that stand before
    table = reshape(a, (size, *(1,) * (v.ndim - batched[1]), a.shape[1]))
    value = reshape(v, (*v.shape, 1))
    before = table < value if side == "left" else table <= value
    is_nan = not_equal(value, value)  # sorted after all numbers
    return sum_(astype(logical_or(before, is_nan), INT64), (before.ndim - 1,))


SEARCHSORTED: Op = Op(
    "searchsorted",
    lambda a, v, side: (v.shape, INT64),
    lambda a, v, side: np.searchsorted(a, v, side=side),
    family="movement",
    linear=(),
    batch=_batch_searchsorted,
    note="positions: no derivative",
)


@implements(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Node:
    table, value = node_of(a), node_of(v)
    if table.ndim != 1:
        raise ValueError("object too deep for desired array")
    if side not in ("left", "right"):
        raise ValueError(f"search side must be one of 'left' or 'right' (got {side!r})")
    if sorter is not None:
        table = take(table, astype(node_of(sorter), INT64), 0)
    return SEARCHSORTED(table, value, params=(side,))


@implements(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Node:
    edges = node_of(bins)
    if edges.ndim != 1:
        raise ValueError("object too deep for desired array")
    n = edges.shape[0]
    pairs = (Tracer(edges)[1:].node, Tracer(edges)[:-1].node)
    rising = bool(concrete(ALL(greater_equal(*pairs), params=((0,),))))
    if not rising and not bool(concrete(ALL(less_equal(*pairs), params=((0,),)))):
        raise ValueError("bins must be monotonically increasing or decreasing")
    side = "left" if right else "right"
    return searchsorted(edges, x, side) if rising else n - searchsorted(Tracer(edges)[::-1], x, side)


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Node:
    x, i = _along(arr, axis)
    positions = node_of(indices)
    if positions.dtype.kind != "i":
        raise IndexError("`indices` must be an integer array")
    if x.ndim != positions.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return take_along(x, in_range(positions, x.shape[i], i), i)


array_methods(argsort=np.argsort, argpartition=np.argpartition, searchsorted=np.searchsorted)
Tracer.sort = sort_in_place  # type: ignore[attr-defined]
Tracer.partition = partition_in_place  # type: ignore[attr-defined]
