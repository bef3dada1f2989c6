"""``MultivariatePolynomial``: f(x₀) + ∇f·h + ½ hᵀH h + …, with h = x − x₀.

The quadratic part is kept as number, vector and matrix, so it serves for any number of variables; terms of third and
higher degree are kept by multi-index, α ↦ c_α with the term c_α h^α = c_α h₁^α₁ h₂^α₂ ….
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thalweg.calculus import polynomial_text
from thalweg.calculus.polynomial import EXACT
from thalweg.errors import ArgumentError
from thalweg.tracing import tree

Index = tuple[int, ...]

_WRITTEN = 60  # a polynomial with more terms is shown by its shape


class MultivariatePolynomial:
    """A polynomial of several variables about a centre. Call it with an argument of the structure of the centre.

    Attributes
    ----------
    value, gradient, hessian
        f(x₀), ∇f(x₀) and H(x₀) as a number, a vector and a matrix, in the order of the flattened centre; ``None``
        beyond the order of the expansion.
    center
        The point x₀.
    order : int
        The order of the expansion.
    exact : bool
        Whether it is proven to equal the function that was expanded, everywhere.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> p = tw.taylor(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]), 2)
    >>> print(p)
    2 + 4(x₁-1) + (x₂-2) + 2(x₁-1)² + 2(x₁-1)(x₂-2)
    >>> float(p(np.array([1.0, 3.0])))
    3.0
    """

    __slots__ = ("_names", "_structure", "center", "exact", "gradient", "hessian", "higher", "order", "value")
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        center: Any,
        value: Any,
        gradient: Any = None,
        hessian: Any = None,
        higher: Mapping[Index, Any] | None = None,
        *,
        order: int,
        exact: bool = False,
    ) -> None:
        self.center = center
        self.value = value
        self.gradient = gradient
        self.hessian = hessian
        self.higher = dict(higher or {})
        self.order = order
        self.exact = exact
        leaves, self._structure = tree.flatten(center)
        self._names = _names(center, leaves)

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def coefficients(self) -> dict[Index, float]:
        """The coefficient of every multi-index; those that are zero are left away."""
        n = len(self._names)
        unit = [tuple(int(i == j) for i in range(n)) for j in range(n)]
        terms: dict[Index, float] = {(0,) * n: float(self.value)}
        if self.gradient is not None:
            terms.update((unit[i], float(self.gradient[i])) for i in range(n))
        if self.hessian is not None:
            for i in range(n):
                for j in range(i, n):
                    index = tuple(map(int.__add__, unit[i], unit[j]))
                    terms[index] = float(self.hessian[i, j]) * (0.5 if i == j else 1.0)
        terms.update((index, float(c)) for index, c in self.higher.items())
        return {index: c for index, c in terms.items() if c != 0}

    @property
    def degree(self) -> int:
        """The highest total power with a coefficient that is not zero."""
        return max((sum(index) for index in self.coefficients), default=0)

    def __call__(self, x: Any) -> Any:
        """The value at a point."""
        h = self._step(x)
        total = self.value
        if self.gradient is not None:
            total = total + self.gradient @ h
        if self.hessian is not None:
            total = total + 0.5 * (h @ (self.hessian @ h))
        if self.higher:
            powers = self._powers(h)
            for index, c in self.higher.items():
                for i, k in enumerate(index):
                    if k:
                        c = c * powers[i][k]
                total = total + c
        return total

    def _step(self, x: Any) -> Any:
        leaves, structure = tree.flatten(x)
        centers = tree.flatten(self.center)[0]
        if structure != self._structure or [np.shape(a) for a in leaves] != [np.shape(c) for c in centers]:
            if structure is not tree.LEAF or self._structure is not tree.LEAF:
                raise ArgumentError("call the polynomial with an argument of the structure and shapes of its centre")
            leaves = [np.reshape(np.asarray(leaves[0]), np.shape(centers[0]))]
        parts = [np.reshape(a - c, (-1,)) for a, c in zip(leaves, centers, strict=True)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _powers(self, h: Any) -> list[list[Any]]:
        highest = [max(index[i] for index in self.higher) for i in range(len(self._names))]
        return [list(itertools.accumulate([1.0] + [h[i]] * k, lambda a, b: a * b)) for i, k in enumerate(highest)]

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def _with(self, terms: Mapping[Index, float], exact: bool) -> MultivariatePolynomial:
        return from_terms(self.center, terms, len(self._names), exact)

    def _terms_of(self, other: Any) -> tuple[dict[Index, float], bool] | None:
        if isinstance(other, MultivariatePolynomial):
            mine, theirs = (tree.flatten(p.center)[0] for p in (self, other))
            if len(mine) != len(theirs) or not all(map(np.array_equal, mine, theirs)):
                raise ArgumentError("these polynomials are written about different points: expand both about one")
            return other.coefficients, other.exact
        if isinstance(other, int | float | np.number):
            return {(0,) * len(self._names): float(other)}, True
        return None

    def __add__(self, other: Any) -> MultivariatePolynomial:
        given = self._terms_of(other)
        if given is None:
            return NotImplemented
        terms = self.coefficients
        for index, c in given[0].items():
            terms[index] = terms.get(index, 0.0) + c
        return self._with(terms, self.exact and given[1])

    __radd__ = __add__

    def __neg__(self) -> MultivariatePolynomial:
        return self * -1.0

    def __sub__(self, other: Any) -> MultivariatePolynomial:
        return NotImplemented if self._terms_of(other) is None else self + -1.0 * other

    def __rsub__(self, other: Any) -> MultivariatePolynomial:
        return -self + other

    def __mul__(self, other: Any) -> MultivariatePolynomial:
        given = self._terms_of(other)
        if given is None:
            return NotImplemented
        terms: dict[Index, float] = {}
        for alpha, a in self.coefficients.items():
            for beta, b in given[0].items():
                index = tuple(map(int.__add__, alpha, beta))
                terms[index] = terms.get(index, 0.0) + a * b
        return self._with(terms, self.exact and given[1])

    __rmul__ = __mul__

    def __pow__(self, n: int) -> MultivariatePolynomial:
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise ArgumentError(f"p**{n!r}: give a whole number that is not negative")
        result = self._with({(0,) * len(self._names): 1.0}, self.exact)
        for _ in range(n):
            result = result * self
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MultivariatePolynomial):
            return NotImplemented
        mine, theirs = (tree.flatten(p.center)[0] for p in (self, other))
        return (
            len(mine) == len(theirs)
            and all(map(np.array_equal, mine, theirs))
            and self.coefficients == other.coefficients
        )

    # --- text ---------------------------------------------------------------------------------------------------------

    @property
    def sentence(self) -> str:
        """How the polynomial stands to the function that it was expanded from."""
        return EXACT if self.exact else f"The function near the centre, up to terms of order {self.order + 1}."

    def __str__(self) -> str:
        n = len(self._names)
        if any(type(v).__name__ == "Tracer" for v in (self.value, *tree.flatten(self.center)[0])):
            return f"<polynomial in {n} variables under trace>"
        if math.comb(n + self.order, n) > _WRITTEN:
            slope = "" if self.gradient is None else " + ∇f·h"
            curvature = "" if self.hessian is None else " + ½ hᵀH h"
            rest = f" + {len(self.higher)} terms of higher degree" if self.higher else ""
            size = (
                ""
                if self.gradient is None
                else f", |∇f| = {polynomial_text.number(float(np.linalg.norm(self.gradient)))}"
            )
            return f"{polynomial_text.number(self.value)}{slope}{curvature}{rest}, h = x - x₀ in {n} variables{size}"
        center = np.concatenate([np.ravel(np.asarray(c, dtype=np.float64)) for c in tree.flatten(self.center)[0]])
        terms = sorted(self.coefficients.items(), key=lambda item: (sum(item[0]), [-k for k in item[0]]))
        written = []
        for index, c in terms:
            factor = "".join(
                polynomial_text.shifted(self._names[i], center[i]) + (polynomial_text.superscript(k) if k > 1 else "")
                for i, k in enumerate(index)
                if k
            )
            written.append((c, sum(index), factor))
        return polynomial_text.joined(written)

    def __repr__(self) -> str:
        return f"{self}\n{self.sentence}"


def from_terms(center: Any, terms: Mapping[Index, float], n: int, exact: bool) -> MultivariatePolynomial:
    """The polynomial with the given coefficients, taken apart into number, vector, matrix and the rest."""
    order = max((sum(index) for index in terms), default=0)
    value = np.float64(0.0)
    gradient = np.zeros(n) if order > 0 else None
    hessian = np.zeros((n, n)) if order > 1 else None
    higher: dict[Index, float] = {}
    for index, c in terms.items():
        places = [i for i, k in enumerate(index) for _ in range(k)]
        if not places:
            value = np.float64(c)
        elif len(places) == 1 and gradient is not None:
            gradient[places[0]] = c
        elif len(places) == 2 and hessian is not None:
            i, j = places
            hessian[i, j] = hessian[j, i] = 2 * c if i == j else c
        else:
            higher[index] = c
    return MultivariatePolynomial(center, value, gradient, hessian, higher, order=order, exact=exact)


def _names(center: Any, leaves: Sequence[Any]) -> list[str]:
    """x₁, x₂, … for a vector; the keys of a dict; X₁₂ is written x[0, 1]."""
    if len(leaves) == 1 and tree.flatten(center)[1] is tree.LEAF:
        if np.ndim(leaves[0]) == 1:
            return [f"x{polynomial_text.subscript(i + 1)}" for i in range(leaves[0].shape[0])]
        return [f"x{list(i)}" for i in np.ndindex(np.shape(leaves[0]))]
    names: list[str] = []
    for path, leaf in zip(tree.paths(center), leaves, strict=True):
        stem = path[2:-2] if path.startswith("['") and path.count("[") == 1 else f"x{path}"
        names.extend(stem if not i else f"{stem}{list(i)}" for i in np.ndindex(np.shape(leaf)))
    return names
