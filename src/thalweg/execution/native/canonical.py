"""A graph rewritten into the few forms that native code is made from.

- Views (slice, transpose, reshape) of elementwise values become elementwise values of views, where computing them
  again is cheap: then views are only ever taken of what lies in memory.
- Joining and adding up pieces (pack, concatenate, assemble) become one write a region of the result, each region
  knowing the pieces that cover it: the gradient of a stencil is one pass.
- Composed reductions (logsumexp, softmax) are taken apart; an inner product is a sum, so that it fuses.
- A guard on an array is a guard on one truth value.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.execution.native import scalar
from thalweg.execution.native.scalarize import scalarize
from thalweg.execution.native.tasks import literal_of
from thalweg.graph import CONSTANT, INPUT, Node, Shape, as_node, constant, full, location, make, reachable, rebuild
from thalweg.ops import elementwise as e
from thalweg.ops import reduce, softmax
from thalweg.ops.contract import CONTRACT, summed_first
from thalweg.ops.movement import (
    ASSEMBLE,
    CONCATENATE,
    PACK,
    RESHAPE,
    SLICE,
    TRANSPOSE,
    UPDATE,
    is_zero,
    reshape,
    slice_,
    transpose,
)

_CHEAP = 12.0  # cost up to which a value is computed again behind a view of it
_CELLS = 48  # regions into which the sum of overlapping pieces may fall apart

Guard = tuple[Node, Any]


def canonical(outputs: Sequence[Node], guards: Sequence[Guard]) -> tuple[list[Node], list[Guard]]:
    """``outputs`` and ``guards`` in canonical form."""
    asked = [_single(n, answer) for n, answer in guards]
    ends = scalarize([*outputs, *(n for n, _ in asked)], _COMPOSED)
    outputs, asked = ends[: len(outputs)], list(zip(ends[len(outputs) :], (a for _, a in asked), strict=True))
    order = reachable(ends)
    rewriting = _Rewriting(order)
    before = location.where
    for n in order:
        rewriting.visit(n)
    location.where = before
    new = rewriting.new
    return [new[n] for n in outputs], [(new[n], answer) for n, answer in asked]


def _single(n: Node, answer: Any) -> Guard:
    if n.shape == ():
        return n, answer
    same = e.equal(n, constant(np.asarray(answer, dtype=n.dtype)))
    return make(reduce.ALL, (same,), (tuple(range(n.ndim)),)), True


class _Rewriting:
    def __init__(self, order: Sequence[Node]) -> None:
        self.new: dict[Node, Node] = {}
        self.uses: Counter[Node] = Counter(a for n in order for a in n.args)
        self.cost: dict[Node, float] = {}

    def visit(self, n: Node) -> None:
        if n.op is INPUT or n.op is CONSTANT:
            self.new[n] = n
            return
        args = tuple(self.new[a] for a in n.args)
        rule = _RULES.get(n.op)
        location.where = n.where
        found = None if rule is None else rule(self, n, args)
        self.new[n] = rebuild(n, args) if found is None else found

    def tree_cost(self, n: Node) -> float:
        """What it costs to compute ``n`` from what lies in memory."""
        if not n.op.elementwise:
            return 0.0
        found = self.cost.get(n)
        if found is None:
            found = self.cost[n] = scalar.cost(n.op.name) + sum(self.tree_cost(a) for a in n.args if a.shape)
        return found

    # --- views ------------------------------------------------------------------------------------------------------

    def view(self, x: Node, op: Any, params: tuple[Any, ...], alone: bool) -> Node:
        """The view of ``x``, taken of the arguments of ``x`` if that is cheap or nobody else needs ``x``."""
        plain = make(op, (x,), params)
        if plain.op is not op or plain.args[0] is not x or not x.op.elementwise or plain.size == 0:
            return plain
        if self.tree_cost(x) > (40.0 if alone else _CHEAP):
            return plain
        moved = []
        for a in x.args:
            seen = _argument_view(a, x.shape, op, params)
            if seen is None:
                return plain
            if seen[0] is None:
                moved.append(a)
            else:
                moved.append(self.view(seen[1], seen[0], seen[2], alone))
        made = make(x.op, tuple(moved), x.params)
        return made if made.shape == plain.shape and made.dtype == plain.dtype else plain

    # --- pieces -----------------------------------------------------------------------------------------------------

    def assemble(self, n: Node, args: tuple[Node, ...]) -> Node | None:
        base, *parts = args
        indices = n.params[0]
        if all(isinstance(i, int) for index in indices for i in index):
            sums: dict[Any, Node] = {}
            for index, part in zip(indices, parts, strict=True):
                sums[index] = part if index not in sums else sums[index] + part
            if not is_zero(base):
                sums = {index: slice_(base, index) + part for index, part in sums.items()}
            return make(UPDATE, (base, *sums.values()), (tuple(sums),))
        boxes = [_box(index, n.shape) for index in indices]
        if any(box is None for box in boxes):
            return None
        found = _cells([box for box in boxes if box is not None], n.shape)
        if found is None:
            return None
        pieces, places = [], []
        empty = is_zero(base)
        for cell, cover in found:
            value: Node | None = None if empty and cover else slice_(base, tuple((lo, hi, 1) for lo, hi in cell))
            for k in cover:
                part, box = parts[k], boxes[k]
                assert box is not None
                part = reshape(part, tuple(hi - lo for lo, hi in box))
                within = tuple((lo - start, hi - start, 1) for (lo, hi), (start, _) in zip(cell, box, strict=True))
                seen = self.view(part, SLICE, (within,), False)
                value = seen if value is None else value + seen
            assert value is not None
            pieces.append(value)
            places.append(tuple((lo, hi, 1) for lo, hi in cell))
        return make(UPDATE, (full(n.shape, 0, n.dtype), *pieces), (tuple(places),))


def _argument_view(a: Node, shape: Shape, op: Any, params: tuple[Any, ...]) -> Any:
    """(op, argument, params) of the view of one argument ``a`` of an elementwise value of ``shape``; (None,) if ``a``
    stays as it is; ``None`` if there is no such view."""
    if a.shape == ():
        return (None,)
    if op is RESHAPE:
        if literal_of(a) is not None:
            scalar_ = a
            while scalar_.shape:
                scalar_ = scalar_.args[0]
            return (RESHAPE, full(params[0], scalar_.value, a.dtype), params) if params[0] else (None,)
        return (RESHAPE, a, params) if a.shape == shape else None
    lead = len(shape) - a.ndim
    if op is TRANSPOSE:
        lined = reshape(a, (1,) * lead + a.shape) if lead else a
        return TRANSPOSE, lined, params
    index = []
    for k, (i, n) in enumerate(zip(params[0], shape, strict=True)):
        if k < lead:
            continue
        if a.shape[k - lead] == n:
            index.append(i)
        else:  # stretched along this axis
            index.append(0 if isinstance(i, int) else (0, 1, 1))
    return SLICE, a, (tuple(index),)


def _box(index: Any, shape: Shape) -> Any:
    """The intervals of a basic index, or ``None`` where it skips elements."""
    box = []
    for i, n in zip(index, shape, strict=True):
        if isinstance(i, int):
            box.append((i, i + 1))
        else:
            r = range(*slice(*i).indices(n))
            if len(r) > 1 and r.step != 1:
                return None
            box.append((r.start, r.start + len(r)) if len(r) else (0, 0))
    return tuple(box)


def _cells(boxes: Sequence[Any], shape: Shape) -> list[Any] | None:
    """The array cut at all borders of ``boxes``: (cell, boxes that cover it); ``None`` if that makes too many."""
    cuts = []
    count = 1
    for axis, n in enumerate(shape):
        borders = sorted({0, n, *(x for box in boxes for x in box[axis])})
        cuts.append(list(itertools.pairwise(borders)))
        count *= max(len(cuts[-1]), 1)
    if count > _CELLS:
        return None
    found = []
    for cell in itertools.product(*cuts):
        cover = [
            k
            for k, box in enumerate(boxes)
            if all(lo <= a and b <= hi for (a, b), (lo, hi) in zip(cell, box, strict=True))
        ]
        found.append((cell, cover))
    return found


def _view_rule(r: _Rewriting, n: Node, args: tuple[Node, ...]) -> Node:
    return r.view(args[0], n.op, n.params, r.uses[n.args[0]] == 1)


def _pack(_: _Rewriting, n: Node, args: tuple[Node, ...]) -> Node:
    return make(UPDATE, (full(n.shape, 0, n.dtype), *args), (tuple((k,) for k in range(len(args))),))


def _concatenate(_: _Rewriting, n: Node, args: tuple[Node, ...]) -> Node:
    axis, start, places = n.params[0], 0, []
    for a in args:
        stop = start + a.shape[axis]
        places.append(tuple((start, stop, 1) if k == axis else (0, m, 1) for k, m in enumerate(n.shape)))
        start = stop
    kept = [(a, p) for a, p in zip(args, places, strict=True) if a.size]
    return make(UPDATE, (full(n.shape, 0, n.dtype), *(a for a, _ in kept)), (tuple(p for _, p in kept),))


def _contract(_: _Rewriting, n: Node, args: tuple[Node, ...]) -> Node | None:
    """An inner product over all axes of both is a sum of products."""
    a, b = args
    la, lb, lo = n.params
    made = summed_first(a, b, la, lb, lo)
    if made is not None:
        return made if made.op is not CONTRACT else _contract(_, made, made.args) or made
    if lo or sorted(la) != sorted(lb) or n.dtype.kind != "f":
        return None
    if lb != la:
        b = transpose(b, tuple(lb.index(x) for x in la))
    return make(reduce.SUM, (a * b,), (tuple(range(a.ndim)),))


def _kept(y: Node, x: Node, axes: tuple[int, ...]) -> Node:
    return reshape(y, tuple(1 if i in axes else m for i, m in enumerate(x.shape)))


def _terms(x: Node, axes: tuple[int, ...]) -> tuple[Node, Node]:
    """The greatest element, and exp(x − greatest): where that is infinite, 1 for each element that is so, else 0."""
    top = make(reduce.MAX, (x,), (axes,))
    infinite = e.isinf(top)
    shift = e.where(infinite, as_node(0.0, x.dtype), top)
    plain = e.exp(x - _kept(shift, x, axes))
    at_top = e.astype(e.equal(x, _kept(top, x, axes)), x.dtype)
    return top, e.where(_kept(infinite, x, axes), at_top, plain)


def _logsumexp(_: Any, n: Node, args: tuple[Node, ...]) -> Node | None:
    (x,), (axes,) = args, n.params
    if not axes or any(x.shape[a] == 0 for a in axes):
        return None
    top, terms = _terms(e.astype(x, n.dtype), axes)
    return e.log(reduce.sum_(terms, axes)) + top


def _weights(_: Any, n: Node, args: tuple[Node, ...]) -> Node | None:
    (x,), (axes,) = args, n.params
    if not axes or any(x.shape[a] == 0 for a in axes):
        return None
    x = e.astype(x, n.dtype)
    _, terms = _terms(x, axes)
    return terms / _kept(reduce.sum_(terms, axes), x, axes)


def _softmax(_: Any, n: Node, args: tuple[Node, ...]) -> Node | None:
    (x,), (axes,) = args, n.params
    if not axes or any(x.shape[a] == 0 for a in axes):
        return None
    x = e.astype(x, n.dtype)
    terms = e.exp(x - _kept(make(reduce.MAX, (x,), (axes,)), x, axes))
    return terms / _kept(reduce.sum_(terms, axes), x, axes)


def _of_nothing(_: Any, n: Node, args: tuple[Node, ...]) -> Node | None:
    """A reduction without terms is what it begins with."""
    if args[0].size:
        return None
    return full(n.shape, {"sum": 0, "any": False, "all": True, "prod": 1}[n.op.name], n.dtype)


_RULES: dict[Any, Any] = {
    **dict.fromkeys((reduce.SUM, reduce.ANY, reduce.ALL, reduce.PROD), _of_nothing),
    SLICE: _view_rule,
    TRANSPOSE: _view_rule,
    RESHAPE: _view_rule,
    ASSEMBLE: _Rewriting.assemble,
    PACK: _pack,
    CONCATENATE: _concatenate,
    CONTRACT: _contract,
    reduce.LOGSUMEXP: _logsumexp,
    reduce.WEIGHTS: _weights,
    softmax.SOFTMAX: _softmax,
}
_COMPOSED: dict[Any, Callable[[Node], Node | None]] = {
    reduce.LOGSUMEXP: lambda n: _logsumexp(None, n, n.args),
    reduce.WEIGHTS: lambda n: _weights(None, n, n.args),
    softmax.SOFTMAX: lambda n: _softmax(None, n, n.args),
}
