"""Python's ``math`` by reach: its functions on traced numbers are NumPy's, or formulas in them.

On plain numbers they are what they were. A traced value has no errors of domain: ``math.log(t)`` at t < 0 is NaN, as
``np.log`` has it; and ``math.floor(t)`` is a traced whole number rather than an ``int``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.tracing.reach import reaches
from thalweg.tracing.tracer import Tracer, contains_tracer

_AS_NUMPY = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atan2": np.arctan2, "atanh": np.arctanh, "cbrt": np.cbrt, "ceil": np.ceil, "copysign": np.copysign, "cos": np.cos,
    "cosh": np.cosh, "degrees": np.degrees, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "fabs": np.fabs,
    "floor": np.floor, "fmod": np.fmod, "frexp": np.frexp, "isfinite": np.isfinite, "isinf": np.isinf,
    "isnan": np.isnan, "ldexp": np.ldexp, "log10": np.log10, "log1p": np.log1p, "log2": np.log2, "modf": np.modf,
    "pow": np.power, "radians": np.radians, "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan,
    "tanh": np.tanh, "trunc": np.trunc,
}  # fmt: skip


def _number(x: Any) -> Any:
    """An array of one element as a scalar: what ``math`` would make of it. Others it refuses."""
    if type(x) is Tracer and x.shape:
        if x.size != 1:
            raise TypeError("only length-1 arrays can be converted to Python scalars")
        return x.reshape(())
    return x


def _real(x: Any) -> Any:
    """As `_number`, integers made real: ``math`` counts in floats."""
    x = _number(x)
    return x.astype(float) if type(x) is Tracer and x.dtype.kind != "f" else float(x) if type(x) is int else x


def _answer(name: str, meaning: Callable[..., Any]) -> None:
    @reaches("math", name)
    def answer(original: Any, *args: Any) -> Any:
        if contains_tracer(args):
            return meaning(*map(_number if name == "ldexp" else _real, args))
        return original(*args)


for _name, _ufunc in _AS_NUMPY.items():
    _answer(_name, _ufunc)


def _special(name: str) -> Callable[[Any], Any]:
    def meaning(x: Any) -> Any:
        from scipy import special

        return getattr(special, name)(x)

    return meaning


_answer("erf", _special("erf"))
_answer("erfc", _special("erfc"))
_answer("gamma", _special("gamma"))
_answer("lgamma", _special("gammaln"))


@reaches("math", "log")
def log(original: Any, x: Any, *base: Any) -> Any:
    if not contains_tracer((x, *base)):
        return original(x, *base)
    return np.log(_real(x)) / (np.log(_real(base[0]))) if base else np.log(_real(x))


@reaches("math", "hypot")
def hypot(original: Any, *coordinates: Any) -> Any:
    if not contains_tracer(coordinates):
        return original(*coordinates)
    first, *others = map(_real, coordinates)
    length = np.abs(first)
    for x in others:
        length = np.hypot(length, x)
    return length


@reaches("math", "dist")
def dist(original: Any, p: Any, q: Any) -> Any:
    if not (contains_tracer(p) or contains_tracer(q) or contains_tracer(list(p)) or contains_tracer(list(q))):
        return original(p, q)
    if len(p) != len(q):
        raise ValueError("both points must have the same number of dimensions")
    return hypot(None, *(a - b for a, b in zip(p, q, strict=True))) if len(p) else 0.0


@reaches("math", "fsum")
def fsum(original: Any, seq: Any) -> Any:
    terms = list(seq)
    return _total(terms, 0.0) if contains_tracer(terms) else original(terms)


@reaches("math", "prod")
def prod(original: Any, iterable: Any, *, start: Any = 1) -> Any:
    factors = [start, *iterable]
    if not contains_tracer(factors):
        return original(factors)
    result = factors[0]
    for x in factors[1:]:
        result = result * x
    return result


@reaches("math", "sumprod")  # Python 3.12
def sumprod(original: Any, p: Any, q: Any) -> Any:
    a, b = list(p), list(q)
    if not contains_tracer([a, b]):
        return original(a, b)
    if len(a) != len(b):
        raise ValueError("Inputs are not the same length")
    return _total([x * y for x, y in zip(a, b, strict=True)], 0)


@reaches("math", "fma")  # Python 3.13
def fma(original: Any, x: Any, y: Any, z: Any) -> Any:
    return _real(x) * _real(y) + _real(z) if contains_tracer((x, y, z)) else original(x, y, z)


@reaches("math", "remainder")
def remainder(original: Any, x: Any, y: Any) -> Any:
    """x − n·y with the whole number n nearest to x/y."""
    if not contains_tracer((x, y)):
        return original(x, y)
    x, y = _real(x), _real(y)
    return x - np.rint(x / y) * y


@reaches("math", "isclose")
def isclose(original: Any, a: Any, b: Any, *, rel_tol: Any = 1e-09, abs_tol: Any = 0.0) -> Any:
    if not contains_tracer((a, b, rel_tol, abs_tol)):
        return original(a, b, rel_tol=rel_tol, abs_tol=abs_tol)
    a, b = _real(a), _real(b)
    near = abs(a - b) <= np.maximum(rel_tol * np.maximum(abs(a), abs(b)), abs_tol)
    return np.equal(a, b) | (near & np.isfinite(a) & np.isfinite(b))


def _total(terms: list[Any], start: Any) -> Any:
    total = start
    for x in terms:
        total = total + x
    return total
