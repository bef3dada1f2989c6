"""Sparse factorizations with a shift."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from optimize.bounded import laplacian
from thalweg.optimize.sparse_factor import ShiftedFactor


def symmetric(seed, n=40):
    rng = np.random.default_rng(seed)
    A = random_array((n, n), density=0.1, rng=rng, data_sampler=rng.normal)
    return csr_array(A + A.T)


@pytest.mark.parametrize("seed", range(8))
def test_definiteness_is_that_of_the_eigenvalues(seed):
    A = symmetric(seed)
    lowest = np.linalg.eigvalsh(A.toarray())[0]
    F = ShiftedFactor(A)
    for sigma in (-lowest + 1e-6, -lowest - 1e-6, -lowest + 1.0, 0.0, -lowest - 1.0, 100.0):
        assert F.factorize(sigma) == (sigma > -lowest)
    F.factorize(10.0 - lowest)
    b = np.arange(40.0)
    np.testing.assert_allclose(F.solve(b), np.linalg.solve(A.toarray() + (10.0 - lowest) * np.eye(40), b), rtol=1e-9)


def test_missing_and_zero_diagonal():
    A = csr_array(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    F = ShiftedFactor(A)
    assert not F.factorize(0.0)
    assert not F.factorize(0.5)
    assert F.factorize(1.5)
    np.testing.assert_allclose(F.solve(np.array([2.5, 2.5, 3.0])), [1.0, 1.0, 2.0])


def test_the_factors_are_made_again_when_they_are_missing():
    F = ShiftedFactor(laplacian(6))
    F.factorize(0.25)
    b = np.ones(36)
    x = F.solve(b)
    F._cached_solver = None  # as after loading a state
    np.testing.assert_array_equal(F.solve(b), x)


def test_another_matrix_with_the_same_pattern():
    A = symmetric(3)
    F = ShiftedFactor(A)
    F.factorize(50.0)
    B = A.copy()
    B.data = B.data * 0.5
    assert F.renew(B) and F.factorize(40.0)
    b = np.arange(40.0)
    np.testing.assert_allclose(F.solve(b), np.linalg.solve(B.toarray() + 40 * np.eye(40), b), rtol=1e-10)
    assert not F.renew(symmetric(4))
    np.testing.assert_allclose(F.solve(b), np.linalg.solve(B.toarray() + 40 * np.eye(40), b), rtol=1e-10)
