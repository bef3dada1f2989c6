"""Functions that pick elements, or write some of them."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import TraceError, UnsupportedError
from tracing.agreement import same_derivative, same_value

A = np.cos(np.arange(12.0)).reshape(3, 4)
C = np.sin(np.arange(24.0)).reshape(2, 3, 4)
V = np.array([3.0, -1.0, 2.5, 0.5])
S = np.array(0.3)


def written(change):
    """A function that returns a copy of its first argument after ``change(copy, *arguments)``."""

    def f(x, *rest):
        y = np.array(x)
        change(y, x, *rest)
        return y

    return f


CASES = {
    "take": (lambda x: np.take(x, [3, -1, 3]), A),
    "take axis": (lambda x: np.take(x, [[0, 1], [2, -1]], axis=1), A),
    "take scalar": (lambda x: np.take(x, 2, axis=0), A),
    "take method": (lambda x: x.take([0, 2], 1), A),
    "take wrap": (lambda x: np.take(x, [5, -7], mode="wrap"), V),
    "take clip": (lambda x: np.take(x, [5, -7], mode="clip"), V),
    "take nothing": (lambda x: np.take(x, [], axis=0), A),
    "take traced": (lambda x: np.take(x, np.argsort(x)[:2]), V),
    "take of traced table": (lambda x: np.take(np.array([1.0, 2.0, 4.0, 8.0]), np.argsort(x)) * x, V),
    "compress": (lambda x: np.compress([True, False, True], x, axis=0), A),
    "compress flat": (lambda x: x.compress(V > 0), V),
    "extract": (lambda x: np.extract(x > 0, x), A),
    "choose": (lambda x: np.choose([0, 1, 2, 1], [x, 2 * x, 10.0]), V),
    "choose method": (lambda x: np.array([1, 0, 1, 1]).choose([x, -x]), V),
    "choose wrap": (lambda x: np.choose([0, 5, -1, 3], [x, 2 * x], mode="wrap"), V),
    "choose clip": (lambda x: np.choose([0, 5, -1, 3], [x, 2 * x], mode="clip"), V),
    "choose traced": (lambda x: np.choose(np.argsort(x) % 2, [x, -x]), V),
    "copyto": (written(lambda y, x: np.copyto(y, 2 * x[0])), A),
    "copyto where": (written(lambda y, x, s: np.copyto(y, s, where=A > 0)), A, S),
    "put": (written(lambda y, x: np.put(y, [0, -1, 5], [x[0, 1], 7.0])), A),
    "put wrap": (written(lambda y, x, s: np.put(y, [4, 9], s, mode="wrap")), V, S),
    "put method": (written(lambda y, x, s: y.put([1, 2], [s, 2 * s])), V, S),
    "put into a view": (written(lambda y, x, s: np.put(y.T, [1, 2], s)), A, S),
    "putmask": (written(lambda y, x: np.putmask(y, y > 0, x[0])), A),
    "place": (written(lambda y, x: np.place(y, A > 0, [x[0, 0], 2.0])), A),
    "place nothing": (written(lambda y, x: np.place(y, A > 9, [1.0])), A),
    "put_along_axis": (written(lambda y, x: np.put_along_axis(y, np.array([[0, 2]] * 3), 2 * x[:, :2], 1)), A),
    "put_along_axis none": (written(lambda y, x, s: np.put_along_axis(y, np.array([0, 5]), s, None)), A, S),
    "put_along_axis traced": (written(lambda y, x: np.put_along_axis(y, np.argsort(x, 1), 2 * x, 1)), A),
    "fill_diagonal": (written(lambda y, x, s: np.fill_diagonal(y, s)), A, S),
    "fill_diagonal values": (written(lambda y, x: np.fill_diagonal(y, x[0, :2])), A),
    "fill_diagonal wrap": (written(lambda y, x, s: np.fill_diagonal(y, s, wrap=True)), np.ones((7, 3)), S),
    "fill_diagonal cube": (written(lambda y, x, s: np.fill_diagonal(y, s)), np.ones((3, 3, 3)), S),
    "add.at": (written(lambda y, x: np.add.at(y, [0, 0, 2], 3 * x[:3])), V),
    "subtract.at": (written(lambda y, x: np.subtract.at(y, ([0, 0], [1, 1]), x[0, :2])), A),
    "negative.at": (written(lambda y, x: np.negative.at(y, [0, 2, 2, 2])), V),
    "fill": (written(lambda y, x, s: y.fill(s)), A, S),
    "flat": (written(lambda y, x, s: y.flat.__setitem__(slice(1, 9, 3), s)), A, S),
}
SMOOTH = {
    "multiply.at": (written(lambda y, x: np.multiply.at(y, [0, 0, 2], x[1:])), V),
    "multiply.at traced": (written(lambda y, x: np.multiply.at(y, np.argsort(x), 3.0)), V),
    "divide.at": (written(lambda y, x, s: np.divide.at(y, ([0, 2], [1, 1]), s)), A, S),
    "maximum.at": (written(lambda y, x, s: np.maximum.at(y, [1, 2], s)), V, S),
    "sin.at": (written(lambda y, x: np.sin.at(y, [1, 1, 2])), V),
}


@pytest.mark.parametrize("name", CASES)
def test_as_numpy(name):
    f, *arrays = CASES[name]
    same_value(f, *arrays)
    same_derivative(f, *arrays, h=1e-3, atol=1e-9)


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_as_numpy(name):
    f, *arrays = SMOOTH[name]
    same_value(f, *arrays)
    same_derivative(f, *arrays, h=1e-5, atol=1e-6)


def test_assigning_flat():
    def f(x):
        y = x * 1.0
        y.flat = [1.0, 2.0]
        z = x * 1.0
        z.flat = x[:, 0].repeat(4)
        return y, z

    same_value(f, A)
    same_derivative(f, A)


@pytest.mark.parametrize(
    "f, error",
    [
        (lambda x: np.take(x, 12), IndexError),
        (lambda x: np.take(x, -4, axis=0), IndexError),
        (lambda x: np.take(x, [0.5]), TypeError),
        (lambda x: np.take(x[:0], [0], axis=0), IndexError),
        (lambda x: np.take(x, 0, mode="strange"), ValueError),
        (lambda x: np.compress([[True]], x), ValueError),
        (lambda x: np.choose([0, 2], [x[0, :2], 1.0]), ValueError),
        (lambda x: np.put(x, 99, 1.0), IndexError),
        (lambda x: np.putmask(x, [True], 1.0), ValueError),
        (lambda x: np.put_along_axis(x, np.array([0]), 1.0, 1), ValueError),
        (lambda x: np.fill_diagonal(x[0], 1.0), ValueError),
        (lambda x: np.fill_diagonal(x.reshape(1, 3, 4), 1.0), ValueError),
        (lambda x: np.spacing.at(x, 0), UnsupportedError),
    ],
)
def test_wrong_use_is_an_error(f, error):
    with pytest.raises(error):
        tw.trace(f, A)


OUTSIDE = np.zeros(4)


@pytest.mark.parametrize(
    "write",
    [
        lambda x: np.copyto(OUTSIDE, x),
        lambda x: np.put(OUTSIDE, 0, x[0]),
        lambda x: np.putmask(OUTSIDE, x > 0, x),
        lambda x: np.place(OUTSIDE, x > 0, x),
        lambda x: np.add.at(OUTSIDE, 0, x[0]),
        lambda x: np.multiply.at(OUTSIDE, 0, x[0]),
    ],
)
def test_writing_into_a_plain_array_says_what_to_do(write):
    with pytest.raises(TraceError, match="inside the function"):
        tw.trace(write, V)
    assert not OUTSIDE.any()
