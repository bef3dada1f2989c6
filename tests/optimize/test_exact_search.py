"""An exact search goes to the minimum along the ray; with it the textbook's theorems hold."""

import itertools

import numpy as np
import pytest

from optimize.problems import quadratic
from optimize.walks import spread, walk
from thalweg.optimize import Problem
from thalweg.optimize.composition import Stuck, Taken
from thalweg.optimize.exact_search import ExactSearch
from thalweg.optimize.gradient_descent import steepest_descent
from thalweg.optimize.ray import Ray


def test_one_evaluation_on_a_quadratic_and_gradients_at_right_angles():
    problem, _ = spread(50.0, 6)
    path, _ = walk(problem, np.zeros(6), lambda: steepest_descent, ExactSearch, limit=20)
    assert problem.count.gradient == len(path)
    for a, b in itertools.pairwise(path):
        g, h = a.point.gradient, b.point.gradient
        assert abs(g @ h) <= 1e-9 * (g @ g)


@pytest.mark.parametrize("condition", [2.0, 10.0, 100.0])
def test_steepest_descent_zigzags_at_the_rate_of_the_theory(condition):
    # From (κ, 1) on ½(x² + κ y²) the error shrinks by exactly (κ − 1)/(κ + 1) at every step: the worst case.
    problem = quadratic(np.diag([1.0, condition]))
    path, _ = walk(problem, [condition, 1.0], lambda: steepest_descent, ExactSearch, limit=30)
    length = np.array([np.linalg.norm(it.point.x) for it in path])
    np.testing.assert_allclose(length[1:] / length[:-1], (condition - 1) / (condition + 1), rtol=1e-6)


LINES = {
    "cosh": (lambda t: np.cosh(t - 3), lambda t: np.sinh(t - 3), 3.0),
    "quartic": (lambda t: (t - 1) ** 4 + 0.1 * t, lambda t: 4 * (t - 1) ** 3 + 0.1, 1 - 0.025 ** (1 / 3)),
    "log": (lambda t: t - 7 * np.log1p(t), lambda t: 1 - 7 / (1 + t), 6.0),
    "sine": (lambda t: -np.sin(t), lambda t: -np.cos(t), np.pi / 2),
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("first", [1e-3, 0.5, 30.0])
@pytest.mark.parametrize("lift", [0.0, 1e6])
def test_the_minimum_of_other_functions_without_second_derivatives(name, first, lift):
    f, df, minimum = LINES[name]
    problem = Problem(1, lambda x: (float(lift + f(x[0])), np.array([df(x[0])])))
    here = problem.at([0.0])
    taken = ExactSearch()(here, Ray(here, np.ones(1), float(here.gradient[0]), first, ""), problem.at)
    assert isinstance(taken, Taken)
    t = taken.size
    if name == "sine" and first == 30.0:
        minimum = np.pi / 2 + 2 * np.pi * round((t - np.pi / 2) / (2 * np.pi))
    assert t == pytest.approx(minimum, rel=1e-6)
    assert problem.count.gradient < 40


def test_where_the_function_is_concave_the_search_goes_on():
    problem = Problem(1, lambda x: (float(np.cos(x[0])), -np.sin(x)), lambda x: -np.cos(x).reshape(1, 1))
    here = problem.at([0.1])
    taken = ExactSearch()(here, steepest_descent(here), problem.at)
    assert isinstance(taken, Taken) and taken.point.x[0] == pytest.approx(np.pi, abs=1e-6)


def test_stuck_where_the_value_does_not_fall():
    liar = Problem(1, lambda x: (float(x @ x), -2 * x))
    here = liar.at([1.0])
    out = ExactSearch()(here, Ray(here, np.ones(1), -2.0, 1.0, ""), liar.at)
    assert isinstance(out, Stuck)
