"""The trust region shrinks where the model lies, grows where it is right, and polishes to the rounding floor."""

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import quadratic, rosenbrock
from thalweg.optimize import Problem, minimize
from thalweg.optimize.composition import Stuck, Taken
from thalweg.optimize.newton import newton
from thalweg.optimize.trust_region import TrustRegion


def test_a_poor_model_shrinks_the_radius():
    problem = Problem(1, lambda x: (float(np.arctan(x[0]) ** 2), 2 * np.arctan(x) / (1 + x * x)), lambda x: np.eye(1))
    point = problem.at([1.0])
    taken = TrustRegion(radius=1e3, last_step=np.array([1.0]), last_size=1.0)(point, newton(point), problem.at)
    assert isinstance(taken, Taken) and taken.point.value < point.value


def test_a_good_model_at_the_boundary_triples_it():
    problem = quadratic(np.eye(2))
    point = problem.at([10.0, 0.0])
    rule = TrustRegion(radius=1.0, last_step=np.array([1.0, 0.0]), last_size=1.0)
    rule(point, newton(point), problem.at)
    assert rule.radius == pytest.approx(3.0)


def test_steps_into_nan_are_shortened():
    problem = Problem(1, lambda x: (float(x[0] - np.log(x[0])), 1 - 1 / x), lambda x: np.diag(1 / x**2))
    s = minimize(problem, [10.0], method="newton")
    assert s.success and s.x[0] == pytest.approx(1, abs=1e-12)


def test_nothing_finite_around_is_not_finite():
    problem = Problem(1, lambda x: (0.0 if x[0] == 1 else np.nan, np.ones(1)), lambda x: np.eye(1))
    point = problem.at([1.0])
    out = TrustRegion()(point, newton(point), problem.at)
    assert isinstance(out, Stuck) and out.not_finite


@pytest.mark.parametrize("lift", [0.0, 1e6, 1e9, -1e9])
def test_a_constant_does_not_hide_the_minimum(lift):
    s = minimize(polynomial_problem(lambda x: lift + rosenbrock(x), 2), [-1.2, 1.0], method="newton")
    assert s.success
    np.testing.assert_allclose(s.x, [1, 1], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-20, 1e-10, 1e10, 1e20])
def test_the_scale_of_the_function_does_not_matter(scale):
    s = minimize(polynomial_problem(lambda x: scale * rosenbrock(x), 2), [-1.2, 1.0], method="newton")
    assert s.success and s.kind == "strict minimum"
    np.testing.assert_allclose(s.x, [1, 1], rtol=1e-9)
