"""Indexing of every kind against NumPy: what is read, what is written, and the derivative of both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import thalweg as tw
from thalweg.calculus.jacobian import columns, rows
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph
from tracing.agreement import executed, same_derivative, same_value

A = np.cos(np.arange(12.0)).reshape(3, 4)
C = np.sin(np.arange(60.0)).reshape(3, 4, 5)
V = np.array([3.0, -1.0, 2.5, 0.5])

KEYS = {
    "int": (A, 1),
    "negative int": (A, -1),
    "two ints": (A, (1, -2)),
    "numpy int": (A, (np.int64(1), np.int8(2))),
    "slice": (A, slice(1, None)),
    "negative step": (A, (slice(None, None, -2), slice(3, 0, -1))),
    "slice beyond": (A, (slice(-9, 9), slice(5, 2))),
    "empty slice": (A, slice(2, 2)),
    "ellipsis": (C, (..., 1)),
    "ellipsis between": (C, (0, ..., slice(None, None, 2))),
    "ellipsis of nothing": (A, (1, 2, ...)),
    "nothing": (A, ()),
    "newaxis": (A, (None, slice(None), None, 1)),
    "newaxis and ellipsis": (A, (..., None)),
    "list": (A, [2, 0, 2]),
    "negative in list": (A, ([-1, 0],)),
    "list on second axis": (A, (slice(None), [3, 1])),
    "empty list": (A, []),
    "empty array": (A, (slice(None), np.zeros((0, 2), int))),
    "matrix of positions": (A, np.array([[0, 1], [2, 2]])),
    "two arrays": (A, ([0, 2], [1, 3])),
    "two arrays broadcast": (C, ([[0], [2]], [1, 3])),
    "arrays separated": (C, ([0, 2], slice(None), [1, 3])),
    "array and int adjacent": (C, (slice(None), 1, [1, 3])),
    "array and int separated": (C, (1, slice(None), [1, 3])),
    "array and newaxis": (C, ([0, 1], None, [1, 2])),
    "newaxis before arrays": (C, (None, [0, 1], [1, 2])),
    "array then slice": (C, ([1, 0], slice(1, 3))),
    "array ellipsis array": (C, ([1, 0], ..., [0, 4])),
    "0-d array": (A, np.array(1)),
    "mask": (A, A > 0),
    "mask of rows": (A, np.array([True, False, True])),
    "mask of columns": (A, (slice(None), np.array([True, False, True, True]))),
    "mask and int": (A, (np.array([True, False, True]), 1)),
    "mask and array": (A, (np.array([True, False, True]), [0, 3])),
    "mask of two axes": (C, (A > 0, slice(1, 3))),
    "mask of last axes": (C, (1, C[0] > 0)),
    "mask of nothing": (A, np.zeros((3, 4), bool)),
    "list of booleans": (A, [True, False, True]),
    "true": (A, True),
    "false": (A, False),
    "true and slice": (A, (True, slice(1, 3))),
    "true and array": (A, (True, [0, 1])),
    "numpy true": (A, (np.True_, 1)),
    "ix_": (A, np.ix_([2, 0], [True, False, True, True])),
    "unsigned": (A, np.array([1, 2], dtype=np.uint8)),
}


@pytest.mark.parametrize("name", KEYS)
def test_reading(name):
    x, key = KEYS[name]
    same_value(lambda a: a[key], x)
    same_value(lambda a: a[key], x.astype(np.float32))
    same_derivative(lambda a: a[key], x)


@pytest.mark.parametrize("name", KEYS)
def test_writing_one_value(name):
    x, key = KEYS[name]

    def f(a, s):
        y = np.array(a)
        y[key] = 2.0 * s
        return y

    same_value(f, x, np.array(0.3))
    same_derivative(f, x, np.array(0.3))


@pytest.mark.parametrize("name", KEYS)
def test_writing_an_array(name):
    x, key = KEYS[name]
    new = np.array(np.arange(1.0, 1.0 + x[key].size).reshape(x[key].shape))

    def f(a, b):
        y = np.array(a)
        y[key] = 2.0 * b
        return y

    same_value(f, x, new)
    same_derivative(f, x, new)


@pytest.mark.parametrize("name", KEYS)
def test_changing_in_place(name):
    x, key = KEYS[name]

    def f(a):
        y = np.array(a)
        y[key] += 1.0
        y[key] *= 3.0
        return y

    same_value(f, x)
    same_derivative(f, x)


@pytest.mark.parametrize("key, shape", [
    (slice(None), (4,)), (slice(None), (1, 4)), (slice(None), (1, 1, 3, 1)), ((slice(None), None), (3, 1, 4)),
    (0, (1, 4)), ((0, slice(0, 2)), (1,)), ([0, 2], (2, 1)), (A > 0, (1,)),
])  # fmt: skip
def test_values_are_broadcast_as_numpy_does(key, shape):
    def f(a, b):
        y = np.array(a)
        y[key] = b
        return y

    b = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    same_value(f, A, b)
    same_derivative(f, A, b)


# --- traced indices -------------------------------------------------------------------------------------------------

TRACED = {
    "argmax": lambda a: a.ravel()[np.argmax(a)],
    "row of argmax": lambda a: a[np.argmax(a[:, 0])],
    "two": lambda a: a[np.argmax(a[:, 0]), np.argmin(a[0])],
    "int and traced": lambda a: a[1, np.argmax(a[0])],
    "slice and traced": lambda a: a[1:, np.argmax(a[0])],
    "array": lambda a: a[np.argsort(a[:, 1])],
    "array of columns": lambda a: a[:, np.argsort(a[0])[:2]],
    "arrays": lambda a: a[np.argsort(a[:, 0]), np.argsort(a[0])[:3]],
    "rows and their extrema": lambda a: a[np.arange(3), np.argmax(a, axis=1)],
    "negative": lambda a: a[-np.argmax(a[:, 0]) - 1],
    "list": lambda a: a[[np.argmax(a[:, 0]), 0]],
    "slice to traced": lambda a: a[: np.argmax(a[:, 2]) + 1],
    "traced mask": lambda a: a[a > 0],
    "traced mask of rows": lambda a: a[a[:, 0] > 0, 1:],
    "counted mask": lambda a: a[a > 0].sum() / (a > 0).sum(),
    "where": lambda a: a[np.where(a > 0.5)],
}
PUT = {
    "argmax": lambda y, v: y.__setitem__((np.argmax(y[:, 0]), np.argmin(y[0])), v),
    "row": lambda y, v: y.__setitem__(np.argmax(y[:, 0]), v),
    "column": lambda y, v: y.__setitem__((slice(None), np.argmax(y[0])), v),
    "array": lambda y, v: y.__setitem__(np.argsort(y[:, 0])[:2], v),
    "arrays": lambda y, v: y.__setitem__((np.arange(3), np.argmax(y, axis=1)), v),
    "named twice": lambda y, v: y.__setitem__((np.argsort(y[:, 0]) * 0, [0, 1, 0]), [v, 2 * v, 3 * v]),
    "mask": lambda y, v: y.__setitem__(y > 0, v),
    "mask of rows": lambda y, v: y.__setitem__(y[:, 0] > 0, v * np.arange(4.0)),
    "mask and column": lambda y, v: y.__setitem__((y[:, 0] > 0, 1), v),
    "mask in place": lambda y, v: y.__setitem__(y > 0, y[y > 0] * v),
}


@pytest.mark.parametrize("name", TRACED)
def test_reading_at_traced_places(name):
    same_value(TRACED[name], A)
    same_derivative(TRACED[name], A, h=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", PUT)
def test_writing_at_traced_places(name):
    def f(a, v):
        y = np.array(a)
        PUT[name](y, v)
        return y

    same_value(f, A, np.array(0.7))
    same_derivative(f, A, np.array(0.7), h=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", [k for k in TRACED if "mask" not in k and k not in ("where", "slice to traced")])
def test_one_trace_serves_all_places(name):
    """A position that depends on the argument is found anew at every call, without a guard."""
    graph = tw.trace(TRACED[name], A)
    assert graph.guards == ()
    other = np.sin(np.arange(12.0) * 2.0 + 1.0).reshape(3, 4)
    (y,) = Interpreter(Graph(graph.inputs, graph.outputs))(other)
    np.testing.assert_array_equal(y, TRACED[name](other))


def test_writing_under_a_traced_mask_asks_nothing():
    def relu(a):
        y = np.array(a)
        y[y < 0] = 0.0
        return y

    assert tw.trace(relu, A).guards == ()
    np.testing.assert_array_equal(tw.grad(lambda a: relu(a).sum())(A), (A > 0) * 1.0)


def test_a_plain_table_read_at_a_traced_place():
    table = np.array([1.0, 10.0, 100.0])
    f = lambda v: v * table[np.argmax(v)]
    g = tw.jacobian(f)
    for v in (np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.5, 0.0])):
        np.testing.assert_array_equal(np.diag(g(v)), np.full(3, table[np.argmax(v)]))


def test_plain_tables_read_at_traced_places():
    table = np.array([1.0, 10.0, 100.0])
    for f in (
        lambda v: v * table[np.argsort(v)],
        lambda v: v[:2] * table[[np.argmax(v), np.argmin(v)]],
        lambda v: v * table[v > 1.2].sum(),
        lambda v: v * np.take(table, np.argsort(v)),
        lambda v: v * np.bincount(np.argsort(v) % 2)[0],
    ):
        g = tw.jacobian(f)
        for v in (np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.5, 0.5])):
            np.testing.assert_allclose(np.diag(g(v)), (f(v) / v[: len(f(v))]), rtol=1e-15)


# --- wrong use ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [
    3, -4, (0, 4), (0, 0, 0), (..., ...), [3], ([0], [4]), ([0, 1], [0, 1, 2]), np.array([True, False]),
    np.zeros((3, 3), bool), 1.5, "a", [0.5], np.array([0.5]), np.array([]), (slice(None), 7), [[True], [False]],
])  # fmt: skip
def test_wrong_keys_are_index_errors(key):
    def write(x):
        y = np.array(x)
        y[key] = 1.0
        return y

    for f in (lambda x: x[key], write):
        with pytest.raises(IndexError) as numpys:
            f(A)
        with pytest.raises(IndexError) as ours:
            tw.trace(f, A)
        if "boolean index" in str(numpys.value) or "out of bounds" in str(numpys.value):
            assert str(ours.value).split(";")[0] == str(numpys.value).split(";")[0]


def test_traced_places_out_of_range_are_index_errors():
    g = tw.grad(lambda a: a[np.argmax(a[:, 0]), np.argmax(a[0]) + 3])
    with pytest.raises(IndexError, match="index 4 is out of bounds for axis 1 with size 4"):
        g(np.array([[0.0, 1.0, 0.0, 0.0]] * 3))
    assert g(np.array([[1.0, 0.0, 0.0, 0.0]] * 3))[0, 3] == 1.0


@pytest.mark.parametrize("key, shape", [(slice(None), (3,)), (0, (2,)), ([0, 1], (3, 4)), (A > 0, (2,))])
def test_values_that_do_not_fit_are_value_errors(key, shape):
    def f(x):
        y = np.array(x)
        y[key] = np.ones(shape)
        return y

    with pytest.raises(ValueError):
        f(A)
    with pytest.raises(ValueError):
        tw.trace(f, A)


# --- any index at all -----------------------------------------------------------------------------------------------

shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


@st.composite
def shape_and_key(draw):
    shape = draw(shapes)
    kind = draw(st.sampled_from(["basic", "mixed", "mask"]))
    if kind == "basic":
        return shape, draw(hnp.basic_indices(shape, allow_newaxis=True))
    if kind == "mask":
        axes = draw(st.integers(1, len(shape)))
        mask = draw(hnp.arrays(bool, shape[:axes]))
        rest = [draw(st.one_of(st.slices(n), st.integers(-n, n - 1))) for n in shape[axes:]]
        return shape, (mask, *rest[: draw(st.integers(0, len(rest)))])
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    key = []
    for n in shape[: draw(st.integers(1, len(shape)))]:
        if draw(st.booleans()):
            own = tuple(draw(st.sampled_from([1, m])) for m in common)
            key.append(draw(hnp.arrays(np.int64, own, elements=st.integers(-n, n - 1))))
        else:
            key.append(draw(st.one_of(st.slices(n), st.integers(-n, n - 1))))
        if draw(st.integers(0, 5)) == 0:
            key.append(None)
    if draw(st.integers(0, 3)) == 0:
        key.append(Ellipsis)
    return shape, tuple(key)


def selection(shape, key):
    """The Jacobian of reading at a key, from what NumPy's own indexing does to positions."""
    positions = np.arange(np.prod(shape)).reshape(shape)[key]
    return (np.arange(np.prod(shape)) == np.reshape(positions, (-1, 1))) * 1.0


