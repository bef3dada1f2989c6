"""Newton: one step on a quadratic, quadratic convergence, and no dependence on units."""

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import quadratic, rosenbrock, standard
from thalweg.optimize import Problem, minimize
from thalweg.optimize.composition import NoDirection
from thalweg.optimize.newton import newton


@pytest.mark.parametrize("condition", [1e0, 1e3, 1e8])
def test_a_quadratic_takes_one_step_and_one_to_make_sure(condition):
    rng = np.random.default_rng(1)
    Q = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    H = Q @ np.diag(np.geomspace(1, condition, 6)) @ Q.T
    exact = rng.standard_normal(6)
    s = minimize(quadratic(H, H @ exact), np.zeros(6), method="newton")
    assert s.success and s.iterations <= (2 if condition < 1e6 else 3) and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, exact, rtol=1e-15 * condition + 1e-12)


def test_convergence_is_quadratic():
    def f(x):
        return np.array([np.exp(x[0]) - 1 + x[1], np.exp(x[1]) - 1 + x[0]])

    problem = Problem(
        2,
        lambda x: (np.exp(x).sum() - x.sum() + x[0] * x[1], f(x)),
        lambda x: np.diag(np.exp(x)) + np.array([[0.0, 1], [1, 0]]),
    )
    strong = Problem(
        2,
        lambda x: (problem.at(x).value + x @ x, problem.at(x).gradient + 2 * x),
        lambda x: problem.hessian(x) + 2 * np.eye(2),
    )
    s = minimize(strong, [1.0, 2.0], method="newton")
    error = np.linalg.norm(s.history.x, axis=1)
    error = error[(error > 1e-12) & (error < 0.5)]
    order = np.log(error[2:] / error[1:-1]) / np.log(error[1:-1] / error[:-2])
    assert len(order) >= 1 and np.all(order > 1.8)


def test_the_run_does_not_depend_on_the_units_of_the_variables():
    units = 2.0 ** np.array([-17, 13])
    valley = polynomial_problem(rosenbrock, 2)
    other_units = Problem(
        2,
        lambda x: (valley.at(x * units).value, valley.at(x * units).gradient * units),
        lambda x: valley.hessian(x * units) * np.outer(units, units),
    )
    plain = minimize(valley, [-1.2, 1.0], method="newton")
    scaled = minimize(other_units, [-1.2, 1.0] / units, method="newton")
    assert scaled.iterations == plain.iterations
    np.testing.assert_allclose(scaled.history.x * units, plain.history.x, rtol=1e-9, atol=1e-9)


def test_the_run_does_not_depend_on_the_order_of_the_variables():
    problem, start, _ = standard("wood")
    from optimize.problems import wood

    order = [2, 0, 3, 1]
    place = np.argsort(order)
    shuffled = polynomial_problem(lambda x: wood([x[i] for i in place]), 4)
    a, b = minimize(problem, start), minimize(shuffled, start[order])
    np.testing.assert_allclose(b.x, a.x[order], atol=1e-7)
    assert a.kind == b.kind == "strict minimum"


def test_the_path_shortens_with_the_radius_and_ends_in_newtons_step():
    point = polynomial_problem(rosenbrock, 2).at([-1.2, 1.0])
    path = newton(point)
    np.testing.assert_allclose(path(np.inf).step, -np.linalg.solve(point.hessian, point.gradient))
    assert path(path.natural * 1.001).kind == "Newton"
    small = path(1e-3 * path.natural)
    assert small.kind == "trust region" and path.measure(small.step) == pytest.approx(1e-3 * path.natural)
    assert 0 < small.predicted < path(np.inf).predicted


def test_a_hessian_that_is_not_finite_gives_no_direction():
    with pytest.raises(NoDirection):
        newton(Problem(1, lambda x: (0.0, x), lambda x: np.full((1, 1), np.nan)).at([1.0]))
    s = minimize(Problem(1, lambda x: (float(x[0]), np.ones(1)), lambda x: np.full((1, 1), np.inf)), [1.0])
    assert s.status == "not_finite" and "Hessian is not finite" in s.message
