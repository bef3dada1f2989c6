"""The transcendental ops: which function computes them."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from thalweg.execution.native.arithmetic import Rule, hexadecimal, intrinsic, select
from thalweg.execution.native.module import Body
from thalweg.execution.native.vectors import call

LIBM = {
    "power": "pow",
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

_PI = math.pi


def rule(name: str, params: tuple[Any, ...]) -> Rule | None:
    """The rule for floats, or ``None``."""
    if name == "sinc":
        return _sinc if params == (0,) else None
    if name in LIBM:
        function = LIBM[name]
        return lambda b, t, *values: call(b, function, t, *values)
    return _COMPOSED.get(name)


@cache
def ufunc(name: str) -> np.ufunc | None:
    """The ufunc of ``scipy.special`` that an op is."""
    from scipy import special

    found = getattr(special, name, None)
    return found if isinstance(found, np.ufunc) else None


def _logistic(b: Body, t: str, x: str) -> str:
    e = call(b, "exp", t, b.emit(f"fneg {t} {x}"))
    y = b.emit(f"fdiv {t} 1.0, {b.emit(f'fadd {t} {e}, 1.0')}")
    far = b.emit(f"fcmp olt {t} {x}, -80.0")
    return select(b, far, t, call(b, "exp", t, x), y)


def _logaddexp(b: Body, t: str, x: str, y: str) -> str:
    """The larger one, plus log(1 + e^(−|x − y|))."""
    gap = b.emit(f"fsub {t} {x}, {y}")
    high = select(b, b.emit(f"fcmp ogt {t} {gap}, 0.0"), t, x, y)
    rest = call(b, "log1p", t, call(b, "exp", t, b.emit(f"fneg {t} {intrinsic(b, 'fabs', t, gap)}")))
    same = b.emit(f"fcmp oeq {t} {x}, {y}")  # two equal infinities among them, whose gap is NaN
    rest = select(b, same, t, number(t, math.log(2)), rest)
    return select(b, b.emit(f"or i1 {same}, {b.emit(f'fcmp ord {t} {gap}, {gap}')}"), t,
                  b.emit(f"fadd {t} {high}, {rest}"), gap)  # fmt: skip


def _logaddexp2(b: Body, t: str, x: str, y: str) -> str:
    gap = b.emit(f"fsub {t} {x}, {y}")
    high = select(b, b.emit(f"fcmp ogt {t} {gap}, 0.0"), t, x, y)
    rest = call(b, "log1p", t, call(b, "exp2", t, b.emit(f"fneg {t} {intrinsic(b, 'fabs', t, gap)}")))
    rest = b.emit(f"fmul {t} {rest}, {number(t, 1 / math.log(2))}")
    same = b.emit(f"fcmp oeq {t} {x}, {y}")
    rest = select(b, same, t, "1.0", rest)
    return select(b, b.emit(f"or i1 {same}, {b.emit(f'fcmp ord {t} {gap}, {gap}')}"), t,
                  b.emit(f"fadd {t} {high}, {rest}"), gap)  # fmt: skip


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


def number(t: str, value: float) -> str:
    """A constant of type ``t``, rounded to it."""
    return hexadecimal(value if t == "double" else float(np.float32(value)))


_COMPOSED: dict[str, Rule] = {
    "logistic": _logistic,
    "logaddexp": _logaddexp,
    "logaddexp2": _logaddexp2,
    "deg2rad": _deg2rad,
    "rad2deg": _rad2deg,
}

_COST = {"power": 30.0, "logaddexp": 35.0, "logaddexp2": 35.0, "deg2rad": 1.0, "rad2deg": 1.0, "exp": 10.0,
         "logistic": 16.0}  # fmt: skip


def cost(name: str) -> float:
    return _COST.get(name, 15.0)
