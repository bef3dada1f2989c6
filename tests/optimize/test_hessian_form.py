"""Which form of the Hessian a Newton method takes."""

import numpy as np
import pytest

from thalweg.errors import ArgumentError
from thalweg.optimize import Problem
from thalweg.optimize.hessian_form import hessian_form


def f(x):
    return x @ x, 2 * x


def product(x, v):
    return 2 * v


@pytest.mark.parametrize(
    "n, hessian, products, sparse, form",
    [
        (5, True, False, False, "dense"),
        (5, True, True, False, "dense"),  # a small matrix is cheaper than many products
        (5, False, True, False, "products"),
        (5, False, False, False, "dense"),  # by differences
        (5, True, True, True, "sparse"),
        (500, True, True, False, "products"),
        (500, True, False, False, "dense"),
        (500, True, True, True, "sparse"),
        (500, False, True, True, "products"),
    ],
)
def test_form(n, hessian, products, sparse, form):
    problem = Problem(
        n,
        f,
        (lambda x: 2 * np.eye(n)) if hessian else None,
        f_hessian_product=product if products else None,
        sparse=sparse,
    )
    assert hessian_form(problem) == form


def test_many_variables_without_second_derivatives():
    with pytest.raises(ArgumentError, match=r"method='newton' needs second derivatives.*500 variables.*l-bfgs"):
        hessian_form(Problem(500, f))
