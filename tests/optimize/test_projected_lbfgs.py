"""L-BFGS between bounds."""

import numpy as np
import pytest
from scipy.optimize import minimize

from optimize.bounded import minimum, obstacle
from optimize.test_projected_newton import BOUNDS_ONLY, kkt, problem_of
from thalweg.optimize import Problem
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Run
from thalweg.optimize.projected_lbfgs import ProjectedLBFGS


@pytest.mark.parametrize("name", sorted(BOUNDS_ONLY))
def test_hock_schittkowski_with_bounds_only(name):
    p = BOUNDS_ONLY[name]
    end = minimum(ProjectedLBFGS(), problem_of(p), p.x0)[-1]
    known = [p.value, 4.941229318] if name == "HS2" else [p.value]
    assert end.residual <= 1e-8 and kkt(end.point, end.z) <= 1e-7
    assert min(abs(end.point.value - v) / max(1, abs(v)) for v in known) <= 1e-8


@pytest.mark.parametrize("N", [10, 30])
def test_the_obstacle_problem_in_about_as_many_evaluations_as_scipy(N):
    problem = obstacle(N, "products")
    end = minimum(ProjectedLBFGS(), problem, np.zeros(N * N), most=2000)[-1]
    result = minimize(
        problem.f_and_gradient,
        problem.lower,
        jac=True,
        bounds=list(zip(problem.lower, problem.upper)),
        method="L-BFGS-B",
        options={"ftol": 0, "gtol": 1e-8, "maxiter": 2000},
    )
    assert end.residual <= 1e-8 and end.point.value == pytest.approx(result.fun, rel=1e-12)
    assert problem.count.value <= 1.3 * result.nfev


@pytest.mark.parametrize("seed", range(8))
def test_random_convex_problems(seed):
    rng = np.random.default_rng(seed)
    n = 40
    R = rng.standard_normal((n, n))
    H = R @ R.T / n + 0.05 * np.eye(n)
    b = rng.standard_normal(n)
    lower, upper = np.full(n, -0.5), np.where(rng.random(n) < 0.5, 0.3, np.inf)
    seen = []

    def f_and_gradient(x):
        seen.append(bool(np.all(x >= lower) and np.all(x <= upper)))
        return float(0.5 * x @ H @ x - b @ x), H @ x - b

    problem = Problem(n, f_and_gradient, lower=lower, upper=upper)
    end = minimum(ProjectedLBFGS(), problem, np.zeros(n))[-1]
    assert all(seen) and end.residual <= 1e-8 and kkt(end.point, end.z) <= 1e-7


def test_without_bounds():
    problem = Problem(3, lambda x: (float(np.sum(np.cosh(x - 1))), np.sinh(x - 1)))
    end = minimum(ProjectedLBFGS(memory=3), problem, [4.0, -3.0, 0.0])[-1]
    np.testing.assert_allclose(end.point.x, 1, atol=1e-8)


def test_the_search_stops_at_the_box_and_may_be_as_long():
    """A line: the only minimum is at the far bound, a thousand first steps away."""
    slope = Problem(
        2,
        lambda x: (float(-x[0] + 1e-3 * x[1] ** 2), np.array([-1.0, 2e-3 * x[1]])),
        lower=np.zeros(2),
        upper=np.array([1e4, 1.0]),
    )
    its = minimum(ProjectedLBFGS(), slope, [1e-2, 0.5])
    assert its[-1].point.x[0] == 1e4 and its[-1].residual <= 1e-8 and len(its) < 30


def test_a_wall_of_values_that_are_not_finite():
    def logs(x):
        with np.errstate(all="ignore"):
            return float(x[0] - np.log(x[0])), 1 - 1 / x

    end = minimum(ProjectedLBFGS(), Problem(1, logs, lower=np.array([-5.0])), [30.0])[-1]
    np.testing.assert_allclose(end.point.x, [1.0], atol=1e-7)


def test_pairs_that_lead_nowhere_are_dropped():
    """At a kink the search fails with any pairs; the engine says so instead of going round."""
    kink = Problem(1, lambda x: (float(np.abs(x[0])), np.where(x < 0, -1.0, 1.0)), lower=np.array([-2.0]))
    engine, run = ProjectedLBFGS(), Run(kink)
    at = engine.begin(np.array([1.0]), run)
    for _ in range(200):
        outcome = engine.advance(at, run)
        if isinstance(outcome, Stuck):
            break
        at = outcome
    assert isinstance(outcome, Stuck) and abs(at.point.x[0]) < 1e-8


def test_all_variables_held():
    corner = Problem(2, lambda x: (float(x.sum()), np.ones(2)), lower=np.zeros(2))
    its = minimum(ProjectedLBFGS(), corner, [3.0, 4.0])
    np.testing.assert_array_equal(its[-1].point.x, [0, 0])
    np.testing.assert_array_equal(its[-1].z, [-1, -1])
    assert isinstance(ProjectedLBFGS().advance(its[-1], Run(corner)), Stuck)
