"""Order statistics: where the elements stand that would be the k-th smallest, without sorting the rest.

A partition (Hoare's quickselect) takes O(n) where sorting takes O(n log n). NaN counts as larger than everything.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import INT64, Node, Op, make
from thalweg.ops.gather import take_along


def _infer(x: Node, ranks: tuple[int, ...]) -> Any:
    return (*x.shape[:-1], len(ranks)), INT64


def _evaluate(x: Any, ranks: tuple[int, ...]) -> Any:
    return np.argpartition(x, ranks, axis=-1)[..., list(ranks)]


ARGSELECT = Op(
    "argselect",
    _infer,
    _evaluate,
    family="movement",
    linear=(),
    note="positions of order statistics: no derivative",
)
ARGSELECT.batch = lambda args, batched, size, ranks: make(ARGSELECT, args, (ranks,))


def select(x: Node, ranks: tuple[int, ...]) -> Node:
    """The elements of the given ranks (0 is the smallest) along the last axis, in the order of ``ranks``."""
    return take_along(x, make(ARGSELECT, (x,), (ranks,)), x.ndim - 1)
