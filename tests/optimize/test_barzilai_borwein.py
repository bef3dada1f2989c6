"""Secant sizes, held by an average of past values."""

import itertools

import numpy as np
import pytest

from optimize.problems import STANDARD, standard
from optimize.walks import spread, walk
from thalweg.optimize import Problem
from thalweg.optimize.backtracking import Backtracking
from thalweg.optimize.barzilai_borwein import BarzilaiBorwein
from thalweg.optimize.composition import Stuck
from thalweg.optimize.gradient_descent import steepest_descent


def run(problem, start, **options):
    rule = BarzilaiBorwein()
    path, stuck = walk(problem, start, lambda: steepest_descent, lambda: rule, **options)
    return path, stuck, rule


def test_the_sizes_are_the_two_secants_of_the_last_step():
    problem, _ = spread(30.0, 5)
    path, _, _ = run(problem, np.ones(5), limit=40)
    seen = set()
    for a, b, c in zip(path, path[1:], path[2:]):
        s, y = b.point.x - a.point.x, b.point.gradient - a.point.gradient
        long, short = (s @ s) / (s @ y), (s @ y) / (y @ y)
        expected = short if short < 0.5 * long else long
        assert c.size == pytest.approx(expected, rel=1e-9)
        seen.add(expected == short)
    assert seen == {True, False}


def test_two_variables_converge_faster_than_linearly():
    # Barzilai and Borwein's theorem for n = 2: R-superlinear, with the long size alone.
    problem, exact = spread(20.0, 2)
    path, _ = walk(problem, [5.0, -3.0], lambda: steepest_descent, lambda: BarzilaiBorwein(alike=0.0), tol=1e-12)
    error = np.array([np.linalg.norm(it.point.x - exact) for it in path])
    rate = error ** (1 / np.maximum(np.arange(len(error)), 1))
    assert len(path) < 40 and rate[-1] < 0.6 * rate[len(rate) // 2]


def test_the_average_of_zhang_and_hager_holds_every_step():
    problem, start, _ = standard("rosenbrock")
    path, _, _ = run(problem, start, tol=1e-7)
    average, weight, rises = path[0].point.value, 1.0, 0
    for a, b in itertools.pairwise(path):
        g = a.point.gradient
        reference = max(average, a.point.value)
        assert b.point.value <= reference - 1e-4 * b.size * (g @ g) + 1e-11 * abs(a.point.value)
        rises += b.point.value > a.point.value
        average = (0.85 * weight * average + b.point.value) / (0.85 * weight + 1)
        weight = 0.85 * weight + 1
    assert rises > 5 and path[-1].residual <= 1e-7


@pytest.mark.parametrize("name", sorted(set(STANDARD) - {"mountain-pass-top", "rosenbrock-10", "mountain-pass"}))
def test_published_minima_with_far_fewer_evaluations_than_backtracking(name):
    problem, start, value = standard(name)
    path, stuck, _ = run(problem, start, tol=1e-6, limit=2000)
    assert stuck is None and path[-1].point.value == pytest.approx(value, abs=1e-7)
    spent = problem.count.gradient
    if name in ("wood", "powell-singular"):  # thousands of evaluations
        return
    other, _ = walk(problem, start, lambda: steepest_descent, Backtracking, tol=1e-6, limit=2 * spent)
    if name != "himmelblau":
        assert other[-1].residual > 1e-6


def test_ill_conditioned_quadratics():
    problem, exact = spread(1e4, 40)
    path, stuck, _ = run(problem, np.zeros(40), tol=1e-8)
    assert stuck is None and len(path) < 2500
    np.testing.assert_allclose(path[-1].point.x, exact, atol=1e-7)


def test_reasons():
    edge = Problem(1, lambda x: (0.0 if x[0] == 0 else np.nan, np.ones(1)))
    here = edge.at([0.0])
    out = BarzilaiBorwein()(here, steepest_descent(here), edge.at)
    assert isinstance(out, Stuck) and out.not_finite
    kink = Problem(1, lambda x: (float(abs(x[0]) + 1), np.where(x >= 0, 1.0, -1.0)))
    path, stuck, _ = run(kink, [0.3], limit=500)
    assert abs(path[-1].point.x[0]) < 1e-6
    well = Problem(1, lambda x: (0.0 if x[0] == 0 else 1.0, np.ones(1)))
    path, stuck, _ = run(well, [0.0], limit=10)
    assert stuck is not None and "lowers the value" in stuck.reason and len(path) == 1
    pit = Problem(1, lambda x: (-np.inf if x[0] < -1 else float(x[0]), np.ones(1)))
    path, _, _ = run(pit, [0.0], limit=10)
    assert path[-1].point.value == -np.inf or path[-1].point.x[0] < 0
