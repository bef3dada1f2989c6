"""Elementwise ops: a calculus table. Name, meaning in NumPy, partial derivatives as expressions.

A partial is written in the arguments and the result ``y``; ``None`` says that it is zero almost everywhere. The chain
rule multiplies it by a tangent or cotangent ``t`` with ``chain_product``, in which an exact zero wins over an infinity:
0·∞ = 0. So a branch that `numpy.where` did not take, or ``x*sqrt(x)`` at 0, does not turn into NaN. Where writing the
product ``t·p`` at once is shorter or exact (``t/b`` rather than ``t·(1/b)``), an entry gives ``chains`` instead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from thalweg.graph import (
    BOOL,
    FLOAT64,
    INT64,
    OPS,
    Node,
    Op,
    Shape,
    as_node,
    make,
    shape_error,
)

Partial = Callable[..., Any] | None


def broadcast_shape(name: str, *shapes: Shape) -> Shape:
    """NumPy's broadcasting; a misfit names the op and the user's line."""
    first = shapes[0]
    for s in shapes[1:]:
        if s != first:
            break
    else:
        return first
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        listed = " and ".join(map(str, shapes))
        raise shape_error(f"{name}: the shapes {listed} do not fit together") from None


@cache
def _result_dtype(ufunc: np.ufunc, dtypes: tuple[np.dtype[Any], ...]) -> np.dtype[Any]:
    dtype = ufunc.resolve_dtypes((*dtypes, *(None,) * ufunc.nout))[-1]
    if dtype.kind == "f" and dtype.itemsize < 4:  # NumPy computes functions of booleans in float16; we in float64
        return FLOAT64
    if dtype.kind in "iu":
        return INT64
    return dtype


def _infer(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    if ufunc.nin == 1:

        def infer_one(x: Node) -> tuple[Shape, np.dtype[Any]]:
            return x.shape, _result_dtype(ufunc, (x.dtype,))

        return infer_one

    known = _result_dtype(ufunc, (FLOAT64,) * ufunc.nin)

    def infer(*args: Node) -> tuple[Shape, np.dtype[Any]]:
        shape = broadcast_shape(name, *[a.shape for a in args])
        for a in args:
            if a.dtype is not FLOAT64:
                return shape, _result_dtype(ufunc, tuple([a.dtype for a in args]))
        return shape, known

    return infer


def _float_of_bool(ufunc: np.ufunc) -> bool:
    try:
        return ufunc.resolve_dtypes((BOOL,) * ufunc.nin + (None,) * ufunc.nout)[-1].kind == "f"
    except TypeError:  # not defined for booleans
        return False


def _widen(ufunc: np.ufunc) -> Callable[..., Any]:
    """NumPy's float functions of booleans work in half precision: give them float64 instead."""

    def evaluate(*arrays: Any) -> Any:
        return ufunc(*(a.astype(np.float64) if a.dtype == BOOL else a for a in map(np.asarray, arrays)))

    return evaluate


def batch_elementwise(op: Op) -> Callable[..., Node]:
    """Arguments that carry the mapped axis are given the rank at which broadcasting lines it up."""

    def batch(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, *params: Any) -> Node:
        from thalweg.ops.movement import reshape

        rank = max(a.ndim - b for a, b in zip(args, batched, strict=True))
        lined = [
            reshape(a, (size, *(1,) * (rank - a.ndim + 1), *a.shape[1:])) if b and a.ndim - 1 < rank else a
            for a, b in zip(args, batched, strict=True)
        ]
        return make(op, tuple(lined), params)

    return batch


def _seed(x: Node) -> Node:
    """The scalar constant that ``x`` repeats, or ``x``."""
    source = x.args[0] if x.op.name == "broadcast" else x
    return source if source.value is not None and source.shape == () else x


