"""Gauss and Newton for sums of squares."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from optimize.nist import least_squares_problem
from thalweg.errors import ArgumentError
from thalweg.optimize import Problem
from thalweg.optimize.composition import NoDirection, Taken
from thalweg.optimize.gauss_newton import gauss_newton, linearized, units
from thalweg.optimize.problem import Residuals
from thalweg.optimize.trust_region import TrustRegion


def descend(problem, start, most=100, tol=1e-12):
    rule, point, points = TrustRegion(), problem.at(np.array(start, dtype=float)), []
    while point.gradient_norm > tol and len(points) < most:
        taken = rule(point, gauss_newton(point), problem.at)
        if not isinstance(taken, Taken):
            break
        point = taken.point
        points.append(point)
    return points


def test_a_linear_problem_takes_one_step():
    A, b = np.vander(np.linspace(0, 1, 12), 4), np.cos(np.linspace(0, 1, 12))
    problem = least_squares_problem(lambda x: A @ x - b, 4)
    here = problem.at(np.zeros(4))
    path = gauss_newton(here)
    np.testing.assert_allclose(path(np.inf).step, np.linalg.lstsq(A, b, rcond=None)[0], rtol=1e-10)
    there = problem.at(path(np.inf).step)
    assert path(np.inf).predicted == pytest.approx(here.value - there.value, rel=1e-12)


def test_part_of_the_step_promises_its_part():
    A, b = np.vander(np.linspace(0, 1, 12), 4), np.cos(np.linspace(0, 1, 12))
    problem = least_squares_problem(lambda x: A @ x - b, 4)
    here = problem.at(np.ones(4))
    path = gauss_newton(here)
    half = path(0.5 * path(np.inf).size)
    np.testing.assert_allclose(half.step, 0.5 * path(np.inf).step)
    assert half.predicted == pytest.approx(here.value - problem.at(here.x + half.step).value, rel=1e-10)
    assert half.kind == "damped Gauss–Newton"


def test_to_residuals_of_zero_it_converges_quadratically():
    """Powell's badly scaled pair: 10⁴x₁x₂ = 1, e⁻ˣ¹ + e⁻ˣ² = 1.0001, at 1.098159329699759e−5, 9.106146739866524."""
    problem = least_squares_problem(
        lambda x: np.stack([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001]), 2
    )
    points = descend(problem, [0.0, 1.0], 300, 0.0)
    np.testing.assert_allclose(points[-1].x, [1.098159329699759e-5, 9.106146739866524], rtol=1e-11)
    r = np.sqrt([2 * p.value for p in points if p.value > 1e-26])
    assert np.log(r[-1] / r[-2]) / np.log(r[-2] / r[-3]) > 1.7


def test_a_sparse_jacobian_goes_the_same_way():
    def residuals(x):
        return np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])

    dense = least_squares_problem(residuals, 80)

    def sparse_jacobian(x):
        r, J = dense.residuals.r_and_jacobian(x)
        return r, csr_array(J)

    sparse = Problem(80, dense.f_and_gradient, residuals=Residuals(sparse_jacobian), sparse=True)
    x = np.linspace(0.5, 1.5, 80)
    whole = gauss_newton(dense.at(x))(np.inf)
    again = gauss_newton(sparse.at(x))(np.inf)
    np.testing.assert_allclose(again.step, whole.step, rtol=1e-6, atol=1e-9)
    assert again.predicted == pytest.approx(whole.predicted, rel=1e-6)


def test_units_follow_the_columns_and_shrink_slowly():
    np.testing.assert_allclose(units(np.array([[3.0, 0.0], [4.0, 0.0]])), [5, 1])
    np.testing.assert_allclose(units(np.array([[3.0, 0.0], [4.0, 0.0]]), np.array([1.0, 10.0])), [5, 9])
    np.testing.assert_allclose(units(csr_array(np.array([[3.0, 0.0], [4.0, 0.0]]))), [5, 1])


def test_a_problem_that_is_no_sum_of_squares():
    with pytest.raises(ArgumentError, match=r"'gauss-newton' is for sums of squares.*least_squares"):
        gauss_newton(Problem(1, lambda x: (float(x @ x), 2 * x)).at([1.0]))


def test_a_jacobian_that_is_not_finite():
    problem = Problem(1, lambda x: (1.0, np.ones(1)), residuals=Residuals(lambda x: (np.ones(1), np.array([[np.inf]]))))
    with pytest.raises(NoDirection, match="Jacobian"):
        linearized(problem.at([1.0]), "gauss-newton")
