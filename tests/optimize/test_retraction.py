"""Back to the constraints, within the bounds."""

import numpy as np
import pytest

from optimize.polynomial_constraints import constrained
from thalweg.optimize.retraction import retracted, room_along


def sphere(x):
    return x[0] ** 2 + x[1] ** 2 + x[2] ** 2 - 1


def test_a_tangent_step_comes_back_with_an_error_of_second_order():
    problem = constrained(lambda x: x[0], 3, eq=[sphere])
    for t in (1e-1, 1e-2, 1e-3):
        there = retracted(np.array([1.0, t, 0.0]), np.array([0]), problem.at)
        assert abs(sphere(there.x)) < 1e-12
        assert np.linalg.norm(there.x - [1, t, 0]) < t * t


def test_rows_that_are_not_held_are_seen_to_only_when_violated():
    problem = constrained(lambda x: x[0], 3, ineq=[lambda x: -sphere(x)])
    inside = np.array([0.3, 0.2, 0.1])
    np.testing.assert_array_equal(retracted(inside, None, problem.at).x, inside)
    assert abs(sphere(retracted(np.array([2.0, 1.0, 0.0]), None, problem.at).x)) < 1e-12


def test_bounds_are_respected():
    problem = constrained(lambda x: x[0], 2, eq=[lambda x: x[0] ** 2 + x[1] ** 2 - 1], lower=[0, 0], upper=[0.5, 2])
    there = retracted(np.array([0.7, 0.7]), np.array([0]), problem.at)
    np.testing.assert_allclose(there.x, [0.5, np.sqrt(0.75)], rtol=1e-12)
    assert room_along(problem.at([0.2, 0.5]), np.array([-2.0, 1.0])) == pytest.approx(0.1)
    assert room_along(problem.at([0.5, 0.5]), np.array([1.0, 0.0])) == 0


def test_what_cannot_be_reached_is_none():
    problem = constrained(lambda x: x[0], 1, eq=[lambda x: x[0] ** 2 + 1])
    assert retracted(np.array([0.3]), np.array([0]), problem.at) is None
