"""Programs with functions that cannot be traced: they go on working, and the message names the line."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.interpolate import CubicSpline
from scipy.optimize import NonlinearConstraint

from thalweg.scipy import curve_fit, fsolve, least_squares, minimize, minimize_scalar, root

SPLINE = CubicSpline(np.linspace(-4, 4, 60), np.linspace(-4, 4, 60) ** 2)


def hidden(x):
    return (float(x[0]) - 1) ** 2 + (x[1] - 2) ** 2 + (x[0] * x[1]) ** 2 / 8


def hidden_gradient(x):
    return np.array([2 * (x[0] - 1) + x[0] * x[1] ** 2 / 4, 2 * (x[1] - 2) + x[0] ** 2 * x[1] / 4])


def hidden_hessian(x):
    return np.array([[2 + x[1] ** 2 / 4, x[0] * x[1] / 2], [x[0] * x[1] / 2, 2 + x[0] ** 2 / 4]])


def shown(x):
    return (x[0] - 1) ** 2 + (x[1] - 2) ** 2 + (x[0] * x[1]) ** 2 / 8


LINE = inspect.getsourcelines(hidden)[1] + 1
BEST = minimize(shown, [0.5, 0.5]).x


@pytest.mark.parametrize("method", [None, "BFGS", "L-BFGS-B", "Newton-CG", "SLSQP", "trust-constr", "Nelder-Mead"])
def test_differences_where_nothing_is_given(method):
    result = minimize(hidden, [0.5, 0.5], method=method)
    assert result.success and result.kind == "strict minimum"
    assert_allclose(result.x, BEST, atol=1e-6)
    assert "finite differences were used" in result.message and f"test_fallback.py:{LINE}" in result.message


def test_what_is_given_is_used():
    calls = []

    def gradient(x):
        calls.append(x)
        return hidden_gradient(x)

    result = minimize(hidden, [0.5, 0.5], jac=gradient, hess=hidden_hessian, method="trust-exact")
    assert calls and "the derivatives given were used" in result.message
    assert_allclose(result.x, BEST, atol=1e-10)
    product = minimize(
        hidden, [0.5, 0.5], jac=gradient, hessp=lambda x, p: hidden_hessian(x) @ p, method="trust-krylov"
    )
    assert_allclose(product.x, BEST, atol=1e-8)
    pair = minimize(lambda x: (hidden(x), hidden_gradient(x)), [0.5, 0.5], jac=True)
    assert_allclose(pair.x, BEST, atol=1e-8)


def test_evaluations_are_counted_truly():
    calls = []

    def fun(x):
        calls.append(x)
        return hidden(x)

    result = minimize(fun, [0.5, 0.5])
    assert abs(result.nfev - len(calls)) <= 3  # the first call of all finds out whether fun can be traced


def test_a_compiled_function():
    result = minimize(lambda x: SPLINE(x[0] - 1) + x[1] ** 2, [2.0, 1.0], method="BFGS")
    assert_allclose(result.x, [1.0, 0.0], atol=1e-6)
    assert result.success and "cannot be seen into" in result.message


@pytest.mark.parametrize("given", [None, lambda x: [[2 * x[0], 2 * x[1]]]])
def test_a_constraint_that_cannot_be_traced(given):
    def circle(x):
        return float(x[0]) ** 2 + x[1] ** 2

    constraint = NonlinearConstraint(circle, -np.inf, 2.0, **({} if given is None else {"jac": given}))
    result = minimize(lambda x: -x[0] - x[1], [0.1, 0.3], constraints=constraint)
    assert_allclose(result.x, [1.0, 1.0], atol=1e-6)
    assert_allclose(result.multipliers, [0.5], atol=1e-6)
    assert "circle cannot be differentiated" in result.message and "fun cannot" not in result.message


def test_an_objective_that_cannot_be_traced_under_constraints():
    constraints = [{"type": "eq", "fun": lambda x: x[0] + x[1] - 1}, {"type": "ineq", "fun": lambda x: x[0] - 0.7}]
    result = minimize(lambda x: float(x[0]) ** 2 + x[1] ** 2, [3.0, 1.0], constraints=constraints, method="SLSQP")
    assert_allclose(result.x, [0.7, 0.3], atol=1e-6)
    assert_allclose(result.multipliers, [0.6, 0.8], atol=1e-5)


def test_fixed_variables_and_bounds():
    result = minimize(hidden, [0.5, 0.5], bounds=[(0.25, 0.25), (None, 1.5)])
    assert_allclose(result.x, [0.25, 1.5], atol=1e-8)
    assert np.isnan(result.jac[0])
    assert_allclose(result.jac[1], hidden_gradient([0.25, 1.5])[1], atol=1e-6)


def test_a_saddle_is_left_without_derivatives_too():
    result = minimize(lambda x: float(x[0]) ** 2 - x[1] ** 2 + x[1] ** 4, [1.0, 0.0])
    assert_allclose(result.fun, -0.25, atol=1e-8)


def test_a_branch_that_cannot_be_traced_is_met_on_the_way():
    def fun(x):
        if x[0] < 0.5:
            return float(x[0]) ** 2 + x[1] ** 2
        return x[0] ** 2 + x[1] ** 2

    result = minimize(fun, [2.0, 1.0], method="BFGS")
    assert result.success
    assert_allclose(result.x, [0.0, 0.0], atol=1e-6)


def test_least_squares_and_curve_fit():
    t = np.linspace(0, 3, 12)
    y = 2 * np.exp(-0.7 * t)

    def model(t, a, k):
        return float(a) * np.exp(-k * t)

    popt, pcov = curve_fit(model, t, y + 0.01 * np.cos(5 * t))
    exact, covariance = curve_fit(lambda t, a, k: a * np.exp(-k * t), t, y + 0.01 * np.cos(5 * t))
    assert_allclose(popt, exact, rtol=1e-7)
    assert_allclose(pcov, covariance, rtol=1e-6)

    def jacobian(t, a, k):
        return np.stack([np.exp(-k * t), -a * t * np.exp(-k * t)], axis=1)

    given, _ = curve_fit(model, t, y + 0.01 * np.cos(5 * t), jac=jacobian)
    assert_allclose(given, exact, rtol=1e-9)
    result = least_squares(lambda p: model(t, *p) - y, [1.0, 1.0], bounds=(0, [1.5, 3]))
    assert result.active_mask.tolist() == [1, 0] and "finite differences" in result.message
    robust = least_squares(lambda p: model(t, *p) - y, [1.0, 1.0], loss="cauchy")
    assert_allclose(robust.x, [2.0, 0.7], atol=1e-5)


def test_roots():
    result = root(lambda x: [float(x[0]) ** 2 - x[1], x[1] - 3], [1.0, 1.0])
    assert_allclose(result.x, [np.sqrt(3), 3], rtol=1e-10)
    assert "finite differences" in result.message
    assert_allclose(fsolve(lambda x: [float(x[0]) - 2], [1.0], fprime=lambda x: [[1.0]]), [2.0])


def test_a_function_of_one_variable():
    result = minimize_scalar(lambda x: float(SPLINE(float(x) - 1)))
    assert_allclose(result.x, 1.0, atol=1e-6)
    assert "cannot be differentiated" in result.message and result.success
