"""One published optimization problem: what everybody is asked to solve, and what is known of the answer.

    minimize f(x)  subject to  eq(x) = 0,  ineq(x) ≥ 0,  lower ≤ x ≤ upper.

The functions are plain NumPy on one flat vector, made of sums, products and element-wise functions only, so that the
same text runs on floats, on Thalweg's tracers, on arrays of CasADi's symbols and on JAX's arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Scalar = Callable[[Any], Any]
Vector = Callable[[Any], Sequence[Any]]


@dataclass(frozen=True)
class TestProblem:
    """A problem with its standard start and its known optimal value.

    Attributes
    ----------
    name
        ``"HS71"``.
    f
        The objective of one flat vector.
    x0
        The standard start.
    value
        The optimal value, the published one with as many digits as can be had.
    eq, ineq
        The constraints: a list of scalars, each = 0, and a list of scalars, each ≥ 0.
    lower, upper
        Bounds of the variables, infinite where there is none.
    residuals
        Of a sum of squares: its terms, f = Σ r².
    source
        Where the problem is published, and what must be known about it: misprints, other solutions.
    better
        Lower values than the published one, where later solvers have found such.
    others
        Values of other known local minima. A solver that ends at one of them is right to call it a minimum, and has
        not found the published value.
    solution
        A point where ``value`` is taken. It need not be the only one.
    feasible_start
        Whether the standard start keeps all constraints and bounds.
    peers_skip
        Peers that cannot run the functions: ``"casadi"``, ``"jax"``.

    Examples
    --------
    >>> valley = TestProblem("valley", lambda x: (x[0] - 1) ** 2, (0.0,), 0.0, lower=(-2.0,), upper=(2.0,))
    >>> valley.n, valley.f([3.0]), valley.constrained
    (1, 4.0, False)
    """

    __test__ = False  # not a test class, whatever pytest reads in its name

    name: str
    f: Scalar
    x0: tuple[float, ...]
    value: float
    eq: Vector | None = None
    ineq: Vector | None = None
    lower: tuple[float, ...] | None = None
    upper: tuple[float, ...] | None = None
    residuals: Vector | None = None
    source: str = ""
    better: tuple[float, ...] = ()
    others: tuple[float, ...] = ()
    solution: tuple[float, ...] = ()
    feasible_start: bool = True
    peers_skip: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """The number of variables."""
        return len(self.x0)

    @property
    def constrained(self) -> bool:
        """Whether there are constraints besides the bounds."""
        return self.eq is not None or self.ineq is not None
