"""Extreme eigenvalues by products, and what is sure of them."""

import numpy as np
import pytest

from thalweg.optimize.lanczos import Lanczos


def run(h, steps, **options):
    found = Lanczos(lambda v: h * v, h.size, steps, **options)
    while found.extend():
        pass
    return found


@pytest.mark.parametrize("n", [2, 30, 200])
def test_with_enough_products_eigenvalues_and_vectors_are_exact(n):
    A = np.random.default_rng(n).standard_normal((n, n))
    A = A + A.T
    found = Lanczos(lambda v: A @ v, n, n)
    while found.extend():
        pass
    values, residuals, S = found.ritz()
    true = np.linalg.eigvalsh(A)
    np.testing.assert_allclose(values[[0, -1]], true[[0, -1]], rtol=1e-10)
    V = found.vectors(S[:, [0, -1]])
    np.testing.assert_allclose(A @ V, V * values[[0, -1]], atol=1e-9 * n)
    assert max(residuals[0], residuals[-1]) < 1e-8


def test_residuals_bound_the_distance_to_an_eigenvalue():
    h = np.linspace(-1, 5, 500)
    values, residuals, _ = run(h, 25).ritz()
    for theta, r in zip(values, residuals, strict=True):
        assert np.min(np.abs(h - theta)) <= r + 1e-12


@pytest.mark.parametrize("shape", ["uniform", "one hides", "cluster"])
def test_no_eigenvalue_is_further_out_than_is_said(shape):
    h = np.linspace(1.0, 2.0, 3000)
    if shape == "one hides":
        h[1234] = 0.7
    elif shape == "cluster":
        h = np.r_[np.full(2990, 2.0), np.linspace(0.5, 1.0, 10)]
    for steps in (15, 25, 60):
        found = run(h, steps)
        values, _, _ = found.ritz()
        assert values[0] - h.min() <= found.beyond(values) + 1e-12
        assert h.max() - values[-1] <= found.beyond(values) + 1e-12


def test_an_invariant_space_ends_it():
    found = run(np.ones(50), 30)
    assert found.products == 1 and found.whole and found.beyond(found.ritz()[0]) == 0


def test_within_a_subspace():
    keep = np.arange(40) >= 10
    found = run(np.arange(40.0) * keep, 40, onto=lambda v: v * keep)
    assert found.ritz()[0][0] == pytest.approx(10.0)


def test_what_is_not_finite_is_told():
    assert not run(np.array([1.0, np.nan, 2.0]), 3).finite
    assert not Lanczos(lambda v: v, 4, 3, onto=lambda v: 0 * v).finite
