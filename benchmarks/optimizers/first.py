"""Small problems that every solver is given before the first that counts, so that its imports are done."""

from __future__ import annotations

from benchmarks.problem import TestProblem


def _valley(x):
    return (x[0] - 1) ** 2 + 3 * (x[1] - x[0] ** 2) ** 2


def _line(x):
    return [x[0] + x[1] - 1]


def _disc(x):
    return [4 - x[0] ** 2 - x[1] ** 2]


def _terms(x):
    return [x[0] - 1, x[1] - x[0] ** 2]


FREE = TestProblem("free", _valley, (0.0, 0.5), 0.0)
HELD = TestProblem(
    "held", _valley, (0.0, 0.5), 0.136955051704402, eq=_line, ineq=_disc, lower=(-3.0, -3.0), upper=(3.0, 3.0)
)
SQUARES = TestProblem("squares", lambda x: sum(r**2 for r in _terms(x)), (0.0, 0.5), 0.0, residuals=_terms)
ALL = [FREE, HELD, SQUARES]

#: Which of them come first, by what is to follow.
FOR = {
    "hs": [("first", "free"), ("first", "held")],
    "mgh": [("first", "free")],
    "families": [("first", "free")],
    "squares": [("first", "squares")],
}
