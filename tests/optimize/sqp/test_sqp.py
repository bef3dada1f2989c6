"""Sequential quadratic programming: convergence, hard cases, and the published collection."""

import itertools
import time

import numpy as np
import pytest

from optimize.hard_problems import INFEASIBLE, SOLVABLE, UNBOUNDED, Case, run
from thalweg.optimize.build import build
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import OutOfTime, Run
from thalweg.optimize.problem import Problem
from thalweg.optimize.saved import pack, restored
from thalweg.optimize.sqp import SQP


def kkt_by_hand(at, case):
    """‖∇L‖∞ by central differences of L(x) = f + yᵀc + zᵀx."""
    problem = build(case.f, np.array(case.x0), subject_to=case.subject_to, bounds=case.bounds).problem
    x, h = at.point.x, 1e-6

    def lagrangian(x):
        point = problem.at(x)
        return point.value + (float(at.y @ point.c) if problem.m else 0.0) + float(at.z @ x)

    slopes = [(lagrangian(x + h * e) - lagrangian(x - h * e)) / (2 * h) for e in np.eye(x.size)]
    return float(np.abs(slopes).max())


@pytest.mark.parametrize("name", SOLVABLE)
def test_hard_cases_are_solved(name):
    case = SOLVABLE[name]
    at, stuck, path = run(SQP, case)
    assert stuck is None and at.residual <= 1e-8
    assert at.point.value == pytest.approx(case.value, abs=1e-7)
    assert at.point.violation <= 1e-8
    assert len(path) < 40
    scale = max(1.0, float(np.abs(at.point.gradient).max()))
    if name != "units of 1e8 and 1e-8":  # differences say nothing there
        assert kkt_by_hand(at, case) < 1e-5 * scale


@pytest.mark.parametrize("name", INFEASIBLE)
def test_contradictions_end_as_infeasible_at_least_violation(name):
    at, stuck, _ = run(SQP, INFEASIBLE[name])
    assert stuck is not None and stuck.status == "infeasible"
    least = {"two values": 1.0, "line off the box": 2.0, "negative square": 1.0}[name]
    assert np.maximum(np.abs(at.point.c), 0).sum() == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("name", UNBOUNDED)
def test_a_value_that_falls_for_ever_ends_as_unbounded(name):
    _, stuck, path = run(SQP, UNBOUNDED[name])
    assert stuck is not None and stuck.status == "unbounded"
    assert len(path) < 60


def test_a_convex_quadratic_program_takes_one_step():
    rng = np.random.default_rng(0)
    B = rng.standard_normal((4, 4))
    H = B.T @ B + np.eye(4)
    case = Case(
        lambda x: 0.5 * x @ H @ x - np.sum(x),
        (0.3, 0.2, 0.1, 0.0),
        np.nan,
        {"eq": lambda x: [x[0] + x[1] + x[2] + x[3] - 1], "ineq": lambda x: [x[0] - 0.4, 0.35 - x[1]]},
        (np.zeros(4), np.ones(4)),
    )
    at, stuck, path = run(SQP, case, tol=1e-12)
    assert stuck is None and len(path) == 2
    assert at.kind == "Newton"


def test_convergence_is_quadratic():
    """The error of each iterate is of the order of the square of the one before, once it is small."""
    case = SOLVABLE["Hock and Schittkowski 71"]
    solution = run(SQP, case, tol=1e-13)[0].point.x
    errors = [float(np.abs(at.point.x - solution).max()) for at in run(SQP, case, tol=1e-12)[2]]
    small = [(a, b) for a, b in itertools.pairwise(errors) if 1e-7 < a < 0.1 and b > 1e-14]
    assert len(small) >= 1
    for a, b in small:
        assert b < 10 * a**2


