"""Backtracking takes sufficient decrease only, grows where it may, and reaches the last digits."""

import numpy as np
import pytest

from optimize.problems import standard
from thalweg.optimize import Problem, minimize
from thalweg.optimize.backtracking import Backtracking
from thalweg.optimize.composition import Stuck, Taken
from thalweg.optimize.gradient_descent import steepest_descent


def test_every_step_satisfies_armijos_condition():
    problem, start, _ = standard("rosenbrock")
    s = minimize(problem, start, method="gradient-descent", max_iterations=200)
    h = s.history
    g2 = np.array([problem.at(x).gradient @ problem.at(x).gradient for x in h.x])
    rate = h.step_length[1:] / np.sqrt(g2[:-1])
    assert np.all(h.value[:-1] - h.value[1:] >= 1e-4 * rate * g2[:-1] * (1 - 1e-9))


def test_the_size_grows_on_a_gentle_slope():
    slope = Problem(1, lambda x: (float(x[0]), np.ones(1)))
    rule, point, sizes = Backtracking(size=1.0), slope.at([0.0]), []
    for _ in range(4):
        taken = rule(point, steepest_descent(point), slope.at)
        assert isinstance(taken, Taken)
        point = taken.point
        sizes.append(taken.size)
    assert sizes == [1, 2, 4, 8]


def test_it_shrinks_out_of_a_region_where_the_function_is_not_finite():
    log = Problem(1, lambda x: (float(x[0] - np.log(x[0])), 1 - 1 / x))
    here = log.at([10.0])
    taken = Backtracking(size=100.0)(here, steepest_descent(here), log.at)
    assert isinstance(taken, Taken) and 0 < taken.point.x[0] < 10


def test_stuck_where_every_step_is_not_finite():
    edge = Problem(1, lambda x: (0.0 if x[0] == 0 else np.nan, np.ones(1)))
    here = edge.at([0.0])
    out = Backtracking(size=1.0)(here, steepest_descent(here), edge.at)
    assert isinstance(out, Stuck) and out.not_finite and out.at is not None


def test_stuck_at_a_kink_is_not_a_success():
    kink = Problem(1, lambda x: (float(abs(x[0]) + 1), np.where(x >= 0, 1.0, -1.0)), lambda x: np.zeros((1, 1)))
    s = minimize(kink, [0.3], method="gradient-descent")
    assert s.status == "stalled" and abs(s.x[0]) < 1e-9 and "kink" in s.message


@pytest.mark.parametrize("lift", [0.0, 1e3, 1e9])
def test_digits_are_found_although_the_value_hides_them(lift):
    H = np.diag([1.0, 3.0])
    problem = Problem(2, lambda x: (lift + 0.5 * x @ H @ x - x.sum(), H @ x - 1), lambda x: H)
    s = minimize(problem, [5.0, 5.0], method="gradient-descent", tol=1e-10)
    assert s.success
    np.testing.assert_allclose(s.x, [1, 1 / 3], rtol=1e-9)


def test_a_large_scale_ends_at_working_precision():
    rng = np.random.default_rng(0)
    A = 1e8 * rng.standard_normal((50, 3))
    exact = np.array([1 / 3, 1 / 7, np.pi])
    y = A @ exact + 1e7 * rng.standard_normal(50)
    exact = np.linalg.lstsq(A, y)[0]
    problem = Problem(3, lambda x: (float(np.sum((A @ x - y) ** 2)), 2 * A.T @ (A @ x - y)), lambda x: 2 * A.T @ A)
    s = minimize(problem, [5.0, 5.0, 5.0], method="gradient-descent")
    assert s.success and "working precision" in s.message
    np.testing.assert_allclose(s.x, exact, rtol=1e-12)
