"""Thalweg: exact derivatives of plain NumPy functions, their minima, and the truth about what was found."""

from __future__ import annotations

from thalweg import calculus, optimize
from thalweg.calculus import (
    MultivariatePolynomial,
    Polynomial,
    batch,
    curl,
    derivative,
    diagnose,
    directional_derivative,
    divergence,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    laplacian,
    slope,
    taylor,
    trace,
    value_and_grad,
    vjp,
)
from thalweg.formula import formula
from thalweg.optimize import argmin, between, classify, descend, least_squares, maximize, minimize

__version__ = "0.1.0"
__all__ = [
    "MultivariatePolynomial",
    "Polynomial",
    "argmin",
    "batch",
    "between",
    "calculus",
    "classify",
    "curl",
    "derivative",
    "descend",
    "diagnose",
    "directional_derivative",
    "divergence",
    "formula",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "laplacian",
    "least_squares",
    "maximize",
    "minimize",
    "optimize",
    "slope",
    "taylor",
    "trace",
    "value_and_grad",
    "vjp",
]
