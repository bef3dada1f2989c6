"""Gathering and scattering: reading and adding at integer positions along one axis, and the positions themselves.

``take`` reads along one axis and ``scatter_add`` adds there; each is the transpose of the other. Positions are int64
nodes, constant or traced.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import INT64, Node, Op, constant, make, zeros_like
from thalweg.ops.movement import BROADCAST, broadcast, move_axis, reshape, transpose, writable


def _infer_take(x: Node, positions: Node, axis: int) -> Any:
    return (*x.shape[:axis], *positions.shape, *x.shape[axis + 1 :]), x.dtype


def _flat_batch(x: Node, positions: Node, batched: tuple[bool, bool], size: int, axis: int) -> tuple[Node, Node]:
    """Both operands batched: rows of the batch laid end to end along the axis, positions shifted to match."""
    moved = move_axis(x, axis + 1, 1)  # (size, n, …)
    n = moved.shape[1]
    flat = reshape(moved, (size * n, *moved.shape[2:]))
    shift = constant((np.arange(size, dtype=np.int64) * n).reshape((size, *(1,) * (positions.ndim - 1))))
    return flat, where_negative(positions, n) + shift


def where_negative(positions: Node, n: int) -> Node:
    """Positions counted from the end made positive."""
    from thalweg.ops.elementwise import where

    if positions.value is not None and np.all(np.asarray(positions.value) >= 0):
        return positions
    return where(positions < 0, positions + n, positions)


def _batch_take(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, axis: int) -> Node:
    x, positions = args
    if not batched[1]:
        return take(x, positions, axis + 1)
    if not batched[0]:
        return move_axis(take(x, positions, axis), axis, 0)
    flat, shifted = _flat_batch(x, positions, (True, True), size, axis)
    y = take(flat, shifted, 0)  # (size, *positions, *rest)
    p = positions.ndim - 1
    axes = [0, *range(1 + p, 1 + p + axis), *range(1, 1 + p), *range(1 + p + axis, y.ndim)]
    return transpose(y, tuple(axes))


TAKE = Op(
    "take",
    _infer_take,
    lambda x, positions, axis: np.take(x, positions, axis),
    family="movement",
    linear=(0,),
    transpose=lambda g, k, args, axis: scatter_add(zeros_like(args[0]), g, args[1], axis),
    batch=_batch_take,
)


def take(x: Node, positions: Node, axis: int) -> Node:
    """``numpy.take(x, positions, axis)``; positions are an int64 node of any shape."""
    return make(TAKE, (x, positions), (axis,))


def _infer_scatter_add(base: Node, g: Node, positions: Node, axis: int) -> Any:
    return base.shape, base.dtype


_LONG_ROW = 256  # positions from which rows are cheaper one by one: `bincount` adds ten times as fast as `add.at`


def scatter_add_into(out: Any, g: Any, positions: Any, axis: int) -> Any:
    positions = np.asarray(positions)
    if out.ndim == 1:
        flat = np.where(positions < 0, positions + out.shape[0], positions).ravel()
        out += np.bincount(flat, np.asarray(g).ravel(), out.shape[0]).astype(out.dtype, copy=False)
    elif axis == out.ndim - 1 and out.dtype.kind == "f" and positions.size > max(_LONG_ROW, out.shape[-1] >> 3):
        for row in np.ndindex(out.shape[:-1]):
            scatter_add_into(out[row], g[row], positions, 0)
    else:
        np.add.at(out, (*(slice(None),) * axis, positions), g)
    return out


def _batch_scatter_add(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, axis: int) -> Node:
    base, g, positions = args
    base = base if batched[0] else broadcast(base, (size, *base.shape))
    g = g if batched[1] else broadcast(g, (size, *g.shape))
    if not batched[2]:
        return scatter_add(base, g, positions, axis + 1)
    p = positions.ndim - 1
    flat, shifted = _flat_batch(base, positions, (True, True), size, axis)
    axes = [0, *range(1 + axis, 1 + axis + p), *range(1, 1 + axis), *range(1 + axis + p, g.ndim)]
    y = scatter_add(flat, transpose(g, tuple(axes)), shifted, 0)
    n = base.shape[axis + 1]
    return move_axis(reshape(y, (size, n, *y.shape[1:])), 1, axis + 1)


SCATTER_ADD = Op(
    "scatter_add",
    _infer_scatter_add,
    lambda base, g, positions, axis: scatter_add_into(writable(base), g, positions, axis),
    family="movement",
    linear=(),
    transpose=lambda g, k, args, axis: g if k == 0 else take(g, args[2], axis),
    jvp=lambda tangents, args, y, axis: scatter_add(
        zeros_like(args[0]) if tangents[0] is None else tangents[0],
        zeros_like(args[1]) if tangents[1] is None else tangents[1],
        args[2],
        axis,
    ),
    batch=_batch_scatter_add,
    note="base plus values added at integer positions",
)


def scatter_add(base: Node, g: Node, positions: Node, axis: int) -> Node:
    return make(SCATTER_ADD, (base, g, positions), (axis,))


# --- positions ------------------------------------------------------------------------------------------------------


def _check_range(positions: Any, n: int, axis: int) -> Any:
    positions = np.asarray(positions)
    if positions.size and (positions.min() < -n or positions.max() >= n):
        bad = positions[(positions < -n) | (positions >= n)].flat[0]
        raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {n}")
    return np.where(positions < 0, positions + n, positions)[()]


def _simplify_in_range(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    (positions,), (n, _) = args, params
    if positions.op is BROADCAST and positions.args[0].value is not None:
        return broadcast(make(IN_RANGE, positions.args, params), positions.shape)
    if positions.op is IN_RANGE and positions.params[0] <= n:
        return positions
    value = positions.value
    if value is not None and np.size(value) and np.min(value) >= 0 and np.max(value) < n:
        return positions
    return None


IN_RANGE = Op(
    "in_range",
    lambda positions, n, axis: (positions.shape, INT64),
    _check_range,
    family="movement",
    linear=(),
    batch=lambda args, batched, size, n, axis: in_range(args[0], n, axis),
    simplify=_simplify_in_range,
    note="positions counted from the end made positive; out of range is an IndexError: no derivative",
)


def in_range(positions: Node, n: int, axis: int) -> Node:
    """Positions on an axis of length ``n``, negative ones counted from its end; NumPy's error if one lies outside."""
    return make(IN_RANGE, (positions,), (n, axis))


