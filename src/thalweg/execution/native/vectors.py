"""Functions of the C library, and the vector versions of them that the loop vectoriser may call.

A call site that carries ``"vector-function-abi-variant"="_ZGVeN8v_exp(_ZGVeN8v_exp)"`` tells the vectoriser that eight
calls of ``exp`` are one call of ``_ZGVeN8v_exp``: b, c, d, e stand for SSE, AVX, AVX2 and AVX-512 (n for AArch64), the
number for the lanes, one v for every argument. glibc's libmvec has such functions; which ones is looked up in the
library as it is found on this machine. Without it the same code runs with one call an element.

Reference: x86-64 and AArch64 vector function ABI; glibc wiki, libmvec.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache

from thalweg.execution.native.module import Body

# Name → number of arguments, for the functions that glibc has in vector form. The float versions end in f.
VECTORISED = {"pow": 2, "atan2": 2, "hypot": 2} | dict.fromkeys(
    ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp", "exp2",
     "expm1", "log", "log2", "log10", "log1p", "cbrt", "erf", "erfc"), 1)  # fmt: skip

_LETTERS = {"x86_64": (("b", 16), ("d", 32), ("e", 64)), "AMD64": (("b", 16), ("d", 32), ("e", 64)),
            "aarch64": (("n", 16),)}  # fmt: skip
_SIZE = {"double": 8, "float": 4}
_PURE = "nounwind willreturn memory(none)"


@cache
def library() -> ctypes.CDLL | None:
    """libmvec, or ``None``. Loading it makes its symbols known to the process, which is where LLVM looks for them."""
    if platform.system() != "Linux":
        return None
    try:
        return ctypes.CDLL("libmvec.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return None


@cache
def variants(function: str, register: str) -> tuple[tuple[str, int], ...]:
    """(symbol, lanes) of every vector version of a libm function on this machine."""
    base = function.removesuffix("f") if register == "float" and function != "erf" else function
    if base not in VECTORISED or library() is None:
        return ()
    found = []
    for letter, width in _LETTERS.get(platform.machine(), ()):
        lanes = width // _SIZE[register]
        symbol = f"_ZGV{letter}N{lanes}{'v' * VECTORISED[base]}_{function}"
        if hasattr(library(), symbol):
            found.append((symbol, lanes))
    return tuple(found)


def call(body: Body, function: str, register: str, *values: str) -> str:
    """A call of the libm function ``function`` (its double name); the vectoriser may turn it into a vector call."""
    symbol = function + "f" if register == "float" else function
    module = body.module
    module.declare(symbol, _declaration(symbol, register, len(values)))
    attributes = _PURE
    known = variants(symbol, register)
    if known:
        for vector, lanes in known:
            module.declare(vector, _declaration(vector, f"<{lanes} x {register}>", len(values)))
            module.keep(vector)
        attributes += ' "vector-function-abi-variant"="' + ",".join(f"{v}({v})" for v, _ in known) + '"'
    arguments = ", ".join(f"{register} {v}" for v in values)
    return body.emit(f"call {register} @{symbol}({arguments}) {module.attributes(attributes)}")


def _declaration(symbol: str, register: str, count: int) -> str:
    return f"declare {register} @{symbol}({', '.join([register] * count)}) {_PURE}"
