"""``numpy.pad``: an array with a border.

Along one axis after another, as NumPy does. The modes that repeat elements (edge, reflect, symmetric, wrap, empty) are
one ``take`` at positions that NumPy's own ``pad`` gives for 0, 1, …, n − 1; the others join new parts to the ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node, as_node, constant, full
from thalweg.ops.elementwise import astype, rint
from thalweg.ops.gather import take
from thalweg.ops.movement import broadcast, concatenate, reshape
from thalweg.ops.reduce import MAX, MIN, flip, sum_
from thalweg.tracing.functions.movement import cut
from thalweg.tracing.functions.registry import implements
from thalweg.tracing.tracer import Tracer, call, contains_tracer, node_of, unsupported

_REPEATING = ("edge", "reflect", "symmetric", "wrap")
_STATISTICS = ("maximum", "mean", "median", "minimum")


def _pairs(given: Any, rank: int) -> list[tuple[Any, Any]]:
    """``before, after`` for every axis, from a number, a pair or a list of pairs, or a dict of these by axis."""
    if contains_tracer(given):
        if isinstance(given, list | tuple):
            rows = [tuple(g) if isinstance(g, list | tuple) else (g, g) for g in given]
            if len(given) == 2 and not any(isinstance(g, list | tuple) for g in given):
                rows = [tuple(given)]
            return [(r[0], r[-1]) for r in (rows * rank if len(rows) == 1 else rows)]
        return [(given, given)] * rank
    if isinstance(given, dict):
        table: list[tuple[Any, Any]] = [(0, 0)] * rank
        for axis, width in given.items():
            pair = np.broadcast_to(width, (2,)).tolist()
            table[axis] = (pair[0], pair[1])
        return table
    return [(a, b) for a, b in np.broadcast_to(np.asarray(given), (rank, 2)).tolist()]


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **keywords: Any) -> Node:
    x = node_of(array)
    asked = list(pad_width.values()) if isinstance(pad_width, dict) else pad_width
    if any(np.asarray(w).dtype.kind not in "iu" for w in (asked if isinstance(asked, list) else [asked])):
        raise TypeError("`pad_width` must be of integral type.")
    widths = [(int(a), int(b)) for a, b in _pairs(pad_width, x.ndim)]
    if any(a < 0 or b < 0 for a, b in widths):
        raise ValueError("index can't contain negative values")
    allowed = {"constant": {"constant_values"}, "linear_ramp": {"end_values"}, "reflect": {"reflect_type"},
               "symmetric": {"reflect_type"}, **{m: {"stat_length"} for m in _STATISTICS}}  # fmt: skip
    if callable(mode):
        raise unsupported("np.pad with a function as its mode")
    if mode not in (*_REPEATING, *_STATISTICS, "constant", "linear_ramp", "empty"):
        raise ValueError(f"mode {mode!r} is not supported")
    wrong = set(keywords) - allowed.get(mode, set())
    if wrong:
        raise ValueError(f"unsupported keyword arguments for mode {mode!r}: {wrong}")
    values = _pairs(keywords.get("constant_values", keywords.get("end_values", 0)), x.ndim)
    lengths = keywords.get("stat_length")
    counts = _pairs(lengths, x.ndim) if lengths is not None else [(None, None)] * x.ndim
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        if mode in _REPEATING or mode == "empty":
            x = _repeat(x, axis, before, after, mode, keywords.get("reflect_type", "even"))
            continue
        ends = []
        for side, width in ((0, before), (1, after)):
            if mode == "constant":
                ends.append(_spread(node_of(values[axis][side], x.dtype), x, axis, width))
            elif mode == "linear_ramp":
                ends.append(_ramp(x, axis, width, side, node_of(values[axis][side], x.dtype)))
            else:
                ends.append(_statistic(x, axis, width, side, mode, counts[axis][side]))
        x = concatenate([ends[0], x, ends[1]], axis)
    return x


def _spread(value: Node, x: Node, axis: int, width: int) -> Node:
    return broadcast(astype(value, x.dtype), (*x.shape[:axis], width, *x.shape[axis + 1 :]))


def _repeat(x: Node, axis: int, before: int, after: int, mode: str, kind: str) -> Node:
    n = x.shape[axis]
    if mode == "empty":
        border = full((), np.nan if x.dtype.kind == "f" else 0, x.dtype)
        return concatenate([_spread(border, x, axis, before), x, _spread(border, x, axis, after)], axis)
    if n == 0:
        raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if kind == "odd" and mode in ("reflect", "symmetric"):
        return _odd(x, axis, before, after, 1 if mode == "reflect" else 0)
    positions = np.pad(np.arange(n, dtype=np.int64), (before, after), mode=mode)  # type: ignore[call-overload]
    return take(x, constant(positions), axis)


def _odd(x: Node, axis: int, before: int, after: int, skip: int) -> Node:
    """2·edge − the reflected elements, again and again where the border is longer than the array."""
    while before or after:
        n = x.shape[axis]
        period = n - skip
        if period == 0:  # one element, reflected about itself
            return take(x, constant(np.zeros(before + n + after, np.int64)), axis)
        left, right = min(before, period), min(after, period)
        two = as_node(2.0 if x.dtype.kind == "f" else 2, x.dtype)
        first = two * cut(x, axis, 0, 1) - flip(cut(x, axis, skip, skip + left), axis)
        last = two * cut(x, axis, n - 1, n) - flip(cut(x, axis, n - skip - right, n - skip), axis)
        x = concatenate([first, x, last], axis)
        before, after = before - left, after - right
    return x


def _ramp(x: Node, axis: int, width: int, side: int, end: Node) -> Node:
    n = x.shape[axis]
    edge = cut(x, axis, 0, 1) if side == 0 else cut(x, axis, n - 1, n)
    real = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    share = (np.arange(width) / max(width, 1)).astype(real)
    share = share if side == 0 else share[::-1]
    steps = constant(np.ascontiguousarray(share.reshape([-1 if i == axis else 1 for i in range(x.ndim)])))
    end, edge = astype(end, real), astype(edge, real)
    ramp = end + (edge - end) * steps
    return ramp if x.dtype.kind == "f" else astype(ramp, x.dtype)


def _statistic(x: Node, axis: int, width: int, side: int, mode: str, length: Any) -> Node:
    n = x.shape[axis]
    k = n if length is None else min(int(length), n)
    if k == 0:
        raise ValueError("stat_length of 0 yields no value for padding")
    part = cut(x, axis, 0, k) if side == 0 else cut(x, axis, n - k, n)
    kept = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    if mode == "maximum" or mode == "minimum":
        y = (MAX if mode == "maximum" else MIN)(part, params=((axis,),))
    elif mode == "mean":
        y = sum_(part, (axis,)) / k if x.dtype.kind == "f" else sum_(astype(part, np.dtype(np.float64)), (axis,)) / k
    else:
        y = call(np.median, Tracer(part), axis=axis).node
    if x.dtype.kind != "f" and y.dtype.kind == "f":
        y = rint(y)
    return _spread(reshape(y, kept), x, axis, width)
