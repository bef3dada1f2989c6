"""The chain rule for elementwise ops, and the product it multiplies with.

``chain_product(t, p)`` is t·p in which an exact zero wins over an infinity and over NaN: 0·∞ = 0. So a branch that
`numpy.where` did not take, or ``x*sqrt(x)`` at 0, does not turn into NaN: what does not matter (t = 0) cannot harm.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import OPS, Node, Op, as_node, make
from thalweg.ops.entry import elementwise, has_nan


def _chain_product(a: Any, b: Any, out: Any = None) -> Any:
    """``a*b``, but 0 where either is exactly 0. One extra pass finds out whether there is anything to mend."""
    y = np.multiply(a, b, out)
    if has_nan(y):
        zero = np.equal(a, 0) | np.equal(b, 0)
        if not np.ndim(y):
            return y.dtype.type(0) if zero else y
        np.copyto(y, 0, where=zero)
    return y


def _chain_product_scalar(a: Any, b: Any) -> Any:
    y = a * b
    return y if y == y or (a != 0 and b != 0) else type(y)(0)  # y ≠ y: NaN


def _simplify_chain_product(args: tuple[Node, ...], params: Any) -> Node | None:
    for c in args:
        if c.value is not None and c.shape == () and c.value != 0 and np.isfinite(c.value):
            return make(OPS["multiply"], args)
    return None


chain_product = elementwise(
    "chain_product",
    _chain_product,
    lambda a, b, y: b,
    lambda a, b, y: a,
    like=np.multiply,
    scalar=_chain_product_scalar,
    simplify=_simplify_chain_product,
    note="a·b with 0·∞ = 0: the product of the chain rule",
)


def differential(op: Op, k: int, t: Node, args: tuple[Node, ...], y: Node) -> Node | None:
    """``t · ∂y/∂args[k]``, the one step of the chain rule, or ``None`` where the partial is zero."""
    if op.chains is not None:
        chain = op.chains[k]
        change = None if chain is None else chain(t, *args, y)
        return None if change is None else as_node(change)
    partial = op.partials[k] if op.partials is not None else None
    if partial is None:
        return None
    return make(chain_product, (t, as_node(partial(*args, y), y.dtype)))
