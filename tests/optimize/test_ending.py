"""Every status is reached by a real case, with a sentence that says what to try."""

import time

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import quadratic, rosenbrock
from thalweg.optimize import Problem, Status, maximize, minimize

METHODS = ["newton", "gradient-descent"]


def of_one_variable(f, df, d2f=lambda x: 0.0, **extra):
    return Problem(1, lambda x: (float(f(x[0])), np.array([df(x[0])])), lambda x: np.array([[d2f(x[0])]]), **extra)


LOG_WELL = of_one_variable(lambda x: x - np.log(x), lambda x: 1 - 1 / x, lambda x: 1 / x**2)


@pytest.mark.parametrize("method", METHODS)
def test_converged(method):
    s = minimize(quadratic(np.diag([1.0, 2.0]), [1.0, 1.0]), [3.0, 3.0], method=method)
    assert s.status is Status.CONVERGED and s.success and s.gradient_norm <= 1e-8
    assert "within tol=1e-08" in s.message


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", [1e3, 0.0, -5.0])
def test_unbounded(method, start):
    for problem in (
        of_one_variable(lambda x: x, lambda x: 1.0),
        of_one_variable(
            lambda x: x**3, lambda x: 3 * x**2, lambda x: 6 * x, f_line=lambda x, v, k: cubic_line(x[0], v[0], k)
        ),
        of_one_variable(lambda x: -np.exp(x), lambda x: -np.exp(x), lambda x: -np.exp(x)),
    ):
        s = minimize(problem, [start / 100], method=method)
        assert s.status == "unbounded" and not s.success, s
        assert "unbounded below" in s.message


def cubic_line(x, v, order):
    return np.array([x**3, 3 * x**2 * v, 3 * x * v**2, v**3] + [0.0] * 8)[: order + 1]


def test_unbounded_although_the_gradient_goes_to_zero():
    s = minimize(of_one_variable(lambda x: -np.log(x), lambda x: -1 / x, lambda x: 1 / x**2), [1.0])
    assert s.status == "unbounded"


@pytest.mark.parametrize("method", ["newton", "bfgs", "l-bfgs"])
def test_what_flattens_out_at_infinity_is_not_unbounded(method):
    for f in (lambda x: 1 / np.log(x[0] + 2), lambda x: 5 + (1 / np.log(x[0] + 2)) ** 2):
        s = minimize(f, [1.0], method=method, tol=1e-40)
        assert s.status == "stalled" and "flattens out" in s.message and "lowest" in s.message, s
    s = maximize(lambda x: -1 / np.log(x[0] + 2), [1.0], method=method, tol=1e-40)
    assert s.status == "stalled" and "highest" in s.message, s


@pytest.mark.parametrize("method", ["newton", "bfgs"])
def test_what_falls_slower_and_slower_but_for_ever_is_unbounded(method):
    for f in (lambda x: -np.log(x[0]), lambda x: -np.log(np.log(x[0] + 3)), lambda x: -np.sqrt(np.log(x[0] + 1))):
        s = minimize(f, [1.0], method=method, tol=1e-40)
        assert s.status == "unbounded", s


def test_one_variable_runs_away_and_the_other_has_its_place():
    s = minimize(lambda x: np.log(x[0] + 2) ** -2 + (x[1] - 3) ** 2, [1.0, 1.0], tol=1e-40)
    assert s.status == "stalled" and "flattens out" in s.message, s


def test_a_sum_of_squares_is_never_unbounded():
    # it falls so slowly that its falls do not show a limit
    s = minimize(lambda x: (np.log(np.log(x[0] + 9)) ** -0.25) ** 2 + x[1] ** 2, [1.0, 1.0], tol=1e-40)
    assert s.status == "stalled" and "flattens out" in s.message, s


def test_unbounded_above():
    s = maximize(quadratic([[1.0]]), [1.0])
    assert s.status == "unbounded" and "above" in s.message and s.value > 1e20


def test_minus_infinity_at_a_point():
    s = minimize(of_one_variable(lambda x: np.log(abs(x)), lambda x: 1 / x), [1.0], learning_rate=1.0)
    assert s.status == "unbounded" and s.value == -np.inf


@pytest.mark.parametrize("method", METHODS)
def test_not_finite_at_the_start(method):
    s = minimize(LOG_WELL, [-1.0], method=method)
    assert s.status == "not_finite" and np.isnan(s.value) and s.iterations == 0
    assert "start inside its domain" in s.message and s.x[0] == -1.0


def test_not_finite_later_with_the_reason_from_the_problem():
    cliff = of_one_variable(
        lambda x: x if x > 0.5 else np.nan, lambda x: 1.0, explain=lambda x: f"model.py:7 is NaN at {x[0]:.1f}."
    )
    s = minimize(cliff, [1.0], learning_rate=0.25)
    assert s.status == "not_finite" and s.x[0] == 0.75 and "model.py:7 is NaN at 0.5." in s.message
    wall = of_one_variable(lambda x: x if x >= 1 else np.nan, lambda x: 1.0, lambda x: 1.0)
    for method in METHODS:
        s = minimize(wall, [1.0], method=method)
        assert s.status == "not_finite" and s.x[0] == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_iteration_limit(method):
    s = minimize(polynomial_problem(rosenbrock, 2), [-1.2, 1.0], method=method, max_iterations=5)
    assert s.status == "iteration_limit" and s.iterations == 5 and "Raise max_iterations" in s.message
    assert s.kind == "not stationary" and s.value < 24.2
    s = minimize(polynomial_problem(rosenbrock, 2), [-1.2, 1.0], method=method, max_iterations=0)
    assert s.iterations == 0 and s.status == "iteration_limit"
    s = minimize(quadratic(np.eye(2)), [0.0, 0.0], method=method, max_iterations=0)
    assert s.success


