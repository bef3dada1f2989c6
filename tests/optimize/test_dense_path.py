"""Newton's path from a dense Hessian."""

import numpy as np
import pytest

from optimize.moresorensen import best_value, violation
from thalweg.optimize import Problem
from thalweg.optimize.composition import NoDirection
from thalweg.optimize.dense_path import DensePath
from thalweg.optimize.newton import newton


def random_model(seed, n, shift=0.0):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n))
    return (A + A.T) / 2 + shift * np.eye(n), rng.standard_normal(n), 10.0 ** rng.uniform(-2, 2, n)


@pytest.mark.parametrize("shift", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("radius", [1e-3, 0.1, 3.0, 1e3])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_conditions_of_more_and_sorensen(n, radius, shift):
    for seed in range(10):
        H, g, d = random_model(seed, n, shift)
        proposal = DensePath(H, g, d)(radius)
        assert violation(H, g, d, proposal.step, radius) <= 1e-8
        value = g @ proposal.step + 0.5 * proposal.step @ H @ proposal.step
        assert proposal.predicted == pytest.approx(-value, rel=1e-8, abs=1e-12)
        assert value == pytest.approx(best_value(H, g, d, radius), rel=1e-8)


def test_it_is_the_path_of_newton():
    H, g, _ = random_model(1, 5)
    point = Problem(5, lambda x: (0.0, g), lambda x: H).at(np.ones(5))
    path = newton(point)
    again = DensePath(H, g, path.d, path.length_of_x)
    for radius in (0.01, 1.0, 100.0):
        np.testing.assert_allclose(again(radius).step, path(radius).step, rtol=1e-9, atol=1e-12)
    assert again.natural == pytest.approx(path.natural)


def test_a_nearly_singular_matrix_is_not_taken_for_definite():
    """Cholesky succeeds on diag(1, 1e-17), but Newton's step along the second axis would be rounding."""
    path = DensePath(np.diag([1.0, 1e-17]), np.array([1.0, 1e-17]), np.ones(2))
    assert path.newton is None
    assert np.linalg.norm(path(0.5).step) <= 0.5 * (1 + 1e-12)


def test_the_hard_case():
    step = DensePath(np.diag([-2.0, 2.0]), np.zeros(2), np.ones(2))(0.5)
    np.testing.assert_allclose(step.step, [0.5, 0.0])
    assert step.kind == "negative curvature"


def test_a_hessian_that_is_not_finite():
    with pytest.raises(NoDirection, match="not finite"):
        DensePath(np.array([[np.nan, 0.0], [0.0, 1.0]]), np.ones(2), np.ones(2))(1.0)
