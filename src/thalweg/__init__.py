"""Thalweg: exact derivatives of plain NumPy functions, their minima, and the truth about what was found."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from thalweg import models, plot
    from thalweg.models import estimator

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
    "estimator",
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
    "models",
    "optimize",
    "plot",
    "slope",
    "taylor",
    "trace",
    "value_and_grad",
    "vjp",
]

#: Names that need an optional package: imported when they are first used.
_LATER = {"models": "thalweg.models", "estimator": "thalweg.models", "plot": "thalweg.plot"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'thalweg' has no attribute {name!r}")
    module = importlib.import_module(_LATER[name])
    return module if name in ("models", "plot") else getattr(module, name)


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
