"""Identities of arithmetic that hold for NaN, infinities and signed zero: graphs are simplified by them when built.

``x + 0`` is not among them (−0 + 0 = 0), nor ``x − x = 0``, nor ``0·x = 0``. Two are about derivatives: (√s)² = s and
|x|² = x² take away a kink that the function does not have, so ‖x‖² has its Hessian 2I at 0 however it is written. A
root squared is simplified only where s is seen to be nonnegative, since elsewhere it is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import OPS, Node, full, make

Args = tuple[Node, ...]


def _is(node: Node, value: float) -> bool:
    """Whether ``node`` is the scalar constant ``value`` (sign of zero included)."""
    v = node.value
    return v is not None and node.shape == () and v == value and (value != 0 or np.signbit(v) == np.signbit(value))


def _keeps(x: Node, other: Node) -> bool:
    """Whether an operation with ``other`` leaves the dtype of ``x`` as it is."""
    return x.dtype == other.dtype or (x.dtype.kind == "f" and x.dtype.itemsize >= other.dtype.itemsize)


def _real(a: Node, b: Node) -> bool:
    return a.dtype == b.dtype and a.dtype.kind == "f"


def add(args: Args, _: Any) -> Node | None:
    a, b = args
    if _is(b, -0.0) and _keeps(a, b):
        return a
    if _is(a, -0.0) and _keeps(b, a):
        return b
    if b.op.name == "negative" and _real(a, b):
        return make(OPS["subtract"], (a, b.args[0]))
    if a.op.name == "negative" and _real(a, b):
        return make(OPS["subtract"], (b, a.args[0]))
    return None


def subtract(args: Args, _: Any) -> Node | None:
    a, b = args
    if _is(b, 0.0) and _keeps(a, b):
        return a
    if b.op.name == "negative" and _real(a, b):
        return make(OPS["add"], (a, b.args[0]))
    return None


def multiply(args: Args, _: Any) -> Node | None:
    a, b = args
    if a is b and a.dtype.kind == "f":
        return make(OPS["square"], (a,))
    for x, c in ((a, b), (b, a)):
        if c.value is not None and c.shape == () and x.dtype.kind == "f" and _keeps(x, c):
            if c.value == 1:
                return x
            if c.value == -1:
                return make(OPS["negative"], (x,))
    return None


def divide(args: Args, _: Any) -> Node | None:
    a, b = args
    return a if _is(b, 1) and a.dtype.kind == "f" and _keeps(a, b) else None


def negative(args: Args, _: Any) -> Node | None:
    return args[0].args[0] if args[0].op.name == "negative" else None


def square(args: Args, _: Any) -> Node | None:
    x = args[0]
    name = x.op.name
    if name == "absolute" or name == "negative":
        return make(OPS["square"], x.args)
    if name == "sqrt" and x.args[0].dtype == x.dtype and is_nonnegative(x.args[0]):
        return x.args[0]
    return None


def power(args: Args, _: Any) -> Node | None:
    """Small whole powers are products, ten times faster; roots of arrays are ``sqrt``, as NumPy's ``**`` has it."""
    x, n = args
    if n.value is None or n.shape != () or not _keeps(x, n) or x.dtype.kind != "f":
        return None
    if n.value == 2:
        return make(OPS["square"], (x,))
    if n.value == 1:
        return x
    if n.value == 0:
        return full(x.shape, 1.0, x.dtype)  # 1 for NaN too
    if n.value == -1:
        return make(OPS["reciprocal"], (x,))
    if n.value == 3:
        return make(OPS["multiply"], (make(OPS["square"], (x,)), x))
    if n.value == 4:
        return make(OPS["square"], (make(OPS["square"], (x,)),))
    if n.value == 0.5 and x.shape:
        return make(OPS["sqrt"], (x,))
    return None


_NONNEGATIVE = frozenset(("square", "absolute", "exp", "exp2", "cosh"))  # NaN apart
_AS_ARGUMENTS = frozenset(("add", "multiply", "maximum", "sum", "reshape", "broadcast", "transpose", "slice", "max"))


def is_nonnegative(x: Node, depth: int = 6) -> bool:
    """Whether ``x`` is certainly ≥ 0 or NaN, seen from how it is made."""
    name = x.op.name
    if name in _NONNEGATIVE:
        return True
    if x.value is not None:
        return x.size <= 32 and not np.any(np.signbit(np.asarray(x.value, dtype=float)))
    if name == "contract":
        return x.args[0] is x.args[1] and x.params[0] == x.params[1]
    return depth > 0 and name in _AS_ARGUMENTS and all(is_nonnegative(a, depth - 1) for a in x.args)
