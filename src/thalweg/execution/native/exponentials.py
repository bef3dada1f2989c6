"""eˣ and what is made of it, free of branches: exp, exp2, expm1, logistic, tanh, sinh, cosh.

x = n ln 2 + r with whole n and |r| ≤ ½ ln 2, the product n ln 2 in two parts; eˣ = 2ⁿ eʳ with eʳ = 1 + r + r² q(r) and
a polynomial q. The factor 2ⁿ is applied as two factors, so that results that are too large become infinite, and those
below the smallest normal number are rounded once. Where e⁻ˣ and 1 meet, the ones are kept apart (expm1), so that
nothing cancels.

Reference: W. J. Cody and W. Waite, *Software Manual for the Elementary Functions* (1980), chapters 6, 9 and 13.
"""

from __future__ import annotations

import math

from thalweg.execution.native.arithmetic import FORMATS, intrinsic, select
from thalweg.execution.native.inlined import (
    CONSTANTS,
    bits,
    from_bits,
    inlined,
    multiply_add,
    number,
    polynomial,
)
from thalweg.execution.native.module import Body

_LOG2_E = 1 / math.log(2)
_REACH = {"double": (-746.0, 711.0), "float": (-105.0, 89.5)}  # outside, eˣ and eˣ/2 are 0 or ∞
_FLAT = {"double": 40.0, "float": 19.0}  # e⁻ˣ is nothing beside 1


def _at_most(b: Body, t: str, x: str, bound: float) -> str:
    limit = number(t, bound)
    return select(b, b.emit(f"fcmp olt {t} {limit}, {x}"), t, limit, x)  # NaN stays


def _at_least(b: Body, t: str, x: str, bound: float) -> str:
    limit = number(t, bound)
    return select(b, b.emit(f"fcmp ogt {t} {limit}, {x}"), t, limit, x)


def _reduce(b: Body, t: str, x: str) -> tuple[str, str]:
    """(n, r): n as the last bits of a sum."""
    c = CONSTANTS[t]
    shifted = multiply_add(b, t, x, number(t, _LOG2_E), number(t, c.rounder))
    n = b.emit(f"fsub {t} {shifted}, {number(t, c.rounder)}")
    r = multiply_add(b, t, n, number(t, -c.ln2_high), x)
    return bits(b, t, shifted), multiply_add(b, t, n, number(t, -c.ln2_low), r)


def _expm1_near(b: Body, t: str, r: str) -> str:
    q = polynomial(b, t, r, CONSTANTS[t].exponential)
    return multiply_add(b, t, b.emit(f"fmul {t} {r}, {r}"), q, r)


def _scaled(b: Body, t: str, y: str, n: str, less: int = 0) -> str:
    """y·2ⁿ⁻ˡᵉˢˢ in two factors."""
    f, c = FORMATS[t], CONSTANTS[t]
    i = f.bits
    total = b.emit(f"sub {i} {n}, {c.rounder_bits - 2 * f.bias + less}")
    half = b.emit(f"lshr {i} {total}, 1")
    for e in (half, b.emit(f"sub {i} {total}, {half}")):
        y = b.emit(f"fmul {t} {y}, {from_bits(b, t, b.emit(f'shl {i} {e}, {f.mantissa}'))}")
    return y


def _power(b: Body, t: str, n: str, less: int = 0) -> str:
    """2ⁿ⁻ˡᵉˢˢ in the range of normal numbers."""
    f, c = FORMATS[t], CONSTANTS[t]
    biased = b.emit(f"sub {f.bits} {n}, {c.rounder_bits - f.bias + less}")
    return from_bits(b, t, b.emit(f"shl {f.bits} {biased}, {f.mantissa}"))


def _exp(b: Body, t: str, x: str, less: int = 0) -> str:
    low, high = _REACH[t]
    n, r = _reduce(b, t, _at_least(b, t, _at_most(b, t, x, high), low))
    return _scaled(b, t, b.emit(f"fadd {t} {_expm1_near(b, t, r)}, 1.0"), n, less)


def _exp2(b: Body, t: str, x: str) -> str:
    c, bias = CONSTANTS[t], FORMATS[t].bias
    z = _at_least(b, t, _at_most(b, t, x, bias + 2.0), -bias - 60.0)
    shifted = b.emit(f"fadd {t} {z}, {number(t, c.rounder)}")
    r = b.emit(f"fsub {t} {z}, {b.emit(f'fsub {t} {shifted}, {number(t, c.rounder)}')}")
    y = multiply_add(b, t, r, polynomial(b, t, r, c.power_of_two), "1.0")
    return _scaled(b, t, y, bits(b, t, shifted))


