"""The augmented Lagrangian function against differences of itself."""

import numpy as np
import pytest
import scipy.sparse as sp

from thalweg.optimize.augmented.penalty import Penalized
from thalweg.optimize.problem import Constraints, Problem


def problem(sparse=False, by_products=False):
    """f = x₀⁴ + x₁² x₂; rows x₀ + x₁ + x₂ = 1 and −1 ≤ x₀ x₂ ≤ 0.5 and x₁² ≤ 4."""
    wrap = sp.csr_array if sparse else np.asarray

    def f(x):
        return float(x[0] ** 4 + x[1] ** 2 * x[2]), np.array([4 * x[0] ** 3, 2 * x[1] * x[2], x[1] ** 2])

    def hessian(x):
        return wrap([[12 * x[0] ** 2, 0, 0], [0, 2 * x[2], 2 * x[1]], [0, 2 * x[1], 0]])

    def c(x):
        J = [[1.0, 1.0, 1.0], [x[2], 0.0, x[0]], [0.0, 2 * x[1], 0.0]]
        return np.array([x.sum(), x[0] * x[2], x[1] ** 2]), wrap(J)

    def curvature(x, y):
        return wrap([[0, 0, y[1]], [0, 2 * y[2], 0], [y[1], 0, 0]])

    rows = Constraints(np.array([1.0, -1.0, -np.inf]), np.array([1.0, 0.5, 4.0]), c, curvature)
    product = (lambda x, v: np.asarray(hessian(x) @ v)) if by_products else None
    return Problem(3, f, None if by_products else hessian, product, constraints=rows, sparse=sparse)


@pytest.mark.parametrize("kind", [{}, {"sparse": True}, {"by_products": True}])
@pytest.mark.parametrize("x", [(1.5, 0.5, 0.7), (0.2, 2.5, -1.0), (-2.0, 0.3, 1.5)])
def test_gradient_and_products_are_those_of_the_value(kind, x):
    q, y, rho, h = problem(**kind), np.array([0.3, -0.2, 0.1]), 7.0, 1e-6
    x = np.array(x)
    psi = Penalized(q.at(x), y, rho)
    v = np.array([0.3, -1.0, 0.7])
    ahead, behind = (Penalized(q.at(x + s * h * v), y, rho) for s in (1, -1))
    assert psi.gradient @ v == pytest.approx((ahead.value - behind.value) / (2 * h), rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(psi.product(v), (ahead.gradient - behind.gradient) / (2 * h), rtol=1e-6, atol=1e-6)


def test_the_diagonal_is_that_of_the_matrix():
    for kind in ({}, {"sparse": True}):
        psi = Penalized(problem(**kind).at([1.5, 0.5, 0.7]), np.zeros(3), 7.0)
        matrix = np.stack([psi.product(e) for e in np.eye(3)])
        np.testing.assert_allclose(psi.diagonal(), np.diag(matrix))


def test_multipliers_point_to_the_violated_side():
    psi = Penalized(problem().at([2.0, 0.0, 2.0]), np.zeros(3), 10.0)  # sum 4 > 1, product 4 > 0.5
    assert psi.multipliers.tolist() == [30.0, 35.0, 0.0]
    psi = Penalized(problem().at([-2.0, 0.0, 2.0]), np.zeros(3), 10.0)  # sum 0 < 1, product −4 < −1
    assert psi.multipliers.tolist() == [-10.0, -30.0, 0.0]


def test_without_rows_it_is_the_function():
    bowl = Problem(2, lambda x: (float(x @ x), 2 * x), lambda x: 2 * np.eye(2))
    psi = Penalized(bowl.at([1.0, 2.0]), np.zeros(0), 10.0)
    assert psi.value == 5.0
    np.testing.assert_array_equal(psi.product(np.ones(2)), [2.0, 2.0])
