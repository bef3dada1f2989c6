"""Derivatives by the names of calculus."""

from thalweg.calculus.diagnose import diagnose
from thalweg.calculus.gradient import grad, value_and_grad
from thalweg.calculus.jacobian import hessian, jacobian

__all__ = ["diagnose", "grad", "hessian", "jacobian", "value_and_grad"]
