"""The reductions and scans, op by op: every op in the table is tested by being in the table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

import thalweg as tw
from checks import close, derivatives, same
from thalweg.graph import Graph, Op, constant, full, input_node
from thalweg.ops import reduce as r
from thalweg.tracing.tracer import Tracer, node_of

FLOAT = np.dtype(float)


def on(op: Op, *params):
    """The op as a function of traced arrays."""
    return lambda *xs: Tracer(op(*map(node_of, xs), params=params))


def recurrence(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    a, out = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0).copy()
    for i in range(1, len(out)):
        out[i] = a[i] * out[i - 1] + out[i]
    return np.moveaxis(out, 0, axis)


# op → parameters, number of arguments, meaning
TABLE = {
    r.SUM: ([((0,),), ((0, 2),), ((0, 1, 2),)], 1, lambda x, axes: np.sum(x, axis=axes)),
    r.MAX: ([((1,),), ((0, 2),)], 1, lambda x, axes: np.max(x, axis=axes)),
    r.MIN: ([((1,),), ((0, 1, 2),)], 1, lambda x, axes: np.min(x, axis=axes)),
    r.ARGMAX: ([(0,), (2,)], 1, lambda x, axis: np.argmax(x, axis=axis)),
    r.ARGMIN: ([(0,), (2,)], 1, lambda x, axis: np.argmin(x, axis=axis)),
    r.ANY: ([((1,),), ((0, 1, 2),)], 1, lambda x, axes: np.any(x, axis=axes)),
    r.ALL: ([((1,),), ((0, 1, 2),)], 1, lambda x, axes: np.all(x, axis=axes)),
    r.LOGSUMEXP: ([((1,),), ((0, 1, 2),)], 1, lambda x, axes: logsumexp(x, axis=axes)),
    r.WEIGHTS: ([((1,),), ((0, 1, 2),)], 1, lambda x, axes: softmax(x, axis=axes)),
    r.CUMSUM: ([(0,), (2,)], 1, lambda x, axis: np.cumsum(x, axis=axis)),
    r.CUMPROD: ([(0,), (2,)], 1, lambda x, axis: np.cumprod(x, axis=axis)),
    r.PROD: ([(0,), (2,)], 1, lambda x, axis: np.prod(x, axis=axis)),
    r.CUMMAX: ([(0,), (2,)], 1, lambda x, axis: np.maximum.accumulate(x, axis=axis)),
    r.CUMMIN: ([(0,), (2,)], 1, lambda x, axis: np.minimum.accumulate(x, axis=axis)),
    r.RECURRENCE: ([(0,), (2,)], 2, recurrence),
}
NO_DERIVATIVE = {r.ARGMAX, r.ARGMIN, r.ANY, r.ALL}
CASES = [(op, params, count, meaning) for op, (each, count, meaning) in TABLE.items() for params in each]
IDS = [f"{op.name} {params}" for op, params, _, _ in CASES]


def arguments(count: int, dtype=float) -> list[np.ndarray]:
    random = np.random.default_rng(3)
    return [random.normal(size=(2, 3, 2)).astype(dtype) for _ in range(count)]


def either(op: Op, params, meaning):
    """The meaning on plain arrays, the op on traced ones."""
    return lambda *xs: on(op, *params)(*xs) if any(type(x) is Tracer for x in xs) else meaning(*xs, *params)


def test_every_op_is_in_the_table():
    assert {op for op in vars(r).values() if isinstance(op, Op) and op.family == "reduce"} == set(TABLE)


@pytest.mark.parametrize(("op", "params", "count", "meaning"), CASES, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values(op, params, count, meaning, dtype):
    same(either(op, params, meaning), *arguments(count, dtype))
    if op not in (r.RECURRENCE, r.WEIGHTS):
        x = arguments(count, dtype)
        x[0][0, 1, 1], x[0][1, 0, 0] = np.nan, np.inf
        same(either(op, params, meaning), *x)


@pytest.mark.parametrize(("op", "params", "count", "meaning"), CASES, ids=IDS)
def test_derivatives(op, params, count, meaning):
    f = either(op, params, meaning)
    if op in NO_DERIVATIVE:
        x = arguments(count)[0]
        g = tw.grad(lambda v: np.sum(f(v) * 1.0) + np.sum(v))(x)
        np.testing.assert_array_equal(g, np.ones(x.shape))
        return
    derivatives(f, *arguments(count))
    derivatives(lambda *xs: f(*xs) ** 2, *arguments(count))


def test_third_derivatives_of_a_product():
    x = np.array([2.0, 0.0, 0.0, 5.0])
    third = tw.jacobian(tw.hessian(np.prod))(x)
    wanted = np.zeros((4, 4, 4))
    for i in range(4):
        for j in range(4):
            for k in range(4):
                if len({i, j, k}) == 3:
                    wanted[i, j, k] = np.prod([x[m] for m in range(4) if m not in (i, j, k)])
    close(third, wanted, 1e-15)


@pytest.mark.parametrize("length", [50, 100])
@pytest.mark.parametrize("width", [1, 40])
def test_recurrences_however_computed(length, width):  # in Python, by BLAS, row by row
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, length, width))
    same(lambda x, y: either(r.RECURRENCE, (0,), recurrence)(x, y), a, b)
    a32, b32 = a.astype(np.float32), b.astype(np.float32)
    same(lambda x, y: either(r.RECURRENCE, (0,), recurrence)(x, y), a32, b32, rtol=1e-4, atol=1e-4)
    same(lambda x, y: either(r.RECURRENCE, (0,), recurrence)(x, y), np.zeros((0, 3)), np.zeros((0, 3)))


def test_logsumexp_neither_overflows_nor_loses_digits():
    x = np.array([1000.0, 1000.0, -1000.0])
    f = on(r.LOGSUMEXP, (0,))
    value, gradient = tw.value_and_grad(f)(x)
    assert value == pytest.approx(1000 + np.log(2), rel=1e-15)
    np.testing.assert_allclose(gradient, [0.5, 0.5, 0.0], rtol=1e-15)
    np.testing.assert_allclose(tw.hessian(f)(x)[:2, :2], [[0.25, -0.25], [-0.25, 0.25]], rtol=1e-14)


def test_logsumexp_of_integers_is_real():
    same(lambda v: np.logaddexp.reduce(v), np.arange(4))
    assert tw.trace(on(r.LOGSUMEXP, (0,)), np.arange(4)).outputs[0].dtype == np.float64
    same(either(r.LOGSUMEXP, ((0,),), TABLE[r.LOGSUMEXP][2]), np.arange(4))


# --- identities -----------------------------------------------------------------------------------------------------


def names(*outputs) -> list[str]:
    return sorted(n.op.name for n in Graph([], outputs).nodes)


def test_a_sum_of_equal_terms_counts_them():
    x = input_node((3,), FLOAT)
    assert r.sum_(full((5, 4), 2.0), (0, 1)).value == 40.0
    assert names(r.sum_(r.broadcast(x, (7, 3)), (0,))) == ["constant", "input", "multiply"]
    y = r.sum_(r.broadcast(r.reshape(x, (3, 1)), (3, 7)), (0,))
    assert y.shape == (7,)
    assert "sum" in names(y) and y.op.name == "broadcast"
    assert r.sum_(full((0, 4), np.inf), (0, 1)).op is r.SUM  # nothing is not 0·∞


def test_a_sum_of_all_does_not_ask_for_the_order():
    x = input_node((2, 3), FLOAT)
    assert r.sum_(r.reshape(x, (6,)), (0,)) is r.sum_(x, (0, 1))
    assert r.sum_(x, ()) is x


def test_an_empty_extremum_names_the_way_out():
    with pytest.raises(ValueError, match="initial="):
        r.MAX(constant(np.zeros((0, 2))), params=((0,),))
