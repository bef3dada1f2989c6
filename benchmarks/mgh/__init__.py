"""The collection of Moré, Garbow and Hillstrom: sums of squares without constraints.

J. J. Moré, B. S. Garbow and K. E. Hillstrom, *Testing unconstrained optimization software*, ACM Transactions on
Mathematical Software 7 (1981) 17–41. All 35 problems, some in several sizes; the paper takes eighteen of them for the
minimization of general functions.

>>> len(ALL), len(UNCONSTRAINED)
(40, 23)
"""

from __future__ import annotations

from benchmarks.mgh import p01_12, p13_20, p21_35
from benchmarks.problem import TestProblem

ALL: list[TestProblem] = [*p01_12.PROBLEMS, *p13_20.PROBLEMS, *p21_35.PROBLEMS]

# Section 3 of the paper: the eighteen for unconstrained minimization, in its order.
EIGHTEEN = (7, 18, 9, 3, 12, 25, 20, 23, 24, 4, 16, 11, 26, 21, 22, 5, 14, 35)


def number(problem: TestProblem) -> int:
    """The number of the problem in the paper."""
    return int(problem.name.removeprefix("MGH").partition("-")[0])


UNCONSTRAINED: list[TestProblem] = sorted(
    (p for p in ALL if number(p) in EIGHTEEN), key=lambda p: EIGHTEEN.index(number(p))
)
