"""Contraction and correlation: values, transposes, and the shape of what is executed."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import thalweg as tw
from checks import adjoint, derivatives, loop, same
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, input_node
from thalweg.ops.contract import CONTRACT, contract, matmul
from thalweg.ops.correlate import CONVOLVE, CORRELATE
from thalweg.ops.movement import broadcast, transpose
from thalweg.ops.reduce import sum_
from thalweg.tracing.tracer import Tracer, node_of

FLOAT = np.dtype(float)
random = np.random.default_rng(0)


def contracted(la, lb, lo):
    """The op on traced arrays, `numpy.einsum` on plain ones."""

    def f(a, b):
        if isinstance(a, Tracer) or isinstance(b, Tracer):
            return Tracer(contract(node_of(a), node_of(b), la, lb, lo))
        return np.einsum(a, la, b, lb, lo)

    return f


@st.composite
def contractions(draw):
    """Labels of two arguments and of the result, in any order, and arrays with any order of strides."""
    sizes = draw(st.lists(st.integers(1, 3), min_size=5, max_size=5))
    la = draw(st.lists(st.integers(0, 4), unique=True, max_size=4))
    lb = draw(st.lists(st.integers(0, 4), unique=True, max_size=4))
    both = sorted({*la, *lb})
    lo = draw(st.permutations(both))[: draw(st.integers(0, len(both)))]
    arrays = []
    for labels in (la, lb):
        memory = draw(st.permutations(range(len(labels))))
        x = np.random.default_rng(2).normal(size=[sizes[labels[i]] for i in memory])
        arrays.append(np.transpose(x, np.argsort(memory)) if labels else x)
    return tuple(la), tuple(lb), tuple(lo), arrays


@given(contractions())
@settings(max_examples=300)
def test_any_contraction_equals_einsum(case):
    la, lb, lo, arrays = case
    same(contracted(la, lb, lo), *arrays)


@given(contractions())
@settings(max_examples=60)
def test_transposes_and_batches_of_any_contraction(case):
    la, lb, lo, arrays = case
    adjoint(contracted(la, lb, lo), *arrays)
    loop(contracted(la, lb, lo), *arrays)


@pytest.mark.parametrize(
    "labels", [((0, 1), (1, 2), (0, 2)), ((0, 1), (1,), (0,)), ((0, 1), (0, 1), (1,)), ((0,), (1,), ())], ids=str
)
def test_derivatives(labels):
    sizes = (2, 3, 2)
    a, b = (random.normal(size=[sizes[i] for i in row]) for row in labels[:2])
    f = contracted(*labels)
    derivatives(lambda x, y: f(x, y) ** 2, a, b)


def test_dtypes():
    a, b = random.normal(size=(2, 3)), random.normal(size=(3, 2))
    f = contracted((0, 1), (1, 2), (0, 2))
    same(f, a.astype(np.float32), b.astype(np.float32))
    same(lambda x, y: x @ y, a > 0, b > 0)
    same(lambda x, y: x @ y, np.round(a).astype(int), np.round(b).astype(int))
    same(lambda x, y: x @ y, np.round(a).astype(int), b.astype(np.float32))


def test_nan_and_infinity_go_through():
    a, b = random.normal(size=(2, 3)), random.normal(size=(3, 2))
    a[0, 1], b[0, 1] = np.nan, np.inf
    same(lambda x, y: x @ y, a, b)
    same(lambda x, y: np.outer(x, y), a, b)


@given(contractions())
@settings(max_examples=60)
def test_a_result_owns_its_memory(case):
    la, lb, lo, (a, b) = case
    y = np.asarray(CONTRACT.evaluate(a, b, la, lb, lo))
    assert not np.shares_memory(y, a) and not np.shares_memory(y, b)


# --- what is executed -----------------------------------------------------------------------------------------------


def names(*outputs) -> list[str]:
    return sorted(n.op.name for n in Graph([], outputs).nodes if n.args)


def test_transposes_are_folded_into_the_contraction():
    a, b = input_node((3, 4), FLOAT), input_node((3, 5), FLOAT)
    y = matmul(transpose(a, (1, 0)), b)
    assert y.shape == (4, 5)
    assert names(y) == ["contract"]


def test_stretched_arguments_are_not_multiplied():
    a, x = input_node((3, 4), FLOAT), input_node((), FLOAT)
    y = contract(broadcast(x, (4,)), a, (1,), (0, 1), (0,))
    assert names(y) == ["multiply", "sum"]
    z = contract(broadcast(x, (5,)), input_node((4,), FLOAT), (0,), (1,), (0, 1))
    assert z.shape == (5, 4)
    assert names(z) == ["broadcast", "multiply", "reshape"]


def test_a_sum_of_a_product_of_matrices_is_a_product_of_sums_where_that_is_cheaper():
    a, b = input_node((30, 2), FLOAT), input_node((2, 40), FLOAT)
    (y,) = Graph([a, b], [sum_(matmul(a, b), (0, 1))]).outputs
    assert y.op is CONTRACT and y.shape == ()
    wide = sum_(matmul(input_node((3, 50), FLOAT), input_node((50, 3), FLOAT)), (0,))
    assert wide.op.name == "sum"
    same(lambda p, q: np.sum(p @ q, axis=0), random.normal(size=(30, 2)), random.normal(size=(2, 40)))


def test_the_gradient_of_least_squares_is_two_products_with_the_matrix():
    A, b = random.normal(size=(30, 20)), random.normal(size=30)
    traced = tw.trace(tw.grad(lambda x: 0.5 * np.sum((A @ x - b) ** 2)), np.zeros(20))
    ops = names(*traced.outputs)
    assert ops.count("contract") == 2
    assert "transpose" not in ops


# --- correlation ----------------------------------------------------------------------------------------------------


def slid(op, mode):
    """The op on traced arrays; on plain ones NumPy's function, row by row."""
    one = np.correlate if op is CORRELATE else np.convolve

    def f(a, v):
        if isinstance(a, Tracer) or isinstance(v, Tracer):
            return Tracer(op(node_of(a), node_of(v)))
        lead = np.broadcast_shapes(a.shape[:-1], v.shape[:-1])
        a, v = np.broadcast_to(a, (*lead, a.shape[-1])), np.broadcast_to(v, (*lead, v.shape[-1]))
        rows = [one(a[i], v[i], mode) for i in np.ndindex(lead)]
        return np.array(rows).reshape((*lead, -1))

    return f


