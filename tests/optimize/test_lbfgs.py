"""L-BFGS: its product is that of the two loops and of BFGS; memory, many variables."""

import numpy as np
import pytest

from optimize.problems import STANDARD, standard
from optimize.walks import rosenbrock, spread, walk
from thalweg.optimize import Problem
from thalweg.optimize.backtracking import Backtracking
from thalweg.optimize.exact_search import ExactSearch
from thalweg.optimize.lbfgs import FEW, LBFGS, MANY
from thalweg.optimize.wolfe import Wolfe


def two_loops(pairs, g):
    """Nocedal & Wright, algorithm 7.4."""
    q, alphas = g.copy(), []
    for s, y in reversed(pairs):
        alpha = (s @ q) / (s @ y)
        q -= alpha * y
        alphas.append(alpha)
    s, y = pairs[-1]
    q *= (s @ y) / (y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas)):
        q += s * (alpha - (y @ q) / (s @ y))
    return q


@pytest.mark.parametrize("memory", [1, 3, 7])
def test_the_direction_is_that_of_the_two_loops_also_when_the_memory_is_full(memory):
    problem, start = rosenbrock(10)
    start = start + 0.2 * np.cos(np.arange(10.0))
    lbfgs, search, point, pairs = LBFGS(memory), Wolfe(), problem.at(start), []
    for _ in range(3 * memory + 4):
        ray = lbfgs(point)
        if pairs:
            expected = -two_loops(pairs[-memory:], point.gradient)
            np.testing.assert_allclose(ray.d, expected, rtol=1e-7, atol=1e-10 * np.abs(expected).max())
        after = search(point, ray, problem.at).point
        pairs.append((after.x - point.x, after.gradient - point.gradient))
        point = after
    kept = lbfgs.pairs
    assert len(kept) == memory
    for (s, y), (t, z) in zip(kept, pairs[-1 - memory : -1]):
        np.testing.assert_allclose(s * np.sqrt(t @ z), t)
        np.testing.assert_allclose(y * np.sqrt(t @ z), z)


def test_n_steps_on_a_quadratic_with_exact_searches():
    problem, exact = spread(50.0, 8)
    path, stuck = walk(problem, np.full(8, 3.0), LBFGS, ExactSearch, tol=1e-7)
    assert stuck is None and len(path) - 1 <= 8
    np.testing.assert_allclose(path[-1].point.x, exact, atol=1e-7)


def test_with_one_pair_and_exact_searches_it_is_conjugate_gradients():
    # Nocedal & Wright, §7.2: memoryless BFGS is Hestenes and Stiefel's method.
    problem, _ = spread(30.0, 6)
    path, stuck = walk(problem, np.zeros(6), lambda: LBFGS(1), ExactSearch, tol=1e-7)
    assert stuck is None and len(path) - 1 <= 7


@pytest.mark.parametrize("name", sorted(set(STANDARD) - {"mountain-pass-top", "mountain-pass"}))
@pytest.mark.parametrize("memory", [5, None])
def test_published_minima(name, memory):
    problem, start, value = standard(name)
    path, stuck = walk(problem, start, lambda: LBFGS(memory), Wolfe, limit=600)
    assert stuck is None and path[-1].residual <= 1e-8
    assert path[-1].point.value == pytest.approx(value, abs=1e-9)


def test_many_variables():
    n = 101_000
    h = np.linspace(1, 50, n)
    problem = Problem(n, lambda x: (float(0.5 * h @ (x * x) + 0.25 * (x * x) @ (x * x)), h * x + x**3))
    lbfgs = LBFGS()
    _, stuck = walk(problem, np.ones(n), lambda: lbfgs, Wolfe, tol=1e-4, limit=200)
    assert stuck is None and problem.count.gradient < 80
    assert lbfgs.S.shape == (FEW, n) and LBFGS().memory is None and MANY == (30, 100_000)


def test_pairs_that_curve_down_are_passed_over():
    def f_and_gradient(x):
        return float(np.sum(np.cos(x)) + 0.02 * x @ x), -np.sin(x) + 0.04 * x

    problem = Problem(3, f_and_gradient)
    lbfgs, rule, point = LBFGS(), Backtracking(), problem.at([0.1, 0.2, -0.3])
    curved_down = 0
    for _ in range(60):
        ray = lbfgs(point)
        if point.gradient_norm < 1e-9:
            break
        assert ray.slope < 0
        after = rule(point, ray, problem.at).point
        curved_down += (after.x - point.x) @ (after.gradient - point.gradient) <= 0
        point = after
    assert curved_down > 0 and point.gradient_norm < 1e-9
    for s, y in lbfgs.pairs:
        assert s @ y == pytest.approx(1)


def test_the_same_point_draws_the_same_ray_and_forgetting_starts_anew():
    problem, start = rosenbrock(4)
    lbfgs, search, point = LBFGS(3), Wolfe(), problem.at(start)
    for _ in range(7):
        point = search(point, lbfgs(point), problem.at).point
    d = lbfgs(point).d.copy()
    np.testing.assert_allclose(lbfgs(problem.at(point.x.copy())).d, d, rtol=1e-12)
    assert lbfgs.forget() and lbfgs.pairs == []
    np.testing.assert_array_equal(lbfgs(point).d, -point.gradient)
    assert not lbfgs.forget()


def test_runs_are_repeatable_to_the_last_bit():
    ends = []
    for _ in range(2):
        problem, start = rosenbrock(20)
        path, _ = walk(problem, start, LBFGS, Wolfe)
        ends.append(path[-1].point.x)
    np.testing.assert_array_equal(*ends)
