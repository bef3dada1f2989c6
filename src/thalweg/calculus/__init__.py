"""Derivatives by the names of calculus."""

from thalweg.calculus.batching import batch
from thalweg.calculus.derivative import derivative
from thalweg.calculus.diagnose import diagnose
from thalweg.calculus.fields import curl, divergence, laplacian
from thalweg.calculus.gradient import grad, value_and_grad
from thalweg.calculus.jacobian import hessian, jacobian
from thalweg.calculus.multivariate import MultivariatePolynomial
from thalweg.calculus.polynomial import Polynomial
from thalweg.calculus.products import directional_derivative, hvp, jvp, vjp
from thalweg.calculus.series import taylor
from thalweg.calculus.slope import slope
from thalweg.calculus.trace import trace

__all__ = [
    "MultivariatePolynomial",
    "Polynomial",
    "batch",
    "curl",
    "derivative",
    "diagnose",
    "directional_derivative",
    "divergence",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "laplacian",
    "slope",
    "taylor",
    "trace",
    "value_and_grad",
    "vjp",
]
