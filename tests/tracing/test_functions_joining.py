"""Functions that join, repeat, split, insert, delete and pad: value and derivatives against NumPy."""

import numpy as np
import pytest

import thalweg as tw
from checks import older
from thalweg.errors import UnsupportedError
from tracing.agreement import same_derivative, same_value

A = np.arange(1.0, 7.0).reshape(2, 3) ** 1.5
B = np.cos(np.arange(6.0)).reshape(2, 3)
C = np.sin(np.arange(24.0)).reshape(2, 3, 4)
V = np.array([3.0, -1.0, 2.5, 0.5])
S = np.array(1.5)

CASES = {
    "concatenate": (lambda a, b: np.concatenate([a, b]), A, B),
    "concatenate axis": (lambda a, b: np.concatenate((a, b, a), axis=-1), A, B),
    "concatenate none": (lambda a, b: np.concatenate((a, b[0]), axis=None), A, B),
    "concatenate dtype": (lambda a, b: np.concatenate((a, b), dtype=np.float32), A, B),
    "concatenate integers": (lambda a: np.concatenate((a, [1, 2])), V),
    "concatenate one": (lambda a: np.concatenate([a]), V),
    "concatenate of a traced stack": (lambda c: np.concatenate(c), C),
    "concat": (lambda a, b: np.concat((a, b)), A, B),
    "stack": (lambda a, b: np.stack([a, b]), A, B),
    "stack axis": (lambda a, b: np.stack([a, b], axis=-1), A, B),
    "stack scalars": (lambda a: np.stack([a, 2.0, a * a]), S),
    "vstack": (lambda a, v: np.vstack([a, v[:3]]), A, V),
    "hstack": (lambda a, b: np.hstack([a, b]), A, B),
    "hstack vectors": (lambda v, s: np.hstack([v, s, 2]), V, S),
    "dstack": (lambda a, b: np.dstack([a, b]), A, B),
    "dstack vectors": (lambda v: np.dstack([v, v]), V),
    "column_stack": (lambda a, b: np.column_stack([a[:, 0], b]), A, B),
    "block": (lambda a, v: np.block([[a, a], [v[:3], np.ones(3)]]), A, V),
    "block vector": (lambda v, s: np.block([v, s]), V, S),
    "block scalar": (lambda s: np.block(s), S),
    "append": (lambda a, b: np.append(a, b), A, B),
    "append axis": (lambda a, b: np.append(a, b, axis=1), A, B),
    "array of scalars": (lambda v: np.array([v[0], 2.0, v[1] * v[2]]), V),
    "array nested": (lambda v: np.array([[v[0], 1], [v[1], v[2]]]), V),
    "array of rows": (lambda v: np.array([v, v * v, [1, 2, 3, 4]]), V),
    "array ndmin": (lambda v: np.array([v[0], v[1]], ndmin=3), V),
    "array dtype": (lambda v: np.array([v[0], v[1]], dtype=np.float32), V),
    "array of arrays of scalars": (lambda v: np.array([[[v[0]], [v[1]]]] * 2), V),
    "array of 0-d and int": (lambda s: np.array([s, 3]), S),
    "asarray of list": (lambda v: np.asarray([v[0], v[3]]), V),
    "fromiter": (lambda v: np.fromiter((t * t for t in v), dtype=float), V),
    "tile": (lambda a: np.tile(a, 2), A),
    "tile matrix": (lambda a: np.tile(a, (2, 1, 3)), A),
    "tile vector": (lambda v: np.tile(v, (3, 2)), V),
    "tile none": (lambda v: np.tile(v, 0), V),
    "repeat": (lambda a: np.repeat(a, 2), A),
    "repeat axis": (lambda a: np.repeat(a, 3, axis=1), A),
    "repeat counts": (lambda a: np.repeat(a, [1, 0, 2], axis=-1), A),
    "repeat none": (lambda a: a.repeat(0, axis=0), A),
    "repeat scalar": (lambda s: np.repeat(s, 3), S),
    "split": (lambda a: np.split(a, 3, axis=1), A),
    "split at": (lambda v: np.split(v, [1, 3, 9]), V),
    "split at negative": (lambda v: np.split(v, [-3, 3]), V),
    "array_split": (lambda v: np.array_split(v, 3), V),
    "hsplit": (lambda a: np.hsplit(a, 3), A),
    "hsplit vector": (lambda v: np.hsplit(v, 2), V),
    "vsplit": (lambda a: np.vsplit(a, 2), A),
    "dsplit": (lambda c: np.dsplit(c, [1]), C),
    "unpacking": (lambda a: list(a)[::-1], A),
    "insert": (lambda v: np.insert(v, 1, 9.0), V),
    "insert at negative": (lambda v: np.insert(v, -1, v[0]), V),
    "insert at end": (lambda v: np.insert(v, 4, [1.0, 2.0]), V),
    "insert several": (lambda v: np.insert(v, [0, 2, 2], [1.0, v[0], 3.0]), V),
    "insert slice": (lambda v: np.insert(v, slice(0, 3), v[:3]), V),
    "insert one in list": (lambda v: np.insert(v, [1], [7.0, 8.0]), V),
    "insert mask": (lambda v: np.insert(v, np.array([True, False, True, False]), 5.0), V),
    "insert row": (lambda a, v: np.insert(a, 1, v[:3], axis=0), A, V),
    "insert column": (lambda a, v: np.insert(a, 1, v[:2], axis=1), A, V),
    "insert columns": (lambda a: np.insert(a, [0, 3], 1.0, axis=1), A),
    "insert flat": (lambda a: np.insert(a, 2, 1.0), A),
    "delete": (lambda v: np.delete(v, 1), V),
    "delete several": (lambda v: np.delete(v, [0, -1]), V),
    "delete nothing": (lambda v: np.delete(v, []), V),
    "delete slice": (lambda a: np.delete(a, slice(None, None, 2), axis=1), A),
    "delete mask": (lambda v: np.delete(v, v > 1), V),
    "delete flat": (lambda a: np.delete(a, 4), A),
    "pad": (lambda a: np.pad(a, 1), A),
    "pad widths": (lambda a: np.pad(a, ((1, 2), (0, 3))), A),
    "pad pair": (lambda a: np.pad(a, (2, 1)), A),
    "pad dict": (lambda a: np.pad(a, {-1: (1, 2)}), A),
    "pad values": (lambda a: np.pad(a, 2, constant_values=((1.0, 2.0), (3.0, 4.0))), A),
    "pad traced value": (lambda a, s: np.pad(a, (1, 2), constant_values=s), A, S),
    "pad traced values": (lambda v: np.pad(v, (1, 2), constant_values=(v[0], 5.0)), V),
    "pad edge": (lambda a: np.pad(a, 2, "edge"), A),
    "pad reflect": (lambda a: np.pad(a, ((1, 1), (5, 3)), "reflect"), A),
    "pad reflect odd": (lambda a: np.pad(a, ((1, 1), (5, 3)), "reflect", reflect_type="odd"), A),
    "pad symmetric": (lambda a: np.pad(a, (4, 3), "symmetric"), A),
    "pad symmetric odd": (lambda v: np.pad(v, (6, 3), "symmetric", reflect_type="odd"), V),
    "pad one element odd": (lambda v: np.pad(v[:1], 2, "reflect", reflect_type="odd"), V),
    "pad wrap": (lambda a: np.pad(a, (3, 7), "wrap"), A),
    "pad ramp": (lambda a: np.pad(a, (2, 3), "linear_ramp", end_values=(5.0, -1.0)), A),
    "pad mean": (lambda a: np.pad(a, (2, 1), "mean"), A),
    "pad mean of two": (lambda a: np.pad(a, ((0, 0), (2, 1)), "mean", stat_length=2), A),
    "pad maximum": (lambda a: np.pad(a, 1, "maximum"), A + 0.1 * B),
    "pad minimum": (lambda a: np.pad(a, 1, "minimum", stat_length=((1, 2), (2, 3))), A + 0.1 * B),
}


