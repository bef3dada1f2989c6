"""Every accepted step satisfies the strong Wolfe conditions, recomputed here."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimize.problems import STANDARD, standard
from optimize.walks import rosenbrock, walk
from thalweg.optimize import Problem
from thalweg.optimize.bfgs import BFGS
from thalweg.optimize.composition import Stuck, Taken
from thalweg.optimize.gradient_descent import steepest_descent
from thalweg.optimize.ray import Ray
from thalweg.optimize.wolfe import Wolfe


def along(f, df):
    problem = Problem(1, lambda x: (float(f(x[0])), np.array([df(x[0])])))
    return problem, problem.at([0.0])


@pytest.mark.parametrize("name", sorted(set(STANDARD) - {"mountain-pass-top", "rosenbrock-10"}))
@pytest.mark.parametrize("curvature", [0.9, 0.1, 1e-3])
def test_the_conditions_hold_at_every_step(name, curvature):
    problem, start, _ = standard(name)
    path, _ = walk(problem, start, BFGS, lambda: Wolfe(curvature=curvature), tol=1e-5, limit=300)
    for before, after in itertools.pairwise(path):
        a, b, s = before.point, after.point, after.step
        slope, slope_after = a.gradient @ s, b.gradient @ s
        assert b.value <= a.value + 1e-4 * slope + 1e-11 * abs(a.value)
        assert abs(slope_after) <= curvature * abs(slope) * (1 + 1e-12)


# The test functions of Moré and Thuente (1994), §5, with their c₁ and c₂, from starts over six decades.
def _f1(t, b=2.0):
    return -t / (t * t + b), (t * t - b) / (t * t + b) ** 2


def _f2(t, b=0.004):
    return (t + b) ** 5 - 2 * (t + b) ** 4, 5 * (t + b) ** 4 - 8 * (t + b) ** 3


def _f3(t, b=0.01, w=39):
    inner = 1 - t if t <= 1 - b else t - 1 if t >= 1 + b else (t - 1) ** 2 / (2 * b) + b / 2
    d = -1.0 if t <= 1 - b else 1.0 if t >= 1 + b else (t - 1) / b
    k = w * np.pi / 2
    return inner + 2 * (1 - b) / (w * np.pi) * np.sin(k * t), d + (1 - b) * np.cos(k * t)


def _f4(t, b1, b2):
    g1, g2 = np.sqrt(1 + b1 * b1) - b1, np.sqrt(1 + b2 * b2) - b2
    r1, r2 = np.sqrt((1 - t) ** 2 + b2 * b2), np.sqrt(t * t + b1 * b1)
    return g1 * r1 + g2 * r2, -g1 * (1 - t) / r1 + g2 * t / r2


MORE_THUENTE = {
    "1": (_f1, 1e-3, 0.1),
    "2": (_f2, 0.1, 0.1),
    "3": (_f3, 0.1, 0.1),
    "4": (lambda t: _f4(t, 1e-3, 1e-3), 1e-3, 1e-3),
    "5": (lambda t: _f4(t, 0.01, 1e-3), 1e-3, 1e-3),
    "6": (lambda t: _f4(t, 1e-3, 0.01), 1e-3, 1e-3),
}


@pytest.mark.parametrize("name", MORE_THUENTE)
@pytest.mark.parametrize("first", [1e-3, 1e-1, 1e1, 1e3])
def test_more_and_thuentes_functions(name, first):
    phi, c1, c2 = MORE_THUENTE[name]
    problem = Problem(1, lambda x: (float(phi(x[0])[0]), np.array([phi(x[0])[1]])))
    here = problem.at([0.0])
    ray = Ray(here, np.ones(1), float(here.gradient[0]), first, "test")
    taken = Wolfe(sufficient=c1, curvature=c2)(here, ray, problem.at)
    assert isinstance(taken, Taken)
    value, slope = phi(taken.size)
    slope0 = phi(0.0)[1]
    assert value <= phi(0.0)[0] + c1 * taken.size * slope0 + 1e-11 and abs(slope) <= c2 * abs(slope0)
    assert problem.count.gradient <= 20


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(-6, 6))
def test_random_polynomials_from_any_first_size(seed, decade):
    rng = np.random.default_rng(seed)
    roots = rng.uniform(-2, 6, 5)
    phi = np.polynomial.Polynomial.fromroots(roots).integ() + np.polynomial.Polynomial([0, 0, 0, 0, 0, 0, 0, 0, 1e-3])
    if phi.deriv()(0.0) > 0:
        phi = phi(np.polynomial.Polynomial([0, -1]))
    slope0 = phi.deriv()(0.0)
    if abs(slope0) < 1e-3:
        return
    problem, here = along(phi, phi.deriv())
    taken = Wolfe(curvature=0.5)(here, Ray(here, np.ones(1), float(slope0), 10.0**decade, ""), problem.at)
    assert isinstance(taken, Taken)
    t = taken.size
    assert phi(t) <= phi(0.0) + 1e-4 * t * slope0 + 1e-10 * abs(phi(0.0))
    assert abs(phi.deriv()(t)) <= 0.5 * abs(slope0)


def test_beyond_the_domain_the_step_is_drawn_back():
    barrier = Problem(1, lambda x: (float(-np.log(2 - x[0]) - 50 * x[0]), 1 / (2 - x) - 50))
    here = barrier.at([0.0])
    taken = Wolfe()(here, Ray(here, np.ones(1), float(here.gradient[0]), 100.0, ""), barrier.at)
    assert isinstance(taken, Taken) and 0 < taken.size < 2
    assert abs(taken.point.gradient[0]) <= 0.9 * 49.5


def test_everything_beyond_the_start_is_not_finite():
    edge = Problem(1, lambda x: (0.0 if x[0] == 0 else np.nan, np.ones(1)))
    here = edge.at([0.0])
    out = Wolfe()(here, steepest_descent(here), edge.at)
    assert isinstance(out, Stuck) and out.not_finite and out.at is not None


def test_a_direction_that_rises_is_refused():
    bowl = Problem(1, lambda x: (float(x @ x), 2 * x))
    here = bowl.at([1.0])
    out = Wolfe()(here, Ray(here, np.ones(1), 2.0, 1.0, ""), bowl.at)
    assert isinstance(out, Stuck) and "does not fall" in out.reason


def test_a_gradient_that_lies_is_found_out():
    liar = Problem(1, lambda x: (float(x @ x), -2 * x))
    here = liar.at([1.0])
    out = Wolfe()(here, Ray(here, np.ones(1), -2.0, 1.0, ""), liar.at)
    assert isinstance(out, Stuck) and "lowers the value" in out.reason


def test_minus_infinity_is_taken():
    pit = Problem(1, lambda x: (-np.inf if x[0] > 3 else float(-x[0]), -np.ones(1)))
    here = pit.at([0.0])
    taken = Wolfe()(here, steepest_descent(here), pit.at)
    assert isinstance(taken, Taken) and taken.point.value == -np.inf


def test_on_a_line_without_end_the_search_ends():
    slope = Problem(1, lambda x: (float(x[0]), np.ones(1)))
    here = slope.at([0.0])
    taken = Wolfe(max_trials=20)(here, steepest_descent(here), slope.at)
    assert isinstance(taken, Taken) and taken.point.x[0] < -1e6 and slope.count.gradient == 21


@pytest.mark.parametrize("lift", [0.0, 1e4, 1e8])
def test_all_digits_of_x_although_values_drown(lift):
    H = np.diag([1.0, 3.0, 100.0])
    problem = Problem(3, lambda x: (lift + 0.5 * x @ H @ x - x.sum(), H @ x - 1))
    path, stuck = walk(problem, [5.0, 5.0, 5.0], BFGS, Wolfe, tol=1e-11, limit=200)
    assert stuck is None and path[-1].residual <= 1e-11
    np.testing.assert_allclose(path[-1].point.x, [1, 1 / 3, 0.01], rtol=1e-10)


def test_the_first_trial_is_mostly_taken():
    problem, start = rosenbrock(10)
    path, _ = walk(problem, start, BFGS, Wolfe)
    assert path[-1].residual <= 1e-8 and problem.count.gradient <= 1.4 * len(path)
