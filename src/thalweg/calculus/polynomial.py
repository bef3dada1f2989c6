"""``Polynomial``: a polynomial in powers of (x − c), as Taylor's theorem writes it.

p(x) = Σ cₖ (x − c)ᵏ. The coefficients are numbers, or arrays if the function that was expanded has arrays as values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from thalweg.calculus import polynomial_text
from thalweg.errors import ArgumentError
from thalweg.tracing.tracer import Tracer

EXACT = "Exact: the function is this polynomial."


class Polynomial:
    """A polynomial of one variable about a centre.

    Parameters
    ----------
    coefficients : sequence
        c₀, c₁, … in ascending order: the polynomial is c₀ + c₁ (x − center) + …
    center : float, default 0
        The point about which it is written.
    variable : str, default "x"
        What the variable is called when the polynomial is printed.

    Attributes
    ----------
    exact : bool
        Of a Taylor polynomial: whether it is proven to equal the function everywhere. Of a polynomial that was given by
        its coefficients or computed from exact ones: ``True``.
    error_order : int or None
        Of a Taylor polynomial: the order of the terms that it leaves out, which are zero if it is exact;
        ``None`` where the function has a kink at the centre, so that nothing is known of them.

    Examples
    --------
    >>> import thalweg as tw
    >>> p = tw.taylor(lambda x: x**3, 1.0, 3)
    >>> print(p)
    1 + 3(x-1) + 3(x-1)² + (x-1)³
    >>> p.exact, float(p(2.0)), print(p.derivative())
    3 + 6(x-1) + 3(x-1)²
    (True, 8.0, None)
    """

    __slots__ = ("_coefficients", "center", "error_order", "exact", "variable")
    __array_ufunc__ = None  # arrays leave arithmetic with polynomials to us
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        coefficients: Iterable[Any],
        center: Any = 0.0,
        *,
        variable: str = "x",
        exact: bool = True,
        error_order: int | None = None,
    ) -> None:
        given: list[Any] = list(coefficients) or [0.0]
        self._coefficients: list[Any] = [
            c if isinstance(c, Tracer) else np.asarray(c, dtype=np.float64)[()] for c in given
        ]
        self.center = center
        self.variable = variable
        self.exact = exact
        self.error_order = error_order

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def coefficients(self) -> Any:
        """c₀, c₁, … up to the order of the expansion, as an array."""
        return np.stack(self._coefficients)

    @property
    def degree(self) -> int:
        """The highest power with a coefficient that is not zero (0 for a constant)."""
        for k in range(len(self._coefficients) - 1, 0, -1):
            c = self._coefficients[k]
            if isinstance(c, Tracer) or np.any(c != 0):
                return k
        return 0

    def __call__(self, x: Any) -> Any:
        """The value at x, a number or an array; at another polynomial, the composition with it (Horner's scheme)."""
        if isinstance(x, Polynomial):
            return self._of_polynomial(x)
        h = (x if isinstance(x, Tracer) else np.asarray(x, dtype=np.float64)) - self.center
        rank = self._coefficients[0].ndim
        if rank:
            h = h.reshape((*h.shape, *(1,) * rank))
        total = self._coefficients[-1] + 0 * h
        for c in reversed(self._coefficients[:-1]):
            total = total * h + c
        return total if isinstance(total, Tracer) else np.asarray(total)[()]

    def _of_polynomial(self, q: Polynomial) -> Polynomial:
        h = q - self.center
        total = Polynomial([self._coefficients[-1]], q.center, variable=q.variable)
        for c in reversed(self._coefficients[:-1]):
            total = total * h + c
        total.exact = self.exact and q.exact
        return total

    def about(self, center: float) -> Polynomial:
        """The same polynomial in powers of (x − center)."""
        moved = self._of_polynomial(Polynomial([center, 1.0], center, variable=self.variable))
        moved.exact = self.exact
        return moved

    # --- calculus -----------------------------------------------------------------------------------------------------

    def derivative(self, n: int = 1) -> Polynomial:
        """The n-th derivative."""
        _require_count(n, "derivative")
        c = self._coefficients
        new = [c[k] * float(math.perm(k, n)) for k in range(n, len(c))] or [0 * c[0]]
        error = None if self.error_order is None else max(self.error_order - n, 0)
        return self._like(new, error)

    def integral(self, n: int = 1) -> Polynomial:
        """The antiderivative that is 0 at the centre, n times."""
        _require_count(n, "integral")
        c = self._coefficients
        new = [0 * c[0]] * n + [c[k] / float(math.perm(k + n, n)) for k in range(len(c))]
        return self._like(new, None if self.error_order is None else self.error_order + n)

    def _like(self, coefficients: Sequence[Any], error_order: int | None) -> Polynomial:
        return Polynomial(coefficients, self.center, variable=self.variable, exact=self.exact, error_order=error_order)

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def _operand(self, other: Any) -> Polynomial | None:
        if isinstance(other, Polynomial):
            mine, theirs = self.center, other.center
            traced = isinstance(mine, Tracer) or isinstance(theirs, Tracer)
            if not (mine.node is theirs.node if traced else mine == theirs):
                raise ArgumentError(
                    f"these polynomials are written about different points, {mine} and {theirs}: "
                    "bring one to the other's centre by p.about(center)"
                )
            return other
        if isinstance(other, Tracer | np.ndarray | np.generic | int | float):
            return Polynomial([other], self.center, variable=self.variable)
        return None

    def _combined(self, other: Polynomial, coefficients: Sequence[Any]) -> Polynomial:
        return Polynomial(coefficients, self.center, variable=self.variable, exact=self.exact and other.exact)

    def __add__(self, other: Any) -> Polynomial:
        q = self._operand(other)
        if q is None:
            return NotImplemented
        a, b = self._coefficients, q._coefficients
        longer = max(len(a), len(b))
        total = [a[k] + b[k] if k < len(a) and k < len(b) else a[k] if k < len(a) else b[k] for k in range(longer)]
        return self._combined(q, total)

    __radd__ = __add__

    def __neg__(self) -> Polynomial:
        return self._like([-c for c in self._coefficients], self.error_order)

    def __pos__(self) -> Polynomial:
        return self

    def __sub__(self, other: Any) -> Polynomial:
        q = self._operand(other)
        return NotImplemented if q is None else self + -q

    def __rsub__(self, other: Any) -> Polynomial:
        q = self._operand(other)
        return NotImplemented if q is None else q + -self

    def __mul__(self, other: Any) -> Polynomial:
        q = self._operand(other)
        if q is None:
            return NotImplemented
        a, b = self._coefficients, q._coefficients
        product: list[Any] = [None] * (len(a) + len(b) - 1)
        for i, ai in enumerate(a):
            for j, bj in enumerate(b):
                term = ai * bj
                product[i + j] = term if product[i + j] is None else product[i + j] + term
        return self._combined(q, product)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Polynomial:
        if isinstance(other, Polynomial) or not isinstance(other, Tracer | np.ndarray | np.generic | int | float):
            return NotImplemented
        return self._like([c / other for c in self._coefficients], self.error_order)

    def __pow__(self, n: int) -> Polynomial:
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            return NotImplemented
        if n < 0:
            raise ArgumentError(f"p**{n}: a negative power of a polynomial is not a polynomial")
        result = self._combined(self, [0 * self._coefficients[0] + 1])
        base = self
        while n:
            if n & 1:
                result = result * base
            n >>= 1
            if n:
                base = base * base
        return result

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int | float | np.generic):
            other = Polynomial([other], self.center)
        if not isinstance(other, Polynomial):
            return NotImplemented
        if self.center != other.center and (self.degree or other.degree):
            return False
        a, b = self._coefficients[: self.degree + 1], other._coefficients[: other.degree + 1]
        return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))

    # --- text ---------------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return self._written(polynomial_text.plain)

    def __repr__(self) -> str:
        return f"{self}\n{self.sentence}" if self.sentence else str(self)

    def _repr_latex_(self) -> str:
        return f"${self._written(polynomial_text.latex)}$"

    @property
    def sentence(self) -> str:
        """How the polynomial stands to the function that it was expanded from; empty if it was not expanded."""
        if not self.error_order:
            return ""
        if self.exact:
            return EXACT
        power = polynomial_text.power(self.variable, self.center, self.error_order)
        near = polynomial_text.number(self.center)
        return f"The function near {self.variable} = {near}, up to terms of order {power}."

    def _written(self, style: Callable[..., str]) -> str:
        c = self._coefficients
        if any(isinstance(x, Tracer) for x in (*c, self.center)):
            return f"<polynomial of degree {len(c) - 1} under trace>"
        if c[0].ndim == 0:
            return style(c, self.center, self.variable)
        rows = np.stack(c)
        return "\n".join(
            f"{list(index)}: {style(rows[(slice(None), *index)], self.center, self.variable)}"
            for index in np.ndindex(rows.shape[1:])
        )


def _require_count(n: Any, what: str) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ArgumentError(f"{what}(n={n!r}): give a whole number, how many times")