def _expm1_between(b: Body, t: str, x: str) -> str:
    """eˣ − 1 where 2ⁿ is a normal number: 2ⁿ(eʳ − 1) + (2ⁿ − 1)."""
    n, r = _reduce(b, t, x)
    return _expm1_from(b, t, n, _expm1_near(b, t, r))


def _expm1_from(b: Body, t: str, n: str, near: str, less: int = 0) -> str:
    """(2ⁿ·(1 + near) − 1)/2ˡᵉˢˢ."""
    s = _power(b, t, n, less)
    return multiply_add(b, t, s, near, b.emit(f"fsub {t} {s}, {number(t, 0.5**less)}"))


def _expm1(b: Body, t: str, x: str) -> str:
    low, high = -_FLAT[t], {"double": 710.0, "float": 89.0}[t]
    n, r = _reduce(b, t, _at_least(b, t, _at_most(b, t, x, high), low))
    half = _expm1_from(b, t, n, _expm1_near(b, t, r), less=1)  # 2ⁿ itself may be too large
    return _itself_near_zero(b, t, x, b.emit(f"fadd {t} {half}, {half}"))


def _itself_near_zero(b: Body, t: str, x: str, y: str) -> str:
    tiny = b.emit(f"fcmp olt {t} {intrinsic(b, 'fabs', t, x)}, {number(t, CONSTANTS[t].tiny)}")
    return select(b, tiny, t, x, y)


def _tanh(b: Body, t: str, x: str) -> str:
    """(e²ˣ − 1)/(e²ˣ + 1) for |x|."""
    z = _at_most(b, t, intrinsic(b, "fabs", t, x), _FLAT[t] / 2)
    w = _expm1_between(b, t, b.emit(f"fadd {t} {z}, {z}"))
    y = b.emit(f"fdiv {t} {w}, {b.emit(f'fadd {t} {w}, 2.0')}")
    return intrinsic(b, "copysign", t, y, x)


def _logistic(b: Body, t: str, x: str) -> str:
    """1/(1 + e⁻ˣ) for x ≥ 0, eˣ/(1 + eˣ) for x < 0."""
    e = exp(b, t, b.emit(f"fneg {t} {intrinsic(b, 'fabs', t, x)}"))
    top = select(b, b.emit(f"fcmp olt {t} {x}, 0.0"), t, e, "1.0")
    return b.emit(f"fdiv {t} {top}, {b.emit(f'fadd {t} {e}, 1.0')}")


def _cosh(b: Body, t: str, x: str) -> str:
    h = _exp(b, t, intrinsic(b, "fabs", t, x), less=1)
    return b.emit(f"fadd {t} {h}, {b.emit(f'fdiv {t} 0.25, {h}')}")


def _sinh(b: Body, t: str, x: str) -> str:
    """With w = eˣ − 1, (w + w/(w + 1))/2; eˣ/2 where e⁻ˣ is nothing beside it."""
    z = _at_most(b, t, intrinsic(b, "fabs", t, x), _REACH[t][1])
    n, r = _reduce(b, t, z)
    above = _expm1_near(b, t, r)
    w = _expm1_from(b, t, n, above)
    less = b.emit(f"fdiv {t} {w}, {b.emit(f'fadd {t} {w}, 1.0')}")  # 1 − e⁻ˣ
    near = b.emit(f"fmul {t} {b.emit(f'fadd {t} {w}, {less}')}, 0.5")
    half = _scaled(b, t, b.emit(f"fadd {t} {above}, 1.0"), n, less=1)
    far = b.emit(f"fcmp ogt {t} {z}, {number(t, _FLAT[t] / 2)}")
    y = select(b, far, t, half, near)
    return _itself_near_zero(b, t, x, intrinsic(b, "copysign", t, y, x))


exp = inlined("exp", _exp)
EXPONENTIALS = {
    "exp": exp,
    "exp2": inlined("exp2", _exp2),
    "expm1": inlined("expm1", _expm1),
    "logistic": inlined("logistic", _logistic),
    "tanh": inlined("tanh", _tanh),
    "sinh": inlined("sinh", _sinh),
    "cosh": inlined("cosh", _cosh),
}
