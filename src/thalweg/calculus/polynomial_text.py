"""How polynomials are written: ``1 + 3(x-1) + 3(x-1)² + (x-1)³``, ``x - x³/6 + x⁵/120``.

A coefficient that is, to twelve digits, an integer or a fraction of the kind that Taylor polynomials have (a small
denominator, or one that divides k! in the k-th term) is written as such; others with six digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_CLOSE = 1e-12


def superscript(n: int) -> str:
    return str(n).translate(_SUPERSCRIPT)


def subscript(n: int) -> str:
    return str(n).translate(_SUBSCRIPT)


def number(x: float) -> str:
    """A number with six digits, integers as such."""
    return f"{float(x) + 0.0:.6g}"  # + 0.0: no minus before a zero


def fraction(c: float, k: int) -> Fraction | None:
    """The simple fraction that the coefficient of the k-th power is, or ``None``."""
    if not math.isfinite(c) or abs(c) > 1e6:
        return None
    near = Fraction(c).limit_denominator(1000)
    if not _is(near, c):
        whole = math.factorial(min(k, 18))
        near = Fraction(round(c * whole), whole)
        if abs(round(c * whole)) > 10**5 or not _is(near, c):
            return None
    simple = near.denominator <= 12 or math.factorial(min(k, 18)) % near.denominator == 0
    return near if simple and abs(near.numerator) < 10_000 else None


def _is(near: Fraction, c: float) -> bool:
    return abs(float(near) - c) <= _CLOSE * abs(c)


def shifted(variable: str, center: float, group: bool = True) -> str:
    """``x``, ``(x-1)`` or ``(x+2)``."""
    if center == 0:
        return variable
    text = number(abs(center))
    inner = f"{variable}{'-' if center > 0 else '+'}{text}"
    return f"({inner})" if group else inner


def power(variable: str, center: float, k: int) -> str:
    """``x²``, ``(x-1)²``."""
    base = shifted(variable, center, group=k != 1)
    return base if k == 1 else f"{base}{superscript(k)}"


def plain(coefficients: Sequence[Any], center: float, variable: str) -> str:
    """One line of text."""
    base = shifted(variable, center)
    return joined([(c, k, base + (superscript(k) if k > 1 else "") if k else "") for k, c in enumerate(coefficients)])


def joined(terms: Sequence[tuple[Any, int, str]]) -> str:
    """A sum of terms (coefficient, degree, what stands behind it): signs between, zeros left away."""
    text = ""
    for c, k, factor in terms:
        c = float(c)
        if c == 0:
            continue
        minus = c < 0
        body = _term(abs(c), k, factor)
        text += (" - " if minus else " + ") + body if text else ("-" if minus else "") + body
    return text or "0"


def _term(c: float, k: int, factor: str) -> str:
    q = fraction(c, k)
    if q is None:
        digits = f"{c:.6g}"
        dot = "·" if factor and not digits.replace(".", "").isdigit() else ""  # 1e-05·x, inf·x
        return digits + dot + factor
    if not factor:
        return str(q)
    top = "" if q.numerator == 1 else str(q.numerator)
    return f"{top}{factor}" + (f"/{q.denominator}" if q.denominator != 1 else "")


def latex(coefficients: Sequence[Any], center: float, variable: str) -> str:
    """TeX, for notebooks."""
    inner = shifted(variable, center, group=False)
    base = inner if center == 0 else rf"\left({inner}\right)"
    text = ""
    for k, coefficient in enumerate(coefficients):
        c = float(coefficient)
        if c == 0:
            continue
        factor = "" if k == 0 else base if k == 1 else f"{base}^{{{k}}}"
        q = fraction(abs(c), k)
        if q is None:
            body = _latex_number(abs(c)) + (rf" \, {factor}" if factor else "")
        elif q.denominator == 1:
            body = (str(q.numerator) if q.numerator != 1 or not factor else "") + factor
        else:
            body = rf"\frac{{{q.numerator}}}{{{q.denominator}}}" + factor
        minus = c < 0
        text += (" - " if minus else " + ") + body if text else ("-" if minus else "") + body
    return text or "0"


def _latex_number(c: float) -> str:
    if math.isinf(c):
        return r"\infty"
    digits, _, exponent = f"{c:.6g}".partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits
