"""Blocks, the triangle that they are summed to, and its solver."""

import threading

import numpy as np
import pytest
import scipy.sparse
import threadpoolctl

from thalweg.execution.native.threads import one_blas_thread
from thalweg.models.linear import blocks, triangle
from thalweg.models.linear.blocks import Rows
from thalweg.models.linear.lapack import triangular


def made(n=5000, k=3, t=2):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, k)) + 5, rng.normal(size=(n, t)) - 1, rng.uniform(0, 2, n)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("kappa", [1e9, 0.0])
@pytest.mark.parametrize("length", [1 << 10, 1 << 16])
def test_the_triangle_has_the_products_of_the_centred_data(kappa, weighted, intercept, length, monkeypatch):
    """By each way, however the rows are cut: RᵀR = X̃ᵀWX̃, Rᵀz = X̃ᵀWỹ, ‖E‖² = the least sum of squares."""
    X, Y, w = made()
    monkeypatch.setattr(triangle, "KAPPA", kappa)
    monkeypatch.setattr(blocks, "BUFFER", length)
    monkeypatch.setattr(blocks, "DIRECT", 100)
    found = triangle.reduced(Rows(X, Y, w if weighted else None, intercept), 2)
    assert found.how == ("cholesky" if kappa else "blocks")
    w = w if weighted else np.ones(len(X))
    x, y = (np.average(a, axis=0, weights=w) if intercept else np.zeros(a.shape[1]) for a in (X, Y))
    np.testing.assert_allclose(found.mean, x, atol=1e-13)
    np.testing.assert_allclose(found.target_mean, y, atol=1e-13)
    assert found.W == pytest.approx(w.sum(), rel=1e-12)
    A, B, r = X - x, Y - y, np.sqrt(w)[:, None]
    np.testing.assert_allclose(found.R.T @ found.R, A.T @ (r**2 * A), rtol=1e-10)
    np.testing.assert_allclose(found.R.T @ found.z, A.T @ (r**2 * B), rtol=1e-8, atol=1e-8)
    left = np.linalg.lstsq(r * A, r * B, rcond=None)[1]
    np.testing.assert_allclose(found.rss, left, rtol=1e-10)


def test_a_second_pass_mends_what_the_first_lost():
    X, Y, w = made()
    rows = Rows(X, Y, w, True)
    found = triangle.reduced(rows, 1)
    β = np.linalg.solve(found.R, found.z)
    for wrong in (np.zeros_like(β), np.full_like(β, 0.1)):
        step, offset, rss = triangle.residual_step(rows, found, β + wrong, 2)
        np.testing.assert_allclose(step, -wrong, atol=1e-12)
        np.testing.assert_allclose(offset, 0, atol=1e-13)
        np.testing.assert_allclose(rss, found.rss, rtol=1e-11)


def test_blocks_of_every_kind_of_rows():
    X, Y, w = made(50)
    expected = np.sqrt(w)[:, None] * np.column_stack([np.ones(50), X, Y])[:, :]
    for form in (X, np.asfortranarray(X), scipy.sparse.csr_array(X)):
        rows = Rows(form, Y, w, True)
        whole = rows.whole(3, 9, rows.buffers(20))
        whole[:, 1:4] += np.sqrt(w[3:9])[:, None] * rows.shift
        whole[:, 4:] += np.sqrt(w[3:9])[:, None] * rows.target_shift
        np.testing.assert_allclose(whole, expected[3:9], rtol=1e-13)
        np.testing.assert_allclose(rows.shift, X.mean(axis=0), rtol=1e-12)


def threads():
    return {i["num_threads"] for i in threadpoolctl.threadpool_info() if i["user_api"] == "blas"}


def test_blas_is_held_while_anybody_needs_it():
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        inside, leave = threading.Event(), threading.Event()

        def other():
            with one_blas_thread():
                inside.set()
                leave.wait(10)

        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(10)
        with one_blas_thread() as allowed:
            assert threads() == {1} and allowed() <= 2
        assert threads() == {1}
        leave.set()
        thread.join()
        assert threads() == before
        with pytest.raises(ValueError), one_blas_thread():
            raise ValueError
        assert threads() == before


def test_triangular_systems():
    rng = np.random.default_rng(0)
    R, b = np.triu(rng.normal(size=(6, 6))) + 3 * np.eye(6), rng.normal(size=(6, 2))
    for A in (R, np.asfortranarray(R)):
        np.testing.assert_allclose(triangular(A, b), np.linalg.solve(R, b), rtol=1e-12)
        np.testing.assert_allclose(triangular(A, b[:, 0], transposed=True), np.linalg.solve(R.T, b[:, 0]), rtol=1e-12)
    assert triangular(np.zeros((0, 0)), np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(np.linalg.LinAlgError):
        triangular(np.zeros((2, 2)), np.ones(2))
