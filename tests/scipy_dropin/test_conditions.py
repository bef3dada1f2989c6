"""SciPy's constraints as rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import LinearConstraint, NonlinearConstraint
from scipy.sparse import csr_array, random_array

from thalweg.scipy.conditions import conditions_from, slsqp_multipliers, split

X = np.array([1.0, 2.0, 3.0])


def test_every_form():
    found, notes = conditions_from(
        [
            {"type": "EQ", "fun": lambda x, a: x[0] - a, "args": 2.0, "jac": lambda x, a: [a, 0, 0]},
            LinearConstraint(np.eye(3)[:2], 0, [1, 2], keep_feasible=True),
            NonlinearConstraint(lambda x: [x @ x, x[0]], [-np.inf, 1], 5, jac=lambda x: np.ones((2, 3))),
            LinearConstraint(np.ones((1, 3))),
        ],
        3,
    )
    assert [c.kind for c in found] == ["eq", "range", "range"]
    assert [c.g(X).tolist() for c in found] == [[-1.0], [1.0, 2.0], [14.0, 1.0]]
    assert found[0].jacobian(X) == [2.0, 0, 0]
    assert_allclose(found[1].sides(2), [[0, 0], [1, 2]])
    assert_allclose(found[1].hessian(X, np.ones(2)), np.zeros((3, 3)))
    assert any("keep_feasible" in note for note in notes) and any("left out" in note for note in notes)
    assert conditions_from(None, 3) == ([], []) == conditions_from((), 3)


@pytest.mark.parametrize("density", [0.0, 0.02, 0.5])
def test_products_with_sparse_matrices(density):
    A = csr_array(random_array((40, 30), density=density, rng=np.random.default_rng(0)))
    (condition,), _ = conditions_from(LinearConstraint(A, 0, 1), 30)
    x = np.random.default_rng(1).normal(size=30)
    assert_allclose(condition.g(x), A.toarray() @ x, atol=1e-14)


def test_one_long_row_among_short_ones():
    A = np.eye(400)
    A[7] = 1.0
    (condition,), _ = conditions_from(LinearConstraint(csr_array(A), 0, 1), 400)
    x = np.arange(400.0)
    assert_allclose(condition.g(x), A @ x)


def test_a_matrix_of_the_wrong_width():
    with pytest.raises(ValueError, match="3 columns"):
        conditions_from(LinearConstraint(np.eye(3), 0, 1), 2)


def test_order_of_slsqp():
    """Equalities first; a range is a row for each side; what has both comes last."""
    mixed, upper, equal = conditions_from(
        [
            LinearConstraint(np.eye(2), [1, 0], [1, 3]),
            NonlinearConstraint(lambda x: x, -np.inf, 1),
            {"type": "eq", "fun": lambda x: x[0]},
        ],
        2,
    )[0]
    signed = [np.array([5.0, -6.0]), np.array([7.0, 8.0]), np.array([9.0])]
    assert slsqp_multipliers([mixed, upper, equal], signed).tolist() == [-5, -9, 7, 8, 6, 0]
    assert slsqp_multipliers([], []).shape == (0,)


def test_split():
    assert [part.tolist() for part in split(np.arange(3.0), [1, 2])] == [[0], [1, 2]]
    assert split(np.zeros(0), []) == []
