"""Active constraints and multipliers where they are not unique."""

import numpy as np
import pytest

from thalweg.optimize.active import active_at, balance, mangasarian_fromovitz
from thalweg.optimize.problem import Constraints, Problem


def test_equalities_and_what_is_violated_or_near_is_active():
    rows = Constraints(
        np.array([0.0, -np.inf, -np.inf, 1.0]),
        np.array([0.0, 1.0, 1.0, 2.0]),
        lambda x: (np.array([x[0] - 5, x[0], x[0] + 1e-7, 2 - 1e-9]), np.array([[1.0], [1.0], [1.0], [1.0]])),
        lambda x, y: np.zeros((1, 1)),
    )
    problem = Problem(1, lambda x: (0.0, np.zeros(1)), constraints=rows, lower=np.zeros(1), upper=np.array([0.9]))
    a = active_at(problem.at([0.9999999]), 1e-6)
    np.testing.assert_array_equal(a.rows, [0, 1, 2, 3])
    np.testing.assert_array_equal(a.side, [0, 1, 1, 1, 1])
    np.testing.assert_allclose(a.offset[1:], [-1e-7, 0, -1e-9, 0.0999999], atol=1e-15)
    y, z = a.spread(np.arange(5.0), 4, 1)
    np.testing.assert_array_equal(y, [0, 1, 2, 3])
    np.testing.assert_array_equal(z, [4])


def test_right_signs_are_found_where_least_squares_has_wrong_ones():
    """−∇f = a₁, and the third gradient is a₁ + a₂: the least μ has a negative part."""
    A = np.array([[1.0, 0.0], [-1.0, 0.1], [0.0, 1.0]])
    gradient = -np.array([1.0, 0.0])
    least = np.linalg.lstsq(A.T, -gradient, rcond=None)[0]
    assert least[1] < -0.1
    b = balance(gradient, A, np.ones(3))
    np.testing.assert_allclose(A.T @ b.mu, -gradient, atol=1e-9)
    assert np.all(b.mu >= -1e-9) and b.rank == 2 and not b.unique


@pytest.mark.parametrize("sense", [1.0, -1.0])
def test_a_hint_is_taken_where_it_fits(sense):
    A = np.ones((2, 1))
    b = balance(np.array([-2.0 * sense]), A, np.ones(2), sense * np.array([1.5, 0.5]))
    np.testing.assert_allclose(b.mu, sense * np.array([1.5, 0.5]))


def test_units_of_variables_and_rows_do_not_change_the_rank():
    A = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]])
    assert balance(np.ones(3), A * [1e6, 1e6, 1e-5], np.zeros(2)).rank == 2
    assert balance(np.ones(3), A * [[1e-9], [1e9]], np.zeros(2)).rank == 2
    assert balance(np.ones(3), A[[0, 0]] * [[1e-9], [1e9]], np.zeros(2)).rank == 1


def test_rounding_in_a_column_that_is_zero_is_no_equation():
    A = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.2e-16]])
    b = balance(np.array([-1.0, -3.0, 1e-17]), A, np.zeros(2))
    np.testing.assert_allclose(b.mu, [1.0, 2.0], atol=1e-7)


def test_mangasarian_fromovitz():
    assert mangasarian_fromovitz(np.array([[1.0, 0.0], [2.0, 0.0]]), np.ones(2))
    assert not mangasarian_fromovitz(np.array([[1.0, 0.0], [2.0, 0.0]]), np.zeros(2))
    assert not mangasarian_fromovitz(np.array([[0.0, 0.0]]), np.ones(1))
    assert mangasarian_fromovitz(np.eye(2), np.zeros(2))
    assert not mangasarian_fromovitz(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0.0, 1.0]))
