"""Optimization: a problem, a method, one loop, and an answer that says what it is.

Read in this order: `problem` (what is minimized), `composition` (a method is a direction times a step rule), one
method such as `gradient_descent` with `fixed_rate`, `descend` (the loop), `classify` (what was found), `solution`
(the answer).
"""

from .argmin import argmin
from .classify import KINDS, Classification
from .descend import Descent, descend
from .methods import METHODS
from .minimize import classify, least_squares, maximize, minimize
from .problem import Problem
from .solution import Solution, Status
from .state import State
from .stochastic import Batches
from .structure import random_start
from .written import between

__all__ = [
    "KINDS",
    "METHODS",
    "Batches",
    "Classification",
    "Descent",
    "Problem",
    "Solution",
    "State",
    "Status",
    "argmin",
    "between",
    "classify",
    "descend",
    "least_squares",
    "maximize",
    "minimize",
    "random_start",
]