@settings(max_examples=250)
@given(shape_and_key())
def test_reading_anywhere(case):
    shape, key = case
    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    expected = x[key]
    graph = tw.trace(lambda a: a[key], x)
    (node,), inputs = graph.outputs, graph.inputs
    forward, (reverse,) = columns([node], inputs[0])[0], rows(node, inputs)
    y, J, JT = Interpreter(Graph(inputs, [node, forward, reverse]))(x)
    np.testing.assert_array_equal(y, expected)
    assert np.shape(y) == np.shape(expected)
    dense = selection(shape, key)
    np.testing.assert_array_equal(np.reshape(J, dense.shape), dense)
    np.testing.assert_array_equal(np.reshape(JT, dense.shape), dense)


@settings(max_examples=250)
@given(shape_and_key(), st.booleans())
def test_writing_anywhere(case, single):
    shape, key = case
    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
    size, place = np.size(x[key]), np.shape(x[key])
    v = np.array(-5.0) if single else -np.arange(1.0, 1.0 + size).reshape(place)

    def f(a, b):
        y = np.array(a)
        y[key] = b
        return y

    y = f(x, v)
    # where the old and the new elements stand now, by NumPy itself
    source = f(np.arange(x.size).reshape(shape), -1 - np.arange(v.size).reshape(v.shape)).ravel()
    graph = tw.trace(f, x, v)
    inputs, (node,) = graph.inputs, graph.outputs
    found = Interpreter(
        Graph(inputs, [node, columns([node], inputs[0])[0], columns([node], inputs[1])[0], *rows(node, inputs)])
    )
    z, *blocks = found(x, v if v.ndim else v[()])
    np.testing.assert_array_equal(z, y)
    for k, J in enumerate(blocks):
        dense = (source[:, None] == (np.arange(x.size) if k % 2 == 0 else -1 - np.arange(v.size))) * 1.0
        np.testing.assert_array_equal(np.reshape(J, dense.shape), dense)


@settings(max_examples=80)
@given(shape_and_key(), st.data())
def test_reading_at_traced_positions_anywhere(case, data):
    """The same key with its arrays of positions handed in as traced values."""
    shape, key = case
    key = key if isinstance(key, tuple) else (key,)
    traced = [k for k in key if isinstance(k, np.ndarray) and k.dtype.kind == "i" and k.ndim]
    x = np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)

    def f(a, *positions):
        left = iter(positions)
        return a[tuple(next(left) if isinstance(k, np.ndarray) and k.dtype.kind == "i" and k.ndim else k for k in key)]

    (y,) = executed(f, x, *traced)
    np.testing.assert_array_equal(y, x[key])
