"""A problem evaluates, counts, and can be turned upside down."""

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import beale, quadratic, rosenbrock
from thalweg.optimize import Problem

X = np.array([-1.2, 1.0])


def test_a_point_has_value_gradient_and_a_hessian_computed_once():
    problem = polynomial_problem(rosenbrock, 2)
    point = problem.at([-1.2, 1.0])
    assert point.value == pytest.approx(24.2)
    np.testing.assert_allclose(point.gradient, [-215.6, -88.0])
    np.testing.assert_allclose(point.hessian, [[1330, 480], [480, 200]])
    assert point.hessian is point.hessian
    assert (problem.count.value, problem.count.gradient, problem.count.hessian) == (1, 1, 1)
    assert point.gradient_norm == pytest.approx(215.6)


def test_the_hessian_is_differences_of_gradients_where_none_is_given():
    exact = polynomial_problem(beale, 2)
    without = Problem(2, exact.f_and_gradient)
    assert not without.exact_hessian and exact.exact_hessian
    np.testing.assert_allclose(without.hessian(X), exact.hessian(X), rtol=1e-8)
    v = np.array([2.0, -3.0])
    np.testing.assert_allclose(without.hessian_product(X, v), exact.hessian(X) @ v, rtol=1e-8)
    np.testing.assert_array_equal(without.hessian_product(X, 0 * v), 0)


def test_the_hessian_is_symmetrized():
    H = np.array([[1.0, 2.0], [2.0 + 1e-9, 1.0]])
    point = Problem(2, lambda x: (0.0, x), lambda x: H).at(X)
    np.testing.assert_array_equal(point.hessian, point.hessian.T)


def test_negated_shares_the_count_and_changes_every_sign():
    problem = polynomial_problem(beale, 2, f_hessian_product=lambda x, v: 3 * v)
    down = problem.negated()
    assert down.at(X).value == -problem.at(X).value
    np.testing.assert_array_equal(down.at(X).gradient, -problem.at(X).gradient)
    np.testing.assert_array_equal(down.hessian(X), -problem.hessian(X))
    np.testing.assert_array_equal(down.hessian_product(X, X), -3 * X)
    np.testing.assert_array_equal(down.line(X, X, 4), -problem.line(X, X, 4))
    assert problem.count.value == 4
    bare = Problem(1, lambda x: (0.0, x)).negated()
    assert bare.f_hessian is None and bare.line(X, X, 2) is None


def test_warnings_of_the_function_are_not_shown(recwarn):
    point = Problem(1, lambda x: (float(np.log(x[0])), 1 / x)).at([0.0])
    assert not point.finite and point.value == -np.inf and not recwarn.list


def test_names_default_to_places():
    assert quadratic(np.eye(3)).names == ("x[0]", "x[1]", "x[2]")