def _evaluate_writers(positions: Any, n: int, lead: int) -> Any:
    shape = positions.shape[:lead]
    rows = positions.reshape((-1, positions.shape[-1])) if lead else positions.reshape((1, -1))
    source = np.tile(np.arange(n, dtype=np.int64), (rows.shape[0], 1))
    source[np.arange(rows.shape[0])[:, None], rows] = n + np.arange(rows.shape[1])
    return source.reshape((*shape, n))


WRITERS: Op = Op(
    "writers",
    lambda positions, n, lead: ((*positions.shape[:lead], n), INT64),
    _evaluate_writers,
    family="movement",
    linear=(),
    batch=lambda args, batched, size, n, lead: WRITERS(args[0], params=(n, lead + 1)),
    note="which of several writes stands last in each place: no derivative",
)


def writers(positions: Node, n: int) -> Node:
    """Where to find each of ``n`` elements after values were written at ``positions``: its old place, or n + the number
    of the write that came last."""
    return make(WRITERS, (positions,), (n, 0))


# --- order ----------------------------------------------------------------------------------------------------------


def _infer_positions(x: Node, *params: Any) -> Any:
    return x.shape, INT64


ARGSORT: Op = Op(
    "argsort",
    _infer_positions,
    lambda x, axis: np.argsort(x, axis=axis, kind="stable"),
    family="movement",
    linear=(),
    batch=lambda args, batched, size, axis: ARGSORT(args[0], params=(axis + 1,)),
    note="positions: no derivative",
)


def take_along(x: Node, positions: Node, axis: int) -> Node:
    """``numpy.take_along_axis``: positions have the rank of ``x``, other axes agree or broadcast."""
    n = x.shape[axis]
    moved = move_axis(x, axis, x.ndim - 1)
    index = move_axis(positions, axis, positions.ndim - 1)
    lead = np.broadcast_shapes(moved.shape[:-1], index.shape[:-1])
    moved = broadcast(moved, (*lead, n))
    index = broadcast(index, (*lead, index.shape[-1]))
    rows = int(np.prod(lead, dtype=np.int64))
    shift = constant((np.arange(rows, dtype=np.int64) * n).reshape((*lead, 1)))
    flat = take(reshape(moved, (rows * n,)), where_negative(index, n) + shift, 0)
    return move_axis(flat, flat.ndim - 1, axis)