def test_the_multipliers_have_the_signs_of_the_sides():
    case = Case(
        lambda x: (x[0] - 3) ** 2 + (x[1] + 3) ** 2 + (x[2] - 1) ** 2,
        (0.5, 0.5, 0.5),
        np.nan,
        lambda x: [x[0] + x[2] <= 1.5, x[1] >= -1],
        (np.array([-np.inf, -np.inf, 0.0]), np.array([np.inf, np.inf, 0.25])),
    )
    at, _, _ = run(SQP, case)
    # ∇f = (−3, 4, −2) at (1.5, −1, 0): the row's upper side takes 3, and the lower bounds −4 and 2 − 3.
    np.testing.assert_allclose(at.point.x, [1.5, -1.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(at.y, [3.0], atol=1e-9)
    np.testing.assert_allclose(at.z, [0.0, -4.0, -1.0], atol=1e-9)


def test_not_a_number_at_a_trial_point_shortens_the_step():
    case = Case(lambda x: x[0] - 3 * np.log(x[0]) + (x[1] - 1) ** 2, (40.0, 5.0), 3 - 3 * np.log(3))
    at, stuck, _ = run(SQP, case)
    assert stuck is None and at.point.value == pytest.approx(case.value)


def test_no_step_where_the_function_is_finite_nowhere_near():
    problem = Problem(1, lambda x: (np.nan, np.array([np.nan])), lambda x: np.eye(1))
    loop, engine = Run(problem), SQP(problem)
    at = engine.begin(np.array([1.0]), loop)
    stuck = engine.advance(at, loop)
    assert isinstance(stuck, Stuck) and stuck.not_finite and at.residual == np.inf


def test_a_derivative_that_is_missing_on_the_bound_moves_the_start_inside():
    case = Case(lambda x: (np.sqrt(x[0]) - 1) ** 2, (0.0,), 0.0, None, (np.zeros(1), np.full(1, 9.0)))
    at, stuck, path = run(SQP, case)
    assert path[0].point.x[0] > 0
    assert stuck is None and at.point.x[0] == pytest.approx(1.0)


def test_the_run_does_not_depend_on_the_order_of_variables_and_rows():
    case = SOLVABLE["Hock and Schittkowski 71"]
    turned = Case(
        lambda x: case.f(x[::-1]),
        case.x0[::-1],
        case.value,
        {key: (lambda g: lambda x: g(x[::-1]))(g) for key, g in case.subject_to.items()},
        case.bounds,
    )
    one, two = run(SQP, case)[0], run(SQP, turned)[0]
    np.testing.assert_allclose(one.point.x, two.point.x[::-1], atol=1e-9)


def test_an_engine_can_begin_anew_and_lose_its_caches():
    case = SOLVABLE["Hock and Schittkowski 71"]
    problem = build(case.f, np.array(case.x0), subject_to=case.subject_to, bounds=case.bounds).problem
    loop, engine = Run(problem), SQP(problem)
    values = []
    for _ in range(2):
        at = engine.begin(np.array(case.x0), loop)
        while at.residual > 1e-8:
            engine._cached_system = None
            at = engine.advance(at, loop)
        values.append(at.point.x)
    np.testing.assert_array_equal(*values)
    assert engine.worth_polishing(at, loop) is False


def test_the_time_limit_is_kept():
    case = SOLVABLE["Hock and Schittkowski 71"]
    problem = build(case.f, np.array(case.x0), subject_to=case.subject_to, bounds=case.bounds).problem
    with pytest.raises(OutOfTime):
        SQP(problem).begin(np.array(case.x0), Run(problem, deadline=time.perf_counter() - 1))


def test_a_stationary_point_of_the_violation_that_is_no_minimum_of_it_is_left():
    """At x = 0 the slope of c = 1 − x₀² + x₁² ≤ 0 vanishes, but c falls along x₀."""
    case = Case(lambda x: x[0] ** 2 + x[1] ** 2, (0.0, 0.0), 1.0, {"ineq": lambda x: [x[0] ** 2 - x[1] ** 2 - 1]})
    at, stuck, _ = run(SQP, case)
    assert stuck is None and at.point.value == pytest.approx(1.0)


def test_where_no_multipliers_exist_the_run_says_so():
    """Hock and Schittkowski 13: at the solution (1, 0) the gradients of the row and of the bound are opposite."""
    case = Case(
        lambda x: (x[0] - 2) ** 2 + x[1] ** 2,
        (0.0, 0.0),
        1.0,
        {"ineq": lambda x: [(1 - x[0]) ** 3 - x[1]]},
        (np.zeros(2), np.full(2, np.inf)),
    )
    at, stuck, path = run(SQP, case)
    assert stuck is not None and "grow without bound" in stuck.reason
    assert at.point.value == pytest.approx(1.0, abs=1e-3) and at.residual > 1e-8
    assert len(path) < 100


def test_what_it_remembers_can_be_saved_and_resumed():
    case = SOLVABLE["Hock and Schittkowski 71"]
    problem = build(case.f, np.array(case.x0), subject_to=case.subject_to, bounds=case.bounds).problem
    loop, engine = Run(problem), SQP(problem)
    at = engine.begin(np.array(case.x0), loop)
    for _ in range(2):
        at = engine.advance(at, loop)
    kept = pack({"engine": engine, "at": at})
    again = restored(kept, problem, {"engine": SQP(problem)})
    np.testing.assert_array_equal(again["engine"].advance(again["at"], loop).point.x, engine.advance(at, loop).point.x)
