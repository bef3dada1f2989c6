"""The forms of constraints as functions of traced x."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import LinearConstraint

import thalweg as tw
from thalweg.errors import ArgumentError
from thalweg.optimize.written import Between, accepted, between, written


def plainly(g, x, given):
    return g(x, *given)


def test_between_takes_open_sides():
    made = between(None, 3.0, 5.0)
    assert isinstance(made, Between) and (made.lower, made.g, made.upper) == (-np.inf, 3.0, 5.0)
    assert between(1, 2, None).upper == np.inf


def test_nothing_is_no_constraint():
    assert written(None, plainly, ()) is None
    assert written({"eq": None, "ineq": None}, plainly, ()) is None


def test_further_arguments_go_to_those_that_take_them():
    assert accepted(lambda x: x, (1, 2)) == ()
    assert accepted(lambda x, a: x, (1, 2)) == ()
    assert accepted(lambda x, a, b: x, (1, 2)) == (1, 2)
    assert accepted(lambda x, *rest: x, (1, 2)) == (1, 2)
    assert accepted(print, ()) == ()


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.coo_matrix, sparse.dok_array])
def test_sparse_products(form):
    """Rows of different lengths, an empty one and repeated entries; plain, traced and differentiated."""
    dense = np.array([[1.0, 0, 2, 0], [0, 0, 0, 0], [3, 4, 5, 6], [0, 0, 0, 7]])
    product = written(LinearConstraint(form(dense), 0, 1), plainly, ())
    x = np.array([1.0, -2.0, 3.0, 0.5])

    def rows(v):
        return product(v, ()).value

    np.testing.assert_allclose(rows(x), dense @ x)
    np.testing.assert_allclose(tw.jacobian(rows)(x), dense)
    np.testing.assert_allclose(tw.grad(lambda v: np.sum(rows(v) ** 2))(x), 2 * dense.T @ (dense @ x))
    np.testing.assert_allclose(tw.hessian(lambda v: np.sum(rows(v) ** 2))(x), 2 * dense.T @ dense)


def test_repeated_entries_of_a_sparse_matrix_add_up():
    twice = sparse.coo_array((np.array([1.0, 2.0, 5.0]), (np.array([0, 0, 1]), np.array([1, 1, 0]))), shape=(2, 2))
    product = written(LinearConstraint(twice, 0, 1), plainly, ())
    np.testing.assert_allclose(product(np.array([1.0, 10.0]), ()).value, [30, 5])
    assert twice.nnz == 3  # the user's matrix stays as it is


@pytest.mark.parametrize("subject_to", [3, "x +", [None], {"type": "eq"}])
def test_what_is_no_form(subject_to):
    with pytest.raises((ArgumentError, SyntaxError, ValueError)):
        written(subject_to, plainly, ("x",))
