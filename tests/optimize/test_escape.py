"""Leaving points that are no minimum, without a seed."""

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import mountain_pass
from thalweg.optimize import Problem, maximize, minimize
from thalweg.optimize.composition import Stuck, Taken
from thalweg.optimize.degenerate import Way
from thalweg.optimize.escape import escape

PASS = polynomial_problem(mountain_pass, 2)


@pytest.mark.parametrize("method", ["newton", "gradient-descent"])
@pytest.mark.parametrize("start", [[1.0, 0.0], [0.0, 0.0], [-3.0, 0.0]])
def test_the_mountain_pass_does_not_hold_a_run(method, start):
    s = minimize(PASS, start, method=method)
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(np.abs(s.x), [0, np.sqrt(0.5)], atol=1e-7)
    again = minimize(PASS, start, method=method)
    np.testing.assert_array_equal(s.x, again.x)


def test_a_saddle_in_many_variables_is_found_by_lanczos_and_left():
    n = 300
    d = np.linspace(1, 3, n)
    d[0] = -1

    def f_and_gradient(x):
        return 0.5 * (d * x) @ x + x[0] ** 4, d * x + np.r_[4 * x[0] ** 3, np.zeros(n - 1)]

    problem = Problem(
        n, f_and_gradient, f_hessian_product=lambda x, v: d * v + np.r_[12 * x[0] ** 2 * v[0], np.zeros(n - 1)]
    )
    start = np.ones(n)
    start[0] = 0
    s = minimize(problem, start)
    assert s.success and s.kind == "strict minimum" and s.value == pytest.approx(-1 / 16)
    assert "saddle" in s.notes[0]


def test_the_state_and_the_notes_tell():
    states = []
    s = minimize(PASS, [0.0, 0.0], callback=states.append)
    assert states[1].direction == "negative curvature"
    assert states[1].message == "left a saddle along negative curvature"
    assert s.notes == ("iteration 1 left a saddle along negative curvature",)


@pytest.mark.parametrize("method", ["newton", "gradient-descent"])
def test_without_leave_to_escape_a_saddle_is_no_success(method):
    s = minimize(PASS, [0.0, 0.0], method=method, escape_saddles=False)
    assert s.status == "stalled" and not s.success and s.kind == "saddle"
    assert "no minimum" in s.message


@pytest.mark.parametrize(
    ("f", "start", "lowest"),
    [
        (lambda x: x[0] ** 3 + x[0] ** 4, [0.0], -27 / 256),
        (lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2 + x[0] ** 4 + x[1] ** 4, [0.0, 0.0], None),
        (lambda x: (x[1] - x[0] ** 2) * (x[1] - 3 * x[0] ** 2) + x[0] ** 6, [0.0, 0.0], -4 / 27),
        (lambda x: x[0] ** 6 - x[0] ** 4, [0.0], -4 / 27),
        (lambda x: 3 * x[0] ** 2 + x[1] ** 4 - 5 * x[1] ** 2, [0.0, 0.0], -25 / 4),
    ],
)
def test_degenerate_points_are_left_too(f, start, lowest):
    s = minimize(polynomial_problem(f, len(start)), start)
    assert s.success and s.kind == "strict minimum" and s.value < 0
    if lowest is not None:
        assert s.value == pytest.approx(lowest, rel=1e-9)


def test_a_maximum_is_left_when_minimizing_and_a_minimum_when_maximizing():
    hill = polynomial_problem(lambda x: x[0] ** 4 - 2 * x[0] ** 2, 1)
    s = minimize(hill, [0.0])
    assert s.kind == "strict minimum" and s.value == pytest.approx(-1)
    dip = polynomial_problem(lambda x: 2 * x[0] ** 2 - x[0] ** 4, 1)
    s = maximize(dip, [0.0])
    assert s.kind == "maximum" and s.value == pytest.approx(1) and "positive curvature" in s.notes[0]


def test_a_run_that_comes_to_an_inflection_goes_on_beyond_it():
    f = polynomial_problem(lambda x: x[0] ** 3 + 0.1 * x[0] ** 4, 1)
    s = minimize(f, [1.0])
    assert s.success and s.x[0] == pytest.approx(-7.5)


def test_both_sides_are_tried_and_the_lower_taken():
    tilted = polynomial_problem(lambda x: -(x[0] ** 2) + 0.1 * x[0] ** 3, 1)
    taken = escape(tilted.at([0.0]), Way(np.ones(1), -1.0, 2), tilted.at)
    assert isinstance(taken, Taken) and taken.point.x[0] < 0


def test_an_escape_into_nan_is_stuck():
    wall = Problem(1, lambda x: (0.0 if x[0] == 0 else np.nan, 0 * x))
    out = escape(wall.at([0.0]), Way(np.ones(1), -1.0, 2), wall.at)
    assert isinstance(out, Stuck) and out.not_finite


def test_an_edge_that_falls_without_end_is_taken():
    cliff = Problem(1, lambda x: (0.0 if x[0] == 0 else -np.inf, 0 * x))
    out = escape(cliff.at([0.0]), Way(np.ones(1), -1.0, 2), cliff.at)
    assert isinstance(out, Taken) and out.point.value == -np.inf
