"""Special functions: those that SciPy exports as C functions, called by address; and a few as formulas of faster ones.

``scipy.special.cython_special`` has a table of C pointers (``__pyx_capi__``) to the very functions that its ufuncs
loop over, so the values are SciPy's. They are called for one element at a time, in double precision.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Callable
from functools import cache

from thalweg.execution.native.arithmetic import Rule, intrinsic, select
from thalweg.execution.native.inlined import multiply_add, number
from thalweg.execution.native.module import Body
from thalweg.execution.native.vectors import call

Function = Callable[..., str]

PREFIX = "thalweg.scipy."  # of external symbols


def pointer(name: str, count: int) -> int | None:
    """The address of SciPy's ``double name(double, …, int)`` with ``count`` numbers, or ``None``."""
    return _pointers().get((name, count))


@cache
def _pointers() -> dict[tuple[str, int], int]:
    try:
        from scipy.special import cython_special
    except ImportError:
        return {}
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    found: dict[tuple[str, int], int] = {}
    for key, capsule in getattr(cython_special, "__pyx_capi__", {}).items():
        signature = name_of(capsule)
        match = _SIGNATURE.fullmatch(signature.decode())
        if match:
            name = re.sub(r"^__pyx_fuse_[01]", "", key)
            found.setdefault((name, match[1].count("double")), pointer_of(capsule, signature))
    return found


_SIGNATURE = re.compile(r"double \(((?:double, )+)int __pyx_skip_dispatch\)")


def scipy_rule(name: str, count: int) -> Rule | None:
    """A call of SciPy's function."""
    address = pointer(name, count)
    if address is None:
        return None
    symbol = f"{PREFIX}{count}.{name}"

    def rule(b: Body, t: str, *values: str) -> str:
        _tell(symbol, address)
        b.module.declare(symbol, f"declare double @{symbol}({'double, ' * count}i32) nounwind willreturn memory(none)")
        if t == "float":
            values = tuple(b.emit(f"fpext float {v} to double") for v in values)
        y = b.emit(f"call double @{symbol}({''.join(f'double {v}, ' for v in values)}i32 0)")
        return b.emit(f"fptrunc double {y} to float") if t == "float" else y

    return rule


def provide(symbol: str) -> None:
    """Give a symbol in code that another process has compiled its address in this one."""
    count, name = symbol.removeprefix(PREFIX).split(".", 1)
    address = pointer(name, int(count))
    if address is not None:
        _tell(symbol, address)


@cache
def _tell(symbol: str, address: int) -> None:
    from thalweg.execution.native.llvm import add_symbol

    add_symbol(symbol, address)


# --- formulas ---------------------------------------------------------------------------------------------------------
# Each takes f, which gives the rule of an elementary function.


def _zero_wins(log: str) -> Callable[[Callable[[str], Function]], Function]:
    """x·log(y), and 0 where x is 0 and y no NaN."""

    def of(f: Callable[[str], Function]) -> Function:
        def rule(b: Body, t: str, x: str, y: str) -> str:
            product = b.emit(f"fmul {t} {x}, {f(log)(b, t, y)}")
            known = b.emit(f"fcmp ord {t} {y}, {y}")
            zero = b.emit(f"and i1 {known}, {b.emit(f'fcmp oeq {t} {x}, 0.0')}")
            return select(b, zero, t, "0.0", product)

        return rule

    return of


def _entr(f: Callable[[str], Function]) -> Function:
    """−x·log x, 0 at 0 and −∞ left of it."""

    def rule(b: Body, t: str, x: str) -> str:
        y = b.emit(f"fmul {t} {b.emit(f'fneg {t} {x}')}, {f('log')(b, t, x)}")
        y = select(b, b.emit(f"fcmp oeq {t} {x}, 0.0"), t, "0.0", y)
        return select(b, b.emit(f"fcmp olt {t} {x}, 0.0"), t, "0xFFF0000000000000", y)

    return rule


def _log_expit(f: Callable[[str], Function]) -> Function:
    """−log(1 + e⁻ˣ) as min(x, 0) − log(1 + e^−|x|)."""

    def rule(b: Body, t: str, x: str) -> str:
        e = f("exp")(b, t, b.emit(f"fneg {t} {intrinsic(b, 'fabs', t, x)}"))
        low = select(b, b.emit(f"fcmp ogt {t} {x}, 0.0"), t, "-0.0", x)
        return b.emit(f"fsub {t} {low}, {f('log1p')(b, t, e)}")

    return rule


def _ndtr(f: Callable[[str], Function]) -> Function:
    """(1 + erf z)/2 with z = x/√2 near 0, else by erfc, of which nothing cancels."""

    def rule(b: Body, t: str, x: str) -> str:
        if t == "float":  # far to the left the rounding of z would matter
            return b.emit(f"fptrunc double {rule(b, 'double', b.emit(f'fpext float {x} to double'))} to float")
        z = b.emit(f"fmul {t} {x}, {number(t, math.sqrt(0.5))}")
        size = intrinsic(b, "fabs", t, z)
        near = multiply_add(b, t, call(b, "erf", t, z), "0.5", "0.5")
        tail = b.emit(f"fmul {t} {call(b, 'erfc', t, size)}, 0.5")
        far = select(b, b.emit(f"fcmp ogt {t} {z}, 0.0"), t, b.emit(f"fsub {t} 1.0, {tail}"), tail)
        return select(b, b.emit(f"fcmp olt {t} {size}, 1.0"), t, near, far)

    return rule


FORMULAS: dict[str, Callable[[Callable[[str], Function]], Function]] = {
    "xlogy": _zero_wins("log"),
    "xlog1py": _zero_wins("log1p"),
    "entr": _entr,
    "log_expit": _log_expit,
    "ndtr": _ndtr,
}
