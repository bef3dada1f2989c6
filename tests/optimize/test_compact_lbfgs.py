"""The compact L-BFGS matrix against the recursion of BFGS."""

import numpy as np
import pytest

from thalweg.optimize.compact_lbfgs import CompactBFGS, CompactModel


def pairs(seed, n, count):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n))
    H = A @ A.T + 0.1 * np.eye(n)
    S = rng.standard_normal((count, n))
    return [(s, H @ s + 0.01 * rng.standard_normal(n)) for s in S]


def bfgs(seen, memory):
    """The matrix by its definition: the last pairs, from θ of the very last."""
    seen = [(s, y) for s, y in seen if s @ y > 0][-memory:]
    s, y = seen[-1]
    B = (y @ y) / (s @ y) * np.eye(s.size)
    for s, y in seen:
        B = B - np.outer(B @ s, B @ s) / (s @ B @ s) + np.outer(y, y) / (s @ y)
    return B


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_products_and_solutions(count):
    n, memory = 12, 4
    B = CompactBFGS(n, memory)
    seen = pairs(count, n, count)
    for s, y in seen:
        B.learn(s, y)
    expected = bfgs(seen, memory)
    assert B.pairs == min(count, memory)
    v = np.cos(np.arange(12.0))
    np.testing.assert_allclose(B.product(v), expected @ v, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(B.solve(v, None), np.linalg.solve(expected, v), rtol=1e-7, atol=1e-8)
    for free in (np.array([2]), np.arange(0, 12, 3), np.arange(1, 12)):
        sub = np.linalg.solve(expected[np.ix_(free, free)], v[free])
        np.testing.assert_allclose(B.solve(v, free), sub, rtol=1e-7, atol=1e-8)


def test_more_pairs_than_variables():
    B = CompactBFGS(2, 10)
    seen = pairs(3, 2, 7)
    for s, y in seen:
        B.learn(s, y)
    np.testing.assert_allclose(B.product(np.eye(2)[0]), bfgs(seen, 10)[:, 0], rtol=1e-7)


def test_a_pair_without_curvature_is_passed_over():
    B = CompactBFGS(2, 3, theta=5.0)
    assert not B.learn(np.array([1.0, 0.0]), np.array([-1.0, 2.0]))
    assert not B.learn(np.zeros(2), np.zeros(2))
    assert B.pairs == 0
    np.testing.assert_array_equal(B.product(np.ones(2)), [5, 5])
    np.testing.assert_array_equal(B.solve(np.ones(2), np.array([1])), [0.2])


def test_the_path_is_newtons_step_of_the_model():
    B = CompactBFGS(3, 3)
    B.learn(np.array([1.0, 1.0, 0.0]), np.array([3.0, 1.0, 1.0]))
    g = np.array([1.0, -2.0, 0.5])
    step = CompactModel(B, g).path(None, None, g)(np.inf)
    np.testing.assert_allclose(B.product(step.step), -g, atol=1e-12)
    assert step.predicted == pytest.approx(-(g @ step.step + 0.5 * step.step @ B.product(step.step)))
