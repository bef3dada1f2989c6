"""Thalweg: exact derivatives of plain NumPy functions, their minima, and the truth about what was found."""

from __future__ import annotations

from thalweg.calculus import grad, hessian, jacobian, value_and_grad
from thalweg.tracing import trace

__version__ = "0.1.0"
__all__ = ["grad", "hessian", "jacobian", "trace", "value_and_grad"]