def _without_stretching(name: str, simplify: Callable[..., Any] | None) -> Callable[..., Any]:
    """An argument that was stretched to the shape which another argument has anyway need not be stretched."""

    def with_stretching_removed(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
        for a in args:
            if a.op.name == "broadcast":
                found = unstretched(args, params)
                if found is not None:
                    return found
                break
        return simplify(args, params) if simplify is not None else None

    def unstretched(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
        if all(a.value is not None or a.op.name == "broadcast" for a in args):  # constants spread over a shape
            seeds = [_seed(a) for a in args]
            if any(a is not b for a, b in zip(args, seeds, strict=True)):
                shape = broadcast_shape(name, *[a.shape for a in args])
                return make(OPS["broadcast"], (make(OPS[name], tuple(seeds), params),), (shape,))
        for k, a in enumerate(args):
            if a.op.name == "broadcast" and any(
                b.shape == a.shape for i, b in enumerate(args) if i != k and b is not a
            ):
                return make(OPS[name], (*args[:k], a.args[0], *args[k + 1 :]), params)
        return None

    return with_stretching_removed


def elementwise(
    name: str,
    ufunc: np.ufunc,
    *partials: Partial,
    chains: tuple[Partial, ...] | None = None,
    note: str = "",
    scalar: Callable[..., Any] | None = None,
    simplify: Callable[..., Any] | None = None,
) -> Op:
    """Enter an op in the table. ``scalar`` is a faster way to compute it on NumPy scalars."""
    floats_only = _float_of_bool(ufunc)
    evaluate = _widen(ufunc) if floats_only else ufunc

    def kernel(node: Node) -> Callable[..., Any]:
        if floats_only and any(a.dtype == BOOL for a in node.args):
            return evaluate
        if scalar is not None and all(a.shape == () for a in node.args) and all(a.dtype.kind == "f" for a in node.args):
            return scalar
        return ufunc

    op = Op(
        name,
        _infer(name, ufunc),
        evaluate,
        family="elementwise",
        partials=partials or None,
        chains=chains,
        simplify=_without_stretching(name, simplify) if ufunc.nin > 1 else simplify,
        kernel=kernel,
        note=note,
    )
    op.batch = batch_elementwise(op)
    return op


# --- identities that hold for NaN, infinities and signed zero -----------------------------------------------------------


def _is(node: Node, value: float) -> bool:
    """Whether ``node`` is the scalar constant ``value`` (sign of zero included)."""
    v = node.value
    return v is not None and node.shape == () and v == value and (value != 0 or np.signbit(v) == np.signbit(value))


def _keeps(x: Node, other: Node) -> bool:
    return x.dtype == other.dtype or (x.dtype.kind == "f" and x.dtype.itemsize >= other.dtype.itemsize)


def _simplify_add(args: tuple[Node, ...], _: Any) -> Node | None:
    a, b = args
    if _is(b, -0.0) and _keeps(a, b):
        return a
    if _is(a, -0.0) and _keeps(b, a):
        return b
    if b.op is negative and a.dtype == b.dtype and a.dtype.kind == "f":
        return make(subtract, (a, b.args[0]))
    if a.op is negative and a.dtype == b.dtype and a.dtype.kind == "f":
        return make(subtract, (b, a.args[0]))
    return None


def _simplify_subtract(args: tuple[Node, ...], _: Any) -> Node | None:
    a, b = args
    if _is(b, 0.0) and _keeps(a, b):
        return a
    if b.op is negative and a.dtype == b.dtype and a.dtype.kind == "f":
        return make(add, (a, b.args[0]))
    return None


def _simplify_multiply(args: tuple[Node, ...], _: Any) -> Node | None:
    a, b = args
    for x, c in ((a, b), (b, a)):
        if c.value is not None and c.shape == () and x.dtype.kind == "f" and _keeps(x, c):
            if c.value == 1:
                return x
            if c.value == -1:
                return make(negative, (x,))
    return None


def _simplify_divide(args: tuple[Node, ...], _: Any) -> Node | None:
    a, b = args
    return a if _is(b, 1) and a.dtype.kind == "f" and _keeps(a, b) else None


def _simplify_negative(args: tuple[Node, ...], _: Any) -> Node | None:
    return args[0].args[0] if args[0].op is negative else None


def _simplify_power(args: tuple[Node, ...], _: Any) -> Node | None:
    x, n = args
    if n.value is None or n.shape != () or not _keeps(x, n) or x.dtype.kind != "f":
        return None
    if n.value == 2:
        return make(square, (x,))
    if n.value == 1:
        return x
    if n.value == -1:
        return make(reciprocal, (x,))
    return None


# --- chain product: 0·∞ = 0 ---------------------------------------------------------------------------------------------


def _chain_product(a: Any, b: Any) -> Any:
    """``a*b``, but 0 where either is exactly 0. One extra pass finds out whether there is anything to mend."""
    y = np.multiply(a, b)
    if (s := np.vdot(y, y)) != s:
        y = np.where((np.equal(a, 0)) | (np.equal(b, 0)), y.dtype.type(0), y)
    return y


def _chain_product_scalar(a: Any, b: Any) -> Any:
    y = a * b
    return y if y == y or (a != 0 and b != 0) else type(y)(0)  # y ≠ y: NaN


def _simplify_chain_product(args: tuple[Node, ...], params: Any) -> Node | None:
    for c in args:
        if c.value is not None and c.shape == () and c.value != 0 and np.isfinite(c.value):
            return make(multiply, args)
    return None


def _chain_product_kernel(node: Node) -> Callable[..., Any]:
    if all(a.shape == () for a in node.args):
        return _chain_product_scalar
    return _chain_product


chain_product = Op(
    "chain_product",
    _infer("chain_product", np.multiply),
    _chain_product,
    family="elementwise",
    partials=(lambda a, b, y: b, lambda a, b, y: a),
    simplify=_without_stretching("chain_product", _simplify_chain_product),
    kernel=_chain_product_kernel,
    note="a·b with 0·∞ = 0: the product of the chain rule",
)
chain_product.batch = batch_elementwise(chain_product)


def differential(op: Op, k: int, t: Node, args: tuple[Node, ...], y: Node) -> Node | None:
    """``t · ∂y/∂args[k]``, the one step of the chain rule, or ``None`` where the partial is zero."""
    if op.chains is not None:
        chain = op.chains[k]
        return None if chain is None else as_node(chain(t, *args, y))
    partial = op.partials[k] if op.partials is not None else None
    if partial is None:
        return None
    return make(chain_product, (t, as_node(partial(*args, y), y.dtype)))


# --- selection (before the table: partials use it) ----------------------------------------------------------------------


def _infer_where(c: Node, a: Node, b: Node) -> tuple[Shape, np.dtype[Any]]:
    return broadcast_shape("where", c.shape, a.shape, b.shape), np.result_type(a.dtype, b.dtype)


def _simplify_where(args: tuple[Node, ...], _: Any) -> Node | None:
    c, a, b = args
    if c.value is not None and c.shape == () and a.shape == b.shape and a.dtype == b.dtype:
        return a if c.value else b
    return a if a is b and c.shape == () else None


where = Op(
    "where",
    _infer_where,
    np.where,
    family="elementwise",
    chains=(
        None,
        lambda t, c, a, b, y: where(c, t, as_node(0.0, t.dtype)),
        lambda t, c, a, b, y: where(c, as_node(0.0, t.dtype), t),
    ),
    simplify=_without_stretching("where", _simplify_where),
    note="the branch not taken has derivative 0, whatever its value",
)
where.batch = batch_elementwise(where)

# --- arithmetic -----------------------------------------------------------------------------------------------------------

add = elementwise(
    "add", np.add, chains=(lambda t, a, b, y: t, lambda t, a, b, y: t), scalar=operator.add, simplify=_simplify_add
)
subtract = elementwise("subtract", np.subtract, chains=(lambda t, a, b, y: t, lambda t, a, b, y: -t), scalar=operator.sub,
                       simplify=_simplify_subtract)  # fmt: skip
multiply = elementwise(
    "multiply", np.multiply, lambda a, b, y: b, lambda a, b, y: a, scalar=operator.mul, simplify=_simplify_multiply
)
divide = elementwise("divide", np.divide, chains=(lambda t, a, b, y: chain_product(t, 1 / b), lambda t, a, b, y: -chain_product(t, y / b)),
                     scalar=operator.truediv, simplify=_simplify_divide)  # fmt: skip
negative = elementwise(
    "negative", np.negative, chains=(lambda t, x, y: -t,), scalar=operator.neg, simplify=_simplify_negative
)
square = elementwise("square", np.square, lambda x, y: 2 * x, scalar=lambda x: x * x)
reciprocal = elementwise("reciprocal", np.reciprocal, lambda x, y: -y * y)
power = elementwise("power", np.power,
                    lambda x, n, y: chain_product(n, x ** (n - 1)),
                    lambda x, n, y: chain_product(y, log(x)),
                    simplify=_simplify_power,
                    note="x⁰ has derivative 0 in x, at 0 too; 0ⁿ has derivative 0 in n; a negative base has none in n (NaN)")  # fmt: skip
floor_divide = elementwise("floor_divide", np.floor_divide, None, None, note="a step function: derivative 0")
remainder = elementwise("remainder", np.remainder, lambda a, b, y: 1.0, lambda a, b, y: -floor_divide(a, b),
                        note="at the jumps, the derivative of the smooth pieces")  # fmt: skip
fmod = elementwise("fmod", np.fmod, lambda a, b, y: 1.0, lambda a, b, y: -trunc(a / b),
                   note="at the jumps, the derivative of the smooth pieces")  # fmt: skip

# --- powers, exponentials, logarithms ---------------------------------------------------------------------------------------

sqrt = elementwise("sqrt", np.sqrt, lambda x, y: 0.5 / y, note="∞ at 0; inside a product with an exact 0, 0")
cbrt = elementwise("cbrt", np.cbrt, lambda x, y: 1 / (3 * y * y))
exp = elementwise("exp", np.exp, lambda x, y: y)
exp2 = elementwise("exp2", np.exp2, lambda x, y: y * float(np.log(2)))
expm1 = elementwise("expm1", np.expm1, lambda x, y: y + 1)
log = elementwise("log", np.log, lambda x, y: 1 / x)
log2 = elementwise("log2", np.log2, lambda x, y: 1 / (x * float(np.log(2))))
log10 = elementwise("log10", np.log10, lambda x, y: 1 / (x * float(np.log(10))))
log1p = elementwise("log1p", np.log1p, lambda x, y: 1 / (1 + x))
logaddexp = elementwise(
    "logaddexp", np.logaddexp, lambda a, b, y: _ratio_exp(a, b, exp), lambda a, b, y: _ratio_exp(b, a, exp)
)
logaddexp2 = elementwise(
    "logaddexp2", np.logaddexp2, lambda a, b, y: _ratio_exp(a, b, exp2), lambda a, b, y: _ratio_exp(b, a, exp2)
)


def _ratio_exp(a: Node, b: Node, base: Op) -> Node:
    """base(a) / (base(a) + base(b)), which neither overflows nor is NaN when both are −∞ (½ then)."""
    return 1 / (1 + base(where(equal(a, b), as_node(0.0, a.dtype), b - a)))


# --- trigonometric and hyperbolic ---------------------------------------------------------------------------------------------

sin = elementwise("sin", np.sin, lambda x, y: cos(x))
cos = elementwise("cos", np.cos, lambda x, y: -sin(x))
tan = elementwise("tan", np.tan, lambda x, y: 1 + y * y)
arcsin = elementwise("arcsin", np.arcsin, lambda x, y: 1 / sqrt((1 - x) * (1 + x)))
arccos = elementwise("arccos", np.arccos, lambda x, y: -1 / sqrt((1 - x) * (1 + x)))
arctan = elementwise("arctan", np.arctan, lambda x, y: 1 / (1 + x * x))
arctan2 = elementwise("arctan2", np.arctan2,
                      lambda a, b, y: (b / hypot(a, b)) / hypot(a, b), lambda a, b, y: -(a / hypot(a, b)) / hypot(a, b))  # fmt: skip
hypot = elementwise(
    "hypot", np.hypot, lambda a, b, y: _over(a, y), lambda a, b, y: _over(b, y), note="derivative 0 at (0, 0)"
)
sinh = elementwise("sinh", np.sinh, lambda x, y: cosh(x))
cosh = elementwise("cosh", np.cosh, lambda x, y: sinh(x))
tanh = elementwise("tanh", np.tanh, lambda x, y: 1 - y * y)
arcsinh = elementwise("arcsinh", np.arcsinh, lambda x, y: 1 / hypot(x, as_node(1.0, x.dtype)))
arccosh = elementwise("arccosh", np.arccosh, lambda x, y: 1 / (sqrt(x - 1) * sqrt(x + 1)))
arctanh = elementwise("arctanh", np.arctanh, lambda x, y: 1 / ((1 - x) * (1 + x)))
deg2rad = elementwise("deg2rad", np.deg2rad, lambda x, y: float(np.pi / 180))
rad2deg = elementwise("rad2deg", np.rad2deg, lambda x, y: float(180 / np.pi))


def _over(a: Node, r: Node) -> Node:
    """a / r, and 0 where r is 0."""
    zero = equal(r, as_node(0.0, r.dtype))
    return where(zero, as_node(0.0, r.dtype), a / where(zero, as_node(1.0, r.dtype), r))


# --- kinks and steps ----------------------------------------------------------------------------------------------------------

absolute = elementwise("absolute", np.absolute, lambda x, y: sign(x), scalar=abs, note="derivative 0 at 0")
sign = elementwise("sign", np.sign, None, note="a step function: derivative 0")
copysign = elementwise("copysign", np.copysign, lambda a, b, y: sign(a) * copysign(as_node(1.0, a.dtype), b), None,
                       note="as |a|: derivative 0 at a = 0")  # fmt: skip
floor = elementwise("floor", np.floor, None, note="a step function: derivative 0")
ceil = elementwise("ceil", np.ceil, None, note="a step function: derivative 0")
trunc = elementwise("trunc", np.trunc, None, note="a step function: derivative 0")
rint = elementwise("rint", np.rint, None, note="a step function: derivative 0")
heaviside = elementwise("heaviside", np.heaviside, None, None, note="a step function: derivative 0")
maximum = elementwise(
    "maximum", np.maximum, lambda a, b, y: _prefers(a, b), lambda a, b, y: _prefers(b, a), note="a tie is split evenly"
)
minimum = elementwise(
    "minimum", np.minimum, lambda a, b, y: _prefers(b, a), lambda a, b, y: _prefers(a, b), note="a tie is split evenly"
)
fmax = elementwise("fmax", np.fmax, lambda a, b, y: _prefers_number(a, b, y), lambda a, b, y: _prefers_number(b, a, y),
                   note="a tie is split evenly; a NaN is never chosen over a number")  # fmt: skip
fmin = elementwise("fmin", np.fmin, lambda a, b, y: _prefers_number(a, b, y), lambda a, b, y: _prefers_number(b, a, y),
                   note="a tie is split evenly; a NaN is never chosen over a number")  # fmt: skip


def _prefers(a: Node, b: Node) -> Node:
    """1 where a > b, ½ at a tie, 0 below."""
    dtype = a.dtype if a.dtype.kind == "f" else b.dtype
    return where(a > b, as_node(1.0, dtype), where(equal(a, b), as_node(0.5, dtype), as_node(0.0, dtype)))


def _prefers_number(a: Node, b: Node, y: Node) -> Node:
    """1 where a was chosen, ½ at a tie, 0 elsewhere."""
    return where(equal(a, y), where(equal(a, b), as_node(0.5, y.dtype), as_node(1.0, y.dtype)), as_node(0.0, y.dtype))


# --- comparisons and logic: no derivative -----------------------------------------------------------------------------------------

greater = elementwise("greater", np.greater, None, None, scalar=operator.gt)
greater_equal = elementwise("greater_equal", np.greater_equal, None, None, scalar=operator.ge)
less = elementwise("less", np.less, None, None, scalar=operator.lt)
less_equal = elementwise("less_equal", np.less_equal, None, None, scalar=operator.le)
equal = elementwise("equal", np.equal, None, None, scalar=operator.eq)
not_equal = elementwise("not_equal", np.not_equal, None, None, scalar=operator.ne)
logical_and = elementwise("logical_and", np.logical_and, None, None)
logical_or = elementwise("logical_or", np.logical_or, None, None)
logical_xor = elementwise("logical_xor", np.logical_xor, None, None)
logical_not = elementwise("logical_not", np.logical_not, None)
isfinite = elementwise("isfinite", np.isfinite, None)
isinf = elementwise("isinf", np.isinf, None)
isnan = elementwise("isnan", np.isnan, None)
signbit = elementwise("signbit", np.signbit, None)


# --- between dtypes -----------------------------------------------------------------------------------------------------------------


def _infer_cast(x: Node, dtype: np.dtype[Any]) -> tuple[Shape, np.dtype[Any]]:
    return x.shape, dtype


def _simplify_cast(args: tuple[Node, ...], params: tuple[Any, ...]) -> Node | None:
    return args[0] if args[0].dtype == params[0] else None


cast = Op(
    "cast",
    _infer_cast,
    lambda x, dtype: np.asarray(x).astype(dtype)[()],
    family="elementwise",
    chains=(lambda t, x, y: t if x.dtype.kind == "f" and y.dtype.kind == "f" else None,),
    simplify=_simplify_cast,
    note="to integers and booleans: derivative 0",
)
cast.batch = batch_elementwise(cast)


def astype(x: Node, dtype: np.dtype[Any]) -> Node:
    """``x`` in another of the four dtypes."""
    return make(cast, (x,), (dtype,))
