"""The ops that are exact, as LLVM instructions: arithmetic, comparisons, logic, bits, roundings.

Each rule is written for one kind of register: ``FLOAT`` (double or float), ``INT`` (i64) or ``BOOL`` (i1). A rule is a
text, with ``{t}`` the type of the operands and ``{0}``, ``{1}``, … their values, or a function ``f(body, t, *values)``.
The code is free of branches, so that a loop over it can be vectorised, and follows NumPy where C leaves the result
open: whole numbers divided by zero give 0, shifts by 64 and more give 0 (−1 for negative numbers to the right).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from thalweg.execution.native.module import Body

Rule = str | Callable[..., str]


class Format(NamedTuple):
    """The layout of a floating-point type."""

    bits: str  # the integer type of the same size
    mantissa: int  # bits of the fraction
    mask: int  # all bits of the exponent, in place
    bias: int
    suffix: str  # of intrinsics


FORMATS = {
    "double": Format("i64", 52, 0x7FF, 1023, "f64"),
    "float": Format("i32", 23, 0xFF, 127, "f32"),
}
INFINITY = "0x7FF0000000000000"
NAN = "0x7FF8000000000000"
_MIN = "-9223372036854775808"


# --- the smallest steps -----------------------------------------------------------------------------------------------


def select(b: Body, c: str, t: str, x: str, y: str) -> str:
    return b.emit(f"select i1 {c}, {t} {x}, {t} {y}")


def intrinsic(b: Body, name: str, t: str, *values: str) -> str:
    """A call of ``llvm.<name>`` whose arguments and result are all of the type ``t``."""
    symbol = f"llvm.{name}.{FORMATS[t].suffix if t in FORMATS else t}"
    b.module.declare(symbol, f"declare {t} @{symbol}({', '.join([t] * len(values))})")
    return b.emit(f"call {t} @{symbol}({', '.join(f'{t} {v}' for v in values)})")


def _intrinsic(name: str) -> Rule:
    return lambda b, t, *values: intrinsic(b, name, t, *values)


def is_nan(b: Body, t: str, x: str) -> str:
    return b.emit(f"fcmp uno {t} {x}, {x}")


# --- floating-point numbers -------------------------------------------------------------------------------------------


def _maximum(b: Body, t: str, x: str, y: str, compare: str = "ogt") -> str:
    larger = select(b, b.emit(f"fcmp {compare} {t} {x}, {y}"), t, x, y)  # y where one of them is NaN
    return select(b, is_nan(b, t, x), t, x, larger)


def _fmax(b: Body, t: str, x: str, y: str, compare: str = "ogt") -> str:
    larger = select(b, b.emit(f"fcmp {compare} {t} {x}, {y}"), t, x, y)
    return select(b, is_nan(b, t, y), t, x, larger)


def _sign(b: Body, t: str, x: str) -> str:
    down = select(b, b.emit(f"fcmp olt {t} {x}, 0.0"), t, "-1.0", select(b, is_nan(b, t, x), t, x, "0.0"))
    return select(b, b.emit(f"fcmp ogt {t} {x}, 0.0"), t, "1.0", down)


def _heaviside(b: Body, t: str, x: str, h: str) -> str:
    up = select(b, b.emit(f"fcmp olt {t} {x}, 0.0"), t, "0.0", "1.0")
    at = select(b, b.emit(f"fcmp oeq {t} {x}, 0.0"), t, h, up)
    return select(b, is_nan(b, t, x), t, x, at)


def _share(b: Body, t: str, x: str, y: str) -> str:
    tie = select(b, b.emit(f"fcmp oeq {t} {x}, {y}"), t, "0.5", "0.0")
    more = select(b, b.emit(f"fcmp ogt {t} {x}, {y}"), t, "1.0", tie)
    return select(b, b.emit(f"fcmp uno {t} {x}, {y}"), t, NAN, more)


def _chain_product(b: Body, t: str, x: str, y: str) -> str:
    product = b.emit(f"fmul {t} {x}, {y}")
    zero = b.emit(f"or i1 {b.emit(f'fcmp oeq {t} {x}, 0.0')}, {b.emit(f'fcmp oeq {t} {y}, 0.0')}")
    return select(b, b.emit(f"and i1 {zero}, {is_nan(b, t, product)}"), t, "0.0", product)


def _one_minus_square(b: Body, t: str, x: str) -> str:
    return b.emit(f"fmul {t} {b.emit(f'fsub {t} 1.0, {x}')}, {b.emit(f'fadd {t} 1.0, {x}')}")


def _log_slope(b: Body, t: str, x: str) -> str:
    return select(b, b.emit(f"fcmp olt {t} {x}, 0.0"), t, NAN, b.emit(f"fdiv {t} 1.0, {x}"))


def _divide_and_remain(b: Body, t: str, x: str, y: str) -> tuple[str, str]:
    """Python's floored division of floats, as NumPy has it from CPython: exact remainder, quotient rounded to whole."""
    r = b.emit(f"frem {t} {x}, {y}")
    whole = b.emit(f"fcmp oeq {t} {r}, 0.0")
    apart = b.emit(f"xor i1 {b.emit(f'fcmp olt {t} {y}, 0.0')}, {b.emit(f'fcmp olt {t} {r}, 0.0')}")
    fix = b.emit(f"and i1 {apart}, {b.emit(f'xor i1 {whole}, true')}")
    q = b.emit(f"fdiv {t} {b.emit(f'fsub {t} {x}, {r}')}, {y}")
    q = select(b, fix, t, b.emit(f"fsub {t} {q}, 1.0"), q)
    r = select(b, fix, t, b.emit(f"fadd {t} {r}, {y}"), r)
    return q, select(b, whole, t, intrinsic(b, "copysign", t, "0.0", y), r)


