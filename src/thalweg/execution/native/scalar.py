"""One elementwise op on scalars as LLVM instructions: `emit`, with what goes with it.

The operands are converted first as the ufunc of the op would convert them (`numpy.ufunc.resolve_dtypes`), then the rule
for that kind of number is applied: an instruction or a few (`arithmetic`), or a function (`functions`). What has no
rule here is left to NumPy: `supports` says so.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from thalweg.execution.native import arithmetic, functions
from thalweg.execution.native.arithmetic import select
from thalweg.execution.native.module import Body, memory_type, register_type
from thalweg.graph import BOOL, FLOAT32, FLOAT64, INT64

DType = np.dtype[Any]
Emitter = Callable[[Body, list[str]], str]

_LIKE = {
    "log_slope": np.log,
    "logistic": np.exp,
    "one_minus_square": np.sqrt,
    "chain_product": np.multiply,
    "share": np.greater,
    "sinc": np.sin,
    "polygamma": np.exp,
}
"""The ufunc whose conversions an op follows, where that is not the op's namesake."""

_LOOSE = ("where", "cast", "reciprocal")


def supports(name: str, params: tuple[Any, ...], dtypes: tuple[DType, ...], out: DType) -> bool:
    """Whether `emit` can compute the op as NumPy would."""
    return _emitter(name, params, dtypes, out) is not None


def emit(
    body: Body,
    name: str,
    params: tuple[Any, ...],
    dtypes: tuple[DType, ...],
    out: DType,
    values: list[str],
    vector: bool = True,
) -> str:
    """Append the op applied to ``values`` (of ``dtypes``) to ``body``; the name of the result, in register form.

    ``vector`` chooses code for a loop that is compiled at level 2 or more. Without it functions are calls of the C
    library: short, and faster in straight-line code.
    """
    found = _emitter(name, params, dtypes, out, vector)
    if found is None:
        raise NotImplementedError(f"no native code for {name} of {', '.join(map(str, dtypes))}")
    return found(body, values)


def in_vectors(name: str, dtype: DType) -> bool:
    """Whether LLVM can compute the op for several elements at once."""
    plain = name in arithmetic.FLOAT or name in arithmetic.INT or name in arithmetic.BOOL or name in _LOOSE
    return plain or functions.in_vectors(name, register_type(dtype))


@cache
def _emitter(
    name: str, params: tuple[Any, ...], dtypes: tuple[DType, ...], out: DType, vector: bool = True
) -> Emitter | None:
    if name == "where":
        return _where(dtypes, out)
    if name == "cast":
        return lambda body, values: convert(body, values[0], dtypes[0], out)
    if name == "exponent":
        wide = dtypes[0] if dtypes[0].kind == "f" else FLOAT64
        return _converted(arithmetic.FLOAT["exponent"], dtypes, (wide,), INT64, out)
    loop = _loop(name, dtypes)
    if loop is None:
        return None
    *ins, result = loop
    kind = ins[0].kind
    if kind == "f":
        rule = arithmetic.FLOAT.get(name) or functions.rule(name, params, vector)
    else:
        rule = (arithmetic.INT if kind == "i" else arithmetic.BOOL).get(name)
    if rule is None:
        return _reciprocal_int(out) if name == "reciprocal" and dtypes == (INT64,) else None
    if name == "share":
        result = ins[0] if kind == "f" else FLOAT64
    return _converted(rule, dtypes, tuple(ins), result, out)


def _loop(name: str, dtypes: tuple[DType, ...]) -> tuple[DType, ...] | None:
    """The dtypes in which NumPy computes, as those that we have: half precision as double, short integers as long.

    Functions of booleans alone are computed in double precision, also where SciPy takes single precision.
    """
    ufunc = _LIKE.get(name) or getattr(np, name, None)
    if not isinstance(ufunc, np.ufunc):
        ufunc = functions.ufunc(name)
    if ufunc is None or ufunc.nin != len(dtypes) or ufunc.nout != 1:
        return None
    try:
        found = ufunc.resolve_dtypes((*dtypes, None))
    except TypeError:
        return None
    if any(d.kind not in "fiub" or d.itemsize > 8 for d in found):
        return None
    single = FLOAT64 if all(d == BOOL for d in dtypes) else FLOAT32
    return tuple(
        (single if d.itemsize == 4 else FLOAT64) if d.kind == "f" else BOOL if d.kind == "b" else INT64 for d in found
    )


