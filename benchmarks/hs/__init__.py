"""The collection of Hock and Schittkowski: constrained problems of two to fifteen variables.

W. Hock and K. Schittkowski, *Test Examples for Nonlinear Programming Codes*, Lecture Notes in Economics and Mathematical
Systems 187, Springer, 1981.
"""

from __future__ import annotations

from benchmarks.problem import TestProblem

ALL: list[TestProblem] = []
