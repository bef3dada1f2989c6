"""Dense factorizations: solutions, and inertia against eigenvalues."""

import numpy as np
import pytest

from thalweg.optimize.interior.kkt_dense import DenseKKT


def system(seed, n=6, m=3, shift=0.0):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((n, n))
    W = W + W.T + shift * np.eye(n)
    J, dx, dc = rng.standard_normal((m, n)), rng.uniform(0, 1, n), rng.uniform(0, 1e-3, m)
    K = np.block([[W + np.diag(dx), J.T], [J, -np.diag(dc)]])
    return W, J, dx, dc, K


@pytest.mark.parametrize("shift", [-5.0, 0.0, 2.0, 8.0])
@pytest.mark.parametrize("seed", range(8))
def test_the_inertia_is_that_of_the_eigenvalues(seed, shift):
    W, J, dx, dc, K = system(seed, shift=shift)
    kkt = DenseKKT(6, 3)
    kkt.load(W, J)
    negative = int((np.linalg.eigvalsh(K) < 0).sum())
    assert kkt.factorize(dx, dc) == (0 if negative == 3 else 1)


@pytest.mark.parametrize("m", [0, 3])
def test_solutions(m):
    W, J, dx, dc, K = system(1, m=m, shift=8.0)
    kkt = DenseKKT(6, m)
    kkt.load(W, J)
    assert kkt.factorize(dx, dc) == 0
    right = np.random.default_rng(2).standard_normal((2, 6 + m))
    np.testing.assert_allclose(kkt.solve(right), np.linalg.solve(K, right.T).T, atol=1e-12)
    np.testing.assert_allclose(kkt.solve(right[0]), np.linalg.solve(K, right[0]), atol=1e-12)


def test_an_indefinite_matrix_without_rows_is_told_by_cholesky():
    kkt = DenseKKT(2, 0)
    kkt.load(np.diag([1.0, -1.0]), np.zeros((0, 2)))
    assert kkt.factorize(np.zeros(2), np.zeros(0)) == 1
    assert kkt.factorize(np.full(2, 2.0), np.zeros(0)) == 0


def test_another_diagonal_needs_no_other_load():
    W, J, dx, dc, K = system(3)
    kkt = DenseKKT(6, 3)
    kkt.load(W, J)
    kkt.factorize(dx + 1, dc)
    kkt.factorize(dx + 20, dc)
    K = K + np.diag([20.0] * 6 + [0.0] * 3)
    b = np.ones(9)
    np.testing.assert_allclose(K @ kkt.solve(b), b, atol=1e-12)


def test_a_singular_matrix_is_said_so():
    kkt = DenseKKT(2, 1)
    kkt.load(np.zeros((2, 2)), np.zeros((1, 2)))
    assert kkt.factorize(np.zeros(2), np.zeros(1)) == -1