def test_iteration_limit_with_a_fixed_rate_names_the_rate():
    s = minimize(quadratic(np.eye(2)), [1.0, 1.0], learning_rate=1e-3, max_iterations=3)
    assert "learning_rate" in s.message


@pytest.mark.parametrize("method", METHODS)
def test_time_limit(method):
    exact, calls = polynomial_problem(rosenbrock, 2), []

    def slow(x):
        calls.append(None)
        time.sleep(0.04)
        return exact.f_and_gradient(x)

    s = minimize(Problem(2, slow, exact.f_hessian), [-1.2, 1.0], method=method, time_limit=0.3)
    assert s.status == "time_limit" and len(calls) < 25
    assert "within 0.3 s" in s.message and s.value < 24.2


def test_stalled_at_a_kink():
    kink = of_one_variable(lambda x: abs(x) + 1, lambda x: 1.0 if x >= 0 else -1.0)
    for method in METHODS:
        s = minimize(kink, [0.3], method=method)
        assert s.status == "stalled" and abs(s.x[0]) < 1e-9 and "kink" in s.message


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("when", [1, 2, 5])
def test_ctrl_c_in_the_users_function_keeps_the_best_so_far(method, when):
    exact, calls = polynomial_problem(rosenbrock, 2), []

    def interrupted(x):
        calls.append(x)
        if len(calls) == when:
            raise KeyboardInterrupt
        return exact.f_and_gradient(x)

    s = minimize(Problem(2, interrupted, exact.f_hessian), [-1.2, 1.0], method=method)
    assert s.status is Status.INTERRUPTED and not s.success
    if when > 1:
        assert s.value == min(exact.at(x).value for x in calls[:-1])
        assert exact.at(s.x).value == s.value
    else:
        np.testing.assert_array_equal(s.x, [-1.2, 1.0])
    assert str(s).startswith("NOT CONVERGED: interrupted")


def test_an_error_of_the_users_function_carries_the_best_so_far():
    exact, calls = polynomial_problem(rosenbrock, 2), []

    def broken(x):
        calls.append(x)
        if len(calls) == 4:
            raise ZeroDivisionError("in the model")
        return exact.f_and_gradient(x)

    with pytest.raises(ZeroDivisionError, match="in the model") as caught:
        minimize(Problem(2, broken, exact.f_hessian), [-1.2, 1.0])
    best = caught.value.best_so_far
    assert best.status == "interrupted" and best.value == min(exact.at(x).value for x in calls[:3])
    assert any("best_so_far" in note for note in caught.value.__notes__)


def test_an_error_at_the_very_start_has_nothing_to_carry():
    def broken(x):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        minimize(Problem(1, broken), [1.0])
    assert not hasattr(caught.value, "best_so_far")


def test_an_error_of_the_second_derivative_at_the_end_is_survived():
    def f_hessian(x):
        raise ArithmeticError

    s = minimize(Problem(1, lambda x: (float(x @ x), 2 * x), f_hessian), [1.0], learning_rate=0.1, max_iterations=3)
    assert s.status == "iteration_limit" and "not looked at" in s.classification.why


ENDLESS = {
    "a linear program": (lambda x: x[0] - x[1], lambda x: x[0] + x[1] >= 1, [0.0, 0.0], [-1.0, 1.0]),
    "a saddle along a line": (lambda x: -(x @ x), lambda x: x[0] == x[1], [1.0, 1.0], [1.0, 1.0]),
    "a cubic along a line": (lambda x: x[0] ** 3, lambda x: x[0] + x[1] == 0, [1.0, 1.0], [-1.0, 1.0]),
}


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("method", ["auto", "interior-point", "sqp", "augmented-lagrangian"])
def test_the_ray_is_one_direction_whatever_the_method(name, method):
    f, subject_to, start, ray = ENDLESS[name]
    s = minimize(f, start, subject_to=subject_to, method=method)
    assert s.status == "unbounded"
    np.testing.assert_allclose(s.ray, ray, atol=1e-5)


@pytest.mark.parametrize("method", ["newton", "newton-cg", "bfgs", "l-bfgs", "gradient-descent", "nesterov"])
def test_the_ray_of_a_free_problem(method):
    s = minimize(lambda x: x[0] ** 3 + x[1] ** 2, [1.0, 1.0], method=method)
    assert s.status == "unbounded"
    np.testing.assert_allclose(s.ray, [-1.0, 0.0], atol=1e-5)


@pytest.mark.parametrize("method", ["sqp", "augmented-lagrangian"])
def test_a_pole_near_the_start_is_no_ray(method):
    s = minimize(lambda x: -1 / x[0] ** 2 + x[1] ** 2, [1.0, 1.0], subject_to=lambda x: x[0] + x[1] <= 5, method=method)
    assert s.status == "unbounded" and s.ray is None


@pytest.mark.parametrize("method", ["auto", "interior-point", "sqp", "augmented-lagrangian"])
def test_what_only_approaches_its_lowest_value_is_not_taken_for_quadratic(method):
    s = minimize(lambda x: np.exp(-x[0]) + x[1] ** 2, [1.0, 1.0], subject_to=lambda x: x[0] >= x[1], method=method)
    assert s.kind == "degenerate" and "quadratic" not in s.classification.why
    s = minimize(lambda x: (x[0] - 2 * x[1]) ** 2, [40.0, 1.0], subject_to=lambda x: x[0] >= x[1] - 50, method=method)
    assert s.kind == "minimum"
