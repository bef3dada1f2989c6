"""Conjugate gradients: finite termination, conjugacy, Hager and Zhang's descent."""

import numpy as np
import pytest

from optimize.problems import STANDARD, quadratic, standard
from optimize.walks import rosenbrock, spread, walk
from thalweg.optimize import Problem
from thalweg.optimize.conjugate_gradient import ConjugateGradient
from thalweg.optimize.exact_search import ExactSearch
from thalweg.optimize.wolfe import Wolfe


@pytest.mark.parametrize("n", [2, 5, 12])
def test_n_steps_on_a_quadratic_with_exact_searches(n):
    problem, exact = spread(50.0, n)
    path, _ = walk(problem, np.full(n, 3.0), ConjugateGradient, ExactSearch, tol=0, limit=n)
    assert path[n].residual < 1e-7 * path[0].residual < 1e-3 * path[n - 1].residual
    np.testing.assert_allclose(path[n].point.x, exact, atol=1e-6)


def test_as_many_steps_as_distinct_eigenvalues():
    problem = quadratic(np.diag([1.0] * 20 + [7.0] * 20 + [30.0] * 10))
    path, _ = walk(problem, np.arange(50.0), ConjugateGradient, ExactSearch, tol=1e-9)
    assert len(path) - 1 == 3


def test_the_directions_are_conjugate_and_the_iterates_those_of_hestenes_and_stiefel():
    n = 6
    problem, _ = spread(20.0, n)
    H = problem.hessian(np.zeros(n))
    path, _ = walk(problem, np.zeros(n), ConjugateGradient, ExactSearch, tol=1e-9)
    steps = np.array([it.step for it in path[1:]])
    products = steps @ H @ steps.T
    scale = np.sqrt(np.diag(products))
    np.testing.assert_allclose(products / np.outer(scale, scale), np.eye(len(steps)), atol=1e-6)
    x, r = np.zeros(n), -problem.at(np.zeros(n)).gradient
    p = r
    for it in path[1:]:
        alpha = (r @ r) / (p @ H @ p)
        x, after = x + alpha * p, r - alpha * (H @ p)
        np.testing.assert_allclose(it.point.x, x, rtol=1e-7, atol=1e-9)
        p, r = after + (after @ after) / (r @ r) * p, after


@pytest.mark.parametrize("curvature", [0.1, 0.9])
@pytest.mark.parametrize("name", ["rosenbrock", "wood", "powell-singular"])
def test_every_direction_falls_by_seven_eighths(name, curvature):
    problem, start, _ = standard(name)
    direction, search, point = ConjugateGradient(), Wolfe(curvature=curvature), problem.at(start)
    for _ in range(60):
        if point.gradient_norm < 1e-7:
            break
        ray = direction(point)
        g = point.gradient
        assert g @ ray.d == pytest.approx(ray.slope) and ray.slope <= -7 / 8 * (g @ g) * (1 - 1e-9)
        point = search(point, ray, problem.at).point


@pytest.mark.parametrize("name", sorted(set(STANDARD) - {"mountain-pass-top", "rosenbrock-10", "mountain-pass"}))
def test_published_minima(name):
    problem, start, value = standard(name)
    path, stuck = walk(problem, start, ConjugateGradient, lambda: Wolfe(curvature=0.1), limit=1500)
    assert stuck is None and path[-1].residual <= 1e-8
    assert path[-1].point.value == pytest.approx(value, abs=1e-9)


def test_a_concave_start_and_a_hundred_thousand_variables():
    n = 100_000

    def f_and_gradient(x):
        return float(np.sum(np.cos(x) + 0.05 * x * x)), -np.sin(x) + 0.1 * x

    problem = Problem(n, f_and_gradient)
    path, stuck = walk(problem, np.linspace(0.5, 1.5, n), ConjugateGradient, lambda: Wolfe(curvature=0.1), tol=1e-7)
    assert stuck is None and problem.count.gradient < 60
    np.testing.assert_allclose(path[-1].point.x, 2.852341894, atol=1e-5)


def test_the_same_point_draws_the_same_ray_and_forgetting_begins_with_the_gradient():
    problem, start = rosenbrock(2)
    direction, search, point = ConjugateGradient(), Wolfe(curvature=0.1), problem.at(start)
    for _ in range(4):
        point = search(point, direction(point), problem.at).point
    ray = direction(point)
    again = direction(problem.at(point.x.copy()))
    np.testing.assert_array_equal(ray.d, again.d)
    assert (ray.slope, ray.natural) == (again.slope, again.natural)
    if direction.since:
        assert direction.forget()
    np.testing.assert_array_equal(direction(point).d, -point.gradient)
    assert not direction.forget()
