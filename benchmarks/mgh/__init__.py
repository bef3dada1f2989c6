"""The collection of Moré, Garbow and Hillstrom: sums of squares without constraints.

J. J. Moré, B. S. Garbow and K. E. Hillstrom, *Testing unconstrained optimization software*, ACM Transactions on
Mathematical Software 7 (1981) 17–41.
"""

from __future__ import annotations

from benchmarks.problem import TestProblem

ALL: list[TestProblem] = []
