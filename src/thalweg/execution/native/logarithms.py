"""Logarithms, free of branches: log, log2, log10, log1p.

x = 2ᵏ(1 + f) with √½ ≤ 1 + f < √2, and log(1 + f) = 2 artanh s with s = f/(2 + f), written as
f − (f²/2 − s(f²/2 + s² R(s²))) so that the rounding of s does not matter. Numbers below the smallest normal one are
scaled up first.

Reference: the ``fdlibm`` of Sun Microsystems, ``e_log.c`` and ``s_log1p.c`` (1993).
"""

from __future__ import annotations

from collections.abc import Callable

from thalweg.execution.native.arithmetic import FORMATS, INFINITY, NAN, intrinsic, select
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

_ROOT_HALF = {"double": 0x3FE6A09E667F3BCD, "float": 0x3F3504F3}  # √½ as bits
_WHOLE = {"double": (0x4330000000000000, 2.0**52), "float": (0x4B000000, 2.0**23)}  # bits | n is 2ᵖ + n


def _split(b: Body, t: str, x: str) -> tuple[str, str, str]:
    """(k + bias as an integer, k, 1 + f) of a positive normal number."""
    form, i = FORMATS[t], FORMATS[t].bits
    one = form.bias << form.mantissa
    shifted = b.emit(f"add {i} {bits(b, t, x)}, {one - _ROOT_HALF[t]}")
    biased = b.emit(f"lshr {i} {shifted}, {form.mantissa}")
    whole, offset = _WHOLE[t]
    k = b.emit(f"fsub {t} {from_bits(b, t, b.emit(f'or {i} {biased}, {whole}'))}, {number(t, offset + form.bias)}")
    fraction = b.emit(f"and {i} {shifted}, {(1 << form.mantissa) - 1}")
    return biased, k, from_bits(b, t, b.emit(f"add {i} {fraction}, {_ROOT_HALF[t]}"))


def _series(b: Body, t: str, f: str) -> tuple[str, str]:
    """(f²/2, s(f²/2 + s² R)): the first minus the second is f − log(1 + f)."""
    half = b.emit(f"fmul {t} {b.emit(f'fmul {t} {f}, 0.5')}, {f}")
    s = b.emit(f"fdiv {t} {f}, {b.emit(f'fadd {t} {f}, 2.0')}")
    z = b.emit(f"fmul {t} {s}, {s}")
    inner = multiply_add(b, t, z, polynomial(b, t, z, CONSTANTS[t].logarithm), half)
    return half, b.emit(f"fmul {t} {s}, {inner}")


def _normal(b: Body, t: str, x: str) -> tuple[str, str]:
    """x made normal, and the whole number that this adds to its binary logarithm."""
    form = FORMATS[t]
    small = b.emit(f"fcmp olt {t} {x}, {number(t, 2.0 ** (1 - form.bias))}")
    up = form.mantissa + 2
    scaled = b.emit(f"fmul {t} {x}, {number(t, 2.0**up)}")
    return select(b, small, t, scaled, x), select(b, small, t, number(t, float(up)), "0.0")


def _ends(b: Body, t: str, x: str, y: str) -> str:
    """y, but −∞ at 0, ∞ at ∞ and NaN left of 0 and for NaN; x is the argument of the logarithm."""
    y = select(b, b.emit(f"fcmp olt {t} {x}, {INFINITY}"), t, y, x)
    left = select(b, b.emit(f"fcmp oeq {t} {x}, 0.0"), t, "0xFFF0000000000000", NAN)
    return select(b, b.emit(f"fcmp ole {t} {x}, 0.0"), t, left, y)


def _log(b: Body, t: str, x: str) -> str:
    z, up = _normal(b, t, x)
    _, k, m = _split(b, t, z)
    return _ends(b, t, x, _assembled(b, t, b.emit(f"fsub {t} {k}, {up}"), b.emit(f"fsub {t} {m}, 1.0")))


def _assembled(b: Body, t: str, k: str, f: str) -> str:
    """k ln 2 + log(1 + f), small parts first."""
    c = CONSTANTS[t]
    half, rest = _series(b, t, f)
    low = multiply_add(b, t, k, number(t, c.ln2_low), rest)
    near = b.emit(f"fsub {t} {b.emit(f'fsub {t} {half}, {low}')}, {f}")
    return b.emit(f"fsub {t} {b.emit(f'fmul {t} {k}, {number(t, c.ln2_high)}')}, {near}")


# log_b 2, of which multiples by exponents are exact, and the rest; 1/ln b and the rest
_OF_BASE = {
    ("double", 2): (1.0, 0.0, 1.4426950408889634, 2.0355273740931033e-17),
    ("float", 2): (1.0, 0.0, 1.4426950216293335, 1.925963033500011e-08),
    ("double", 10): (0.30102999566395283, 2.8363394551044964e-14, 0.4342944819032518, 1.098319650216765e-17),
    ("float", 10): (0.301025390625, 4.605039066518657e-06, 0.4342944920063019, -1.0103049952192578e-08),
}


def _of_base(base: int) -> Callable[..., str]:
    """k log_b 2 + log(1 + f)/ln b."""

    def write(b: Body, t: str, x: str) -> str:
        z, up = _normal(b, t, x)
        _, k, m = _split(b, t, z)
        k = b.emit(f"fsub {t} {k}, {up}")
        f = b.emit(f"fsub {t} {m}, 1.0")
        half, rest = _series(b, t, f)
        large = b.emit(f"fsub {t} {f}, {half}")
        small = b.emit(f"fsub {t} {b.emit(f'fsub {t} {f}, {large}')}, {half}")
        small = b.emit(f"fadd {t} {small}, {rest}")
        two, two_rest, factor, factor_rest = (number(t, v) for v in _OF_BASE[t, base])
        y = b.emit(f"fmul {t} {b.emit(f'fadd {t} {large}, {small}')}, {factor_rest}")
        y = multiply_add(b, t, small, factor, y)
        if base != 2:
            y = multiply_add(b, t, k, two_rest, y)
        return _ends(b, t, x, multiply_add(b, t, k, two, multiply_add(b, t, large, factor, y)))

    return write


def _log1p(b: Body, t: str, x: str) -> str:
    """log(u) of u = 1 + x; what u lost in rounding is added to f."""
    i, mantissa = FORMATS[t].bits, FORMATS[t].mantissa
    u = b.emit(f"fadd {t} {x}, 1.0")
    one = b.emit(f"fsub {t} {u}, {x}")
    lost = b.emit(f"fsub {t} {x}, {b.emit(f'fsub {t} {u}, {one}')}")
    lost = b.emit(f"fadd {t} {b.emit(f'fsub {t} 1.0, {one}')}, {lost}")
    biased, k, m = _split(b, t, u)
    scale = b.emit(f"shl {i} {b.emit(f'sub {i} {2 * FORMATS[t].bias + 1}, {biased}')}, {mantissa}")  # 2¹⁻ᵏ
    lost = b.emit(f"fmul {t} {lost}, 0.5")
    f = multiply_add(b, t, lost, from_bits(b, t, scale), b.emit(f"fsub {t} {m}, 1.0"))
    y = _ends(b, t, u, _assembled(b, t, k, f))
    tiny = b.emit(f"fcmp olt {t} {intrinsic(b, 'fabs', t, x)}, {number(t, CONSTANTS[t].tiny)}")
    return select(b, tiny, t, x, y)


LOGARITHMS = {
    "log": inlined("log", _log),
    "log2": inlined("log2", _of_base(2)),
    "log10": inlined("log10", _of_base(10)),
    "log1p": inlined("log1p", _log1p),
}
