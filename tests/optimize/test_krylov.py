"""Newton's path by products: conjugate gradients and Lanczos."""

import numpy as np
import pytest

from optimize.moresorensen import best_value
from thalweg.optimize import krylov
from thalweg.optimize.composition import NoDirection
from thalweg.optimize.krylov import KrylovPath


def model(seed, n, shift):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n))
    return (A + A.T) / 2 + shift * np.eye(n), rng.standard_normal(n), 10.0 ** rng.uniform(-0.5, 0.5, n)


def path_of(H, g, d, accuracy=1e-12):
    return KrylovPath(lambda v: H @ v, g, d, accuracy)


@pytest.mark.parametrize("shift", [-9.0, 0.0, 30.0])
@pytest.mark.parametrize("radius", [0.01, 1.0, 1e3])
@pytest.mark.parametrize("n", [1, 2, 12, 40])
def test_nearly_the_best_on_every_ball(n, radius, shift):
    for seed in range(5):
        H, g, d = model(seed, n, shift)
        proposal = path_of(H, g, d)(radius)
        assert np.linalg.norm(d * proposal.step) <= radius * (1 + 1e-9)
        value = g @ proposal.step + 0.5 * proposal.step @ H @ proposal.step
        assert proposal.predicted == pytest.approx(-value, rel=1e-7)
        assert value <= 0.9 * best_value(H, g, d, radius)


@pytest.mark.parametrize("n", [3, 30, 300])
def test_newtons_step_in_n_products(n):
    H, g, d = model(2, n, 4 * np.sqrt(n) + 2)
    path = path_of(H, g, d, 1e-13)
    np.testing.assert_allclose(path(np.inf).step, -np.linalg.solve(H, g), rtol=1e-8, atol=1e-10)
    assert path.products <= n + 1 and path(np.inf).kind == "Newton"


def test_a_matrix_with_three_eigenvalues_takes_three_products():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((50, 50)))[0]
    H = Q @ np.diag(np.repeat([1.0, 5.0, 40.0], [20, 20, 10])) @ Q.T
    path = path_of(H, rng.standard_normal(50), np.ones(50), 1e-9)
    path(np.inf)
    assert path.products == 3


def test_conjugate_gradients_in_exact_order():
    """The first iterate minimizes along −g, the second over span{g, Hg}."""
    H, g, _ = model(5, 6, 8.0)
    for k in (1, 2, 3):
        basis = np.stack([np.linalg.matrix_power(H, j) @ g for j in range(k)], axis=1)
        best = -basis @ np.linalg.solve(basis.T @ H @ basis, basis.T @ g)
        path = path_of(H, g, np.ones(6), 0.0)
        for _ in range(k):
            path._extend()
        np.testing.assert_allclose(path.z, best, rtol=1e-9)
        np.testing.assert_allclose(path.r, g + H @ best, atol=1e-10)
        assert path.decrease == pytest.approx(-(g @ best + 0.5 * best @ H @ best))


def test_a_shorter_radius_costs_no_product():
    H, g, d = model(7, 30, -1.0)
    path = path_of(H, g, d)
    path(1.0)
    used = path.products
    first = path(0.1)
    assert path.products == used
    assert np.linalg.norm(d * first.step) == pytest.approx(0.1)


def test_the_units_do_not_matter_where_the_scales_follow_them():
    H, g, d = model(4, 20, 12.0)
    u = 2.0 ** np.arange(-10, 10)
    plain, other = path_of(H, g, d)(0.3), path_of(H * np.outer(u, u), g * u, d * u)(0.3)
    np.testing.assert_allclose(other.step * u, plain.step, rtol=1e-12)


@pytest.mark.parametrize("radius", [0.05, np.inf])
def test_a_basis_that_may_not_grow(monkeypatch, radius):
    """Beyond the memory conjugate gradients go on alone; a step on the boundary is the best of the basis."""
    monkeypatch.setattr(krylov, "MEMORY", 40 * 5)
    H, g, d = model(9, 40, 14.0)
    path = path_of(H, g, d, 1e-10)
    proposal = path(radius)
    assert len(path.Q) <= 5
    if radius == np.inf:
        np.testing.assert_allclose(proposal.step, -np.linalg.solve(H, g), rtol=1e-6, atol=1e-8)
    else:
        assert proposal.predicted >= 0.5 * -best_value(H, g, d, radius)


def test_negative_curvature_is_followed_to_the_boundary():
    H = np.diag(np.concatenate([[-3.0], np.linspace(1, 2, 59)]))
    g = np.full(60, 1e-3)
    proposal = path_of(H, g, np.ones(60))(2.0)
    assert proposal.predicted >= 0.99 * 0.5 * 3 * 4 and abs(proposal.step[0]) == pytest.approx(2.0, rel=1e-2)


def test_no_gradient():
    assert path_of(np.eye(3), np.zeros(3), np.ones(3))(1.0).predicted == 0.0


def test_a_product_that_is_not_finite():
    with pytest.raises(NoDirection, match="not finite"):
        KrylovPath(lambda v: v * np.nan, np.ones(3), np.ones(3), 0.1)(1.0)