def _converted(
    rule: arithmetic.Rule, given: tuple[DType, ...], wanted: tuple[DType, ...], result: DType, out: DType
) -> Emitter:
    t = register_type(wanted[0])
    if given == wanted and result == out:
        if isinstance(rule, str):
            text = rule.replace("{t}", t)
            if "{1}" in text:
                before, between, after = text.replace("{1}", "{0}").split("{0}")
                return lambda body, values: body.emit(f"{before}{values[0]}{between}{values[1]}{after}")
            return lambda body, values: body.emit(text.format(*values))
        return lambda body, values: rule(body, t, *values)

    def emit_converted(body: Body, values: list[str]) -> str:
        values = [convert(body, v, g, w) for v, g, w in zip(values, given, wanted, strict=True)]
        y = body.emit(rule.format(*values, t=t)) if isinstance(rule, str) else rule(body, t, *values)
        return convert(body, y, result, out)

    return emit_converted


def _where(dtypes: tuple[DType, ...], out: DType) -> Emitter:
    condition, *branches = dtypes
    t = register_type(out)

    def emit_where(body: Body, values: list[str]) -> str:
        a, b = (convert(body, v, d, out) for v, d in zip(values[1:], branches, strict=True))
        return select(body, convert(body, values[0], condition, BOOL), t, a, b)

    return emit_where


def _reciprocal_int(out: DType) -> Emitter:
    """1/n as NumPy has it for whole numbers: the whole part of the quotient of floats."""

    def emit_reciprocal(body: Body, values: list[str]) -> str:
        y = body.emit(f"fdiv double 1.0, {convert(body, values[0], INT64, FLOAT64)}")
        return convert(body, convert(body, y, FLOAT64, INT64), INT64, out)

    return emit_reciprocal


# --- numbers ----------------------------------------------------------------------------------------------------------


def literal(value: Any, dtype: DType) -> str:
    """A constant in register form, to the last bit."""
    kind = dtype.kind
    if kind == "f":
        wide = np.float64(value) if dtype == FLOAT64 else np.float64(np.float32(value))
        if wide != wide:
            return arithmetic.NAN
        return f"0x{struct.unpack('<Q', struct.pack('<d', wide))[0]:016X}"
    if kind == "b":
        return "true" if value else "false"
    return str(int(value))


def load(body: Body, dtype: DType, pointer: str) -> str:
    """The number at ``pointer``, in register form."""
    value = body.emit(f"load {memory_type(dtype)}, ptr {pointer}")
    return body.emit(f"icmp ne i8 {value}, 0") if dtype.kind == "b" else value


def store(body: Body, dtype: DType, value: str, pointer: str) -> None:
    """Write a number in register form to ``pointer``."""
    if dtype.kind == "b":
        value = body.emit(f"zext i1 {value} to i8")
    body.line(f"store {memory_type(dtype)} {value}, ptr {pointer}")


_LARGE = "0x43E0000000000000"  # 2⁶³
_SATURATES = platform.machine().lower() in ("arm64", "aarch64")


def convert(body: Body, value: str, given: DType, wanted: DType) -> str:
    """``value`` as `numpy.ndarray.astype` converts it."""
    if given == wanted:
        return value
    g, w = register_type(given), register_type(wanted)
    if wanted.kind == "b":
        return arithmetic.is_true(body, g, value)
    if given.kind == "b":
        return body.emit(f"{'uitofp' if wanted.kind == 'f' else 'zext'} i1 {value} to {w}")
    if given.kind == "i":
        return body.emit(f"sitofp i64 {value} to {w}")
    if wanted.kind == "f":
        return body.emit(f"{'fpext' if w == 'double' else 'fptrunc'} {g} {value} to {w}")
    if _SATURATES:  # what the processor does with numbers that are too large, and NumPy therefore too
        symbol = f"llvm.fptosi.sat.i64.{arithmetic.FORMATS[g].suffix}"
        body.module.declare(symbol, f"declare i64 @{symbol}({g})")
        return body.emit(f"call i64 @{symbol}({g} {value})")
    fits = body.emit(f"fcmp olt {g} {arithmetic.intrinsic(body, 'fabs', g, value)}, {_LARGE}")
    whole = body.emit(f"fptosi {g} {select(body, fits, g, value, '0.0')} to i64")
    return select(body, fits, "i64", whole, "-9223372036854775808")


# --- what it costs ----------------------------------------------------------------------------------------------------

_COST = {
    **dict.fromkeys(("divide", "reciprocal", "sqrt", "log_slope"), 4.0),
    **dict.fromkeys(("floor_divide", "remainder", "fmod"), 20.0),
    **dict.fromkeys(("chain_product", "share", "heaviside", "sign"), 2.0),
}


def cost(name: str) -> float:
    """The time of one op relative to an addition, roughly, in a vectorised loop."""
    found = _COST.get(name)
    if found is None:
        found = 1.0 if name in arithmetic.FLOAT or name in arithmetic.INT else functions.cost(name)
    return found
