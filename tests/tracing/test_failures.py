"""``try … except LinAlgError`` around a factorization takes the branch that plain NumPy would take."""

import numpy as np
import pytest
import scipy.linalg

import thalweg as tw


def likelihood(x):
    A = np.array([[x[0], x[1]], [x[1], 2.0]])
    try:
        L = np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        return 100.0 + np.sum(x**2)
    return np.sum(np.log(np.diag(L)))


GOOD, BAD, OTHER = np.array([3.0, 1.0]), np.array([0.1, 1.0]), np.array([5.0, -1.0])


def gradient(x):
    if 2 * x[0] - x[1] ** 2 <= 0:
        return 2 * x
    return 0.5 * np.array([2.0, -2 * x[1]]) / (2 * x[0] - x[1] ** 2)  # of ½ log det


@pytest.mark.parametrize("points", [(GOOD, BAD, OTHER, BAD, GOOD), (BAD, GOOD, BAD), (BAD, 2 * BAD, GOOD)])
def test_either_branch_in_any_order(points):
    g = tw.grad(likelihood)
    for x in points:
        np.testing.assert_allclose(g(x), gradient(x), rtol=1e-12)
    assert sum(len(traces.entries) for traces in g._cache.values()) == 2


def test_rows_of_a_batch_take_their_own_branch():
    rows = np.array([GOOD, BAD, OTHER, BAD])
    np.testing.assert_allclose(tw.batch(likelihood)(rows), [likelihood(x) for x in rows], rtol=1e-13)


def test_through_a_helper_and_scipy():
    def solve(A, b):
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(A), b)

    def f(x):
        try:
            return np.sum(solve(np.array([[x[0], x[1]], [x[1], 2.0]]), np.ones(2)))
        except scipy.linalg.LinAlgError:
            return x[0] * 7.0

    g = tw.grad(f)
    np.testing.assert_array_equal(g(BAD), [7, 0])
    step = 1e-6 * np.eye(2)
    np.testing.assert_allclose(g(GOOD), [(f(GOOD + h) - f(GOOD - h)) / 2e-6 for h in step], atol=1e-8)


def test_singular_matrix():
    def f(x):
        try:
            return np.linalg.inv(np.array([[x[0], 1.0], [1.0, x[1]]]))[0, 0]
        except np.linalg.LinAlgError:
            return x[0] - x[1]

    g = tw.grad(f)
    np.testing.assert_allclose(g(np.array([2.0, 3.0])), [-9 / 25, 1 / 5 - 6 / 25], rtol=1e-12)
    np.testing.assert_array_equal(g(np.ones(2)), [1, -1])


def test_without_try_the_error_reaches_the_user_with_the_line():
    g = tw.grad(lambda x: np.sum(np.linalg.cholesky(np.diag(x))))
    g(np.ones(2))
    with pytest.raises(np.linalg.LinAlgError, match=r"test_failures\.py"):
        g(-np.ones(2))


def test_nothing_is_computed_early_without_try():
    graph = tw.trace(lambda x: np.linalg.cholesky(np.diag(x)), -np.ones(2))
    assert not graph.catching and not graph.guards


def test_rows_of_a_batch_inside_a_derivative():
    rows = np.array([GOOD, BAD, OTHER])
    g = tw.grad(lambda X: np.sum(tw.batch(likelihood)(X)))
    np.testing.assert_allclose(g(rows), [gradient(x) for x in rows], rtol=1e-12)
