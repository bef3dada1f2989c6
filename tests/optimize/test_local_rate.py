"""The rate stays below the reciprocal of the curvature that was met."""

import itertools

import numpy as np
import pytest

from optimize.problems import quadratic
from optimize.walks import rosenbrock, walk
from thalweg.optimize import Problem
from thalweg.optimize.composition import Stuck
from thalweg.optimize.gradient_descent import steepest_descent
from thalweg.optimize.local_rate import LocalRate
from thalweg.optimize.nesterov import Nesterov


@pytest.mark.parametrize("direction", [lambda: steepest_descent, Nesterov])
def test_the_condition_holds_at_every_step(direction):
    problem, start = rosenbrock(4)
    path, _ = walk(problem, start, direction, LocalRate, limit=300)
    for a, b in itertools.pairwise(path):
        s = b.step
        assert s @ (b.point.gradient - a.point.gradient) <= s @ s / b.size * (1 + 1e-9)


def test_descent_lemma_so_values_fall_without_momentum():
    problem, start = rosenbrock(4)
    path, _ = walk(problem, start, lambda: steepest_descent, LocalRate, limit=500)
    assert np.mean(np.diff([it.point.value for it in path]) < 0) > 0.99 and path[-1].point.value < 5


def test_few_evaluations_are_lost():
    problem = quadratic(np.diag([1.0, 30.0, 100.0]))
    path, stuck = walk(problem, [1.0, 1.0, 1.0], Nesterov, LocalRate)
    assert stuck is None and problem.count.gradient < 1.3 * len(path)


def test_it_comes_back_from_where_nothing_is_finite():
    log = Problem(1, lambda x: (float(x[0] - np.log(x[0])), 1 - 1 / x))
    path, stuck = walk(log, [10.0], lambda: steepest_descent, lambda: LocalRate(size=1e3), tol=1e-6)
    assert stuck is None and path[-1].point.x[0] == pytest.approx(1, abs=1e-5)


def test_stuck_has_a_reason():
    edge = Problem(1, lambda x: (0.0 if x[0] == 0 else np.nan, np.ones(1)))
    here = edge.at([0.0])
    out = LocalRate()(here, steepest_descent(here), edge.at)
    assert isinstance(out, Stuck) and out.not_finite
    kink = Problem(1, lambda x: (float(abs(x[0])), np.where(x > 0, 1.0, -1.0)))
    path, stuck = walk(kink, [1.0], lambda: steepest_descent, LocalRate, limit=3000)
    assert abs(path[-1].point.x[0]) < 1e-6 or stuck is not None
