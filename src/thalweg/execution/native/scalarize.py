"""Tiny arrays taken apart into scalars.

A loop of length three costs LLVM a millisecond and the processor more for the loop than for its body; the same as
straight-line code costs microseconds. So where all the arrays of a computation are tiny (the state of an ordinary
differential equation, vectors in space, small matrices), each of their elements becomes a scalar node of its own:
elementwise ops element by element, sums and products as trees, small matrix products as multiplications and additions;
slicing, joining, transposing and stretching become bookkeeping of lists and cost nothing at all. What needs an array
whole (a large op, a result) gets it back by ``pack``. Equal elements are one node, by hash-consing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from thalweg.graph import (
    BOOL,
    CONSTANT,
    INPUT,
    INT64,
    Node,
    Shape,
    as_node,
    constant,
    full,
    is_several,
    make,
    reachable,
    rebuild,
)
from thalweg.graph.places import location
from thalweg.ops import elementwise as e
from thalweg.ops import gather, reduce
from thalweg.ops.contract import CONTRACT, summed_first
from thalweg.ops.movement import (
    ASSEMBLE,
    BROADCAST,
    CONCATENATE,
    PACK,
    RESHAPE,
    SLICE,
    TRANSPOSE,
    UPDATE,
    is_zero,
    reshape,
    slice_,
)

Composed = Callable[[Node], "Node | None"]

TINY = 16  # elements of an array that may be taken apart
_FILLED = 256  # elements of a result that is put together element by element
_PRODUCTS = 64  # multiplications of a matrix product that may be
_VIEWS = frozenset((RESHAPE, TRANSPOSE, BROADCAST, SLICE))

# What LLVM takes, in milliseconds of a busy machine (measured)
_LOOP = 8.0  # a loop
_IN_LOOP = 0.25  # an operation in a loop, with its vectors and remainders
_STRAIGHT = 0.075  # a scalar operation


def scalarize(outputs: Sequence[Node], composed: Mapping[Any, Composed]) -> list[Node]:
    """``outputs`` computed with scalars in place of tiny arrays, where that pays.

    ``composed`` says how ops are made of simpler ones (logsumexp, softmax).
    """
    order = reachable(outputs)
    if not pays(order):
        return list(outputs)
    work = _Scalars(composed)
    before = location.where
    for n in order:
        work.visit(n)
    found = [work.whole(n) for n in outputs]
    location.where = before
    return found


def is_tiny(n: Node) -> bool:
    """Whether ``n`` is an array that may be taken apart."""
    shape = n.shape
    if not shape or is_several(n):
        return False
    size = 1
    for m in shape:
        size *= m
    return 0 < size <= TINY


def pays(order: Sequence[Node]) -> bool:
    """Whether taking the tiny arrays among ``order`` apart saves LLVM more time than the scalars cost it."""
    tiny = [n for n in order if n.shape and n.op is not INPUT and n.op is not CONSTANT and is_tiny(n)]
    if not tiny:
        return False
    level: dict[Node, int] = {}
    loops: set[Any] = set()
    together = apart = 0.0
    for n in order:
        op, args = n.op, n.args
        if not args:
            continue
        if op in _VIEWS:
            level[n] = level.get(args[0], 0)
            continue
        at = 0
        space = args[0].shape if op.family == "reduce" else n.shape
        for a in args:
            here = level.get(a, 0)
            if a.shape != space or not a.op.elementwise:
                here += 1
            at = max(at, here)
        level[n] = at
        if not space or is_several(n) or not (is_tiny(n) or is_tiny(args[0])):
            continue
        if op in (PACK, CONCATENATE, UPDATE, ASSEMBLE):
            loops.add((at, "pieces", tuple({a.shape for a in args})))
        else:
            loops.add((at, space))
        if op.elementwise or op.family == "reduce" or op is CONTRACT:
            together += _IN_LOOP
            apart += _STRAIGHT * max(n.size, args[0].size if args[0].size <= TINY else 1)
    return _LOOP * len(loops) + together > apart


class _Scalars:
    """The elements of the values of a graph, and the values themselves, each made when it is asked for."""

    def __init__(self, composed: Mapping[Any, Composed]) -> None:
        self._composed = composed
        self._whole: dict[Node, Node] = {}
        self._parts: dict[Node, list[Node]] = {}
        self._source: dict[Node, Node] = {}

    def visit(self, n: Node) -> None:
        """Make ``n`` known; all its arguments are."""
        op = n.op
        shape = n.shape
        if op is INPUT or op is CONSTANT:
            self._whole[n] = self._source[n] = n
            return
        if shape == () and op.elementwise:
            found = tuple([self._number(a) for a in n.args])
            self._whole[n] = n if found == n.args else rebuild(n, found)
            return
        location.where = n.where
        if shape == () or is_tiny(n):
            if op.elementwise:
                self._parts[n] = self._elementwise(n)
                return
            rule = _RULES.get(op)
            if rule is not None:
                parts = rule(self, n)
                if parts is not None:
                    if shape == ():
                        self._whole[n] = parts[0]
                    else:
                        self._parts[n] = parts
                        if op in _VIEWS and n.args[0] in self._source:
                            self._source[n] = rebuild(n, (self._source[n.args[0]],))
                    return
            compose = self._composed.get(op)
            if compose is not None and self._apart(n.args[0]):
                made = compose(n)
                if made is not None:
                    self._expand(n, made)
                    return
        if op is UPDATE or op is ASSEMBLE or op is CONCATENATE:
            found_pieces = self._pieces(n)
            if found_pieces is not None:
                self._whole[n] = self._source[n] = found_pieces
                return
        made_whole = rebuild(n, tuple([self.whole(a) for a in n.args]))
        self._whole[n] = self._source[n] = made_whole

    def _expand(self, n: Node, made: Node) -> None:
        for m in reachable((made,)):
            if m not in self._whole and m not in self._parts:
                self.visit(m)
        if n.shape == ():
            self._whole[n] = self.whole(made)
        else:
            self._parts[n] = self.parts(made)

    # --- a value in its two forms -----------------------------------------------------------------------------------

    def whole(self, n: Node) -> Node:
        """``n`` as one node."""
        found = self._whole.get(n)
        if found is None:
            found = self._source.get(n)
            if found is None:
                parts = self._parts[n]
                first = parts[0]
                if first.value is not None and all(p is first for p in parts):
                    found = full(n.shape, first.value, n.dtype)
                elif all(p.value is not None for p in parts):
                    found = constant(np.array([p.value for p in parts], n.dtype).reshape(n.shape))
                else:
                    found = reshape(make(PACK, tuple(parts)), n.shape)
            self._whole[n] = found
        return found

    def parts(self, n: Node) -> list[Node]:
        """The elements of ``n`` in C order."""
        found = self._parts.get(n)
        if found is None:
            whole = self.whole(n)
            if n.shape == ():
                return [whole]
            if whole.value is not None:
                found = [constant(np.asarray(v)) for v in np.ravel(whole.value)]
            else:
                found = [slice_(whole, index) for index in np.ndindex(n.shape)]
            self._parts[n] = found
        return found

    def _number(self, n: Node) -> Node:
        found = self._whole.get(n)
        return found if found is not None else self.whole(n)

    def _apart(self, n: Node) -> bool:
        """Whether the elements of ``n`` can be had."""
        return n.shape == () or is_tiny(n)

    def _all_apart(self, nodes: Sequence[Node]) -> bool:
        return all(n.shape == () or (n in self._parts and n not in self._source) for n in nodes)

    # --- rules ------------------------------------------------------------------------------------------------------

    def _elementwise(self, n: Node) -> list[Node]:
        op, params, shape = n.op, n.params, n.shape
        columns: list[Any] = []
        for a in n.args:
            if a.shape == shape:
                columns.append(self.parts(a))
            elif a.shape == ():
                columns.append(itertools.repeat(self._number(a)))
            else:
                parts = self.parts(a)
                columns.append([parts[i] for i in _stretched(a.shape, shape)])
        return [make(op, args, params) for args in zip(*columns, strict=False)]

    def view(self, n: Node) -> list[Node] | None:
        (a,) = n.args
        if self._apart(a):
            parts = self.parts(a)
            return [parts[i] for i in _positions(n.op, n.params, a.shape)]
        if n.op is SLICE:
            whole = self.whole(a)
            if whole.op is BROADCAST:  # what is spread has fewer elements
                return None
            return [slice_(whole, index) for index in _indices(n.params[0], a.shape)]
        return None

    def pack(self, n: Node) -> list[Node]:
        return [e.astype(self._number(a), n.dtype) for a in n.args]

    def concatenate(self, n: Node) -> list[Node]:
        offset, flat, order = 0, [], []
        for a in n.args:
            if a.size:
                flat += self.parts(a)
                order.append(np.arange(offset, offset + a.size).reshape(a.shape))
                offset += a.size
        return [e.astype(flat[i], n.dtype) for i in np.concatenate(order, n.params[0]).ravel().tolist()]

    def write(self, n: Node) -> list[Node]:
        base, *pieces = n.args
        found = list(self.parts(base))
        for piece, index in zip(pieces, n.params[0], strict=True):
            targets = _positions(SLICE, (index,), base.shape)
            values = self.parts(piece)
            if piece.size != len(targets):
                shape = np.empty(base.shape)[tuple(i if isinstance(i, int) else slice(*i) for i in index)].shape
                values = [values[i] for i in _stretched(piece.shape, shape)]
            for k, v in zip(targets, values, strict=True):
                found[k] = e.astype(v if n.op is UPDATE else found[k] + v, n.dtype)
        return found

    def take(self, n: Node) -> list[Node] | None:
        x, positions = n.args
        fixed = self.whole(positions)
        while fixed.op is BROADCAST:
            fixed = fixed.args[0]
        if fixed.value is None:
            return None
        axis = n.params[0]
        at = np.broadcast_to(np.asarray(fixed.value), positions.shape)
        if self._apart(x):
            flat = np.take(np.arange(x.size).reshape(x.shape), at, axis).ravel().tolist()
            parts = self.parts(x)
            return [parts[i] for i in flat]
        whole, m = self.whole(x), x.shape[axis]
        return [
            slice_(whole, (*i[:axis], int(at[i[axis : axis + at.ndim]]) % m, *i[axis + at.ndim :]))
            for i in np.ndindex(n.shape)
        ]

    def in_range(self, n: Node) -> list[Node] | None:
        return (
            [make(gather.IN_RANGE, (p,), n.params) for p in self.parts(n.args[0])] if self._apart(n.args[0]) else None
        )

    def scatter_add(self, n: Node) -> list[Node] | None:
        base, g, positions = n.args
        fixed = self.whole(positions)
        if fixed.value is None or not self._apart(g):
            return None
        axis = n.params[0]
        numbers = np.arange(base.size).reshape(base.shape)
        targets = np.take(numbers, np.asarray(fixed.value), axis).ravel().tolist()
        found = list(self.parts(base))
        for k, v in zip(targets, self.parts(g), strict=True):
            found[k] = e.astype(found[k] + v, n.dtype)
        return found

    def reduction(self, n: Node) -> list[Node] | None:
        x = n.args[0]
        if not self._apart(x) or x.size == 0:
            return None
        axes = n.params[0] if isinstance(n.params[0], tuple) else (n.params[0],)
        combine, wanted = _COMBINE[n.op]
        dtype = wanted or n.dtype
        parts = self.parts(x)
        return [_tree(combine, [e.astype(parts[i], dtype) for i in group]) for group in _groups(x.shape, axes)]

    def extremum_at(self, n: Node) -> list[Node] | None:
        """The first of the greatest; a NaN counts as greatest."""
        x = n.args[0]
        if not self._apart(x):
            return None
        parts = self.parts(x)
        beyond = e.greater if n.op is reduce.ARGMAX else e.less
        found = []
        for group in _groups(x.shape, (n.params[0],)):
            best, at = parts[group[0]], as_node(0, INT64)
            for k, i in enumerate(group[1:], 1):
                p = parts[i]
                better = beyond(p, best) if p.dtype != BOOL else beyond(e.astype(p, INT64), e.astype(best, INT64))
                if p.dtype.kind == "f":
                    better = e.logical_or(better, e.logical_and(e.isnan(p), e.logical_not(e.isnan(best))))
                best, at = e.where(better, p, best), e.where(better, as_node(k, INT64), at)
            found.append(at)
        return found

    def scan(self, n: Node) -> list[Node] | None:
        args = n.args
        if not all(self._apart(a) for a in args):
            return None
        columns = [self.parts(a) for a in args]
        found: list[Any] = [None] * n.size
        for group in _groups(n.shape, (n.params[0],)):
            last: Node | None = None
            for i in group:
                x = e.astype(columns[-1][i], n.dtype)
                if last is None:
                    found[i] = x
                elif n.op is reduce.RECURRENCE:
                    found[i] = e.astype(columns[0][i] * last + x, n.dtype)
                else:
                    found[i] = _SCANS[n.op](last, x)
                last = found[i]
        return found

    def contract(self, n: Node) -> list[Node] | None:
        a, b = n.args
        if not (self._apart(a) and self._apart(b)) or n.dtype.kind == "b":
            return None
        la, lb, lo = n.params
        made = summed_first(a, b, la, lb, lo)
        if made is not None:
            self._expand(n, made)
            return [self._whole[n]] if n.shape == () else self._parts[n]
        plan = _products(*n.params, a.shape, b.shape)
        if plan is None:
            return None
        left = [e.astype(p, n.dtype) for p in self.parts(a)]
        right = [e.astype(p, n.dtype) for p in self.parts(b)]
        return [_tree(e.add, [left[i] * right[j] for i, j in terms]) for terms in plan]

    def _pieces(self, n: Node) -> Node | None:
        """Writes of tiny pieces into a large array: one element after the other, so that they need not be packed."""
        first = 0 if n.op is CONCATENATE else 1
        if n.op is not CONCATENATE and n.size <= _FILLED and is_zero(n.args[0]) and self._all_apart(n.args[1:]):
            parts = self.write(n)
            return make(UPDATE, (full(n.shape, 0, n.dtype), *parts), (tuple(np.ndindex(n.shape)),))
        split = [a in self._parts and a not in self._whole and a not in self._source for a in n.args]
        if not any(split[first:]):
            return None
        pieces: list[Node] = []
        places: list[Any] = []
        if n.op is CONCATENATE:
            axis, start = n.params[0], 0
            indices = []
            for a in n.args:
                stop = start + a.shape[axis]
                indices.append(tuple((start, stop, 1) if k == axis else (0, m, 1) for k, m in enumerate(n.shape)))
                start = stop
            base = full(n.shape, 0, n.dtype)
        else:
            base, indices = self.whole(n.args[0]), list(n.params[0])
        for a, index, apart in zip(n.args[first:], indices, split[first:], strict=True):
            if not apart:
                pieces.append(self.whole(a))
                places.append(index)
                continue
            targets = list(_indices(index, n.shape))
            parts = self._parts[a]
            if len(parts) != len(targets):
                return None
            pieces += parts
            places += targets
        op = UPDATE if n.op is CONCATENATE else n.op
        return make(op, (base, *pieces), (tuple(places),))


def _tree(combine: Callable[[Node, Node], Node], terms: list[Node]) -> Node:
    """``terms`` combined in pairs: the rounding error grows with the logarithm of their number."""
    while len(terms) > 1:
        pairs = [combine(terms[i], terms[i + 1]) for i in range(0, len(terms) - 1, 2)]
        if len(terms) % 2:
            pairs.append(terms[-1])
        terms = pairs
    return terms[0]


# --- where elements come from: tables of positions in C order ---------------------------------------------------------


@lru_cache(maxsize=4096)
def _stretched(shape: Shape, to: Shape) -> tuple[int, ...]:
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    return tuple(np.broadcast_to(numbers, to).ravel().tolist())


@lru_cache(maxsize=4096)
def _positions(op: Any, params: tuple[Any, ...], shape: Shape) -> tuple[int, ...]:
    """The positions in an array of ``shape`` of the elements of a view of it."""
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    return tuple(np.ravel(op.evaluate(numbers, *params)).tolist())


@lru_cache(maxsize=4096)
def _groups(shape: Shape, axes: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The positions of the elements that a reduction over ``axes`` combines, for each of its results."""
    if not axes:
        axes = ()
    kept = [a for a in range(len(shape)) if a not in axes]
    count = int(np.prod([shape[a] for a in kept]))
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    return tuple(map(tuple, numbers.transpose(*kept, *axes).reshape(count, -1).tolist()))


