"""Forward mode: how the outputs move when the inputs move (the pushforward, or Jacobian–vector product).

If y = f(a, b) then ẏ = ∂f/∂a · ȧ + ∂f/∂b · ḃ. Walking a graph from its inputs to its outputs and writing down ẏ for
each node gives a new graph that computes the tangents; it costs a small multiple of the first. A tangent of ``None``
is an exact zero and costs nothing (Griewank & Walther 2008, *Evaluating Derivatives*, §3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from thalweg.graph import ITEM, Node, dependents, location, make, reachable
from thalweg.ops.elementwise import astype, differential
from thalweg.ops.movement import broadcast

Tangent = Node | None


def pushforward(outputs: Sequence[Node], tangents: dict[Node, Node]) -> list[Tangent]:
    """The tangents of ``outputs`` when the nodes in ``tangents`` move as given there.

    A tangent has the shape of its node. ``None`` stands for zero.
    """
    order = reachable(outputs)
    active = dependents(order, tangents)
    moving: dict[Node, Any] = dict(tangents)
    before = location.where
    for n in order:
        if n in active and n not in moving:
            location.where = n.where
            moving[n] = tangent_of(n, [moving.get(a) for a in n.args])
    location.where = before
    return [moving.get(n) for n in outputs]


def tangent_of(y: Node, tangents: Sequence[Any]) -> Any:
    """The tangent of one node, given those of its arguments."""
    op = y.op
    if op is ITEM:
        return None if tangents[0] is None else tangents[0][y.params[0]]
    if all(t is None for t in tangents):
        return None
    if op.elementwise:
        terms = [differential(op, k, t, y.args, y) for k, t in enumerate(tangents) if t is not None]
    elif op.jvp is not None:
        return op.jvp(tangents, y.args, y, *y.params)
    elif op.linear:
        terms = [
            make(op, (*y.args[:k], tangents[k], *y.args[k + 1 :]), y.params)
            for k in op.linear
            if tangents[k] is not None
        ]
    else:
        return None
    total: Tangent = None
    for term in terms:
        if term is not None:
            total = term if total is None else total + term
    return None if total is None else astype(broadcast(total, y.shape), y.dtype)
