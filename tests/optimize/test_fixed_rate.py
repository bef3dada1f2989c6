"""A fixed learning rate: the textbook's update, and what is said when it is too large."""

import re

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import quadratic, rosenbrock
from thalweg.optimize import Problem, maximize, minimize

BOWL = quadratic(np.diag([1.0, 10.0]))


def test_every_step_is_eta_times_the_gradient():
    s = minimize(BOWL, [1.0, 1.0], learning_rate=0.1)
    x = s.history.x
    np.testing.assert_allclose(x[1:], x[:-1] - 0.1 * x[:-1] * [1, 10], atol=1e-15)
    assert s.method == "gradient-descent" and "learning rate" in s.method_reason


@pytest.mark.parametrize("rate", [0.21, 0.5, 30.0])
def test_a_rate_too_large_is_named_and_the_advice_works(rate):
    s = minimize(BOWL, [1.0, 1.0], learning_rate=rate)
    assert s.status == "stalled" and not s.success
    assert f"learning rate {rate:g} is too large" in s.message
    advised = float(re.search(r"learning_rate <= ([\d.e-]+),", s.message).group(1))
    assert advised == 0.1
    assert minimize(BOWL, [1.0, 1.0], learning_rate=advised).success
    np.testing.assert_array_equal(s.x, [1.0, 1.0])


def test_advice_from_the_start_of_a_nonquadratic_function():
    problem = polynomial_problem(rosenbrock, 2)
    s = minimize(problem, [-1.2, 1.0], learning_rate=0.1, method="gradient-descent")
    advised = float(re.search(r"learning_rate <= ([\d.e-]+),", s.message).group(1))
    again = minimize(problem, [-1.2, 1.0], learning_rate=advised, method="gradient-descent", max_iterations=2000)
    assert again.status == "iteration_limit" and again.value < 4.2


def test_advice_for_many_variables_comes_from_the_curvature_along_the_gradient():
    n = 300
    problem = Problem(n, lambda x: (2 * x @ x, 4 * x), f_hessian_product=lambda x, v: 4 * v)
    s = minimize(problem, np.ones(n), learning_rate=1.0)
    assert "learning_rate <= 0.2," in s.message


def test_without_positive_curvature_a_tenth_is_advised():
    tent = Problem(1, lambda x: (float(-x[0]) if x[0] < 1 else np.nan, -np.ones(1)), lambda x: np.zeros((1, 1)))
    s = minimize(tent, [0.0], learning_rate=0.6)
    assert s.status == "not_finite" and "learning_rate = 0.06" in s.message and s.x[0] == 0.6


def test_a_maximization_speaks_of_the_users_values():
    s = maximize(quadratic([[-2.0]]), [1.0], learning_rate=1.5)
    assert "the value went from -1 to -1.049e+06" in s.message and "<= 0.5" in s.message


def test_jumping_to_and_fro_forever_is_a_standstill():
    s = minimize(quadratic([[2.0]]), [1.0], learning_rate=1.0)
    assert s.status == "stalled" and "to and fro" in s.message and s.iterations <= 101


def test_steps_too_small_to_change_x():
    s = minimize(BOWL, [1.0, 1.0], learning_rate=1e-20)
    assert s.status == "stalled" and "no longer change x" in s.message


@pytest.mark.parametrize("rate", [0.0, -1.0, np.inf, np.nan])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="learning_rate must be a positive number"):
        minimize(BOWL, [1.0, 1.0], learning_rate=rate)