@lru_cache(maxsize=1024)
def _products(la: Shape, lb: Shape, lo: Shape, sa: Shape, sb: Shape) -> tuple[tuple[tuple[int, int], ...], ...] | None:
    """The pairs of positions whose products each element of a contraction adds up; ``None`` if they are many."""
    sizes = dict(zip((*la, *lb), (*sa, *sb), strict=True))
    inner = [x for x in sizes if x not in lo]
    count = 1
    for n in sizes.values():
        count *= n
    if not 0 < count <= _PRODUCTS:
        return None
    a = np.arange(int(np.prod(sa))).reshape(sa)
    b = np.arange(int(np.prod(sb))).reshape(sb)
    found = []
    for out in itertools.product(*(range(sizes[x]) for x in lo)):
        at = dict(zip(lo, out, strict=True))
        terms = []
        for over in itertools.product(*(range(sizes[x]) for x in inner)):
            at.update(zip(inner, over, strict=True))
            terms.append((int(a[tuple(at[x] for x in la)]), int(b[tuple(at[x] for x in lb)])))
        found.append(tuple(terms))
    return tuple(found)


@lru_cache(maxsize=4096)
def _indices(index: Any, shape: Shape) -> tuple[tuple[int, ...], ...]:
    """A basic index as one index an element, in C order."""
    axes = [(i,) if isinstance(i, int) else range(*slice(*i).indices(n)) for i, n in zip(index, shape, strict=True)]
    return tuple(itertools.product(*axes))


