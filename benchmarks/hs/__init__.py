"""The collection of Hock and Schittkowski: constrained problems of two to sixteen variables.

W. Hock and K. Schittkowski, *Test Examples for Nonlinear Programming Codes*, Lecture Notes in Economics and
Mathematical Systems 187, Springer, 1981.
"""

from __future__ import annotations

from benchmarks.hs import p001_020, p021_040, p041_060
from benchmarks.problem import TestProblem

ALL: list[TestProblem] = [*p001_020.PROBLEMS, *p021_040.PROBLEMS, *p041_060.PROBLEMS]
