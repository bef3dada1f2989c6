"""Quadratic models in each form: the same products, the same paths."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from optimize.bounded import laplacian
from thalweg.optimize import Problem
from thalweg.optimize.composition import NoDirection
from thalweg.optimize.quadratic_model import DenseModel, LeastSquaresModel, SparseModel, newton_model

RNG = np.random.default_rng(0)
H = csr_array(laplacian(10) + 0.1 * csr_array(np.eye(100)))
G = RNG.standard_normal(100)


def problem(form):
    dense = H.toarray()
    return Problem(
        100,
        lambda x: (float(G @ x + 0.5 * x @ (H @ x)), G + H @ x),
        {"dense": lambda x: dense, "sparse": lambda x: H, "products": None}[form],
        f_hessian_product=(lambda x, v: H @ v) if form == "products" else None,
        sparse=form == "sparse",
    )


@pytest.mark.parametrize("form", ["dense", "sparse", "products"])
def test_products_and_paths_from_a_displaced_point(form):
    point = problem(form).at(np.zeros(100))
    model = newton_model(point, accuracy=1e-12)
    s = RNG.standard_normal(100)
    np.testing.assert_allclose(model.product(s), H @ s)
    free = np.arange(0, 100, 2)
    step = model.path(free, s, G + H @ s)(1e9).step
    np.testing.assert_allclose((G + H @ s)[free] + H.toarray()[np.ix_(free, free)] @ step, 0, atol=1e-9)
    whole = model.path(None, None, G)(1e9).step
    np.testing.assert_allclose(H @ whole, -G, atol=1e-9)


def test_least_squares():
    J, r = RNG.standard_normal((9, 4)), RNG.standard_normal(9)
    point = Problem(4, lambda x: (0.5 * float(r @ r), J.T @ r)).at(np.zeros(4))
    model = LeastSquaresModel(r, J, np.ones(4), point)
    s, free = RNG.standard_normal(4), np.array([0, 2])
    np.testing.assert_allclose(model.product(s), J.T @ J @ s)
    expected = np.linalg.lstsq(J[:, free], -(r + J @ s), rcond=None)[0]
    np.testing.assert_allclose(model.path(free, s, J.T @ (r + J @ s))(1e9).step, expected)


def test_two_faces_with_the_same_pattern_keep_their_own_numbers():
    """Two stretches of a chain: tridiagonal both, of different numbers."""
    n = 300
    stiff = 2.0 + np.arange(n)
    chain = csr_array(np.diag(stiff) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1))
    g = np.ones(n)
    point = Problem(n, lambda x: (0.0, g), lambda x: chain, sparse=True).at(np.zeros(n))
    model = SparseModel(chain, point)
    first = model.path(np.arange(100), None, g)
    before = SparseModel(chain, point).path(np.arange(100), None, g)(1e-3).step
    model.path(np.arange(150, 250), None, g)(1e-3)
    np.testing.assert_array_equal(first(1e-3).step, before)
    again = SparseModel(chain, point, factor=model.factor)
    np.testing.assert_allclose(again.path(np.arange(100), None, g)(1e-3).step, before, rtol=1e-12)


def test_a_hessian_that_is_not_finite():
    for model in (DenseModel, SparseModel):
        matrix = np.array([[np.nan]])
        with pytest.raises(NoDirection, match="not finite"):
            model(matrix if model is DenseModel else csr_array(matrix), Problem(1, lambda x: (0.0, x)).at([1.0]))
