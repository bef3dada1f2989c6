"""One entry of the book: a definition, with its answer looked up by number.

The book numbers its problems 1 to 119; it has none of the numbers 82, 94 and 115.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.hs.answers import ANSWERS, FEASIBLE_STARTS
from benchmarks.problem import Scalar, TestProblem, Vector


def problem(
    number: int,
    f: Scalar,
    start: Sequence[float],
    *,
    eq: Vector | None = None,
    ineq: Vector | None = None,
    lower: float | Sequence[float] | None = None,
    upper: float | Sequence[float] | None = None,
    note: str = "",
    better: tuple[float, ...] = (),
    others: tuple[float, ...] = (),
    skip: tuple[str, ...] = (),
) -> TestProblem:
    """The problem of that number; a single bound holds for every variable.

    Examples
    --------
    >>> p = problem(1, lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2, (-2, 1), lower=(-float("inf"), -1.5))
    >>> p.name, p.value, p.upper
    ('HS1', 0.0, None)
    """
    value, solution = ANSWERS[number]
    return TestProblem(
        name=f"HS{number}",
        f=f,
        x0=tuple(float(t) for t in start),
        value=float(value),
        eq=eq,
        ineq=ineq,
        lower=_every(lower, len(start)),
        upper=_every(upper, len(start)),
        source=f"Hock & Schittkowski (1981), problem {number}" + (f". {note}" if note else ""),
        better=better,
        others=others,
        solution=tuple(float(t) for t in solution),
        feasible_start=number in FEASIBLE_STARTS,
        peers_skip=skip,
    )


def _every(bound: float | Sequence[float] | None, n: int) -> tuple[float, ...] | None:
    if bound is None:
        return None
    return (float(bound),) * n if isinstance(bound, int | float) else tuple(float(t) for t in bound)
