"""The residual of the KKT conditions, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from thalweg.optimize.kkt_error import complementarity_error, kkt_error
from thalweg.optimize.problem import Constraints, Problem


def problem():
    """x₀² + x₁² on 1 ≤ x₀ + x₁ ≤ 3, x₀ ≥ 0.25."""
    rows = Constraints(
        np.array([1.0]), np.array([3.0]), lambda x: (x[:1] + x[1:], np.ones((1, 2))), lambda x, y: np.zeros((2, 2))
    )
    return Problem(
        2, lambda x: (float(x @ x), 2 * x), lambda x: 2 * np.eye(2), lower=np.array([0.25, -np.inf]), constraints=rows
    )


def test_zero_at_the_solution():
    assert kkt_error(problem().at([0.5, 0.5]), np.array([-1.0]), np.zeros(2)) == 0.0


@pytest.mark.parametrize(
    ("x", "y", "z", "error"),
    [
        ([0.5, 0.5], [0.0], [0.0, 0.0], 1.0),  # stationarity
        (
            [0.5, 0.5],
            [-1.0],
            [0.0, 0.5],
            0.5,
        ),  # stationarity; the multiplier of a side that is not there weighs as much
        ([0.4, 0.4], [-0.8], [0.0, 0.0], 0.2),  # 0.2 short of the row
        ([1.0, 1.0], [-2.0], [0.0, 0.0], 2.0),  # complementarity: one away from the lower side
        ([0.0, 1.0], [-2.0], [2.0, 0.0], 2.0),  # the wrong sign: x₀ has no upper bound
    ],
)
def test_each_condition_counts(x, y, z, error):
    assert kkt_error(problem().at(x), np.array(y), np.array(z)) == pytest.approx(error)


def test_a_value_that_is_no_number_counts_as_infinite():
    at = problem().at([0.5, 0.5])
    assert kkt_error(at, np.array([np.nan]), np.zeros(2)) == np.inf
    assert kkt_error(replace(at, c=np.array([np.nan])), np.array([-1.0]), np.zeros(2)) == np.inf
    broken = Problem(1, lambda x: (np.nan, np.array([np.nan])))
    assert kkt_error(broken.at([0.0]), np.zeros(0), np.zeros(1)) == np.inf


def test_complementarity_points_to_the_side_of_the_sign():
    lower, upper = np.zeros(3), np.array([1.0, 1.0, np.inf])
    assert complementarity_error(np.array([0.0, 1.0, 5.0]), np.array([-3.0, 4.0, 0.0]), lower, upper) == 0.0
    assert complementarity_error(np.array([0.25, 1.0, 5.0]), np.array([-4.0, 0.0, 0.0]), lower, upper) == 1.0
    assert complementarity_error(np.array([0.0, 0.0, 5.0]), np.array([0.0, 0.0, 7.0]), lower, upper) == 7.0
