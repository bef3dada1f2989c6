"""``slope``: where a function increases, decreases or is flat, and its tangent line.

f increases at x if f′(x) > 0, decreases if f′(x) < 0 and is flat if f′(x) = 0; the tangent is f(x) + f′(x)(t − x).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.calculus import polynomial_text
from thalweg.calculus.batching import Batched
from thalweg.calculus.polynomial import Polynomial
from thalweg.calculus.products import remembered
from thalweg.calculus.series import first_order
from thalweg.errors import ArgumentError


@dataclasses.dataclass(frozen=True)
class Slope:
    """How a function of one variable runs at a point.

    Attributes
    ----------
    x, value, slope : float
        The point, f(x) and f′(x).
    kind : str
        ``"increasing"``, ``"decreasing"``, ``"flat"`` or, if f′(x) is not a number, ``"undefined"``.
    """

    x: float
    value: float
    slope: float
    kind: str

    @property
    def sign(self) -> int:
        """1, −1 or 0 for increasing, decreasing and flat."""
        return {"increasing": 1, "decreasing": -1}.get(self.kind, 0)

    @property
    def tangent(self) -> Polynomial:
        """The tangent line f(x) + f′(x)(t − x), a polynomial in t."""
        return Polynomial([self.value, self.slope], self.x, exact=False)

    def __str__(self) -> str:
        at = f"at x = {polynomial_text.number(self.x)}"
        if self.kind == "undefined":
            return f"f has no slope {at}: value {polynomial_text.number(self.value)}, derivative {self.slope}"
        verb = {"increasing": "increases", "decreasing": "decreases", "flat": "is flat"}[self.kind]
        if np.isinf(self.slope):
            return f"f {verb} {at}: slope {self.slope}; the tangent is vertical"
        return f"f {verb} {at}: slope {polynomial_text.number(self.slope)}; tangent {self.tangent}"

    def __repr__(self) -> str:
        return str(self)


class Slopes(tuple[Slope, ...]):
    """The slopes at several points, printed as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        rows = [("x", "f(x)", "f′(x)", "f is")]
        number = polynomial_text.number
        rows.extend((number(s.x), number(s.value), number(s.slope), s.kind) for s in self)
        width = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join("  ".join([*(row[i].rjust(width[i]) for i in range(3)), row[3]]) for row in rows)

    def __repr__(self) -> str:
        return str(self)


def slope(f: Callable[..., Any], x: Any, tol: float = 1e-12) -> Slope | Slopes:
    """Whether a function of one variable increases, decreases or is flat at a point, and its tangent line there.

    Parameters
    ----------
    f : callable
        A function of a number, written with NumPy.
    x : number or array
        The point; for an array, each of its elements.
    tol : float, default 1e-12
        The function counts as flat where \\|f′(x)\\| ≤ tol · max(1, \\|f(x)\\|), which is the size of rounding errors.

    Returns
    -------
    Slope or Slopes
        With ``value``, ``slope``, ``sign``, ``kind`` and ``tangent``; prints as a sentence, several as a table.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> tw.slope(lambda x: x**2, 1.0)
    f increases at x = 1: slope 2; tangent 1 + 2(x-1)
    >>> tw.slope(np.cos, np.array([-1.0, 0.0, 1.0]))
     x      f(x)     f′(x)  f is
    -1  0.540302  0.841471  increasing
     0         1         0  flat
     1  0.540302 -0.841471  decreasing
    """
    points = np.asarray(x, dtype=np.float64)
    if points.ndim == 0:
        value, gradient = remembered(first_order, f)(float(points))
        return _slope(points[()], value, gradient, tol)
    if points.size == 0:
        return Slopes()
    flat = points.reshape(-1)
    values, slopes = remembered(_at_each, f)(flat)
    if values.shape != flat.shape:
        raise ArgumentError("tw.slope is for functions of one number that return one number; see also tw.jacobian")
    return Slopes(_slope(*row, tol) for row in zip(flat, values, slopes, strict=True))


def _at_each(f: Callable[..., Any]) -> Callable[..., Any]:
    return Batched(first_order(f))


def _slope(x: Any, value: Any, slope: Any, tol: float) -> Slope:
    if np.shape(value) != ():
        raise ArgumentError(
            f"tw.slope is for functions that return one number, this one returned the shape {np.shape(value)}; "
            "tw.derivative differentiates curves"
        )
    if np.isnan(slope):
        kind = "undefined"
    elif abs(slope) <= tol * max(1.0, abs(value) if np.isfinite(value) else 1.0):
        kind = "flat"
    else:
        kind = "increasing" if slope > 0 else "decreasing"
    return Slope(float(x), float(value), float(slope), kind)