def _floor_divide(b: Body, t: str, x: str, y: str) -> str:
    q, _ = _divide_and_remain(b, t, x, y)
    down = intrinsic(b, "floor", t, q)
    up = b.emit(f"fcmp ogt {t} {b.emit(f'fsub {t} {q}, {down}')}, 0.5")
    rounded = select(b, up, t, b.emit(f"fadd {t} {down}, 1.0"), down)
    ratio = b.emit(f"fdiv {t} {x}, {y}")
    rounded = select(b, b.emit(f"fcmp oeq {t} {q}, 0.0"), t, intrinsic(b, "copysign", t, "0.0", ratio), rounded)
    return select(b, b.emit(f"fcmp oeq {t} {y}, 0.0"), t, ratio, rounded)


def _remainder(b: Body, t: str, x: str, y: str) -> str:
    _, r = _divide_and_remain(b, t, x, y)
    return select(b, b.emit(f"fcmp oeq {t} {y}, 0.0"), t, NAN, r)


def _bits(b: Body, t: str, x: str) -> str:
    return b.emit(f"bitcast {t} {x} to {FORMATS[t].bits}")


def _signbit(b: Body, t: str, x: str) -> str:
    return b.emit(f"icmp slt {FORMATS[t].bits} {_bits(b, t, x)}, 0")


def _split(b: Body, t: str, x: str) -> tuple[str, str]:
    """(m, e) with x = m·2ᵉ and ½ ≤ |m| < 1, for finite x ≠ 0; e in the integer type of the same size."""
    f = FORMATS[t]
    i, k = f.bits, f.mantissa
    tiny = b.emit(f"fcmp olt {t} {intrinsic(b, 'fabs', t, x)}, {hexadecimal(2.0 ** (1 - f.bias))}")
    x = select(b, tiny, t, b.emit(f"fmul {t} {x}, {hexadecimal(2.0 ** (k + 2))}"), x)
    w = _bits(b, t, x)
    field = b.emit(f"and {i} {b.emit(f'lshr {i} {w}, {k}')}, {f.mask}")
    e = b.emit(f"sub {i} {field}, {select(b, tiny, i, str(f.bias - 1 + k + 2), str(f.bias - 1))}")
    m = b.emit(f"or {i} {b.emit(f'and {i} {w}, {~(f.mask << k)}')}, {(f.bias - 1) << k}")
    return b.emit(f"bitcast {i} {m} to {t}"), e


def _exponent(b: Body, t: str, x: str) -> str:
    _, e = _split(b, t, x)
    proper = b.emit(f"and i1 {b.emit(f'fcmp one {t} {x}, 0.0')}, {_is_finite(b, t, x)}")
    e = select(b, proper, FORMATS[t].bits, e, "0")
    return e if t == "double" else b.emit(f"sext i32 {e} to i64")


def _ldexp(b: Body, t: str, x: str, n: str) -> str:
    """x·2ⁿ with a single rounding: the product with the second of two powers of two is the only inexact step."""
    f = FORMATS[t]
    i, k, far = f.bits, f.mantissa, f.bias - 5
    m, e = _split(b, t, x)
    n = _clamp(b, "i64", n, 5 * far)
    if i != "i64":
        n = b.emit(f"trunc i64 {n} to {i}")
    total = _clamp(b, i, b.emit(f"add {i} {n}, {e}"), 2 * far)
    first = _clamp(b, i, total, far)
    for part in (first, b.emit(f"sub {i} {total}, {first}")):
        power = b.emit(f"shl {i} {b.emit(f'add {i} {part}, {f.bias}')}, {k}")
        m = b.emit(f"fmul {t} {m}, {b.emit(f'bitcast {i} {power} to {t}')}")
    proper = b.emit(f"and i1 {b.emit(f'fcmp one {t} {x}, 0.0')}, {_is_finite(b, t, x)}")
    return select(b, proper, t, m, x)


def _clamp(b: Body, i: str, n: str, bound: int) -> str:
    n = select(b, b.emit(f"icmp slt {i} {n}, {bound}"), i, n, str(bound))
    return select(b, b.emit(f"icmp sgt {i} {n}, {-bound}"), i, n, str(-bound))


def _is_finite(b: Body, t: str, x: str) -> str:
    return b.emit(f"fcmp olt {t} {intrinsic(b, 'fabs', t, x)}, {INFINITY}")


def _is_inf(b: Body, t: str, x: str) -> str:
    return b.emit(f"fcmp oeq {t} {intrinsic(b, 'fabs', t, x)}, {INFINITY}")


# --- whole numbers ----------------------------------------------------------------------------------------------------


def _whole_division(b: Body, x: str, y: str) -> tuple[str, str, str, str]:
    """Quotient and remainder as C has them, with a divisor that cannot trap; whether y is 0; the divisor."""
    zero = b.emit(f"icmp eq i64 {y}, 0")
    edge = b.emit(f"and i1 {b.emit(f'icmp eq i64 {y}, -1')}, {b.emit(f'icmp eq i64 {x}, {_MIN}')}")
    d = select(b, b.emit(f"or i1 {zero}, {edge}"), "i64", "1", y)
    q = b.emit(f"sdiv i64 {x}, {d}")
    return q, b.emit(f"sub i64 {x}, {b.emit(f'mul i64 {q}, {d}')}"), zero, d


def _between(b: Body, r: str, d: str) -> str:
    """Whether the floored quotient is one below the truncated one."""
    apart = b.emit(f"icmp slt i64 {b.emit(f'xor i64 {r}, {d}')}, 0")
    return b.emit(f"and i1 {apart}, {b.emit(f'icmp ne i64 {r}, 0')}")


def _floor_divide_int(b: Body, t: str, x: str, y: str) -> str:
    q, r, zero, d = _whole_division(b, x, y)
    q = b.emit(f"add i64 {q}, {b.emit(f'sext i1 {_between(b, r, d)} to i64')}")
    return select(b, zero, t, "0", q)


