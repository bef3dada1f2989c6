"""BFGS: the update by the book, finite termination, superlinear convergence, damping."""

import numpy as np
import pytest

from optimize.problems import STANDARD, quadratic, standard
from optimize.walks import rosenbrock, spread, walk
from thalweg.optimize import Problem
from thalweg.optimize.backtracking import Backtracking
from thalweg.optimize.bfgs import BFGS, LEAST, YOUNG, damped
from thalweg.optimize.exact_search import ExactSearch
from thalweg.optimize.wolfe import Wolfe


def by_the_book(H, s, y):
    rho, eye = 1 / (s @ y), np.eye(len(s))
    return (eye - rho * np.outer(s, y)) @ H @ (eye - rho * np.outer(y, s)) + rho * np.outer(s, s)


def full(bfgs):
    upper = bfgs.Q if bfgs.P is None else bfgs.Q + bfgs.gamma * bfgs.P
    return np.triu(upper) + np.triu(upper, 1).T


def test_the_update_is_that_of_the_book():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((4, 4))
    H = A @ A.T + np.eye(4)
    s, y = rng.standard_normal((2, 4))
    y = y if s @ y > 0 else -y
    bfgs = BFGS(Q=np.asfortranarray(H))
    bfgs._update(s, y, float(s @ y), float(y @ y))
    after = full(bfgs)
    np.testing.assert_allclose(after, by_the_book(H, s, y), rtol=1e-12)
    np.testing.assert_allclose(after @ y, s, rtol=1e-10)


@pytest.mark.parametrize("n", [2, 5, 12])
def test_n_steps_on_a_quadratic_with_exact_searches(n):
    problem, exact = spread(50.0, n)
    path, stuck = walk(problem, np.full(n, 3.0), BFGS, ExactSearch, tol=1e-7)
    assert stuck is None and len(path) - 1 <= n
    np.testing.assert_allclose(path[-1].point.x, exact, atol=1e-7)


def test_the_whole_run_against_plain_matrices():
    # 45 steps: past the one where γ is fixed.
    problem, start = rosenbrock(40)
    start = start + 0.3 * np.sin(np.arange(40.0))
    bfgs, search, point = BFGS(), Wolfe(), problem.at(start)
    pairs, H = [], None
    for k in range(45):
        ray = bfgs(point)
        g = point.gradient
        if pairs:
            s, y = pairs[-1]
            if k <= YOUNG:
                H = (s @ y) / (y @ y) * np.eye(40)
                for pair in pairs:
                    H = by_the_book(H, *pair)
            else:
                H = by_the_book(H, s, y)
            np.testing.assert_allclose(ray.d, -H @ g, rtol=1e-6, atol=1e-9 * np.abs(ray.d).max())
        assert (bfgs.P is None) == (k == 0 or k >= YOUNG)
        after = search(point, ray, problem.at).point
        pairs.append((after.x - point.x, after.gradient - point.gradient))
        point = after


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau", "wood"])
def test_convergence_is_superlinear(name):
    problem, start, _ = standard(name)
    path, _ = walk(problem, start, BFGS, Wolfe, tol=1e-10, limit=200)
    residuals = np.array([it.residual for it in path])
    near = residuals[residuals < 1e-2]
    ratios = near[1:] / near[:-1]
    assert len(near) <= 12 and np.min(ratios) < 1e-2 and np.exp(np.mean(np.log(ratios[-2:]))) < 0.05


def test_h_becomes_the_inverse_hessian_on_a_quadratic():
    n = YOUNG + 2
    problem, _ = spread(100.0, n)
    bfgs = BFGS()
    path, _ = walk(problem, np.zeros(n), lambda: bfgs, ExactSearch, tol=0, limit=n)
    bfgs(path[n].point)
    inverse = np.linalg.inv(problem.hessian(np.zeros(n)))
    assert bfgs.learnt == n
    assert np.linalg.norm(full(bfgs) - inverse) < 0.05 * np.linalg.norm(inverse)


@pytest.mark.parametrize("name", sorted(set(STANDARD) - {"mountain-pass-top", "mountain-pass"}))
def test_published_minima(name):
    problem, start, value = standard(name)
    path, stuck = walk(problem, start, BFGS, Wolfe, limit=300)
    assert stuck is None and path[-1].residual <= 1e-8
    assert path[-1].point.value == pytest.approx(value, abs=1e-10)


def test_damping_keeps_h_positive_definite_where_the_search_does_not():
    # f curves down along some steps; backtracking does not look at slopes.
    def f_and_gradient(x):
        return float(np.sum(np.cos(x)) + 0.02 * x @ x), -np.sin(x) + 0.04 * x

    problem = Problem(3, f_and_gradient)
    bfgs, rule, point = BFGS(Q=np.asfortranarray(np.eye(3))), Backtracking(), problem.at([0.1, 0.2, -0.3])
    curved_down = 0
    for _ in range(40):
        ray = bfgs(point)
        assert np.linalg.eigvalsh(full(bfgs))[0] > 0 and ray.slope < 0
        if point.gradient_norm < 1e-9:
            break
        after = rule(point, ray, problem.at).point
        curved_down += (after.x - point.x) @ (after.gradient - point.gradient) <= 0
        point = after
    assert curved_down > 0 and point.gradient_norm < 1e-9


def test_damped_pairs_have_the_least_curvature_exactly():
    rng = np.random.default_rng(1)
    for _ in range(20):
        s, y = rng.standard_normal((2, 5))
        B = np.diag(rng.uniform(0.1, 5, 5))
        sBs = s @ B @ s
        if s @ y < LEAST * sBs:
            z, sz = damped(y, s @ y, B @ s, sBs)
            assert s @ z == pytest.approx(LEAST * sBs) == pytest.approx(sz)


def test_the_same_point_draws_the_same_ray_and_forgetting_starts_anew():
    problem, start = rosenbrock(2)
    for steps in (5, YOUNG + 3):
        bfgs, search, point = BFGS(), Wolfe(), problem.at(start)
        for _ in range(steps):
            point = search(point, bfgs(point), problem.at).point
            if point.gradient_norm == 0:
                break
        d = bfgs(point).d.copy()
        np.testing.assert_allclose(bfgs(problem.at(point.x.copy())).d, d, rtol=1e-12)
        assert bfgs.forget() and bfgs.Q is None
        np.testing.assert_array_equal(bfgs(point).d, -point.gradient)
        assert not bfgs.forget()


def test_a_spoilt_h_is_dropped():
    point = quadratic(np.eye(2)).at([1.0, 2.0])
    bfgs = BFGS(Q=np.asfortranarray(-np.eye(2)), x=point.x, gradient=point.gradient, d=-point.gradient)
    ray = bfgs(point)
    assert ray.kind == "steepest descent" and ray.slope < 0 and bfgs.Q is None


def test_large_numbers_and_small_ones():
    for scale in (1e-8, 1e8):
        problem = Problem(2, lambda x: (scale * float(x[0] ** 2 + 10 * x[1] ** 2), scale * np.array([2, 20]) * x))
        path, _ = walk(problem, [1.0, 1.0], BFGS, Wolfe, tol=1e-10 * scale, limit=50)
        assert path[-1].residual <= 1e-10 * scale and len(path) < 15
