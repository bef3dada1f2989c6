"""The heavy ball: Polyak's recursion, and his rate."""

import numpy as np
import pytest

from optimize.problems import quadratic
from optimize.walks import rosenbrock, walk
from thalweg.optimize.fixed_rate import FixedRate
from thalweg.optimize.local_rate import LocalRate
from thalweg.optimize.momentum import Momentum


def test_polyaks_recursion_step_by_step():
    H, rate, beta = np.array([[2.0, 0.5], [0.5, 1.0]]), 0.3, 0.8
    problem = quadratic(H, [1.0, -1.0])
    path, _ = walk(problem, [3.0, -2.0], lambda: Momentum(beta), lambda: FixedRate(rate), limit=20)
    before = x = np.array([3.0, -2.0])
    for it in path[1:]:
        x, before = x - rate * (H @ x - [1.0, -1.0]) + beta * (x - before), x
        np.testing.assert_allclose(it.point.x, x, rtol=1e-12)


@pytest.mark.parametrize("condition", [16.0, 100.0])
def test_the_best_parameters_give_polyaks_rate(condition):
    root = np.sqrt(condition)
    rate, beta = 4 / (root + 1) ** 2, ((root - 1) / (root + 1)) ** 2
    problem = quadratic(np.diag([1.0, condition]))
    path, _ = walk(problem, [1.0, 1.0], lambda: Momentum(beta), lambda: FixedRate(rate), tol=1e-30, limit=400)
    error = np.array([np.linalg.norm(it.point.x) for it in path])
    k = int(np.argmax(error < 1e-10))
    # The error is k √βᵏ but for a constant: both roots coincide.
    assert (error[k] / k / (error[k // 2] / (k // 2))) ** (1 / (k - k // 2)) == pytest.approx(np.sqrt(beta), rel=0.02)


def test_momentum_zero_is_steepest_descent():
    problem = quadratic(np.diag([1.0, 3.0]))
    path, _ = walk(problem, [1.0, 1.0], lambda: Momentum(0.0), lambda: FixedRate(0.1), limit=5)
    np.testing.assert_allclose(path[5].point.x, [0.9**5, 0.7**5])


def test_with_restart_every_direction_falls():
    problem, start = rosenbrock(2)
    ball, rule, point = Momentum(0.99, restart=True), LocalRate(), problem.at(start)
    for _ in range(500):
        ray = ball(point)
        assert ray.slope < 0
        point = rule(point, ray, problem.at).point


def test_it_beats_steepest_descent_in_a_valley():
    problem, start = rosenbrock(2)
    with_it, _ = walk(problem, start, lambda: Momentum(0.9, restart=True), LocalRate, tol=1e-6)
    without, _ = walk(problem, start, lambda: Momentum(0.0), LocalRate, tol=1e-6, limit=10 * len(with_it) // 2)
    assert with_it[-1].residual <= 1e-6 < without[-1].residual
    np.testing.assert_allclose(with_it[-1].point.x, 1, atol=1e-4)


def test_the_same_point_draws_the_same_ray_and_forgetting_begins_anew():
    problem = quadratic(np.diag([1.0, 3.0]))
    ball, a, b = Momentum(0.5), problem.at([1.0, 1.0]), problem.at([0.5, 0.5])
    ball(a)
    first = ball(b).d.copy()
    np.testing.assert_array_equal(ball(problem.at([0.5, 0.5])).d, first)
    assert ball.forget() and not ball.forget()
    np.testing.assert_array_equal(ball(b).d, -b.gradient)
