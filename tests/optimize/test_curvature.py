"""Signs of curvature beyond the error of the Hessian, the same in any units and order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimize.polynomials import polynomial_problem
from thalweg.optimize import Problem
from thalweg.optimize.classify import classify_point
from thalweg.optimize.clock import OutOfTime
from thalweg.optimize.curvature import SOME, curvature_at, inertia, newton_step


def signs(c):
    return c.negative, c.zero, c.positive


@given(st.integers(0, 100_000), st.integers(1, 6))
def test_signs_survive_units_and_order(seed, n):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    eigenvalues = rng.choice([-1.0, 1.0], n) * 10 ** rng.uniform(-2, 2, n)
    H = Q @ np.diag(eigenvalues) @ Q.T
    H = 0.5 * (H + H.T)
    units = 10.0 ** rng.uniform(-6, 6, n)
    order = rng.permutation(n)
    changed = (H * np.outer(units, units))[np.ix_(order, order)]
    values, tolerance, V = inertia(changed, np.zeros((n, n)))
    assert np.sum(values > tolerance) == np.sum(eigenvalues > 0)
    assert np.sum(values < -tolerance) == np.sum(eigenvalues < 0)
    np.testing.assert_allclose(np.diag(V.T @ changed @ V), values, atol=1e-8 * np.max(np.abs(values)))


def test_rounding_noise_is_seen_as_noise():
    def noise(y):
        return 1e-16 * np.sin(1e16 * y)

    several = Problem(2, lambda x: (x[0] ** 2, np.array([2 * x[0], 0.0])), lambda x: np.diag([2.0, noise(x[1])]))
    alone = Problem(1, lambda x: (1.0, np.zeros(1)), lambda x: np.diag([noise(x[0])]))
    for y in np.linspace(0.5, 1.5, 50):
        assert signs(curvature_at(several.at([0.0, y]))) == (0, 1, 1)
        assert signs(curvature_at(alone.at([y]))) == (0, 1, 0)


def test_a_small_but_exact_curvature_is_not_noise():
    problem = polynomial_problem(lambda x: x[0] ** 2 + 1e-20 * x[1] ** 2, 2)
    assert signs(curvature_at(problem.at([0.0, 0.7]))) == (0, 0, 2)


@pytest.mark.parametrize("epsilon", [1e-1, 1e-3, 1e-6])
def test_near_an_inflection_the_curvature_is_not_taken_for_positive(epsilon):
    assert signs(curvature_at(polynomial_problem(lambda x: x[0] ** 3, 1).at([epsilon]))) == (0, 1, 0)
    assert signs(curvature_at(polynomial_problem(lambda x: x[0] ** 2 + x[0] ** 3, 1).at([epsilon / 100]))) == (0, 0, 1)


def test_newton_step_and_its_promise():
    H, g = np.array([[2.0, 1.0], [1.0, -3.0]]), np.array([1.0, 2.0])
    s, fall = newton_step(H, g)
    np.testing.assert_allclose(H @ s, -g)
    assert fall > 0


def test_directions_of_extreme_curvature():
    c = curvature_at(polynomial_problem(lambda x: x[0] ** 2 - 3 * x[1] ** 2, 2).at([0.0, 0.0]))
    down, curvature = c.extreme(-1)
    np.testing.assert_allclose(np.abs(down), [0, 1])
    assert curvature == pytest.approx(-6)
    assert c.condition == pytest.approx(1.0)


def test_a_hessian_that_is_not_finite_has_no_curvature():
    assert curvature_at(Problem(1, lambda x: (0.0, 0 * x), lambda x: np.full((1, 1), np.inf)).at([0.0])) is None


@pytest.mark.parametrize("lowest", [1.0, -1.0, 0.0])
def test_large_problems_by_lanczos(lowest):
    n = 300
    diagonal = np.linspace(1, 50, n)
    diagonal[7] = lowest
    problem = Problem(
        n, lambda x: (0.5 * (diagonal * x) @ x, diagonal * x), f_hessian_product=lambda x, v: diagonal * v
    )
    c = curvature_at(problem.at(np.zeros(n)))
    assert c.complete and len(c.eigenvalues) == 4
    assert c.eigenvalues[0] == pytest.approx(lowest, abs=1e-4)
    assert c.eigenvalues[-1] == pytest.approx(50, rel=1e-4)
    assert problem.count.hessian == 0


def by_products(diagonal, stop=10**9):
    """½ xᵀDx + bᵀx by products, which are counted, and for which there is no time after so many."""
    asked = []

    def product(x, v):
        asked.append(x)
        if len(asked) > stop:
            raise OutOfTime
        return diagonal * v

    n = diagonal.size
    return Problem(n, lambda x: (0.5 * (diagonal * x) @ x, diagonal * x), f_hessian_product=product), asked


def test_what_does_not_settle_costs_a_bounded_number_of_products():
    n = 3000
    problem, asked = by_products(np.geomspace(1e-5, 1.0, n))
    c = classify_point(problem.at(np.zeros(n)))
    assert len(asked) <= SOME + 52 and c.kind == "degenerate" and f"by {SOME} products" in c.why
    problem, asked = by_products(np.linspace(1.0, 2.0, n))
    c = classify_point(problem.at(np.zeros(n)))
    assert c.kind == "strict minimum" and len(asked) < 100 and "products" in c.why
    problem, asked = by_products(np.linspace(-1.0, 2.0, n))
    assert classify_point(problem.at(np.zeros(n))).kind == "saddle" and len(asked) <= SOME + 52


def test_where_the_gradient_is_not_zero_few_products_show_it():
    n = 3000
    problem, asked = by_products(np.geomspace(1e-5, 1.0, n))
    assert classify_point(problem.at(np.ones(n))).kind == "not stationary" and len(asked) == 8


def test_what_was_seen_when_the_time_ended():
    n = 3000
    problem, _ = by_products(np.geomspace(1e-5, 1.0, n), stop=30)
    c = curvature_at(problem.at(np.zeros(n)))
    assert not c.complete and c.products == 30
    problem, _ = by_products(np.geomspace(1e-5, 1.0, n), stop=3)
    with pytest.raises(OutOfTime):
        curvature_at(problem.at(np.zeros(n)))


def test_an_eigenvalue_that_changes_within_the_newton_step_has_no_sign():
    n = 300
    d = np.linspace(1, 2, n)

    def f_and_gradient(x):  # x₀³ beside a bowl: at x₀ = −1e-4 its curvature is −6e-4, and it is positive close by
        return float(x[0] ** 3 + 0.5 * (d[1:] * x[1:]) @ x[1:]), np.r_[3 * x[0] ** 2, d[1:] * x[1:]]

    problem = Problem(n, f_and_gradient, f_hessian_product=lambda x, v: np.r_[6 * x[0] * v[0], d[1:] * v[1:]])
    x = np.zeros(n)
    x[0] = -1e-4
    c = curvature_at(problem.at(x))
    assert c.eigenvalues[0] == pytest.approx(-6e-4) and c.zero and not c.negative