@pytest.mark.parametrize(("op", "mode"), [(CORRELATE, "valid"), (CONVOLVE, "full")], ids=["correlate", "convolve"])
@pytest.mark.parametrize(
    ("lead", "other"), [((), ()), ((2,), (2,)), ((2,), ()), ((), (4,)), ((3, 1), (2,)), ((5,), (5,))], ids=str
)
def test_correlation_of_rows(op, mode, lead, other):
    a, v = random.normal(size=(*lead, 5)), random.normal(size=(*other, 3))
    f = slid(op, mode)
    same(f, a, v)
    same(f, a.astype(np.float32), v.astype(np.float32))
    derivatives(lambda x, y: f(x, y) ** 2, a, v)


def test_a_pattern_must_fit():
    with pytest.raises(ValueError, match="does not fit"):
        CORRELATE(input_node((2,), FLOAT), input_node((3,), FLOAT))
    with pytest.raises(ValueError, match="at least one element"):
        CONVOLVE(input_node((2,), FLOAT), input_node((0,), FLOAT))


def test_an_argument_stretched_to_nothing():
    """Zero copies of a row: the product has no elements, or its sums no terms."""
    x, y = random.normal(size=3), random.normal(size=(3, 2))
    same(lambda x, y: np.einsum("ij,jk->ik", np.broadcast_to(x, (0, 3)), y), x, y)
    same(lambda x, y: np.einsum("ij,jk->k", np.broadcast_to(x, (0, 3)), y), x, y)
    same(lambda x, y: np.einsum("aij,jk->aik", np.broadcast_to(x, (4, 0, 3)), y), x, y)
    same(lambda x, y: np.einsum("aij,jk->ak", np.broadcast_to(x, (4, 0, 3)), y), x, y)


def test_a_sum_without_terms_is_zero_whatever_it_is_multiplied_by():
    a, b = np.zeros((0, 3)), np.array([np.nan, np.inf, -1.0])
    x, y = input_node((0, 3), FLOAT), input_node((3,), FLOAT)
    (found,) = Interpreter(Graph([x, y], [contract(x, y, (0, 1), (2,), (1, 2))]))(a, b)
    np.testing.assert_array_equal(found, np.einsum("ij,k->jk", a, b))
    assert not np.signbit(found).any()
