"""Sums of squares: whether a scalar is one by its ops, and of what.

    Σ rᵢ²,    r @ r,    (a − b)² + 3 c²,    mean of squares …

are read as Σ ‖wₖ rₖ‖² with numbers wₖ. What is found is a proof; where nothing is found, the scalar may be one still.
"""

from __future__ import annotations

import math

import numpy as np

from thalweg.graph import Node
from thalweg.ops import elementwise as e
from thalweg.ops import reduce as r

__all__ = ["Weighted", "squares_in"]

Weighted = tuple[float, Node]


def squares_in(y: Node) -> list[Weighted] | None:
    """Return pairs (w, r) such that y = Σ ‖w r‖², or ``None``.

    Examples
    --------
    >>> from thalweg import trace
    >>> graph = trace(lambda x: 4 * (x[0] - 1) ** 2 + np.sum((x[1:] * x[:-1]) ** 2) / 9, np.ones(3))
    >>> [(w, n.shape) for w, n in squares_in(graph.outputs[0])]
    [(2.0, ()), (0.3333333333333333, (2,))]
    >>> squares_in(trace(lambda x: x[0] ** 2 - x[1] ** 2, np.ones(2)).outputs[0]) is None
    True
    """
    found: list[Weighted] = []
    pending: list[Weighted] = [(1.0, y)]  # factors, not yet rooted
    while pending:
        factor, n = pending.pop()
        op = n.op
        if op is e.add and n.args[0].shape == n.args[1].shape:
            pending += [(factor, n.args[1]), (factor, n.args[0])]
        elif op is e.multiply and (scaled := _scaled(n)) is not None:
            pending.append((factor * scaled[0], scaled[1]))
        elif op is e.divide and (c := _number(n.args[1])) is not None and c > 0:
            pending.append((factor / c, n.args[0]))
        elif op is r.SUM and n.shape == ():
            pending.append((factor, n.args[0]))
        elif op.name in ("reshape", "transpose") and n.size == n.args[0].size:
            pending.append((factor, n.args[0]))
        elif (root := _root(n)) is not None and factor >= 0:
            found.append((math.sqrt(factor), root))
        else:
            return None
    return found


def _root(n: Node) -> Node | None:
    """r where n = r², or n = r·r summed."""
    op = n.op
    if op is e.square:
        return n.args[0]
    if op is e.multiply and n.args[0] is n.args[1]:
        return n.args[0]
    if op is e.power and (c := _number(n.args[1])) is not None and c == 2.0 and n.shape == n.args[0].shape:
        return n.args[0]
    if op.name == "contract" and n.shape == () and n.args[0] is n.args[1] and n.params[0] == n.params[1]:
        return n.args[0]
    return None


def _scaled(n: Node) -> tuple[float, Node] | None:
    """A positive number times something of the same shape."""
    for a, b in (n.args, n.args[::-1]):
        c = _number(a)
        if c is not None and c > 0 and b.shape == n.shape:
            return c, b
    return None


def _number(n: Node) -> float | None:
    """The value of a constant that is the same number everywhere."""
    if n.value is None or n.dtype.kind != "f" or n.size == 0:
        return None
    first = float(np.ravel(n.value)[0])
    return first if math.isfinite(first) and bool(np.all(n.value == first)) else None
