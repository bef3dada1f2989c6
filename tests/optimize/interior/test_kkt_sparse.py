"""Sparse factorizations agree with dense ones, for both packages, whatever the pattern."""

import numpy as np
import pytest
import scipy.sparse as sp

from optimize.interior.samples import csr, hs71, nonlinear, solve, sparse
from thalweg.optimize.interior import kkt_sparse
from thalweg.optimize.interior.kkt_sparse import SparseKKT


def system(seed, n=30, m=12, shift=6.0, density=0.15):
    rng = np.random.default_rng(seed)
    W = sp.random_array((n, n), density=density, rng=rng, format="csr")
    W = sp.csr_array(W + W.T + shift * sp.eye_array(n))
    J = sp.csr_array(sp.random_array((m, n), density=density, rng=rng) + sp.eye_array(m, n))
    dx, dc = rng.uniform(0, 1, n), np.full(m, 1e-11)
    K = np.block([[W.toarray() + np.diag(dx), J.toarray().T], [J.toarray(), -np.diag(dc)]])
    return W, J, dx, dc, K


@pytest.mark.parametrize("package", [True, False], ids=["qdldl", "SuperLU"])
@pytest.mark.parametrize("seed", range(4))
def test_solutions(seed, package):
    W, J, dx, dc, K = system(seed)
    kkt = SparseKKT(30, 12, use_qdldl=package)
    kkt.load(W, J)
    assert kkt.factorize(dx, dc) == 0 and kkt.certain == package
    right = np.random.default_rng(seed).standard_normal((2, 42))
    np.testing.assert_allclose(kkt.solve(right), np.linalg.solve(K, right.T).T, atol=1e-7)
    np.testing.assert_allclose(kkt.times(right[0]), K @ right[0], atol=1e-12)


@pytest.mark.parametrize("shift", [-8.0, 0.0, 8.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_inertia_is_that_of_the_eigenvalues(seed, shift):
    W, J, dx, dc, K = system(seed, shift=shift)
    kkt = SparseKKT(30, 12)
    kkt.load(W, J)
    negative = int((np.linalg.eigvalsh(K) < 0).sum())
    assert kkt.factorize(dx, dc) == (0 if negative == 12 else 1)


def test_values_change_and_the_pattern_stays():
    W, J, dx, dc, _ = system(1)
    kkt = SparseKKT(30, 12)
    kkt.load(W, J)
    kkt.factorize(dx, dc)
    order = kkt.order
    W2, J2 = W * 2.0, J * 3.0
    kkt.load(W2, J2)
    kkt.factorize(dx, dc)
    assert kkt.order is order
    K = np.block([[W2.toarray() + np.diag(dx), J2.toarray().T], [J2.toarray(), -np.diag(dc)]])
    b = np.ones(42)
    np.testing.assert_allclose(K @ kkt.solve(b), b, atol=1e-7)


def test_another_pattern_is_noticed():
    kkt = SparseKKT(3, 1)
    kkt.load(sp.csr_array(np.diag([1.0, 2.0, 3.0])), sp.csr_array([[1.0, 0.0, 0.0]]))
    kkt.factorize(np.zeros(3), np.zeros(1))
    W, J = np.array([[4.0, 1, 0], [1, 4, 0], [0, 0, 4]]), np.array([[0.0, 0.0, 2.0]])
    kkt.load(sp.csr_array(W), sp.csr_array(J))
    kkt.factorize(np.zeros(3), np.zeros(1))
    K, b = np.block([[W, J.T], [J, np.zeros((1, 1))]]), np.arange(4.0)
    np.testing.assert_allclose(kkt.solve(b), np.linalg.solve(K, b), atol=1e-8)


def test_a_diagonal_of_zeros_is_no_obstacle():
    """[[0, 1], [1, 0]]: no diagonal pivot exists without what is added."""
    kkt = SparseKKT(1, 1)
    kkt.load(csr(np.zeros((1, 1))), csr(np.ones((1, 1))))
    assert kkt.factorize(np.zeros(1), np.zeros(1)) == 0
    np.testing.assert_allclose(kkt.solve(np.array([2.0, 3.0])), [3.0, 2.0], atol=1e-9)


def test_without_rows():
    kkt = SparseKKT(3, 0)
    kkt.load(sp.csr_array(np.diag([1.0, 2.0, -3.0])), np.zeros((0, 3)))
    assert kkt.factorize(np.zeros(3), np.zeros(0)) == 1
    assert kkt.factorize(np.full(3, 4.0), np.zeros(0)) == 0
    np.testing.assert_allclose(kkt.solve(np.ones(3)), [1 / 5, 1 / 6, 1.0], atol=1e-9)


def test_what_cannot_be_solved_is_not_a_number():
    kkt = SparseKKT(2, 1, use_qdldl=False)
    kkt.load(csr(np.zeros((2, 2))), csr(np.ones((1, 2))))
    assert kkt.factorize(np.zeros(2), np.zeros(1)) == -1


def test_entries_that_are_not_finite_are_not_factorized():
    kkt = SparseKKT(1, 0)
    kkt.load(csr(np.array([[np.nan]])), None)
    assert kkt.factorize(np.zeros(1), np.zeros(0)) == -1


@pytest.mark.parametrize("without", ["inertia", "qdldl"])
def test_directions_are_tested_where_the_inertia_is_not_known(monkeypatch, without):
    """From near the saddle of x² − y² + y⁴ on z = y, both ways of not knowing lead to a minimum."""
    if without == "inertia":
        monkeypatch.setattr(kkt_sparse, "INERTIA_LIMIT", -1)
    else:
        monkeypatch.setattr(kkt_sparse, "qdldl", None)
    problem = nonlinear(
        3,
        lambda x: (
            x[0] ** 2 - x[1] ** 2 + x[1] ** 4,
            np.array([2 * x[0], -2 * x[1] + 4 * x[1] ** 3, 0.0]),
            np.diag([2.0, -2 + 12 * x[1] ** 2, 0]),
        ),
        lambda x: (np.array([x[2] - x[1]]), np.array([[0, -1.0, 1]]), np.zeros((1, 3, 3))),
        [0],
        [0],
    )
    at, stuck, _ = solve(sparse(problem), [1.0, 0.1, 0.0])
    assert stuck is None and at.point.value == pytest.approx(-0.25, abs=1e-9)
    shifted, stuck, _ = solve(sparse(hs71()), [1, 5, 5, 1])
    assert stuck is None and shifted.point.value == pytest.approx(17.0140172891563, rel=1e-8)
