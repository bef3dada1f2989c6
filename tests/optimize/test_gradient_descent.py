"""Steepest descent converges linearly, at the rate of the theory."""

import numpy as np
import pytest

from optimize.problems import quadratic
from thalweg.optimize import minimize
from thalweg.optimize.gradient_descent import steepest_descent


def test_the_path_is_the_ray_against_the_gradient():
    point = quadratic(np.diag([1.0, 4.0])).at([2.0, 1.0])
    path = steepest_descent(point)
    step = path(0.5)
    np.testing.assert_array_equal(step.step, [-1.0, -2.0])
    assert step.predicted == 0.5 * (4 + 16)
    assert path.measure(step.step) == pytest.approx(0.5)
    assert path.steepness(point.gradient) == pytest.approx(np.sqrt(20))
    assert np.linalg.norm(path(path.natural).step) == pytest.approx(0.1 * np.sqrt(5))


def test_at_a_stationary_point_sizes_stay_finite():
    path = steepest_descent(quadratic(np.eye(2)).at([0.0, 0.0]))
    assert path.natural == 1.0 and path.measure(np.ones(2)) == 1.0


@pytest.mark.parametrize("rate", [0.05, 0.18, 2 / 11])
def test_the_rate_of_convergence_is_the_one_of_the_theory(rate):
    problem = quadratic(np.diag([1.0, 10.0]))
    s = minimize(problem, [1.0, 1.0], method="gradient-descent", learning_rate=rate)
    assert s.success
    error = np.linalg.norm(s.history.x, axis=1)
    expected = max(abs(1 - rate), abs(1 - 10 * rate))
    np.testing.assert_allclose(error[-5:] / error[-6:-1], expected, rtol=1e-3)
