"""The softmax as an op of its own: stable, and closed under differentiation.

p = exp x / Σ exp x is the gradient of log Σ exp x (`thalweg.ops.reduce`), and ṗ = p ∘ (ẋ − p·ẋ). The greatest element
is subtracted before ``exp``, so nothing overflows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.graph import FLOAT64, Node, Op, make
from thalweg.ops.reduce import Axes, keep, sum_


def _infer(x: Node, axes: Axes) -> Any:
    return x.shape, x.dtype if x.dtype.kind == "f" else FLOAT64


def _softmax(x: Any, axes: Axes) -> Any:
    e = np.exp(x - np.max(x, axis=axes, keepdims=True, initial=-np.inf))
    return e / np.sum(e, axis=axes, keepdims=True)


def _jvp(tangents: Sequence[Node | None], args: tuple[Node, ...], y: Node, axes: Axes) -> Node | None:
    (t,) = tangents
    return None if t is None else y * (t - keep(sum_(y * t, axes), y, axes))


SOFTMAX: Op = Op(
    "softmax",
    _infer,
    _softmax,
    family="reduce",
    jvp=_jvp,
    batch=lambda args, batched, size, axes: SOFTMAX(args[0], params=(tuple(a + 1 for a in axes),)),
)


def softmax(x: Node, axes: Axes) -> Node:
    """exp x / Σ exp x over ``axes``."""
    return make(SOFTMAX, (x,), (tuple(axes),))