@pytest.mark.parametrize("name", CASES)
def test_as_numpy(name):
    if name == "pad dict" and older(np, "2.4.0"):
        pytest.skip("needs NumPy 2.4: np.pad of a dict")
    f, *arrays = CASES[name]
    same_value(f, *arrays)
    single = "dtype" in name
    same_derivative(f, *arrays, h=1e-3 if name in NONLINEAR or single else 1.0, atol=5e-4 if single else 1e-8)
    same_value(f, *[a.astype(np.float32) for a in arrays], rtol=1e-5)


NONLINEAR = {
    "stack scalars",
    "array of scalars",
    "array of rows",
    "fromiter",
    "delete mask",
    "pad maximum",
    "pad minimum",
}


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp", "mean", "maximum"])
def test_padding_of_integers(mode):
    same_value(lambda x: np.pad(x, (2, 3), mode), np.array([3, 8, 1]))


def test_median_padding():
    same_value(lambda x: np.pad(x, ((1, 0), (2, 2)), "median"), A)


def test_empty_padding_shows_that_nothing_was_written():
    graph = tw.trace(lambda x: np.pad(x, (1, 0), "empty"), V)
    assert graph.outputs[0].shape == (5,)
    gradient = tw.grad(lambda x: np.sum(np.pad(x, (1, 0), "empty")[1:]))(V)
    np.testing.assert_array_equal(gradient, np.ones(4))


