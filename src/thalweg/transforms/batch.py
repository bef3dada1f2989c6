"""Batching: a graph for one example becomes a graph for many, stacked along a new leading axis.

Every op knows how to map itself over a leading axis of those arguments that carry one; what does not depend on the
batched inputs is computed once. Nothing is run in a loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from thalweg.graph import ITEM, Node, location, make, reachable
from thalweg.ops.movement import broadcast


def batched(outputs: Sequence[Node], inputs: dict[Node, Node], size: int) -> list[Node]:
    """``outputs`` for a whole batch: each key of ``inputs`` is replaced by its value, which has the leading axis."""
    new: dict[Node, Node] = dict(inputs)
    before = location.where
    for n in reachable(outputs):
        if n in new or not any(a in new for a in n.args):
            continue
        location.where = n.where
        args = tuple(new.get(a, a) for a in n.args)
        if n.op is ITEM:
            new[n] = make(ITEM, args, n.params)
        else:
            if n.op.batch is None:
                raise NotImplementedError(f"op {n.op.name} has no batching rule")
            new[n] = n.op.batch(args, tuple(a in new for a in n.args), size, *n.params)
    location.where = before
    return [new[n] if n in new else broadcast(n, (size, *n.shape)) for n in outputs]
