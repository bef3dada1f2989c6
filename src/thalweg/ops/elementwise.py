"""Elementwise ops: a calculus table. Name, meaning in NumPy, partial derivatives as expressions.

A partial is written in the arguments and the result ``y``; ``None`` says that it is zero almost everywhere. The chain
rule multiplies it by a tangent or cotangent ``t`` with ``chain_product`` (0·∞ = 0). Where there is nothing to multiply
(``t`` goes through as it is, or on one branch only), an entry gives ``chains``: the products themselves.

Partials are chosen to be as exact as the function: 1/cosh²x and not 1 − tanh²x, which loses all digits in the tails;
outside the domain of a function, where its value is NaN, its derivative is NaN as well.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from thalweg.graph import Node, Op, Shape, as_node, make
from thalweg.ops import identities
from thalweg.ops.chain import chain_product, differential
from thalweg.ops.entry import INTO, batch_elementwise, broadcast_shape, elementwise, has_nan, without_stretching

__all__ = ["chain_product", "differential"]

# rules that name entries further down
where: Op
log: Op
rint: Op
ldexp: Op
logistic: Op
cos: Op
hypot: Op
cosh: Op
sign: Op
copysign: Op

_LN2, _LN10 = float(np.log(2)), float(np.log(10))

# --- selection --------------------------------------------------------------------------------------------------------


def _infer_where(c: Node, a: Node, b: Node) -> tuple[Shape, np.dtype[Any]]:
    return broadcast_shape("where", c.shape, a.shape, b.shape), np.result_type(a.dtype, b.dtype)


def _simplify_where(args: tuple[Node, ...], _: Any) -> Node | None:
    c, a, b = args
    if c.value is not None and c.shape == () and a.shape == b.shape and a.dtype == b.dtype:
        return a if c.value else b
    return a if a is b and c.shape == () else None


def _where(c: Any, a: Any, b: Any, out: Any = None) -> Any:
    if out is None:
        return np.where(c, a, b)
    np.copyto(out, b)
    np.copyto(out, a, where=c)
    return out


where = Op(
    "where",
    _infer_where,
    _where,
    family="elementwise",
    chains=(
        None,
        lambda t, c, a, b, y: where(c, t, as_node(0.0, t.dtype)),
        lambda t, c, a, b, y: where(c, as_node(0.0, t.dtype), t),
    ),
    simplify=without_stretching("where", _simplify_where),
    note="the branch not taken has derivative 0, whatever its value",
)
where.batch = batch_elementwise(where)
INTO[where] = _where


def _number(value: float, like: Node) -> Node:
    return as_node(value, like.dtype)


def _is_zero(x: Node) -> Node:
    return equal(x, _number(0.0, x))


# --- arithmetic -------------------------------------------------------------------------------------------------------

add = elementwise("add", np.add, chains=(lambda t, a, b, y: t, lambda t, a, b, y: t), scalar=operator.add,
                  simplify=identities.add)  # fmt: skip
subtract = elementwise("subtract", np.subtract, chains=(lambda t, a, b, y: t, lambda t, a, b, y: -t),
                       scalar=operator.sub, simplify=identities.subtract)  # fmt: skip
multiply = elementwise("multiply", np.multiply, lambda a, b, y: b, lambda a, b, y: a, scalar=operator.mul,
                       simplify=identities.multiply)  # fmt: skip
divide = elementwise("divide", np.divide, lambda a, b, y: 1 / b, lambda a, b, y: -y / b, scalar=operator.truediv,
                     simplify=identities.divide)  # fmt: skip
negative = elementwise("negative", np.negative, chains=(lambda t, x, y: -t,), scalar=operator.neg,
                       simplify=identities.negative)  # fmt: skip
square = elementwise("square", np.square, lambda x, y: 2 * x, scalar=lambda x: x * x, simplify=identities.square)
reciprocal = elementwise("reciprocal", np.reciprocal, lambda x, y: -(y * y))
power = elementwise("power", np.power,
                    lambda x, n, y: chain_product(n, x ** (n - 1)),
                    lambda x, n, y: chain_product(y, log(where(_is_zero(x), _number(1.0, y), x))),
                    simplify=identities.power,
                    note="x⁰ has derivative 0 in x, at 0 too; 0ⁿ has derivative 0 in n; "
                         "a negative base has none in n (NaN)")  # fmt: skip
floor_divide = elementwise("floor_divide", np.floor_divide, None, None, note="a step function: derivative 0")
remainder = elementwise("remainder", np.remainder, lambda a, b, y: 1.0, lambda a, b, y: -floor_divide(a, b),
                        note="at the jumps, the derivative of the smooth pieces")  # fmt: skip
fmod = elementwise("fmod", np.fmod, lambda a, b, y: 1.0, lambda a, b, y: rint((y - a) / b),
                   note="at the jumps, the derivative of the smooth pieces")  # fmt: skip
ldexp = elementwise("ldexp", np.ldexp, chains=(lambda t, x, i, y: ldexp(t, i), None))

# --- powers, exponentials, logarithms ---------------------------------------------------------------------------------


def _log_slope(x: Any, out: Any = None) -> Any:
    """1/x for x ≥ 0, and NaN where the logarithm is: left of 0."""
    y = np.divide(1, x, out)
    left = np.less(x, 0)
    if np.any(left):
        if not np.ndim(y):
            return y.dtype.type(np.nan)
        np.copyto(y, np.nan, where=left)
    return y


log_slope = elementwise("log_slope", _log_slope, lambda x, y: -(y * y), like=np.log,
                        scalar=lambda x: 1 / x if x >= 0 else x * np.nan)  # fmt: skip
sqrt = elementwise("sqrt", np.sqrt, lambda x, y: 0.5 / y, note="∞ at 0; inside a product with an exact 0, 0")
cbrt = elementwise("cbrt", np.cbrt, lambda x, y: 1 / (3 * (y * y)), note="∞ at 0; inside a product with an exact 0, 0")
exp = elementwise("exp", np.exp, lambda x, y: y)
exp2 = elementwise("exp2", np.exp2, lambda x, y: y * _LN2)
expm1 = elementwise("expm1", np.expm1, lambda x, y: exp(x))
log = elementwise(
    "log", np.log, lambda x, y: log_slope(x), note="∞ at 0; inside a product with an exact 0, 0; NaN left of 0"
)
log2 = elementwise("log2", np.log2, lambda x, y: log_slope(x) / _LN2, note="as log")
log10 = elementwise("log10", np.log10, lambda x, y: log_slope(x) / _LN10, note="as log")
log1p = elementwise("log1p", np.log1p, lambda x, y: log_slope(1 + x), note="as log, at −1")


def _logistic(x: Any, out: Any = None) -> Any:
    """1/(1 + e⁻ˣ); far to the left, where e⁻ˣ would overflow, eˣ."""
    y = np.exp(np.negative(x, out), out)
    y = np.add(y, 1, out)
    y = np.reciprocal(y, out)
    far = np.less(x, _FAR)
    if np.any(far):
        if not np.ndim(y):
            return np.exp(x)
        np.copyto(y, np.exp(x), where=far)
    return y


_FAR = -80.0  # eˣ is below half a unit in the last place of 1 there
logistic = elementwise("logistic", _logistic, lambda x, y: y * logistic(-x), like=np.exp,
                       scalar=lambda x: np.exp(x) if x < _FAR else 1 / (1 + np.exp(-x)))  # fmt: skip
logaddexp = elementwise("logaddexp", np.logaddexp,
                        lambda a, b, y: logistic(_gap(a, b)), lambda a, b, y: logistic(_gap(b, a)),
                        note="½ for each of two equal infinities")  # fmt: skip
logaddexp2 = elementwise("logaddexp2", np.logaddexp2,
                         lambda a, b, y: logistic(_gap(a, b) * _LN2), lambda a, b, y: logistic(_gap(b, a) * _LN2),
                         note="½ for each of two equal infinities")  # fmt: skip


def _gap(a: Node, b: Node) -> Node:
    """a − b, which is 0 for equal infinities too."""
    return where(logical_and(equal(a, b), isinf(a)), _number(0.0, a), a - b)


# --- trigonometric and hyperbolic -------------------------------------------------------------------------------------


def _one_minus_square(x: Any, out: Any = None) -> Any:
    """1 − x² as (1 − x)(1 + x): no digits are lost near ±1."""
    return np.multiply(np.subtract(1, x), np.add(1, x), out)


sin = elementwise("sin", np.sin, lambda x, y: cos(x))
cos = elementwise("cos", np.cos, lambda x, y: -sin(x))
tan = elementwise("tan", np.tan, lambda x, y: 1 + y * y)
one_minus_square = elementwise("one_minus_square", _one_minus_square, lambda x, y: -2 * x, like=np.sqrt)
arcsin = elementwise("arcsin", np.arcsin, lambda x, y: 1 / sqrt(one_minus_square(x)), note="∞ at ±1")
arccos = elementwise("arccos", np.arccos, lambda x, y: -1 / sqrt(one_minus_square(x)), note="−∞ at ±1")
arctan = elementwise("arctan", np.arctan, lambda x, y: 1 / (1 + x * x))
arctan2 = elementwise("arctan2", np.arctan2,
                      lambda a, b, y: (b / hypot(a, b)) / hypot(a, b), lambda a, b, y: -(a / hypot(a, b)) / hypot(a, b),
                      note="no derivative at (0, 0): NaN")  # fmt: skip
hypot = elementwise(
    "hypot", np.hypot, lambda a, b, y: _over(a, y), lambda a, b, y: _over(b, y), note="derivative 0 at (0, 0)"
)
sinh = elementwise("sinh", np.sinh, lambda x, y: cosh(x))
cosh = elementwise("cosh", np.cosh, lambda x, y: sinh(x))
tanh = elementwise("tanh", np.tanh, lambda x, y: square(reciprocal(cosh(x))))
arcsinh = elementwise("arcsinh", np.arcsinh, lambda x, y: 1 / sqrt(1 + x * x))
arccosh = elementwise("arccosh", np.arccosh, lambda x, y: 1 / (sqrt(x - 1) * sqrt(x + 1)), note="∞ at 1")
arctanh = elementwise("arctanh", np.arctanh, lambda x, y: log_slope(one_minus_square(x)), note="∞ at ±1")
deg2rad = elementwise("deg2rad", np.deg2rad, lambda x, y: float(np.pi / 180))
rad2deg = elementwise("rad2deg", np.rad2deg, lambda x, y: float(180 / np.pi))


def _over(a: Node, r: Node) -> Node:
    """a / r, and 0 where r is 0."""
    zero = _is_zero(r)
    return where(zero, _number(0.0, r), a / where(zero, _number(1.0, r), r))


# --- kinks and steps --------------------------------------------------------------------------------------------------


def _share(a: Any, b: Any, out: Any = None) -> Any:
    """How much of max(a, b) is a: 1 where a > b, ½ at a tie, 0 below; NaN if one of them is."""
    if out is None:
        out = np.empty(np.broadcast_shapes(np.shape(a), np.shape(b)), np.result_type(a, b, np.float32))
    y = np.greater(a, b, out=out)
    ties = np.equal(a, b)
    if ties.any():
        y += np.multiply(ties, 0.5, dtype=y.dtype)
    if not np.ndim(y):
        y = y[()]
    if has_nan(a) or has_nan(b):
        unknown = np.isnan(a) | np.isnan(b)
        if not np.ndim(y):
            return y.dtype.type(np.nan)
        np.copyto(y, np.nan, where=unknown)
    return y


def _share_of_scalars(a: Any, b: Any) -> Any:
    return (a + b).dtype.type(1.0 if a > b else 0.5 if a == b else 0.0 if a < b else np.nan)


share = elementwise("share", _share, None, None, like=np.true_divide, scalar=_share_of_scalars)
absolute = elementwise("absolute", np.absolute, lambda x, y: sign(x), scalar=abs, note="derivative 0 at 0")
sign = elementwise("sign", np.sign, None, note="a step function: derivative 0")
copysign = elementwise("copysign", np.copysign, lambda a, b, y: sign(a) * copysign(_number(1.0, y), b), None,
                       note="as |a|: derivative 0 at a = 0")  # fmt: skip
floor = elementwise("floor", np.floor, None, note="a step function: derivative 0")
ceil = elementwise("ceil", np.ceil, None, note="a step function: derivative 0")
trunc = elementwise("trunc", np.trunc, None, note="a step function: derivative 0")
rint = elementwise("rint", np.rint, None, note="a step function: derivative 0")
heaviside = elementwise("heaviside", np.heaviside,
                        None, lambda x, h, y: where(_is_zero(x), _number(1.0, y), _number(0.0, y)),
                        note="a step function: derivative 0; at the step, 1 in the value there")  # fmt: skip
maximum = elementwise("maximum", np.maximum, lambda a, b, y: share(a, b), lambda a, b, y: share(b, a),
                      note="a tie is split evenly")  # fmt: skip
minimum = elementwise("minimum", np.minimum, lambda a, b, y: share(b, a), lambda a, b, y: share(a, b),
                      note="a tie is split evenly")  # fmt: skip
fmax = elementwise("fmax", np.fmax, lambda a, b, y: _chosen(a, b, y), lambda a, b, y: _chosen(b, a, y),
                   note="a tie is split evenly; a NaN is never chosen over a number")  # fmt: skip
fmin = elementwise("fmin", np.fmin, lambda a, b, y: _chosen(a, b, y), lambda a, b, y: _chosen(b, a, y),
                   note="a tie is split evenly; a NaN is never chosen over a number")  # fmt: skip


def _chosen(a: Node, b: Node, y: Node) -> Node:
    """1 where ``a`` became ``y``, ½ where both did, 0 elsewhere."""
    return where(equal(a, y), where(equal(a, b), _number(0.5, y), _number(1.0, y)), _number(0.0, y))


# --- comparisons, logic and bits: no derivative -----------------------------------------------------------------------

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
bitwise_and = elementwise("bitwise_and", np.bitwise_and, None, None)
bitwise_or = elementwise("bitwise_or", np.bitwise_or, None, None)
bitwise_xor = elementwise("bitwise_xor", np.bitwise_xor, None, None)
invert = elementwise("invert", np.invert, None)
left_shift = elementwise("left_shift", np.left_shift, None, None)
right_shift = elementwise("right_shift", np.right_shift, None, None)
isfinite = elementwise("isfinite", np.isfinite, None)
isinf = elementwise("isinf", np.isinf, None)
isnan = elementwise("isnan", np.isnan, None)
signbit = elementwise("signbit", np.signbit, None)


def _exponent(x: Any, out: Any = None) -> Any:
    """e of x = m·2ᵉ with ½ ≤ |m| < 1."""
    return np.frexp(x)[1].astype(np.int64)


def _infer_exponent(x: Node) -> tuple[Shape, np.dtype[Any]]:
    return x.shape, np.dtype(np.int64)


exponent = Op(
    "exponent", _infer_exponent, _exponent, family="elementwise", partials=(None,), note="a step function: derivative 0"
)
exponent.batch = batch_elementwise(exponent)

# --- between dtypes ---------------------------------------------------------------------------------------------------


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
