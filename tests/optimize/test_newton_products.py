"""Newton with Hessian products."""

import numpy as np
import pytest

from optimize.bounded import ravine
from thalweg.optimize import Problem
from thalweg.optimize.composition import Taken
from thalweg.optimize.newton_products import NewtonProducts, forcing
from thalweg.optimize.trust_region import TrustRegion


def descend(problem, start, tol):
    rule, direction, point, points = TrustRegion(), NewtonProducts(), problem.at(start), []
    while point.gradient_norm > tol and len(points) < 200:
        taken = rule(point, direction(point), problem.at)
        assert isinstance(taken, Taken)
        point = taken.point
        points.append(point)
    return points


@pytest.mark.parametrize("form", ["products", "sparse"])
def test_superlinear_convergence_in_many_variables(form):
    problem, start = ravine(3000, form)
    points = descend(problem, start, 1e-11)
    steep = np.array([p.gradient_norm for p in points])
    tail = steep[steep < 1e-1]
    order = np.log(tail[1:] / tail[:-1])[1:] / np.log(tail[1:] / tail[:-1])[:-1]
    np.testing.assert_allclose(points[-1].x, 1, atol=1e-9)
    assert len(points) < 60 and order[-1] > 1.25


def test_a_saddle_is_left_by_its_negative_curvature():
    """Σ xᵢ⁴/4 − xᵢ²/2 near the origin; minima at ±1."""
    problem = Problem(
        400,
        lambda x: (float(np.sum(x**4 / 4 - x**2 / 2)), x**3 - x),
        f_hessian_product=lambda x, v: (3 * x * x - 1) * v,
    )
    points = descend(problem, 1e-3 * np.cos(np.arange(400.0)), 1e-10)
    np.testing.assert_allclose(np.abs(points[-1].x), 1, atol=1e-9)


def test_forcing_terms_fall_with_the_gradient():
    assert forcing(1.0, 1.0) == 0.1 and forcing(1e-4, 1.0) == pytest.approx(0.01) and forcing(0.0, 0.0) == 0.1
