"""Thalweg: exact derivatives of plain NumPy functions, their minima, and the truth about what was found."""

from __future__ import annotations

from thalweg import calculus, optimize
from thalweg.calculus import diagnose, grad, hessian, jacobian, value_and_grad
from thalweg.formula import formula
from thalweg.optimize import classify, descend, maximize, minimize
from thalweg.tracing import trace

__version__ = "0.1.0"
__all__ = [
    "calculus",
    "classify",
    "descend",
    "diagnose",
    "formula",
    "grad",
    "hessian",
    "jacobian",
    "maximize",
    "minimize",
    "optimize",
    "trace",
    "value_and_grad",
]
