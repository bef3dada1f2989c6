"""Sorting, partitions and searching."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import UnsupportedError
from tracing.agreement import executed, same_derivative, same_value

A = np.array([[3.0, -1.0, 2.5, 0.5], [0.25, 9.0, -4.0, 1.0]])
V = np.array([3.0, -1.0, 2.5, 0.5, 7.0])
C = np.sin(np.arange(24.0) * 5.0).reshape(2, 3, 4)
EDGES = np.array([0.0, 1.0, 2.5, 4.0])


def in_place(x):
    y = np.array(x)
    y.sort(axis=0)
    return y


def column_in_place(x):
    y = x * 1.0
    y[:, 1].sort()
    return y


def swap(x):
    y = np.array(x)
    for i in range(len(y)):  # bubble sort, by swaps
        for j in range(len(y) - 1 - i):
            if y[j] > y[j + 1]:
                y[j], y[j + 1] = y[j + 1], y[j]
    return y


CASES = {
    "sort": (lambda x: np.sort(x), A),
    "sort axis": (lambda x: np.sort(x, axis=0), A),
    "sort none": (lambda x: np.sort(x, axis=None), A),
    "sort 3": (lambda x: np.sort(x, axis=1, kind="stable"), C),
    "sort reversed": (lambda x: np.sort(x)[::-1], V),
    "sort method in place": (in_place, A),
    "sort a view in place": (column_in_place, A),
    "argsort": (lambda x: x[np.argsort(x)], V),
    "argsort method": (lambda x: np.take_along_axis(x, x.argsort(axis=0), 0), A),
    "lexsort": (lambda x: x[np.lexsort((x, x > 1))], V),
    "bubble sort": (swap, V),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.array([[0, 3], [-1, 1]]), 1), A),
    "take_along_axis broadcast": (lambda x: np.take_along_axis(x, np.array([[2]]), 1), A),
    "take_along_axis none": (lambda x: np.take_along_axis(x, np.array([5, 0]), None), A),
    "median by hand": (lambda x: np.sort(x)[len(x) // 2], V),
    "largest two": (lambda x: np.sort(np.partition(x, -2)[-2:]), V),
}


@pytest.mark.parametrize("name", CASES)
def test_as_numpy(name):
    f, x = CASES[name]
    same_value(f, x)
    same_value(f, x.astype(np.float32))
    same_value(f, (x * 4).astype(np.int64))
    same_derivative(f, x, h=1e-3, atol=1e-9)


def test_positions_as_numpy():
    same_value(lambda x: np.argsort(x, axis=0), A)
    same_value(lambda x: np.argsort(x, axis=None), A)
    same_value(lambda x: np.lexsort((x[0], x[1] > 0)), A)
    same_value(lambda x: np.sort(x), np.array([2.0, np.nan, -np.inf, np.inf, 1.0]))
    same_value(lambda x: np.argsort(x), np.array([2.0, 1.0, 1.0, np.nan, 1.0]))
    same_value(np.sort, np.zeros((2, 0)))


@pytest.mark.parametrize("kth", [0, 2, -1, (1, 3)])
def test_partition_puts_the_kth_in_its_place(kth):
    x = np.random.default_rng(0).normal(size=(3, 8))
    (y,) = executed(lambda a: np.partition(a, kth, axis=1), x)
    (i,) = executed(lambda a: np.argpartition(a, kth, axis=1), x)
    np.testing.assert_array_equal(np.take_along_axis(x, i, 1), y)
    ordered = np.sort(x, axis=1)
    np.testing.assert_array_equal(np.sort(y, axis=1), ordered)
    for k in np.atleast_1d(kth) % 8:
        np.testing.assert_array_equal(y[:, k], ordered[:, k])
        assert np.all(y[:, :k] <= y[:, k : k + 1])
        assert np.all(y[:, k:] >= y[:, k : k + 1])
    same_derivative(lambda a: np.sort(np.partition(a, kth, axis=1)), x, h=1e-4, atol=1e-8)


def test_partition_in_place():
    def f(x):
        y = x * 2.0
        y.partition(2)
        return y[2]

    same_value(f, V)


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted(side):
    at = np.array([[-1.0, 0.0, 0.5], [4.0, 2.5, np.nan]])
    same_value(lambda v: np.searchsorted(EDGES, v, side=side), at)
    same_value(lambda a: np.searchsorted(a, [0.5, 2.5, 9.0], side), EDGES)
    same_value(lambda a: a.searchsorted(2.5), EDGES)
    same_value(lambda a: np.searchsorted(a[::-1] * 1.0, 2.0, sorter=[3, 2, 1, 0]), EDGES)


@pytest.mark.parametrize("right", [False, True])
def test_digitize(right):
    at = np.array([-1.0, 0.0, 0.5, 1.0, 4.0, 9.0])
    same_value(lambda x: np.digitize(x, EDGES, right=right), at)
    same_value(lambda x: np.digitize(x, EDGES[::-1], right=right), at)
    same_value(lambda bins: np.digitize([0.3, 2.0], bins, right), EDGES)


def test_positions_are_found_anew_at_every_call():
    table = np.array([10.0, 20.0, 40.0, 80.0, 160.0])
    g = tw.grad(lambda x: x * table[np.searchsorted(EDGES, x)])
    assert [float(g(x)) for x in (0.5, 3.0, -1.0, 9.0)] == [20.0, 80.0, 10.0, 160.0]


def test_searching_a_table_that_is_batched():
    """The Jacobian of a sum of values taken at positions in a table that differs from direction to direction."""
    f = lambda t: np.sort(t * t)[np.searchsorted(np.sort(t), 0.7)] * t
    same_derivative(f, np.array([0.9, 0.2, 1.4]), h=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "f, error",
    [
        (lambda x: np.sort(x, axis=2), np.exceptions.AxisError),
        (lambda x: np.sort(x, order="a"), UnsupportedError),
        (lambda x: np.argsort(x, order="a"), UnsupportedError),
        (lambda x: np.argpartition(x, 1, order="a"), UnsupportedError),
        (lambda x: np.partition(x, 9), ValueError),
        (lambda x: np.searchsorted(x, 1.0), ValueError),
        (lambda x: np.searchsorted(x[0], 1.0, side="middle"), ValueError),
        (lambda x: np.digitize(1.0, x), ValueError),
        (lambda x: np.digitize(1.0, x[0]), ValueError),
        (lambda x: np.take_along_axis(x, np.array([0]), 0), ValueError),
        (lambda x: np.take_along_axis(x, np.array([[0.5]]), 0), IndexError),
        (lambda x: np.take_along_axis(x, np.array([[7]]), 0), IndexError),
    ],
)
def test_wrong_use_is_an_error(f, error):
    with pytest.raises(error):
        tw.trace(f, A)
