"""The transcendental ops: which function computes them."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from thalweg.execution.native.arithmetic import INFINITY, Rule, intrinsic, select
from thalweg.execution.native.exponentials import EXPONENTIALS
from thalweg.execution.native.inlined import number
from thalweg.execution.native.logarithms import LOGARITHMS
from thalweg.execution.native.module import Body
from thalweg.execution.native.special import FORMULAS, scipy_rule
from thalweg.execution.native.vectors import call, variants

LIBM = {
    "cbrt": "cbrt",
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "log": "log",
    "log2": "log2",
    "log10": "log10",
    "log1p": "log1p",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "hypot": "hypot",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "erf": "erf",
    "erfc": "erfc",
}
"""op → function of the C library."""

_FAMILIES = {"polygamma": "psi", "exprel": "exprel"}
"""Families of derivatives of which SciPy exports the first member."""

_BY_LIBRARY = {"power": "pow", "ndtr": "erf", "sinc": "sin"}
"""op → the function of the C library on which its formula rests."""

_PI = math.pi


OWN = {**EXPONENTIALS, **LOGARITHMS}
"""op → the function of ours for loops."""


def rule(name: str, params: tuple[Any, ...], vector: bool) -> Rule | None:
    """The rule for floats, or ``None``. In straight-line code everything is a call of the C library."""
    if name == "sinc":
        return _sinc if params == (0,) else None
    if name in ("logaddexp", "logaddexp2"):
        return _logaddexp(2 if name == "logaddexp2" else math.e, vector)
    if vector and name in OWN:
        return OWN[name]
    if name in FORMULAS:
        return FORMULAS[name](lambda part: _function(part, vector))
    if name == "power":
        return _power
    if name in LIBM:
        function = LIBM[name]
        return lambda b, t, *values: call(b, function, t, *values)
    if name in _COMPOSED:
        return _COMPOSED[name]
    if name in _FAMILIES:
        return scipy_rule(_FAMILIES[name], 1) if params == (0,) else None
    namesake = ufunc(name)
    return None if namesake is None else scipy_rule(name, namesake.nin)


@cache
def in_vectors(name: str, register: str) -> bool:
    """Whether there is a vector version of the function; SciPy has none."""
    function = _BY_LIBRARY.get(name) or LIBM.get(name)
    if name in OWN or function is None:
        return name in OWN or name in FORMULAS or name in _COMPOSED or name in ("logaddexp", "logaddexp2")
    return bool(variants(function + ("f" if register == "float" else ""), register))


def _function(name: str, vector: bool) -> Callable[..., str]:
    found = rule(name, (), vector)
    assert callable(found)
    return found


@cache
def ufunc(name: str) -> np.ufunc | None:
    """The ufunc of ``scipy.special`` that an op is."""
    from scipy import special

    found = getattr(special, name, None)
    return found if isinstance(found, np.ufunc) else None


def _power(b: Body, t: str, x: str, n: str) -> str:
    """The library's, but products and square roots where the exponent is a small constant: at most 3 ulp."""
    exponent = struct.unpack("<d", int(n, 16).to_bytes(8, "little"))[0] if n.startswith("0x") else math.nan
    if not (-_MOST <= exponent <= _MOST and exponent != -3.5 and (2 * exponent).is_integer()):
        return call(b, "pow", t, x, n)
    whole, half = divmod(abs(exponent), 1)
    if half:  # the root of −0 is 0 here, and that of −∞ is ∞
        x = select(b, b.emit(f"fcmp oeq {t} {x}, 0xFFF0000000000000"), t, INFINITY, b.emit(f"fadd {t} {x}, 0.0"))
    y = intrinsic(b, "sqrt", t, x) if half else ""
    if exponent < 0:
        x, y = b.emit(f"fdiv {t} 1.0, {x}"), y and b.emit(f"fdiv {t} 1.0, {y}")
    for digit in f"{int(whole):b}"[::-1]:
        if digit == "1":
            y = b.emit(f"fmul {t} {y}, {x}") if y else x
        x = b.emit(f"fmul {t} {x}, {x}")
    return y or "1.0"


_MOST = 4  # with more factors the roundings add up to more than that


def _logistic(b: Body, t: str, x: str) -> str:
    """1/(1 + e⁻ˣ) for x ≥ 0, eˣ/(1 + eˣ) for x < 0."""
    e = call(b, "exp", t, b.emit(f"fneg {t} {intrinsic(b, 'fabs', t, x)}"))
    top = select(b, b.emit(f"fcmp olt {t} {x}, 0.0"), t, e, "1.0")
    return b.emit(f"fdiv {t} {top}, {b.emit(f'fadd {t} {e}, 1.0')}")


def _logaddexp(base: float, vector: bool) -> Rule:
    """The larger one, plus log(1 + b^(−|x − y|))."""
    power, log1p = (_function(name, vector) for name in ("exp2" if base == 2 else "exp", "log1p"))

    def logaddexp(b: Body, t: str, x: str, y: str) -> str:
        gap = b.emit(f"fsub {t} {x}, {y}")
        high = select(b, b.emit(f"fcmp ogt {t} {gap}, 0.0"), t, x, y)
        rest = log1p(b, t, power(b, t, b.emit(f"fneg {t} {intrinsic(b, 'fabs', t, gap)}")))
        if base == 2:
            rest = b.emit(f"fmul {t} {rest}, {number(t, 1 / math.log(2))}")
        same = b.emit(f"fcmp oeq {t} {x}, {y}")  # two equal infinities among them, whose gap is NaN
        total = b.emit(f"fadd {t} {high}, {select(b, same, t, number(t, math.log(2) / math.log(base)), rest)}")
        known = b.emit(f"or i1 {same}, {b.emit(f'fcmp ord {t} {gap}, {gap}')}")
        return select(b, known, t, total, gap)

    return logaddexp


def _sinc(b: Body, t: str, x: str) -> str:
    z = b.emit(f"fmul {t} {x}, {number(t, _PI)}")
    y = b.emit(f"fdiv {t} {call(b, 'sin', t, z)}, {z}")
    return select(b, b.emit(f"fcmp oeq {t} {z}, 0.0"), t, "1.0", y)


def _deg2rad(b: Body, t: str, x: str) -> str:
    factor = math.pi / 180 if t == "double" else float(np.float32(np.pi) / np.float32(180))
    return b.emit(f"fmul {t} {x}, {number(t, factor)}")


def _rad2deg(b: Body, t: str, x: str) -> str:
    factor = 180 / math.pi if t == "double" else float(np.float32(180) / np.float32(np.pi))
    return b.emit(f"fmul {t} {x}, {number(t, factor)}")


_COMPOSED: dict[str, Rule] = {
    "logistic": _logistic,
    "deg2rad": _deg2rad,
    "rad2deg": _rad2deg,
}

_COST = {"power": 30.0, "logaddexp": 35.0, "logaddexp2": 35.0, "deg2rad": 1.0, "rad2deg": 1.0, "exp": 10.0,
         "logistic": 16.0}  # fmt: skip


def cost(name: str) -> float:
    return _COST.get(name, 15.0)
