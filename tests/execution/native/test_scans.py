"""Scans, positions of extrema and linear algebra within native programs: what the interpreter gives."""

import numpy as np
import pytest

from thalweg.execution.interpreter import Interpreter
from thalweg.execution.native import llvm, program, symbols
from thalweg.execution.native.program import Program
from thalweg.graph import BOOL, FLOAT32, FLOAT64, INT64, Graph, input_node, make
from thalweg.ops import elementwise as e
from thalweg.ops import movement, reduce
from thalweg.ops.determinant import slogdet
from thalweg.ops.factorizations import CHOLESKY

rng = np.random.default_rng(11)
SCANS = (reduce.CUMSUM, reduce.CUMPROD, reduce.CUMMAX, reduce.CUMMIN)
SHAPES = [(40,), (1, 30), (30, 1), (5, 9), (3, 8, 5), (2, 3, 4, 5)]


def native(graph, *arrays):
    built = program.build(graph)
    assert type(built) is Program  # in one piece
    return program.link(built, symbols.load(llvm.compile_ir(built.ir, min(built.level, 2))))(*arrays)


def agree(graph, *arrays, rtol=1e-12):
    with np.errstate(all="ignore"):
        for found, wanted in zip(native(graph, *arrays), Interpreter(graph)(*arrays), strict=True):
            assert np.shape(found) == np.shape(wanted) and np.asarray(found).dtype == np.asarray(wanted).dtype
            exact = np.asarray(wanted).dtype.kind != "f"
            tolerance = 0 if exact else 2e-5 if np.asarray(wanted).dtype == FLOAT32 else rtol
            np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=0 if exact else tolerance)


def values(shape, dtype):
    if dtype == BOOL:
        return rng.random(shape) < 0.8
    if dtype == INT64:
        return rng.integers(-3, 4, shape)
    return rng.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32, INT64, BOOL], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_scans_along_every_axis(shape, dtype):
    x = input_node(shape, dtype)
    ops = SCANS[:2] if dtype == BOOL else SCANS
    outputs = [op(x, params=(axis,)) for op in ops for axis in range(len(shape))]
    agree(Graph([x], outputs), values(shape, dtype))


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_recurrences_along_every_axis(shape, dtype):
    a, b = input_node(shape, dtype), input_node(shape, dtype)
    outputs = [reduce.recurrence(a, b, axis) for axis in range(len(shape))]
    agree(Graph([a, b], outputs), values(shape, dtype), values(shape, dtype))


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32, INT64, BOOL], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_places_of_extrema(shape, dtype):
    x = input_node(shape, dtype)
    outputs = [make(op, (x,), (axis,)) for op in (reduce.ARGMAX, reduce.ARGMIN) for axis in range(len(shape))]
    agree(Graph([x], outputs), values(shape, dtype))


@pytest.mark.parametrize("op", [*SCANS, reduce.ARGMAX, reduce.ARGMIN], ids=lambda op: op.name)
def test_nan_infinity_and_ties(op):
    x = input_node((6, 20), FLOAT64)
    given = rng.integers(-2, 3, (6, 20)).astype(float)
    given[1, 7] = given[1, 12] = given[2, 0] = np.nan
    given[3, 4], given[4, 4], given[5, :] = np.inf, -np.inf, np.nan
    agree(Graph([x], [make(op, (x,), (0,)), make(op, (x,), (1,))]), given)


def test_scans_of_views_and_of_what_is_computed():
    x = input_node((6, 20), FLOAT64)
    y = e.sin(x) * x
    backwards = movement.slice_(x, ((5, None, -1), (19, None, -2)))
    z = reduce.cumsum(y, 1)
    outputs = [
        reduce.cumsum(backwards, 0),
        reduce.cumprod(backwards, 1),
        reduce.recurrence(movement.transpose(y, (1, 0)), movement.transpose(x, (1, 0)), 0),
        make(reduce.ARGMAX, (movement.transpose(y, (1, 0)),), (1,)),
        e.exp(z) - reduce.sum_(z, (0,)),
        reduce.flip(reduce.cumsum(reduce.flip(e.cos(z), 0), 0), 0),
        reduce.cumsum(movement.broadcast(movement.slice_(x, (0, (0, 20, 1))), (3, 20)), 0),
    ]
    agree(Graph([x], outputs), rng.normal(size=(6, 20)))


def test_scans_between_tiles_of_a_large_program():
    n = 30_000
    x = input_node((n, 8), FLOAT64)
    y = e.tanh(x) * e.exp(-x * x)
    z = reduce.cumsum(y, 0)
    total = reduce.sum_(e.sin(z) * y, (0,))
    outputs = [total, reduce.sum_(reduce.cumsum(e.cos(z), 1) * x, (0, 1)), make(reduce.ARGMAX, (y,), (0,))]
    agree(Graph([x], outputs), rng.normal(size=(n, 8)), rtol=1e-9)


def test_empty_arrays_are_left_to_numpy():
    x, w = input_node((0, 4), FLOAT64), input_node((50,), FLOAT64)
    graph = Graph([x, w], [reduce.cumsum(x, 0), reduce.sum_(e.sin(w) * w, (0,))])
    built = program.build(graph)
    assert built is not None
    run = program.link(built, symbols.load(llvm.compile_ir(built.ir, 1)))
    given = np.zeros((0, 4)), rng.normal(size=50)
    for found, wanted in zip(run(*given), Interpreter(graph)(*given), strict=True):
        assert np.shape(found) == np.shape(wanted)
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


@pytest.mark.parametrize("n", [2, 3, 7, 40])
def test_factorizations_within_a_program(n):
    a, b = input_node((n, n), FLOAT64), input_node((n,), FLOAT64)
    spd = a + movement.transpose(a, (1, 0))
    factor = make(CHOLESKY, (spd,))
    sign, logarithm = slogdet(spd)
    outputs = [factor, reduce.sum_(e.log(factor * factor + 1.0), (0, 1)) * b, logarithm * sign, sign]
    given = rng.normal(size=(n, n)) / n + 2 * np.eye(n), rng.normal(size=n)
    graph = Graph([a, b], outputs)
    agree(graph, *given, rtol=1e-9)
    assert native(graph, -given[0], given[1]) is NotImplemented  # the interpreter says why
    with pytest.raises(np.linalg.LinAlgError):
        Interpreter(graph)(-given[0], given[1])