_COMBINE: dict[Any, Any] = {
    reduce.SUM: (e.add, None),
    reduce.PROD: (e.multiply, None),
    reduce.MAX: (e.maximum, None),
    reduce.MIN: (e.minimum, None),
    reduce.ANY: (e.logical_or, BOOL),
    reduce.ALL: (e.logical_and, BOOL),
}
_SCANS: dict[Any, Any] = {
    reduce.CUMSUM: e.add,
    reduce.CUMPROD: e.multiply,
    reduce.CUMMAX: e.maximum,
    reduce.CUMMIN: e.minimum,
}
_RULES: dict[Any, Callable[[_Scalars, Node], list[Node] | None]] = {
    **dict.fromkeys(_VIEWS, _Scalars.view),
    **dict.fromkeys(_COMBINE, _Scalars.reduction),
    **dict.fromkeys((*_SCANS, reduce.RECURRENCE), _Scalars.scan),
    **dict.fromkeys((reduce.ARGMAX, reduce.ARGMIN), _Scalars.extremum_at),
    **dict.fromkeys((UPDATE, ASSEMBLE), _Scalars.write),
    PACK: _Scalars.pack,
    CONCATENATE: _Scalars.concatenate,
    CONTRACT: _Scalars.contract,
    gather.TAKE: _Scalars.take,
    gather.IN_RANGE: _Scalars.in_range,
    gather.SCATTER_ADD: _Scalars.scatter_add,
}
