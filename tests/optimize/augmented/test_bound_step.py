"""Steps between bounds by conjugate gradients."""

import numpy as np
import pytest

from thalweg.optimize.augmented.bound_step import bound_step
from thalweg.optimize.sqp import solve_qp


def step(H, g, lo, hi, radius=1e6, accuracy=1e-10, most=500, d=None):
    d = np.ones(g.size) if d is None else d
    return bound_step(g, lambda v: H @ v, lo, hi, d, radius, accuracy, most)


@pytest.mark.parametrize("seed", range(15))
def test_it_decreases_the_model_within_bounds_and_radius(seed):
    rng = np.random.default_rng(seed)
    n = 8
    H = rng.standard_normal((n, n))
    H, g = H + H.T, rng.standard_normal(n)
    lo, hi, d = -rng.random(n), rng.random(n), 0.5 + rng.random(n)
    s = step(H, g, lo, hi, radius=0.7, d=d)
    assert (s.s >= lo).all() and (s.s <= hi).all()
    assert s.predicted == pytest.approx(-(g @ s.s + 0.5 * s.s @ H @ s.s)) and s.predicted > 0
    assert s.length == pytest.approx(np.linalg.norm(d * s.s))


@pytest.mark.parametrize("seed", range(15))
def test_most_of_the_decrease_of_a_convex_program_is_had(seed):
    rng = np.random.default_rng(seed)
    n = 10
    B = rng.standard_normal((n, n))
    H, g = B.T @ B + 0.1 * np.eye(n), rng.standard_normal(n)
    lo, hi = -rng.random(n), rng.random(n)
    exact = solve_qp(H, g, xl=lo, xu=hi)
    assert step(H, g, lo, hi).predicted >= 0.5 * -exact.value


def test_free_of_bounds_it_is_newtons_step():
    rng = np.random.default_rng(3)
    B = rng.standard_normal((6, 6))
    H, g = B.T @ B + np.eye(6), rng.standard_normal(6)
    s = step(H, g, np.full(6, -np.inf), np.full(6, np.inf), accuracy=1e-12)
    np.testing.assert_allclose(s.s, -np.linalg.solve(H, g), atol=1e-8)


def test_negative_curvature_is_followed_to_the_boundary():
    s = step(np.diag([1.0, -1.0]), np.array([0.0, 1e-3]), np.full(2, -np.inf), np.full(2, np.inf), radius=2.0)
    assert s.length == pytest.approx(2.0) and s.s[1] < 0
    s = step(np.diag([1.0, -1.0]), np.array([0.0, 1e-3]), np.full(2, -0.5), np.full(2, 0.5), radius=2.0)
    assert s.s[1] == -0.5


def test_there_is_no_step_from_a_stationary_point_and_products_are_limited():
    inf = np.full(2, np.inf)
    assert step(np.eye(2), np.zeros(2), -inf, inf).predicted == 0.0
    rng = np.random.default_rng(0)
    B = rng.standard_normal((50, 50))
    far = np.full(50, np.inf)
    assert step(B.T @ B, rng.standard_normal(50), -far, far, accuracy=1e-14, most=20).products < 60
