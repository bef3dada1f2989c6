"""The chain rule for elementwise ops, and the product it multiplies with.

``chain_product(t, p)`` is t·p in which an exact zero wins over an infinity and over NaN: 0·∞ = 0. So a branch that
`numpy.where` did not take, or ``x*sqrt(x)`` at 0, does not turn into NaN: what does not matter (t = 0) cannot harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.graph import OPS, Node, Op, as_node, make
from thalweg.ops.entry import batch_elementwise, has_nan, infer_like, without_stretching


def _chain_product(a: Any, b: Any) -> Any:
    """``a*b``, but 0 where either is exactly 0. One extra pass finds out whether there is anything to mend."""
    y = np.multiply(a, b)
    if has_nan(y):
        y = np.where((np.equal(a, 0)) | (np.equal(b, 0)), y.dtype.type(0), y)
    return y


def _chain_product_scalar(a: Any, b: Any) -> Any:
    y = a * b
    return y if y == y or (a != 0 and b != 0) else type(y)(0)  # y ≠ y: NaN


def _simplify_chain_product(args: tuple[Node, ...], params: Any) -> Node | None:
    for c in args:
        if c.value is not None and c.shape == () and c.value != 0 and np.isfinite(c.value):
            return make(OPS["multiply"], args)
    return None


def _chain_product_kernel(node: Node) -> Callable[..., Any]:
    if all(a.shape == () for a in node.args):
        return _chain_product_scalar
    return _chain_product


chain_product = Op(
    "chain_product",
    infer_like("chain_product", np.multiply),
    _chain_product,
    family="elementwise",
    partials=(lambda a, b, y: b, lambda a, b, y: a),
    simplify=without_stretching("chain_product", _simplify_chain_product),
    kernel=_chain_product_kernel,
    note="a·b with 0·∞ = 0: the product of the chain rule",
)
chain_product.batch = batch_elementwise(chain_product)


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
