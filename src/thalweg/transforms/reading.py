"""How the linear ops read their arguments: of which elements of an argument an element of the result is made.

One rule an op, in three words: an element of the result is an element of the argument (movement), a union of some of
them (sums), or of some along an axis (scans, products, solutions). `thalweg.transforms.sparsity` follows these rules
from the inputs to the results.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.graph import Node, Op, Shape, is_several
from thalweg.ops import gather as g
from thalweg.ops import movement as m
from thalweg.ops import reduce as r
from thalweg.ops.cholesky_change import CHOLESKY_COTANGENT, CHOLESKY_TANGENT
from thalweg.ops.contract import CONTRACT
from thalweg.ops.correlate import CONVOLVE, CORRELATE
from thalweg.ops.determinant import COFACTOR_CHANGE
from thalweg.ops.expm import EXPM_CHANGE
from thalweg.ops.matrix import TRIANGLE
from thalweg.ops.solve import SOLVE, TRIANGULAR_SOLVE
from thalweg.transforms.known import Known
from thalweg.transforms.pattern import (
    Pattern,
    ScalarPattern,
    bounded,
    columns_of,
    filled,
    in_form,
    joined,
    matrix_from,
    places_of,
    spread,
    stretched,
    union,
    written,
)

Array = np.ndarray[Any, Any]
Found = Pattern | ScalarPattern
Given = Sequence[Found | None]

_FEW = 16  # maps that are worth keeping apart when elements are added up


class Walk:
    """One walk from the directions to the results; the rules see it for the width and for what is known of values."""

    def __init__(self, width: int, few: Array | None = None) -> None:
        self.width = width
        self.few = few  # the only columns that are followed, if not all are
        self.known = Known()

    def stretched(self, pattern: Found, shape: Shape) -> Found:
        return stretched(pattern, shape, self.width)

    def array(self, pattern: Found, shape: Shape) -> Pattern:
        """The pattern of an argument in the form of an array, a scalar as one of a single element."""
        if isinstance(pattern, Pattern):
            return pattern
        array = spread(pattern, shape or (1,), self.width)
        assert isinstance(array, Pattern)
        return array


# --- any op at all ----------------------------------------------------------------------------------------------------


def everything(walk: Walk, n: Node, given: Given) -> Found | None:
    """An op without a rule: each element of the result may depend on all of the arguments."""
    total: ScalarPattern | None = None
    for p in given:
        if p is not None:
            columns = p if not isinstance(p, Pattern) else columns_of(p.columns())
            total = columns if total is None else joined(total, columns)
    assert total is not None
    return total if is_several(n) else spread(total, n.shape, walk.width)


# --- movement ---------------------------------------------------------------------------------------------------------


def _view(walk: Walk, n: Node, given: Given) -> Found | None:
    p = given[0]
    if p is None:
        return None
    if n.op is m.BROADCAST:
        return walk.stretched(p, n.shape)
    op, params = n.op, n.params
    return walk.array(p, n.args[0].shape).moved(lambda a: op.evaluate(a, *params), n.shape)


def _take(walk: Walk, n: Node, given: Given) -> Found | None:
    p, positions, axis = given[0], n.args[1], n.params[0]
    if p is None:
        return None
    x = walk.array(p, n.args[0].shape)
    if positions.value is not None:
        return x.moved(lambda a: np.take(a, positions.value, axis), n.shape)
    low, high = _range(walk, positions, x.shape[axis])
    if low.size and low.min() == 0 and low.max() == 0 and high.min() == x.shape[axis] - 1:
        one = walk.array(_summed(walk, x, (axis,)), ())
        shape = (*n.shape[:axis], *(1,) * positions.ndim, *x.shape[axis + 1 :])
        return walk.stretched(one.moved(lambda a: a.reshape(shape), shape), n.shape)
    reader, read = _ranges(low.ravel(), high.ravel())
    return _along(x, axis, low.size, reader, read, n.shape)


def _range(walk: Walk, positions: Node, n: int) -> tuple[Array, Array]:
    """The least and greatest position on an axis of length n that each element can be."""
    found = walk.known.bounds(positions)
    low, high = (np.broadcast_to(b, positions.shape) for b in ((0, n - 1) if found is None else found))
    wraps = low < 0
    if wraps.any():
        low, high = np.where(wraps, 0, low), np.where(wraps, n - 1, high)
    return np.minimum(low, n - 1), np.minimum(high, n - 1)


def _ranges(low: Array, high: Array) -> tuple[Array, Array]:
    """The pairs (i, j) with low[i] ≤ j ≤ high[i]."""
    length = high - low + 1
    bounded(float(length.sum()))
    i = np.repeat(np.arange(low.size), length)
    begins = np.cumsum(length) - length
    return i, np.arange(i.size) - begins[i] + low[i]


def _along(x: Pattern, axis: int, length: int, rows: Array, elements: Array, shape: Shape) -> Found:
    """The pattern of an array whose row[i] along ``axis`` (now of ``length``) reads element[i] along it."""
    before, after, n = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :]), x.shape[axis]
    bounded(float(rows.size) * before * after)
    lead, trail = np.arange(before)[:, None, None], np.arange(after)
    out = (lead * length + rows[:, None]) * after + trail
    source = (lead * n + elements[:, None]) * after + trail
    return x.related(out.ravel(), source.ravel(), shape)


def _pieces(walk: Walk, n: Node, given: Given) -> Found | None:
    """Pieces added to a base, or written into it."""
    return _placed(walk, n, given[0], given[1:], [m.to_index(i) for i in n.params[0]], n.op is m.UPDATE)


def _joined(walk: Walk, n: Node, given: Given) -> Found | None:
    """Pieces laid side by side."""
    indices: list[Any] = list(range(len(n.args)))
    if n.op is m.CONCATENATE:
        axis, start = n.params[0], 0
        for k, a in enumerate(n.args):
            indices[k] = (*(slice(None),) * axis, slice(start, start + a.shape[axis]))
            start += a.shape[axis]
    return _placed(walk, n, None, given, indices, False)


def _placed(
    walk: Walk, n: Node, base: Found | None, given: Given, indices: Sequence[Any], overwriting: bool
) -> Found | None:
    below = None if base is None else walk.array(base, n.shape)
    if below is not None and overwriting:
        keep = np.ones(n.shape, dtype=bool)
        for index in indices:
            keep[index] = False
        below = below.masked(keep)
    pieces = [(i, p) for i, p in zip(indices, given, strict=True) if p is not None]
    if not pieces:
        return below
    arrays = [p for _, p in pieces if isinstance(p, Pattern)]
    if len(arrays) == len(pieces) <= _FEW and all(p.maps is not None for p in (*arrays, *([below] if below else []))):
        return filled(pieces, below, n.shape, walk.width)  # type: ignore[arg-type]
    return _collected(walk, n.shape, below, pieces)


def _collected(walk: Walk, shape: Shape, base: Pattern | None, pieces: Sequence[tuple[Any, Found]]) -> Found:
    """Many pieces, or long rows: all their entries in one list."""
    places = places_of(shape)
    rows, columns = [], []
    for index, p in pieces:
        if isinstance(p, Pattern):
            row, column = p.pairs()
            rows.append(places[index].ravel()[row])
        else:
            column = written(p)
            rows.append(np.full(column.size, places[index]))
        columns.append(column)
    if base is not None:
        row, column = base.pairs()
        rows.append(row)
        columns.append(column)
    found = matrix_from(np.concatenate(rows), np.concatenate(columns), math.prod(shape), walk.width)
    return Pattern(shape, walk.width, None, found)


def _scatter(walk: Walk, n: Node, given: Given) -> Found | None:
    base, added, positions, axis = given[0], given[1], n.args[2], n.params[0]
    found: list[Found] = [] if base is None else [base]
    if added is not None:
        x = walk.array(added, n.args[1].shape)
        if positions.value is not None:
            found.append(x.merged(np.take(places_of(n.shape), positions.value, axis), n.shape))
        else:
            low, high = _range(walk, positions, n.shape[axis])
            source, target = _ranges(low.ravel(), high.ravel())
            flat = (*n.shape[:axis], positions.size, *n.shape[axis + 1 :])
            x = walk.array(x.moved(lambda a: a.reshape(flat), flat), flat)
            found.append(_along(x, axis, n.shape[axis], target, source, n.shape))
    return union(found, n.shape, walk.width)


def _triangle(walk: Walk, n: Node, given: Given) -> Found | None:
    p = given[0]
    return None if p is None else walk.array(p, n.shape).masked(TRIANGLE.evaluate(np.ones(n.shape), *n.params) != 0)


# --- sums and scans ---------------------------------------------------------------------------------------------------


def _sum(walk: Walk, n: Node, given: Given) -> Found | None:
    p = given[0]
    return None if p is None else _summed(walk, walk.array(p, n.args[0].shape), n.params[0])


def _summed(walk: Walk, x: Pattern, axes: Sequence[int]) -> Found:
    """The pattern of the sums over ``axes``."""
    shape = tuple(k for i, k in enumerate(x.shape) if i not in axes)
    if x.size == 0 or not axes:
        return in_form(x) if not axes else Pattern(shape, walk.width, ())
    over = [x.shape[a] for a in axes]
    if x.maps is not None and len(x.maps) * math.prod(over) <= _FEW and shape:
        terms = []
        for place in np.ndindex(*over):
            at = dict(zip(axes, place, strict=True))
            index = tuple(at.get(i, slice(None)) for i in range(len(x.shape)))
            terms.append(x.moved(lambda a, index=index: a[index], shape))  # type: ignore[misc]
        return union(terms, shape, walk.width)
    kept = tuple(1 if i in axes else k for i, k in enumerate(x.shape))
    return x.merged(np.broadcast_to(places_of(kept), x.shape), shape)


def _mixed(walk: Walk, x: Pattern, axes: Sequence[int], shape: Shape) -> Found:
    """The pattern of ``shape`` (that of x but for ``axes``), whose every element depends on all of x along ``axes``."""
    one = _summed(walk, x, axes)
    kept = tuple(1 if i in axes else k for i, k in enumerate(x.shape))
    return walk.stretched(walk.array(one, ()).moved(lambda a: a.reshape(kept), kept), shape)


def _scan(walk: Walk, n: Node, given: Given) -> Found | None:
    """Running sums, and linear recurrences: what has come before."""
    axis = n.params[0]
    parts = []
    for p in given:
        if p is not None:
            x, length = walk.array(p, n.shape), n.shape[axis]
            others = tuple(i for i in range(len(x.shape)) if i != axis)
            read = np.flatnonzero(x.occupied.any(axis=others))
            which, reader = _ranges(read, np.full(read.size, length - 1))
            parts.append(_along(x, axis, length, reader, read[which], n.shape))
    return union(parts, n.shape, walk.width)


# --- products ---------------------------------------------------------------------------------------------------------


def _contract(walk: Walk, n: Node, given: Given) -> Found | None:
    la, lb, lo = n.params
    parts = []
    for k, (p, lx, lother) in enumerate(zip(given, (la, lb), (lb, la), strict=True)):
        if p is not None:
            x, other = walk.array(p, n.args[k].shape), n.args[1 - k]
            nonzero = walk.known.nonzero(other) if given[1 - k] is None else None
            if nonzero is None:
                parts.append(_contract_full(walk, x, lx, lo, n.shape))
            elif nonzero.any():
                some = _contract_some if walk.few is None else functools.partial(_contract_few, walk.few)
                parts.append(some(x, lx, nonzero, lother, lo, n.shape))
    return union(parts, n.shape, walk.width) if parts else None


def _contract_full(walk: Walk, x: Pattern, lx: Sequence[int], lo: Sequence[int], shape: Shape) -> Found:
    """A factor without known zeros: sums over what the result lacks, the rest turned and stretched."""
    one = _summed(walk, x, [i for i, label in enumerate(lx) if label not in lo])
    rest = [label for label in lx if label in lo]
    order = [rest.index(label) for label in lo if label in rest]
    index = tuple(slice(None) if label in rest else None for label in lo)
    if not shape:
        return one
    stretch = tuple(k if label in rest else 1 for label, k in zip(lo, shape, strict=True))
    if not rest:
        return walk.stretched(one, shape)
    array = walk.array(one, ())
    return walk.stretched(array.moved(lambda a: a.transpose(order)[index], stretch), shape)


def _contract_some(
    x: Pattern, lx: Sequence[int], nonzero: Array, lother: Sequence[int], lo: Sequence[int], shape: Shape
) -> Found:
    """A factor with zeros: one entry for each place where it has none, and each place that it does not speak of."""
    sizes = dict(zip((*lx, *lo), (*x.shape, *shape), strict=True))
    idle = tuple(i for i, label in enumerate(lother) if label not in sizes)
    mask = nonzero.any(axis=idle) if idle else nonzero
    spoken = [label for label in lother if label in sizes]
    silent = [label for label in sizes if label not in spoken]
    count = (int(np.count_nonzero(mask)), math.prod(sizes[label] for label in silent))
    bounded(float(count[0]) * count[1])
    at = {label: i[:, None] for label, i in zip(spoken, np.nonzero(mask), strict=True)}
    grid = np.indices([sizes[label] for label in silent]).reshape(len(silent), count[1])
    at.update(zip(silent, grid, strict=True))

    def places(labels: Sequence[int], lengths: Shape) -> Array:
        total = np.zeros((1, 1), np.int64)
        for k, label in enumerate(labels):
            total = total + at[label] * math.prod(lengths[k + 1 :])
        return np.broadcast_to(total, count).ravel()

    return x.related(places(lo, shape), places(lx, x.shape), shape)


def _contract_few(
    few: Array, x: Pattern, lx: Sequence[int], nonzero: Array, lother: Sequence[int], lo: Sequence[int], shape: Shape
) -> Found:
    """The same for a few columns: each by a contraction of counts, which is as quick as one of numbers."""
    rows, columns, factor = [], [], nonzero.astype(np.float32)
    for column in few:
        has = x.has(int(column))
        if has.any():
            count = CONTRACT.evaluate(has.astype(np.float32), factor, tuple(lx), tuple(lother), tuple(lo))
            found = np.flatnonzero(count)
            rows.append(found)
            columns.append(np.full(found.size, column, dtype=np.int32))
    if not rows:
        return in_form(Pattern(shape, x.width, ()))
    matrix = matrix_from(np.concatenate(rows), np.concatenate(columns), math.prod(shape), x.width)
    return in_form(Pattern(shape, x.width, None, matrix))


def _correlate(walk: Walk, n: Node, given: Given) -> Found | None:
    """Along the last axis: y_k reads a_{k+i} v_i, or a_{k−i} v_i."""
    parts = []
    for k, p in enumerate(given):
        if p is None:
            continue
        length, other, size = n.shape[-1], n.args[1 - k].shape[-1], n.args[k].shape[-1]
        lined = (*n.shape[:-1], size)
        x = walk.array(walk.stretched(p, lined), lined)
        if n.op is CORRELATE and k == 1:
            parts.append(_mixed(walk, x, (len(lined) - 1,), n.shape))
        else:
            row, tap = (i.ravel() for i in np.indices((length, other)))
            element = row + tap if n.op is CORRELATE else row - tap
            inside = (element >= 0) & (element < size)
            parts.append(_along(x, len(lined) - 1, length, row[inside], element[inside], n.shape))
    return union(parts, n.shape, walk.width)


def _solve(walk: Walk, n: Node, given: Given) -> Found | None:
    """A column of the solution depends on that column of the right side."""
    if given[1] is None or any(p is not None for k, p in enumerate(given) if k != 1):
        return everything(walk, n, given)
    return _mixed(walk, walk.array(given[1], n.shape), (len(n.shape) - 2,), n.shape)


def _matrices(walk: Walk, n: Node, given: Given) -> Found | None:
    """A matrix of the stack depends on that matrix."""
    if any(a.shape != n.shape for a, p in zip(n.args, given, strict=True) if p is not None):
        return everything(walk, n, given)
    axes = (len(n.shape) - 2, len(n.shape) - 1)
    return union([_mixed(walk, walk.array(p, n.shape), axes, n.shape) for p in given if p is not None],
                 n.shape, walk.width)  # fmt: skip


RULES: dict[Op, Callable[[Walk, Node, Given], Found | None]] = {
    **dict.fromkeys((m.RESHAPE, m.TRANSPOSE, m.BROADCAST, m.SLICE), _view),
    **dict.fromkeys((m.ASSEMBLE, m.UPDATE), _pieces),
    **dict.fromkeys((m.CONCATENATE, m.PACK), _joined),
    **dict.fromkeys((r.CUMSUM, r.RECURRENCE), _scan),
    **dict.fromkeys((CORRELATE, CONVOLVE), _correlate),
    **dict.fromkeys((SOLVE, TRIANGULAR_SOLVE), _solve),
    **dict.fromkeys((CHOLESKY_TANGENT, CHOLESKY_COTANGENT, COFACTOR_CHANGE, EXPM_CHANGE), _matrices),
    g.TAKE: _take,
    g.SCATTER_ADD: _scatter,
    r.SUM: _sum,
    CONTRACT: _contract,
    TRIANGLE: _triangle,
}
"""How each linear op reads its arguments. One that is not here, nor elementwise, reads all of them everywhere."""
