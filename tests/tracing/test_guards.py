"""Python control flow on traced values: always the right branch, in any order of calls."""

import itertools

import numpy as np
import pytest

import thalweg as tw


def absolute(x):
    return x**2 if x > 0 else -x


def test_branches_in_any_order():
    g = tw.grad(absolute)
    for x in (1.0, -1.0, 2.0, 0.0, -3.0, 4.0):
        assert g(x) == (2 * x if x > 0 else -1.0)
    h = tw.grad(tw.grad(absolute))
    assert [h(v) for v in (1.0, -1.0, 2.0)] == [2.0, 0.0, 2.0]


def test_both_traces_are_kept():
    count = itertools.count()

    def f(x):
        next(count)
        return absolute(x)

    g = tw.grad(f)
    for x in (1.0, -1.0, 2.0, -2.0, 3.0):
        g(x)
    assert next(count) == 2


def newton_sqrt(a):
    x = a
    while abs(x * x - a) > 1e-12 * a:
        x = 0.5 * (x + a / x)
    return x


@pytest.mark.parametrize("a", [0.3, 2.0, 9.0, 1e6])
def test_newton_loop_differentiates(a):
    g = tw.grad(newton_sqrt)
    assert g(a) == pytest.approx(0.5 / np.sqrt(a), rel=1e-9)
    assert g(2 * a) == pytest.approx(0.5 / np.sqrt(2 * a), rel=1e-9)


def test_conditions_on_arrays_and_combinations():
    def f(x):
        if ((x > 0).all() and not np.any(x > 10)) or x[0] == 5:
            return np.sum(x**2)
        elif x.max() > 100:
            return x[np.argmax(x)] * 7
        return np.sum(x)

    g = tw.grad(f)
    for x in ([1.0, 2.0], [-1.0, 2.0], [1.0, 20.0], [5.0, -1.0], [1.0, 200.0], [300.0, 1.0]):
        x = np.array(x)
        if ((x > 0).all() and not np.any(x > 10)) or x[0] == 5:
            expected = 2 * x
        elif x.max() > 100:
            expected = 7 * (x == x.max())
        else:
            expected = np.ones(2)
        np.testing.assert_array_equal(g(x), expected)


def test_pythons_own_functions():
    def f(x):
        a = max(x[0], x[1], x[2])
        b = min(x)
        c = sum(x)
        d = sorted(x)[1]
        e = abs(x[0])
        return a * b + c * d + e

    x = np.array([3.0, -1.0, 2.0])
    g = tw.grad(f)
    np.testing.assert_allclose(g(x), [-1 + 2 + 1, 3 + 2, 2 + 4.0])
    x = np.array([-3.0, 5.0, 2.0])  # a = x1, b = x0, d = x2
    np.testing.assert_allclose(g(x), [5 + 2 - 1, -3 + 2, 2 + 4.0])


def test_masks_under_trace():
    g = tw.grad(lambda x: np.sum(x[x > 0] ** 2) + x[x > 0].size * 0.0)
    np.testing.assert_array_equal(g(np.array([1.0, -2.0, 3.0])), [2, 0, 6])
    np.testing.assert_array_equal(g(np.array([-1.0, -2.0, 3.0])), [0, 0, 6])
    np.testing.assert_array_equal(g(np.array([-1.0, -2.0, -3.0])), [0, 0, 0])


def test_integers_decided_by_values():
    def f(x):
        n = int(np.floor(x[0]).astype(int))
        y = x[1]
        for _ in range(n):
            y = y * x[1]
        return y

    g = tw.grad(f)
    np.testing.assert_allclose(g(np.array([2.5, 3.0])), [0, 3 * 9.0])
    np.testing.assert_allclose(g(np.array([1.5, 3.0])), [0, 2 * 3.0])


def test_guards_inside_nested_derivatives():
    def outer(a):
        inner = tw.grad(lambda y: a * y * y if a * y > 1 else y)
        return inner(a) * a

    g = tw.grad(outer)
    assert g(2.0) == pytest.approx(3 * 2 * 2.0**2)  # outer = 2a³
    assert g(0.5) == pytest.approx(1.0)  # outer = a
    assert g(3.0) == pytest.approx(3 * 2 * 9.0)


def test_many_paths_are_bounded():
    g = tw.grad(lambda x: sum(x for _ in range(int(np.floor(x).astype(int)))))
    for k in range(1, 100):
        assert g(k + 0.5) == k
    [traces] = g._cache.values()
    assert len(traces.entries) <= 64


def test_nan_takes_the_same_branch_as_plain_numpy():
    g = tw.grad(absolute)
    assert g(1.0) == 2.0
    assert g(np.nan) == -1.0  # NaN > 0 is false


def test_an_answer_on_a_knifes_edge_stands_as_traced(monkeypatch):
    """Where a plan rounds otherwise than the trace did, the call is answered by the trace."""
    from thalweg.execution.interpreter import Interpreter

    g = tw.grad(absolute)
    monkeypatch.setattr(Interpreter, "__call__", _refusing_guards(Interpreter.__call__))
    assert g(2.0) == 4.0


def _refusing_guards(call):
    return lambda self, *arrays: None if self.guards else call(self, *arrays)
