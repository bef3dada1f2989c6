"""Stationarity between bounds."""

import numpy as np
import pytest

from thalweg.optimize import Problem
from thalweg.optimize.projected import Box, box_of

INF = np.inf


@pytest.mark.parametrize(
    "x, g, residual, z",
    [
        (0.5, 0.0, 0.0, 0.0),  # inside, flat
        (0.5, 0.25, 0.25, 0.0),  # inside: the gradient
        (0.0, 3.0, 0.0, -3.0),  # held at the lower bound
        (0.0, -0.25, 0.25, 0.0),  # at the lower bound, but pulled inside
        (1.0, -3.0, 0.0, 3.0),  # held at the upper bound
        (0.25, 3.0, 0.25, -3.0),  # the bound is nearer than the step
        (0.5, np.nan, INF, None),
    ],
)
def test_residual_and_multiplier(x, g, residual, z):
    found = Box(np.zeros(1), np.ones(1)).stationarity(np.array([x]), np.array([g]))
    assert found.residual == residual
    if z is not None:
        assert found.z == [z]


def test_the_residual_keeps_the_digits_of_a_small_gradient():
    far = Box(np.full(1, -INF), np.full(1, INF))
    assert far.stationarity(np.array([1e10]), np.array([1e-12])).residual == 1e-12


def test_free_variables_are_those_that_the_gradient_does_not_push_against_their_bound():
    box = Box(np.zeros(5), np.array([1, 1, 1, 1, INF]))
    free = box.free(np.array([0.0, 0.0, 1.0, 1.0, 0.5]), np.array([1.0, -1.0, 1.0, -1.0, 7.0]))
    np.testing.assert_array_equal(free, [False, True, True, False, True])


def test_room():
    box = Box(np.zeros(3), np.array([1.0, 2.0, INF]))
    assert box.room(np.array([0.5, 1.0, 1.0]), np.array([1.0, -2.0, 1.0])) == 0.5
    assert box.room(np.array([0.5, 1.0, 1.0]), np.array([0.0, 0.0, 1.0])) == INF


def test_a_problem_without_bounds_has_a_box_without_sides():
    box = box_of(Problem(2, lambda x: (x @ x, 2 * x)))
    np.testing.assert_array_equal(box.project(np.array([1e300, -1e300])), [1e300, -1e300])


def test_one_sided_bounds():
    box = box_of(Problem(2, lambda x: (x @ x, 2 * x), lower=np.array([1.0, -INF])))
    np.testing.assert_array_equal(box.project(np.array([0.0, 5.0])), [1.0, 5.0])
