"""Functions that change shape or the order of axes: value and derivatives against NumPy; views as NumPy's."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ShapeError
from tracing.agreement import same_derivative, same_value

A = np.arange(1.0, 7.0).reshape(2, 3) ** 1.5
B = np.sin(np.arange(24.0)).reshape(2, 3, 4)
V = np.array([3.0, -1.0, 2.5, 0.5])
S = np.array(1.5)
Q = np.cos(np.arange(9.0)).reshape(3, 3)
ONES = np.linspace(1, 2, 6).reshape(1, 2, 1, 3)

CASES = {
    "reshape": (lambda x: np.reshape(x, (3, 2)), A),
    "reshape -1": (lambda x: np.reshape(x, -1), A),
    "reshape to 3 axes": (lambda x: x.reshape(2, -1, 3), A),
    "reshape tuple": (lambda x: x.reshape((6, 1)), A),
    "reshape F": (lambda x: np.reshape(x, (3, 2), order="F"), A),
    "reshape F of 3": (lambda x: x.reshape(4, 6, order="F"), B),
    "reshape A of transposed": (lambda x: x.T.reshape(6, order="A"), A),
    "reshape of a view with steps": (lambda x: x[:, ::2].reshape(-1), A),
    "reshape copy": (lambda x: np.reshape(x, 6, copy=True), A),
    "reshape scalar": (lambda x: np.reshape(x, (1, 1)), S),
    "ravel": (lambda x: np.ravel(x), A),
    "ravel F": (lambda x: x.ravel("F"), B),
    "ravel K of transposed": (lambda x: x.T.ravel("K"), B),
    "ravel A": (lambda x: x.T.ravel("A"), A),
    "flatten": (lambda x: x.flatten(), B),
    "flatten F": (lambda x: x.flatten("F"), B),
    "resize larger": (lambda x: np.resize(x, (4, 2)), A),
    "resize smaller": (lambda x: np.resize(x, 4), A),
    "squeeze": (lambda x: np.squeeze(x), ONES),
    "squeeze axis": (lambda x: x.squeeze(axis=(0, -2)), ONES),
    "expand_dims": (lambda x: np.expand_dims(x, 1), A),
    "expand_dims several": (lambda x: np.expand_dims(x, (0, -1)), A),
    "atleast_1d": (lambda x: np.atleast_1d(x), S),
    "atleast_2d of scalar": (lambda x: np.atleast_2d(x), S),
    "atleast_2d": (lambda x: np.atleast_2d(x), V),
    "atleast_3d of scalar": (lambda x: np.atleast_3d(x), S),
    "atleast_3d of vector": (lambda x: np.atleast_3d(x), V),
    "atleast_3d": (lambda x: np.atleast_3d(x), A),
    "transpose": (lambda x: np.transpose(x), B),
    "transpose axes": (lambda x: np.transpose(x, (1, -1, 0)), B),
    "transpose method": (lambda x: x.transpose(2, 0, 1), B),
    "transpose method tuple": (lambda x: x.transpose((2, 0, 1)), B),
    "transpose method none": (lambda x: x.transpose(), B),
    "T": (lambda x: x.T, B),
    "mT": (lambda x: x.mT, B),
    "matrix_transpose": (lambda x: np.matrix_transpose(x), B),
    "swapaxes": (lambda x: np.swapaxes(x, 0, -1), B),
    "swapaxes method": (lambda x: x.swapaxes(1, 2), B),
    "moveaxis": (lambda x: np.moveaxis(x, 0, -1), B),
    "moveaxis several": (lambda x: np.moveaxis(x, (0, 1), (-1, 0)), B),
    "rollaxis": (lambda x: np.rollaxis(x, 2), B),
    "rollaxis start": (lambda x: np.rollaxis(x, 0, 2), B),
    "rollaxis negative": (lambda x: np.rollaxis(x, -1, -2), B),
    "broadcast_to": (lambda x: np.broadcast_to(x, (3, 2, 3)), A),
    "broadcast_to of scalar": (lambda x: np.broadcast_to(x, 4), S),
    "broadcast_arrays": (lambda x: np.broadcast_arrays(x, x[:, :1], 2.0), A),
    "flip": (lambda x: np.flip(x), A),
    "flip axis": (lambda x: np.flip(x, -1), B),
    "flip axes": (lambda x: np.flip(x, (0, 2)), B),
    "flipud": (lambda x: np.flipud(x), A),
    "fliplr": (lambda x: np.fliplr(x), A),
    "rot90": (lambda x: np.rot90(x), A),
    "rot90 twice": (lambda x: np.rot90(x, 2), A),
    "rot90 back": (lambda x: np.rot90(x, -1, axes=(1, 2)), B),
    "rot90 0": (lambda x: np.rot90(x, 4), A),
    "roll": (lambda x: np.roll(x, 2), A),
    "roll axis": (lambda x: np.roll(x, -1, axis=1), A),
    "roll axes": (lambda x: np.roll(x, (1, 2), axis=(0, -1)), B),
    "roll one axis twice": (lambda x: np.roll(x, (1, 1), axis=(1, 1)), A),
    "diagonal": (lambda x: np.diagonal(x), A),
    "diagonal offset": (lambda x: x.diagonal(1), A),
    "diagonal below": (lambda x: x.diagonal(-1), A),
    "diagonal outside": (lambda x: np.diagonal(x, 7), A),
    "diagonal axes": (lambda x: np.diagonal(x, 1, 2, 0), B),
    "linalg.diagonal": (lambda x: np.linalg.diagonal(x, offset=-1), B),
    "diag of matrix": (lambda x: np.diag(x, 1), A),
    "diag of vector": (lambda x: np.diag(x), V),
    "diag above": (lambda x: np.diag(x, 2), V),
    "diag below": (lambda x: np.diag(x, -1), V),
    "diagflat": (lambda x: np.diagflat(x, 1), A),
    "tril": (lambda x: np.tril(x), A),
    "tril k": (lambda x: np.tril(x, -1), Q),
    "tril of vector": (lambda x: np.tril(x), V),
    "triu": (lambda x: np.triu(x, 1), B),
    "trace": (lambda x: np.trace(x), Q),
    "trace offset": (lambda x: x.trace(1), A),
    "trace axes": (lambda x: np.trace(x, -1, 1, 2), B),
    "linalg.trace": (lambda x: np.linalg.trace(x), B),
    "flat": (lambda x: x.flat[1:5:2], A),
}


@pytest.mark.parametrize("name", CASES)
def test_as_numpy(name):
    f, x = CASES[name]
    same_value(f, x)
    same_value(f, x.astype(np.float32), rtol=1e-6)
    same_value(f, x.astype(np.int64))
    same_derivative(f, x)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 3)])
def test_empty_arrays(shape):
    x = np.zeros(shape)
    for f in (np.ravel, np.transpose, np.flip, lambda a: np.roll(a, 1), lambda a: a.reshape(-1, 1), np.atleast_3d):
        same_value(f, x)


def test_shape_questions_are_plain_numbers():
    seen = []

    def f(x):
        seen.append((np.shape(x), np.ndim(x), np.size(x), np.size(x, 1), np.size(x, (0, -1)), len(x)))
        return np.sum(x)

    tw.grad(f)(A)
    assert seen == [((2, 3), 2, 6, 3, 6, 2)]


@pytest.mark.parametrize(
    "f, error",
    [
        (lambda x: x.reshape(4, 2), ShapeError),
        (lambda x: x.reshape(-1, -1), ValueError),
        (lambda x: x.reshape(-1, 4), ValueError),
        (lambda x: x.reshape(-2), ValueError),
        (lambda x: x.T.reshape(6, copy=False), ValueError),
        (lambda x: np.squeeze(x, 0), ValueError),
        (lambda x: np.expand_dims(x, 5), np.exceptions.AxisError),
        (lambda x: np.expand_dims(x, (0, 0)), ValueError),
        (lambda x: np.transpose(x, (0,)), ValueError),
        (lambda x: np.transpose(x, (0, 0)), ValueError),
        (lambda x: np.swapaxes(x, 0, 2), np.exceptions.AxisError),
        (lambda x: np.moveaxis(x, (0, 1), 0), ValueError),
        (lambda x: np.moveaxis(x, (0, 0), (0, 1)), ValueError),
        (lambda x: np.moveaxis(x, (0, 1), (0, 0)), ValueError),
        (lambda x: np.rollaxis(x, 0, 9), np.exceptions.AxisError),
        (lambda x: np.broadcast_to(x, (2, 4)), ValueError),
        (lambda x: np.broadcast_arrays(x, np.ones(5)), ValueError),
        (lambda x: np.flip(x, 2), np.exceptions.AxisError),
        (lambda x: np.flipud(x[0, 0]), ValueError),
        (lambda x: np.fliplr(x[0]), ValueError),
        (lambda x: np.rot90(x, axes=(0, 0)), ValueError),
        (lambda x: np.rot90(x, axes=(0, 1, 2)), ValueError),
        (lambda x: np.roll(x, 1, axis=2), np.exceptions.AxisError),
        (lambda x: np.diagonal(x[0]), ValueError),
        (lambda x: np.diagonal(x, 0, 1, 1), ValueError),
        (lambda x: np.diag(x.reshape(1, 2, 3)), ValueError),
        (lambda x: np.linalg.matrix_transpose(x[0]), ValueError),
        (lambda x: x[0].mT, ValueError),
        (lambda x: x.ravel("Z"), ValueError),
        (lambda x: np.resize(x, -1), ValueError),
        (lambda x: len(x[0, 0]), TypeError),
    ],
)
def test_wrong_use_is_numpys_error(f, error):
    with pytest.raises(error):
        tw.trace(f, A)


# Each program writes through what it got; NumPy decides whether that was a view.
WRITES = {
    "reshape": lambda y: y.reshape(3, 2),
    "reshape of transposed (copy)": lambda y: y.T.reshape(-1),
    "reshape of a column": lambda y: y[:, 1].reshape(2, 1),
    "reshape of steps": lambda y: y[:, ::2].reshape(2, 2, 1),
    "reshape of steps (copy)": lambda y: y[:, ::2].reshape(4),
    "reshape F": lambda y: y.reshape(3, 2, order="F"),
    "ravel": lambda y: y.ravel(),
    "ravel F (copy)": lambda y: y.ravel("F"),
    "ravel of row": lambda y: y[1].ravel(),
    "ravel of reversed": lambda y: y[::-1].ravel(),
    "flatten (copy)": lambda y: y.flatten(),
    "T": lambda y: y.T,
    "T of T": lambda y: y.T.T,
    "row of T": lambda y: y.T[1],
    "swapaxes": lambda y: np.swapaxes(y, 0, 1),
    "moveaxis": lambda y: np.moveaxis(y, 0, 1),
    "squeeze": lambda y: np.squeeze(y[:, :1]),
    "expand_dims": lambda y: np.expand_dims(y, 1),
    "newaxis": lambda y: y[:, None, 1:],
    "flip": lambda y: np.flip(y, 1),
    "rot90": lambda y: np.rot90(y),
    "atleast_3d": lambda y: np.atleast_3d(y),
    "split": lambda y: np.split(y, 3, axis=1)[1],
    "copy": lambda y: y.copy(),
    "array": lambda y: np.array(y),
    "asarray": lambda y: np.asarray(y),
    "ascontiguousarray": lambda y: np.ascontiguousarray(y),
    "ascontiguousarray of T": lambda y: np.ascontiguousarray(y.T),
    "asfortranarray": lambda y: np.asfortranarray(y),
    "whole": lambda y: y[:],
    "ellipsis": lambda y: y[...],
    "integer array (copy)": lambda y: y[[0, 1]],
    "take (copy)": lambda y: np.take(y, [0, 1], axis=0),
    "meshgrid without copy": lambda y: np.meshgrid(y[0], [1.0, 2.0], copy=False, sparse=True)[0],
}


@pytest.mark.parametrize("name", WRITES)
def test_views_are_numpys(name):
    def f(x):
        y = np.array(x)
        part = WRITES[name](y)
        part[...] = part * 10.0
        part[0] = 7.0 * x[0, 0]
        y[1, 1] += 1.0
        return y, part

    same_value(f, A)
    same_derivative(f, A)


@pytest.mark.parametrize("f", [lambda y: np.broadcast_to(y, (2, 2, 3)), np.diagonal, np.diag])
def test_read_only_views_refuse(f):
    def write(x):
        f(x)[0] = 1.0
        return x

    with pytest.raises(ValueError, match="read-only"):
        write(A.copy())
    with pytest.raises(ValueError, match="read-only"):
        tw.trace(write, A)


def test_read_only_views_follow_the_array():
    def f(x):
        y = x * 1.0
        d = np.diagonal(y)
        y[0, 0] = 5.0 * x[1, 1]
        return d

    same_value(f, A)
    same_derivative(f, A)


def test_resizing_in_place_says_what_to_write():
    with pytest.raises(ValueError, match=r"np\.resize"):
        tw.trace(lambda x: x.resize(3, 2), A)
