"""Accelerated gradient: its recursion, its bound, and what the restart gains."""

import numpy as np
import pytest

from optimize.problems import quadratic
from optimize.walks import rosenbrock, walk
from thalweg.optimize import Problem
from thalweg.optimize.fixed_rate import FixedRate
from thalweg.optimize.gradient_descent import steepest_descent
from thalweg.optimize.local_rate import LocalRate
from thalweg.optimize.nesterov import Nesterov


def fista(gradient, x0, rate, steps):
    """Beck and Teboulle's form, §4, with constant step: the points y and x."""
    x, y, t, ys, xs = x0, x0, 1.0, [x0], [x0]
    for _ in range(steps):
        after = y - rate * gradient(y)
        t_after = (1 + np.sqrt(1 + 4 * t * t)) / 2
        y = after + (t - 1) / t_after * (after - x)
        x, t = after, t_after
        ys.append(y)
        xs.append(x)
    return ys, xs


def test_the_recursion_of_the_literature():
    H = np.array([[2.0, 0.5], [0.5, 1.0]])
    start = np.array([3.0, -2.0])
    ys, _ = fista(lambda x: H @ x, start, 0.4, 40)
    # Beck and Teboulle's y₁ is x₀ and their y₂ is x₁: the same run, one step later from the second on.
    path, _ = walk(quadratic(H), start, lambda: Nesterov(restart=False), lambda: FixedRate(0.4), tol=0, limit=39)
    np.testing.assert_allclose([it.point.x for it in path], ys[:40], rtol=1e-9, atol=1e-13)


def test_the_bound_of_the_theorem_on_nesterovs_worst_function():
    n = 101  # the tridiagonal quadratic on which no method of gradients is much better in its first n/2 steps
    H = 0.25 * (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
    b = 0.25 * np.eye(n)[0]
    problem, best = quadratic(H, b), np.linalg.solve(H, b)
    bottom = problem.at(best).value
    _, xs = fista(lambda x: H @ x - b, np.zeros(n), 1.0, 50)
    path, _ = walk(problem, np.zeros(n), lambda: Nesterov(restart=False), lambda: FixedRate(1.0), limit=50)
    plain, _ = walk(problem, np.zeros(n), lambda: steepest_descent, lambda: FixedRate(1.0), limit=50)
    for k in (10, 25, 50):
        gap = problem.at(xs[k]).value - bottom
        assert gap <= 2 * (best @ best) / (k + 1) ** 2
        assert path[k].point.value - bottom < 0.7 * (plain[k].point.value - bottom)


def test_the_restart_brings_the_linear_rate_of_a_strong_curvature():
    problem = quadratic(np.geomspace(1, 1000, 30) * np.eye(30))
    start = np.ones(30)
    steps = {}
    for restart in (True, False):
        path, _ = walk(problem, start, lambda: Nesterov(restart=restart), lambda: FixedRate(1e-3), tol=1e-8)
        steps[restart] = len(path)
    plain, _ = walk(problem, start, lambda: steepest_descent, lambda: FixedRate(1e-3), tol=1e-8, limit=20_000)
    assert steps[True] < 0.8 * steps[False] and steps[True] < 0.1 * len(plain)


def test_without_a_rate_it_finds_one_of_its_own():
    problem, start = rosenbrock(2)
    path, stuck = walk(problem, start, Nesterov, LocalRate, tol=1e-7)
    assert stuck is None and path[-1].residual <= 1e-7
    np.testing.assert_allclose(path[-1].point.x, 1, atol=1e-5)


def test_a_convex_function_without_strong_curvature():
    problem = Problem(2, lambda x: (float(np.sum(x**4)), 4 * x**3))
    path, _ = walk(problem, [1.0, -2.0], Nesterov, LocalRate, tol=1e-9)
    assert path[-1].residual <= 1e-9


def test_forgetting_drops_the_momentum():
    problem = quadratic(np.diag([1.0, 3.0]))
    nesterov, rule, point = Nesterov(), FixedRate(0.1), problem.at([1.0, 1.0])
    for _ in range(5):
        point = rule(point, nesterov(point), problem.at).point
    again = nesterov(problem.at(point.x.copy()))(0.1).step
    np.testing.assert_array_equal(nesterov(point)(0.1).step, again)
    assert nesterov.forget()
    np.testing.assert_allclose(nesterov(point)(0.1).step, -0.1 * point.gradient)
    assert not Nesterov().forget()
    assert nesterov(point).measure(np.zeros(2)) == 0 and nesterov(point).steepness(np.array([3.0, 4.0])) == 5
    assert nesterov(point).natural == pytest.approx(0.1 * np.linalg.norm(point.x) / np.linalg.norm(point.gradient))