def _remainder_int(b: Body, t: str, x: str, y: str) -> str:
    _, r, zero, d = _whole_division(b, x, y)
    r = b.emit(f"add i64 {r}, {select(b, _between(b, r, d), t, d, '0')}")
    return select(b, zero, t, "0", r)


def _fmod_int(b: Body, t: str, x: str, y: str) -> str:
    _, r, zero, _ = _whole_division(b, x, y)
    return select(b, zero, t, "0", r)


def _absolute_int(b: Body, t: str, x: str) -> str:
    return select(b, b.emit(f"icmp slt i64 {x}, 0"), t, b.emit(f"sub i64 0, {x}"), x)


def _sign_int(b: Body, t: str, x: str) -> str:
    up = b.emit(f"zext i1 {b.emit(f'icmp sgt i64 {x}, 0')} to i64")
    return b.emit(f"or i64 {up}, {b.emit(f'ashr i64 {x}, 63')}")


def _extreme_int(compare: str) -> Rule:
    return lambda b, t, x, y: select(b, b.emit(f"icmp {compare} i64 {x}, {y}"), t, x, y)


def _shift_left(b: Body, t: str, x: str, n: str) -> str:
    inside = b.emit(f"icmp ult i64 {n}, 64")
    return select(b, inside, t, b.emit(f"shl i64 {x}, {select(b, inside, t, n, '0')}"), "0")


def _shift_right(b: Body, t: str, x: str, n: str) -> str:
    return b.emit(f"ashr i64 {x}, {select(b, b.emit(f'icmp ult i64 {n}, 64'), t, n, '63')}")


def _share_int(b: Body, t: str, x: str, y: str) -> str:
    tie = select(b, b.emit(f"icmp eq {t} {x}, {y}"), "double", "0.5", "0.0")
    above = "ugt" if t == "i1" else "sgt"
    return select(b, b.emit(f"icmp {above} {t} {x}, {y}"), "double", "1.0", tie)


# --- the tables -------------------------------------------------------------------------------------------------------


