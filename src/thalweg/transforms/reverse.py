"""Reverse mode: how much each input has to do with an output (the pullback, or vector–Jacobian product).

Give each output a weight ḡ. Walking the graph from the outputs to the inputs, every node hands its own weight to its
arguments: if y = f(a, b) then ā += ȳ·∂f/∂a and b̄ += ȳ·∂f/∂b. One walk gives the derivatives for all inputs at once, at
a small multiple of the cost of f however many inputs there are (Griewank & Walther 2008, §3.2, the cheap gradient
principle). The textbook's backpropagation is this walk.

Elementwise ops hand over weights by their partial derivatives, linear ops by their transposes. The rest say only how
they move forward (``jvp``); that rule is linear in the tangents, so walking *it* backwards gives its transpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from thalweg.graph import ITEM, Node, dependents, input_node, is_several, location, reachable, zeros_like
from thalweg.ops.elementwise import astype, differential
from thalweg.ops.gather import SCATTER_ADD, scatter_add
from thalweg.ops.movement import ASSEMBLE, assemble, broadcast, is_zero, unbroadcast


def pullback(outputs: Sequence[Node], weights: Sequence[Node | None], inputs: Sequence[Node]) -> list[Node]:
    """The cotangents of ``inputs`` when ``outputs`` have the cotangents ``weights`` (``None``: zero)."""
    return [
        zeros_like(x) if g is None else g
        for x, g in zip(inputs, sparse_pullback(outputs, weights, inputs), strict=True)
    ]


def sparse_pullback(
    outputs: Sequence[Node], weights: Sequence[Node | None], inputs: Sequence[Node]
) -> list[Node | None]:
    """As `pullback`, with ``None`` for inputs on which no output depends."""
    order = reachable(outputs)
    active = dependents(order, inputs)
    received: dict[Node, list[Node]] = {}
    items: dict[Node, dict[int, Node]] = {}
    for y, g in zip(outputs, weights, strict=True):
        if g is not None and y in active:
            received.setdefault(y, []).append(g)
    wanted = set(inputs)
    totals: dict[Node, Node] = {}
    before = location.where
    for y in reversed(order):
        if y not in active:
            continue
        location.where = y.where
        if is_several(y):
            if y in items:
                _hand_over_by_jvp(y, items.pop(y), active, received)
            continue
        if y not in received:
            continue
        g = accumulate(y, received.pop(y))
        if y in wanted:
            totals[y] = g
        elif y.op is ITEM:
            items.setdefault(y.args[0], {})[y.params[0]] = g
        else:
            _hand_over(y, g, active, received)
    location.where = before
    return [totals.get(x) for x in inputs]


def _hand_over(y: Node, g: Node, active: set[Node], received: dict[Node, list[Node]]) -> None:
    op = y.op
    if op.elementwise:
        for k, a in enumerate(y.args):
            if a in active and a.dtype.kind == "f":
                part = differential(op, k, g, y.args, y)
                if part is not None:
                    part = unbroadcast(broadcast(part, y.shape), a.shape)
                    received.setdefault(a, []).append(astype(part, a.dtype))
        return
    by_jvp = False
    for k, a in enumerate(y.args):
        if a in active and a.dtype.kind == "f":
            if op.transpose is not None and (not op.linear or k in op.linear):
                received.setdefault(a, []).append(astype(op.transpose(g, k, y.args, *y.params), a.dtype))
            elif op.jvp is not None:
                by_jvp = True
    if by_jvp:
        _hand_over_by_jvp(y, {0: g}, active, received)


def _hand_over_by_jvp(y: Node, weights: dict[int, Node], active: set[Node], received: dict[Node, list[Node]]) -> None:
    """Transpose the op's forward rule: a small graph, linear in new inputs that stand for the tangents."""
    op = y.op
    linear = op.linear or ()
    if op.jvp is None:
        return
    tangents = [
        input_node(a.shape, a.dtype) if a in active and a.dtype.kind == "f" and k not in linear else None
        for k, a in enumerate(y.args)
    ]
    movable = [(a, t) for a, t in zip(y.args, tangents, strict=True) if t is not None]
    moved = op.jvp(tangents, y.args, y, *y.params)
    results = moved if is_several(y) else (moved,)
    outputs = [(results[i], g) for i, g in weights.items() if results[i] is not None]
    parts = sparse_pullback([r for r, _ in outputs], [g for _, g in outputs], [t for _, t in movable])
    for (a, _), part in zip(movable, parts, strict=True):
        if part is not None:
            received.setdefault(a, []).append(part)


def accumulate(x: Node, parts: Iterable[Node]) -> Node:
    """The sum of what ``x`` received. Pieces meant for places of it are added in place, each at its own cost."""
    total: Node | None = None
    pieces: list[Node] = []
    places: list[tuple[object, ...]] = []
    scattered: list[Node] = []
    for part in parts:
        if part.op is ASSEMBLE and is_zero(part.args[0]):
            pieces.extend(part.args[1:])
            places.extend(part.params[0])
        elif part.op is SCATTER_ADD and is_zero(part.args[0]):
            scattered.append(part)
        else:
            total = part if total is None else total + part
    if pieces:
        total = assemble(zeros_like(x) if total is None else total, pieces, places)
    for part in scattered:
        _, g, positions = part.args
        total = scatter_add(zeros_like(x) if total is None else total, g, positions, *part.params)
    assert total is not None
    return total
