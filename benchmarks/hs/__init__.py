"""The collection of Hock and Schittkowski: 116 constrained problems of two to sixteen variables.

W. Hock and K. Schittkowski, *Test Examples for Nonlinear Programming Codes*, Lecture Notes in Economics and
Mathematical Systems 187, Springer, 1981. The numbers run from 1 to 119; there is no 82, 94 and 115.

>>> len(ALL), ALL[0].name, ALL[-1].name
(116, 'HS1', 'HS119')
"""

from __future__ import annotations

from benchmarks.hs import p001_020, p021_040, p041_060, p061_080, p081_100, p101_110, p111_119
from benchmarks.problem import TestProblem

ALL: list[TestProblem] = [
    *p001_020.PROBLEMS,
    *p021_040.PROBLEMS,
    *p041_060.PROBLEMS,
    *p061_080.PROBLEMS,
    *p081_100.PROBLEMS,
    *p101_110.PROBLEMS,
    *p111_119.PROBLEMS,
]
