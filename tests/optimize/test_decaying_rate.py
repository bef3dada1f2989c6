"""Steps by schedule."""

import numpy as np
import pytest

from optimize.problems import quadratic
from optimize.walks import walk
from thalweg.optimize.decaying_rate import DecayingRate
from thalweg.optimize.gradient_descent import steepest_descent
from thalweg.optimize.schedules import Constant, Exponential, InverseTime, Steps


def test_the_errors_are_the_products_of_the_theory():
    problem = quadratic(np.diag([2.0]))
    path, _ = walk(problem, [1.0], lambda: steepest_descent, lambda: DecayingRate(InverseTime(0.4, 0.5)), limit=8)
    expected = np.cumprod([1 - 2 * 0.4 / (1 + 0.5 * k) for k in range(9)])
    np.testing.assert_allclose([it.point.x[0] for it in path[1:]], expected[: len(path) - 1], rtol=1e-12)


def test_a_rate_that_begins_too_large_may_fall_in_time():
    problem = quadratic(np.diag([1.0, 10.0]))
    path, stuck = walk(problem, [1.0, 1.0], lambda: steepest_descent, lambda: DecayingRate(Steps(0.25, 5, 0.5)))
    assert stuck is not None or path[-1].residual <= 1e-8
    assert path[3].point.value > path[0].point.value > path[-1].point.value


def test_a_rate_with_a_finite_sum_ends_on_the_way_and_says_so():
    problem = quadratic(np.eye(1))
    path, stuck = walk(problem, [1.0], lambda: steepest_descent, lambda: DecayingRate(Exponential(0.1, 0.5)))
    assert stuck is not None and "no longer change x" in stuck.reason
    assert path[-1].point.x[0] == pytest.approx(np.prod(1 - 0.1 * 0.5 ** np.arange(60)))


def test_divergence_is_told_with_advice():
    problem = quadratic(np.diag([1.0, 10.0]))
    _, stuck = walk(problem, [1.0, 1.0], lambda: steepest_descent, lambda: DecayingRate(Constant(0.5)))
    assert stuck is not None and stuck.too_far and "try learning_rate <= 0.1" in stuck.reason
