"""What is known of values before they are: zeros that stand fast, and bounds of integer positions.

Both are read from the graph by short rules. Where a rule is missing nothing is claimed: no zeros, any position.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node
from thalweg.ops import elementwise as e
from thalweg.ops import gather as g
from thalweg.ops import movement as m
from thalweg.ops import reduce as r
from thalweg.ops.matrix import TRIANGLE
from thalweg.ops.order import ARGSELECT

Array = np.ndarray[Any, Any]
Bounds = tuple[Any, Any]

_VIEWS = {m.RESHAPE, m.TRANSPOSE, m.BROADCAST, m.SLICE}
_KEEP_ZEROS = {e.negative, e.square, e.cast, e.absolute, e.sqrt, e.sin, e.tanh, e.deg2rad, e.rad2deg}
_DEPTH = 64  # steps back that are worth taking


class Known:
    """What is known of the nodes of one graph; answers are remembered."""

    def __init__(self) -> None:
        self._nonzero: dict[Node, Array | None] = {}
        self._bounds: dict[Node, Bounds | None] = {}

    def nonzero(self, x: Node, depth: int = 0) -> Array | None:
        """Where ``x`` may differ from zero, as Booleans of its shape; ``None`` if that may be everywhere."""
        if x.value is not None:
            if x.shape == ():
                return None if x.value != 0 else np.zeros((), dtype=bool)
        elif depth > _DEPTH or not x.args:
            return None
        if x not in self._nonzero:
            found = np.asarray(x.value != 0) if x.value is not None else self._find_nonzero(x, depth + 1)
            self._nonzero[x] = None if found is None or found.all() else found
        return self._nonzero[x]

    def _find_nonzero(self, x: Node, depth: int) -> Array | None:
        op, args = x.op, x.args
        first = args[0]
        if op in _VIEWS or (op is g.TAKE and args[1].value is not None):
            mask = self.nonzero(first, depth)
            rest = [a.value for a in args[1:]]
            return None if mask is None else np.asarray(op.evaluate(mask, *rest, *x.params))
        if op in _KEEP_ZEROS:
            return self.nonzero(first, depth)
        if op is e.divide:
            mask = self.nonzero(first, depth)
            return None if mask is None else np.broadcast_to(mask, x.shape)
        if op is e.multiply or op is e.chain_product:
            masks = [mask for a in args if (mask := self.nonzero(a, depth)) is not None]
            return np.broadcast_to(np.logical_and.reduce(np.broadcast_arrays(*masks)), x.shape) if masks else None
        if op is e.where and args[0].value is not None:
            a, b = (self._mask(a, depth) for a in args[1:])
            return np.broadcast_to(np.where(args[0].value, a, b), x.shape)
        if op is TRIANGLE:
            return np.asarray(op.evaluate(np.array(self._mask(first, depth)), *x.params)) != 0
        if op is m.ASSEMBLE or op is m.UPDATE:
            base = self.nonzero(first, depth)
            if base is None:
                return None
            found = np.array(base)
            for part, index in zip(args[1:], x.params[0], strict=True):
                place, mask = m.to_index(index), self._mask(part, depth)
                found[place] = mask if op is m.UPDATE else found[place] | mask
            return found
        if op is g.SCATTER_ADD and args[2].value is not None:
            base = self.nonzero(first, depth)
            if base is None:
                return None
            found = np.array(base)
            found[(*(slice(None),) * x.params[0], args[2].value)] = True
            return found
        if op is m.CONCATENATE:
            return np.concatenate([self._mask(a, depth) for a in args], x.params[0])
        return None

    def _mask(self, x: Node, depth: int) -> Array:
        mask = self.nonzero(x, depth)
        return np.broadcast_to(np.True_ if mask is None else mask, x.shape)

    def bounds(self, x: Node, depth: int = 0) -> Bounds | None:
        """The least and the greatest value that the elements of an integer ``x`` can have, in arrays that broadcast."""
        if x.value is not None:
            return np.asarray(x.value), np.asarray(x.value)
        if depth > _DEPTH or not x.args:
            return (0, 1) if x.dtype.kind == "b" else None
        if x not in self._bounds:
            self._bounds[x] = self._find_bounds(x, depth + 1)
        return self._bounds[x]

    def _find_bounds(self, x: Node, depth: int) -> Bounds | None:
        op, args = x.op, x.args
        if x.dtype.kind == "b":
            return 0, 1
        if op is g.IN_RANGE:
            return _inside(self.bounds(args[0], depth), x.params[0])
        if op in (g.ARGSORT, r.ARGMAX, r.ARGMIN):
            return 0, args[0].shape[x.params[0]] - 1
        if op is ARGSELECT:
            return 0, args[0].shape[-1] - 1
        if op is g.WRITERS:
            return 0, x.params[0] + args[0].shape[-1] - 1
        if op in _VIEWS or op is g.TAKE:
            return self._moved(x, depth)
        if op is e.where:
            a, b = (self.bounds(a, depth) for a in args[1:])
            if a is None or b is None:
                return None
            if args[0].op is e.less and args[0].args[0] is args[2] and np.all(b[0] >= 0):  # never counted from the end
                return b
            return np.minimum(a[0], b[0]), np.maximum(a[1], b[1])
        if op in (e.add, e.subtract, e.multiply, e.cast, r.CUMMAX) and args[0].dtype.kind in "ib":
            found = [self.bounds(a, depth) for a in args]
            return None if any(b is None for b in found) else _combined(x, found)
        return None

    def _moved(self, x: Node, depth: int) -> Bounds | None:
        source = self.bounds(x.args[0], depth)
        if source is None:
            return None
        if x.op is g.TAKE and x.args[1].value is None:
            return np.min(source[0]), np.max(source[1])
        rest = [a.value for a in x.args[1:]]
        shape = x.args[0].shape
        low, high = (np.asarray(x.op.evaluate(np.broadcast_to(b, shape), *rest, *x.params)) for b in source)
        return low, high


def _inside(bounds: Bounds | None, n: int) -> Bounds:
    """Positions on an axis of length n, after those counted from the end were made positive."""
    if bounds is None or np.any(np.asarray(bounds[0]) < 0):
        return 0, n - 1
    return np.minimum(bounds[0], n - 1), np.minimum(bounds[1], n - 1)


def _combined(x: Node, found: list[Any]) -> Bounds:
    op, (low, high) = x.op, found[0]
    if op is e.cast:
        return low, high
    if op is r.CUMMAX:
        shape, axis = x.args[0].shape, x.params[0]
        at_least, at_most = (np.maximum.accumulate(np.broadcast_to(b, shape), axis=axis) for b in (low, high))
        return at_least, at_most
    other_low, other_high = found[1]
    if op is e.add:
        return low + other_low, high + other_high
    if op is e.subtract:
        return low - other_high, high - other_low
    corners = [low * other_low, low * other_high, high * other_low, high * other_high]
    least, most = corners[0], corners[0]
    for c in corners[1:]:
        least, most = np.minimum(least, c), np.maximum(most, c)
    return least, most