def test_unstack():
    same_value(lambda a: np.unstack(a, axis=1), A)
    same_derivative(lambda a: np.unstack(a, axis=-1), A)


@pytest.mark.parametrize(
    "f, error",
    [
        (lambda a: np.concatenate([a, a[0]]), ValueError),
        (lambda a: np.concatenate([a, a[:, :2]]), ValueError),
        (lambda a: np.concatenate([a[0, 0], a[0, 1]]), ValueError),
        (lambda a: np.concatenate([a, a], axis=2), np.exceptions.AxisError),
        (lambda a: np.stack([a, a[0]]), ValueError),
        (lambda a: np.stack([a, a], axis=3), np.exceptions.AxisError),
        (lambda a: np.array([a, a[0]]), ValueError),
        (lambda a: np.block([[a, a], a]), ValueError),
        (lambda a: np.block([[], [a]]), ValueError),
        (lambda a: np.repeat(a, -1), ValueError),
        (lambda a: np.repeat(a, 1.5), TypeError),
        (lambda a: np.repeat(a, [1, 2], axis=1), ValueError),
        (lambda a: np.split(a, 2, axis=1), ValueError),
        (lambda a: np.array_split(a, 0), ValueError),
        (lambda a: np.vsplit(a[0], 1), ValueError),
        (lambda a: np.hsplit(a[0, 0], 1), ValueError),
        (lambda a: np.dsplit(a, 1), ValueError),
        (lambda a: np.insert(a, 9, 1.0, axis=0), IndexError),
        (lambda a: np.delete(a, 9, axis=0), IndexError),
        (lambda a: np.pad(a, -1), ValueError),
        (lambda a: np.pad(a, 1.5), TypeError),
        (lambda a: np.pad(a, 1, "strange"), ValueError),
        (lambda a: np.pad(a, 1, "edge", constant_values=1), ValueError),
        (lambda a: np.pad(a[:0], 1, "edge"), ValueError),
        (lambda a: np.pad(a, 1, lambda *_: None), UnsupportedError),
        (lambda a: np.pad(a, 1, "mean", stat_length=0), ValueError),
        (lambda a: np.unstack(a[0, 0]), ValueError),
    ],
)
def test_wrong_use_is_an_error(f, error):
    with pytest.raises(error):
        tw.trace(f, A)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.c_[np.ones(3), x],
        lambda x: np.c_[x, x**2, 0:3],
        lambda x: np.c_[np.outer(x, x), x],
        lambda x: np.c_[x[0], 2.0],
        lambda x: np.r_[x, 1.0, x[0], 0:2],
        lambda x: np.r_[x],
        lambda x: np.r_[np.outer(x, x), np.ones((1, 3))],
        lambda x: np.c_[np.ones(3), np.zeros(3)] * x[0],
    ],
)
def test_brackets_that_join(f):
    x = np.array([0.5, -1.0, 2.0])
    np.testing.assert_array_equal(tw.trace(f, x).outputs[0].shape, f(x).shape)
    step = 1e-6 * np.eye(3)
    expected = np.stack([(f(x + h) - f(x - h)) / 2e-6 for h in step], -1)
    np.testing.assert_allclose(tw.jacobian(f)(x), expected, atol=1e-8)
    assert type(np.c_).__name__ == "CClass" and type(np.r_).__name__ == "RClass"


def test_brackets_with_directives_are_refused():
    with pytest.raises(UnsupportedError, match="directive"):
        tw.trace(lambda x: np.r_["-1,2,0", x, x], np.ones(3))