def hexadecimal(value: float) -> str:
    """A constant of type double or float, exactly."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def _unchanged(b: Body, t: str, x: str) -> str:
    return x


def _constant(text: str) -> Rule:
    return lambda b, t, *values: text


def _two(operation: str, predicate: Callable[[Body, str, str], str]) -> Rule:
    return lambda b, t, x, y: b.emit(f"{operation} i1 {predicate(b, t, x)}, {predicate(b, t, y)}")


def is_true(b: Body, t: str, x: str) -> str:
    """The truth of a number; NaN is true."""
    if t == "i1":
        return x
    return b.emit(f"icmp ne i64 {x}, 0" if t == "i64" else f"fcmp une {t} {x}, 0.0")


def _not(b: Body, t: str, x: str) -> str:
    return b.emit(f"xor i1 {is_true(b, t, x)}, true")


_LOGIC: dict[str, Rule] = {
    "logical_and": _two("and", is_true),
    "logical_or": _two("or", is_true),
    "logical_xor": _two("xor", is_true),
    "logical_not": _not,
}

FLOAT: dict[str, Rule] = _LOGIC | {
    "add": "fadd {t} {0}, {1}",
    "subtract": "fsub {t} {0}, {1}",
    "multiply": "fmul {t} {0}, {1}",
    "divide": "fdiv {t} {0}, {1}",
    "negative": "fneg {t} {0}",
    "square": "fmul {t} {0}, {0}",
    "reciprocal": "fdiv {t} 1.0, {0}",
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "fmod": "frem {t} {0}, {1}",
    "log_slope": _log_slope,
    "chain_product": _chain_product,
    "one_minus_square": _one_minus_square,
    "sqrt": _intrinsic("sqrt"),
    "absolute": _intrinsic("fabs"),
    "sign": _sign,
    "copysign": _intrinsic("copysign"),
    "floor": _intrinsic("floor"),
    "ceil": _intrinsic("ceil"),
    "trunc": _intrinsic("trunc"),
    "rint": _intrinsic("rint"),
    "heaviside": _heaviside,
    "share": _share,
    "maximum": _maximum,
    "minimum": lambda b, t, x, y: _maximum(b, t, x, y, "olt"),
    "fmax": _fmax,
    "fmin": lambda b, t, x, y: _fmax(b, t, x, y, "olt"),
    "greater": "fcmp ogt {t} {0}, {1}",
    "greater_equal": "fcmp oge {t} {0}, {1}",
    "less": "fcmp olt {t} {0}, {1}",
    "less_equal": "fcmp ole {t} {0}, {1}",
    "equal": "fcmp oeq {t} {0}, {1}",
    "not_equal": "fcmp une {t} {0}, {1}",
    "isfinite": _is_finite,
    "isinf": _is_inf,
    "isnan": "fcmp uno {t} {0}, {0}",
    "signbit": _signbit,
    "exponent": _exponent,
    "ldexp": _ldexp,
}

INT: dict[str, Rule] = _LOGIC | {
    "add": "add i64 {0}, {1}",
    "subtract": "sub i64 {0}, {1}",
    "multiply": "mul i64 {0}, {1}",
    "chain_product": "mul i64 {0}, {1}",
    "negative": "sub i64 0, {0}",
    "square": "mul i64 {0}, {0}",
    "floor_divide": _floor_divide_int,
    "remainder": _remainder_int,
    "fmod": _fmod_int,
    "absolute": _absolute_int,
    "sign": _sign_int,
    "floor": _unchanged,
    "ceil": _unchanged,
    "trunc": _unchanged,
    "maximum": _extreme_int("sgt"),
    "minimum": _extreme_int("slt"),
    "fmax": _extreme_int("sgt"),
    "fmin": _extreme_int("slt"),
    "share": _share_int,
    "greater": "icmp sgt i64 {0}, {1}",
    "greater_equal": "icmp sge i64 {0}, {1}",
    "less": "icmp slt i64 {0}, {1}",
    "less_equal": "icmp sle i64 {0}, {1}",
    "equal": "icmp eq i64 {0}, {1}",
    "not_equal": "icmp ne i64 {0}, {1}",
    "bitwise_and": "and i64 {0}, {1}",
    "bitwise_or": "or i64 {0}, {1}",
    "bitwise_xor": "xor i64 {0}, {1}",
    "invert": "xor i64 {0}, -1",
    "left_shift": _shift_left,
    "right_shift": _shift_right,
    "isfinite": _constant("true"),
    "isinf": _constant("false"),
    "isnan": _constant("false"),
}

BOOL: dict[str, Rule] = _LOGIC | {
    "add": "or i1 {0}, {1}",
    "multiply": "and i1 {0}, {1}",
    "chain_product": "and i1 {0}, {1}",
    "absolute": _unchanged,
    "floor": _unchanged,
    "ceil": _unchanged,
    "trunc": _unchanged,
    "maximum": "or i1 {0}, {1}",
    "minimum": "and i1 {0}, {1}",
    "fmax": "or i1 {0}, {1}",
    "fmin": "and i1 {0}, {1}",
    "share": _share_int,
    "greater": "icmp ugt i1 {0}, {1}",
    "greater_equal": "icmp uge i1 {0}, {1}",
    "less": "icmp ult i1 {0}, {1}",
    "less_equal": "icmp ule i1 {0}, {1}",
    "equal": "icmp eq i1 {0}, {1}",
    "not_equal": "icmp ne i1 {0}, {1}",
    "bitwise_and": "and i1 {0}, {1}",
    "bitwise_or": "or i1 {0}, {1}",
    "bitwise_xor": "xor i1 {0}, {1}",
    "invert": "xor i1 {0}, true",
    "isfinite": _constant("true"),
    "isinf": _constant("false"),
    "isnan": _constant("false"),
}
