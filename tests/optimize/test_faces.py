"""Faces of a box, explored by products."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from thalweg.optimize.faces import explore
from thalweg.optimize.projected import Box


def model(seed, n, shift=0.0):
    rng = np.random.default_rng(seed)
    R = rng.standard_normal((n + 3, n))
    return R, R.T @ R + shift * np.eye(n), rng.standard_normal(n + 3)


@pytest.mark.parametrize("seed", range(10))
def test_a_convex_model_falls_nearly_as_far_as_it_can(seed):
    """It ends when a face has settled, before the last digits; begun again, it finds them as well."""
    R, B, b = model(seed, 25)
    box = Box(np.full(25, -0.1), np.full(25, 0.15))
    x = start = box.project(np.full(25, 0.05))
    expected = lsq_linear(R, b, (-0.1, 0.15), tol=1e-14).x
    d = np.sqrt(np.diag(B))

    def value(y):
        return 0.5 * np.sum((R @ y - b) ** 2)

    for turn in range(60):
        g = B @ x - R.T @ b
        found = explore(lambda v: B @ v, g, d, box, x, np.inf, 1e-9, 500)
        np.testing.assert_array_equal(found.y, box.project(found.y))
        np.testing.assert_allclose(found.Bs, B @ (found.y - x), atol=1e-10)
        assert found.q == pytest.approx(value(found.y) - value(x), abs=1e-10)
        if turn == 0:
            assert found.settled and value(start) - value(found.y) >= 0.95 * (value(start) - value(expected))
        x = found.y
    np.testing.assert_allclose(x, expected, atol=1e-6)


def test_the_budget_is_kept():
    _, B, _ = model(1, 60)
    used = []
    box = Box(np.zeros(60), np.full(60, np.inf))
    found = explore(
        lambda v: (used.append(1), B @ v)[1], np.cos(np.arange(60.0)), np.ones(60), box, np.zeros(60), np.inf, 0.0, 15
    )
    assert len(used) == found.products <= 15 + 25 and found.q < 0


def test_it_ends_at_negative_curvature_and_at_the_ball():
    box = Box(np.zeros(3), np.full(3, np.inf))
    g = -np.ones(3)
    downhill = explore(lambda v: -v, g, np.ones(3), box, np.zeros(3), np.inf, 1e-9, 50)
    assert downhill.q == 0 and not downhill.settled
    near = explore(lambda v: v, g, np.ones(3), box, np.zeros(3), 0.5, 1e-9, 50)
    assert np.linalg.norm(near.s) <= 0.5


def test_a_point_that_is_stationary_already():
    found = explore(lambda v: v, np.ones(2), np.ones(2), Box(np.zeros(2), np.ones(2)), np.zeros(2), np.inf, 1e-9, 9)
    assert found.settled and found.products == 0 and found.q == 0
