"""Functions of the C library, and the vector versions of them that the loop vectoriser may call.

A call site that carries ``"vector-function-abi-variant"="_ZGVeN8v_exp(_ZGVeN8v_exp)"`` tells the vectoriser that eight
calls of ``exp`` are one call of ``_ZGVeN8v_exp``: b, c, d, e stand for SSE, AVX, AVX2 and AVX-512 (n for AArch64), the
number for the lanes, one v for every argument. glibc's libmvec has such functions; which ones is looked up in the
library as it is found on this machine, and of those only the ones whose registers this CPU has are named: a loop that
also works on narrower numbers may be given more lanes than a register of the wider ones holds. Without the library the
same code runs with one call an element.

`ULP` says how exact they are. Time of one element in a loop over 10⁵ (AVX-512; "scalar" is the C library; ours are
those of `exponentials` and `logarithms`, which need no library):

========  =====  =======  =====  ======  =============
ns        ours   libmvec  NumPy  scalar  ours, float32
========  =====  =======  =====  ======  =============
exp       0.43   0.70     0.61   2.9     0.17
log       0.59   0.79     0.57   2.7     0.25
log1p     0.68   0.74     0.64   6.9     0.28
expm1     0.46   0.80     0.78   6.7     0.17
tanh      0.49   1.28     0.82   10      0.19
logistic  0.59   1.36     7.9    5.8     0.23
sin              0.70     10     10      0.33
pow              2.4      1.4    8.7     1.3
========  =====  =======  =====  ======  =============

Reference: x86-64 and AArch64 vector function ABI; glibc wiki, libmvec.
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache

from thalweg.execution.native import llvm
from thalweg.execution.native.module import Body

# Name → number of arguments, for the functions that glibc has in vector form. The float versions end in f.
VECTORISED = {"pow": 2, "atan2": 2, "hypot": 2} | dict.fromkeys(
    ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp", "exp2",
     "expm1", "log", "log2", "log10", "log1p", "cbrt", "erf", "erfc"), 1)  # fmt: skip

ULP = {
    "exp": (1.1, 1.1), "exp2": (1.7, 1.6), "expm1": (2.4, 1.8), "log": (0.9, 0.9), "log2": (1.2, 1.2),
    "log10": (1.2, 1.2), "log1p": (1.4, 1.4), "logistic": (2.3, 2.5), "sinh": (2.6, 2.3), "cosh": (1.6, 1.5),
    "tanh": (2.7, 2.6), "log_expit": (2.0, 2.0), "sin": (3.4, 2.1), "cos": (3.5, 2.0), "tan": (3.6, 3.8),
    "arcsin": (2.9, 3.1), "arccos": (2.1, 2.3), "arctan": (2.6, 2.7), "arcsinh": (2.7, 2.1), "arccosh": (3.5, 3.1),
    "arctanh": (2.6, 2.0), "cbrt": (3.1, 2.9), "power": (1.1, 0.7), "arctan2": (2.5, 3.3), "hypot": (2.0, 1.4),
    "erf": (2.2, 4.0), "erfc": (1.8, 1.7),
}  # fmt: skip
"""Largest error found, in units in the last place, for float64 and float32: over some 10⁷ arguments of all sizes for
every vector width (each 23rd number for float32), subnormal numbers, signed zeros and infinities among them."""

_X86 = (("b", 16, ""), ("d", 32, "+avx2"), ("e", 64, "+avx512f"))
_LETTERS = {"x86_64": _X86, "AMD64": _X86, "aarch64": (("n", 16, ""),)}
"""Letter, bytes of a register, and what the CPU must have for it."""

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
    """(symbol, lanes) of each vector version that this machine has of a libm function (``expf`` for floats)."""
    base = function.removesuffix("f") if register == "float" else function
    if base not in VECTORISED or library() is None:
        return ()
    found = []
    for letter, width, feature in _LETTERS.get(platform.machine(), ()):
        if feature and feature not in llvm.features():
            continue
        lanes = width // _SIZE[register]
        symbol = f"_ZGV{letter}N{lanes}{'v' * VECTORISED[base]}_{function}"
        if hasattr(library(), symbol):
            found.append((symbol, lanes))
    return tuple(found)


def call(body: Body, function: str, register: str, *values: str) -> str:
    """A call of the libm function ``function`` (its double name); the vectoriser may turn it into a vector call."""
    symbol = function + "f" if register == "float" else function
    module = body.module
    known = variants(symbol, register)
    if not module.declared(symbol):
        module.declare(symbol, _declaration(symbol, register, len(values)))
        for vector, lanes in known:
            module.declare(vector, _declaration(vector, f"<{lanes} x {register}>", len(values)))
            module.keep(vector)
    arguments = ", ".join([f"{register} {v}" for v in values])
    return body.emit(f"call {register} @{symbol}({arguments}) {module.attributes(_attributes(known))}")


@cache
def _attributes(known: tuple[tuple[str, int], ...]) -> str:
    if not known:
        return _PURE
    return _PURE + ' "vector-function-abi-variant"="' + ",".join(f"{v}({v})" for v, _ in known) + '"'


def _declaration(symbol: str, register: str, count: int) -> str:
    return f"declare {register} @{symbol}({', '.join([register] * count)}) {_PURE}"
