"""Problems 101 to 103: a geometric program of seven variables, for three values of one exponent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Terms = Sequence[tuple[float, Sequence[float]]]


def posynomial(terms: Terms) -> Callable[[Any], Any]:
    """The function Σ c Π xᵢ^aᵢ of pairs (c, a).

    Examples
    --------
    >>> posynomial([(2, (1, -1)), (3, (0, 2))])([4.0, 2.0])
    16.0
    """

    def value(x):
        total = 0.0
        for factor, exponents in terms:
            for i, a in enumerate(exponents):
                if a:
                    factor = factor * (x[i] if a == 1 else x[i] ** a)
            total = total + factor
        return total

    return value


LIMITS = [
    posynomial(terms)
    for terms in (
        [
            (0.5, (0.5, 0, -1, 0, 0, -2, 1)),
            (0.7, (3, 1, -2, 0, 0, 1, 0.5)),
            (0.2, (0, -1, 1, -0.5, 0, 2 / 3, 0.25)),
        ],
        [
            (1.3, (-0.5, 1, -1, 0, -1, 1, 0)),
            (0.8, (0, 0, 1, -1, -1, 2, 0)),
            (3.1, (-1, 0.5, 0, -2, -1, 1 / 3, 0)),
        ],
        [
            (2, (1, 0, -1.5, 0, 1, -1, 1 / 3)),
            (0.1, (0, 1, -0.5, 0, 1, -1, -0.5)),
            (1, (-1, 1, 0.5, 0, 1, 0, 0)),
            (0.65, (0, -2, 1, 0, 1, -1, 1)),
        ],
        [
            (0.2, (-2, 1, 0, -1, 0.5, 0, 1 / 3)),
            (0.3, (0.5, 2, 1, 1 / 3, -2 / 3, 0, 0.25)),
            (0.4, (-3, -2, 1, 0, 1, 0, 0.75)),
            (0.5, (0, 0, -2, 1, 0, 0, 0.5)),
        ],
    )
]


def objective(exponent: float) -> Callable[[Any], Any]:
    """The objective, whose exponent of x₇ in the first term is what the three problems differ in."""
    return posynomial(
        [
            (10, (1, -1, 0, 2, 0, -3, exponent)),
            (15, (-1, -2, 1, 1, -1, 0, -0.5)),
            (20, (-2, 1, 0, -1, -2, 1, 0)),
            (25, (2, 2, -1, 0, 0.5, -2, 1)),
        ]
    )


def limits(f: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """The four constraints, and 100 ≤ f ≤ 3000."""

    def kept(x):
        cost = f(x)
        return [*(1 - g(x) for g in LIMITS), cost - 100, 3000 - cost]

    return kept
