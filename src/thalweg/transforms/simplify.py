"""Simplifying a whole graph: what single nodes cannot see when they are built.

Every rule gives the same numbers to the last bit, NaN, infinities and the sign of zero included. Most identities are
applied at construction already (`thalweg.ops.identities`); here are those that pay only if an intermediate value is
used nowhere else, or that need an order between equal forms:

- a·b and b·a become one node (the older argument first), so what is common to both sides of a derivative is found;
- −(c·x) and c·(−x) are (−c)·x, and −((−a)·b) is a·b;
- c·(d·x) is (c·d)·x if both are at least 1 in size and d is a power of two: either way rounds once;
- ``where(c, where(c, a, _), b)`` is ``where(c, a, b)``: a condition is asked once.

On derivatives of functions with Python loops this removes about a tenth of the nodes; on array code there is little
left to remove.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from thalweg.graph import CONSTANT, INPUT, Node, as_node, location, make, reachable, rebuild
from thalweg.ops import elementwise as e

_COMMUTATIVE = {e.add, e.multiply, e.chain_product, e.equal, e.not_equal}


def simplified(outputs: Sequence[Node]) -> list[Node]:
    """``outputs``, computed by fewer nodes."""
    order = reachable(outputs)
    uses: Counter[Node] = Counter(a for n in order for a in n.args)
    uses.update(outputs)
    new: dict[Node, Node] = {}
    alone: set[Node] = set()  # rewritten nodes that serve one other node only
    made: set[Node] = set()
    before = location.where
    for n in order:
        if n.op is INPUT or n.op is CONSTANT:
            new[n] = n
            continue
        args = tuple(new[a] for a in n.args)
        if n.op in _COMMUTATIVE and args[1].serial < args[0].serial:
            args = (args[1], args[0])
        location.where = n.where
        found = _rewritten(n, args, alone)
        new[n] = result = rebuild(n, args) if found is None else found
        if uses[n] == 1 and result not in made:
            alone.add(result)
        else:
            alone.discard(result)
        made.add(result)
    location.where = before
    return [new[y] for y in outputs]


def _rewritten(n: Node, args: tuple[Node, ...], alone: set[Node]) -> Node | None:
    op = n.op
    if op is e.negative:
        (x,) = args
        if x.op is e.multiply and x in alone and x.dtype.kind == "f":
            factor, rest = _split(x.args)
            if factor is not None:
                return make(e.multiply, (as_node(-factor, x.dtype), rest))
            for k, a in enumerate(x.args):
                if a.op is e.negative:
                    return make(e.multiply, (a.args[0], x.args[1 - k]))
    elif op is e.multiply and n.dtype.kind == "f":
        c, rest = _split(args)
        if c is not None and rest in alone:
            if rest.op is e.negative:
                return make(e.multiply, (as_node(-c, n.dtype), rest.args[0]))
            if rest.op is e.multiply and rest.dtype == n.dtype:
                d, inner = _split(rest.args)
                if d is not None and min(abs(c), abs(d)) >= 1 and _scales_exactly(d, c):
                    return make(e.multiply, (as_node(c * d, n.dtype), inner))
    elif op is e.where:
        condition, a, b = args
        first = a.args[1] if a.op is e.where and a.args[0] is condition and a.args[1].shape == a.shape else a
        second = b.args[2] if b.op is e.where and b.args[0] is condition and b.args[2].shape == b.shape else b
        if first is not a or second is not b:
            found = make(e.where, (condition, first, second))
            return found if found.shape == n.shape and found.dtype == n.dtype else None
    return None


def _split(args: tuple[Node, ...]) -> tuple[float | None, Node]:
    """Of the arguments of a product: the constant factor, and the other one."""
    for k, c in enumerate(args):
        if c.value is not None and c.shape == () and c.dtype.kind == "f":
            return float(c.value), args[1 - k]
    return None, args[0]


def _scales_exactly(d: float, c: float) -> bool:
    """Whether d·x is without rounding, so that c·(d·x) rounds once, as (c·d)·x does; far from overflow in any dtype."""
    return abs(math.frexp(d)[0]) == 0.5 and abs(c * d) < 1e30
