"""The intermediate representation: hash-consing, folding, safe identities, printing, errors, pickling."""

import gc
import pickle
import weakref

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ShapeError
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import (
    BOOL,
    FLOAT32,
    FLOAT64,
    INT64,
    Graph,
    as_node,
    building,
    canonical,
    constant,
    dependents,
    full,
    input_node,
    reachable,
    substitute,
)
from thalweg.ops.elementwise import add, astype, exp, multiply, negative, sin, subtract
from thalweg.ops.movement import RESHAPE, TRANSPOSE, broadcast, reshape, transpose
from thalweg.ops.reduce import sum_


def x_node(*shape):
    return input_node(shape, FLOAT64)


def test_equal_expressions_are_one_node():
    x = x_node(3)
    assert sin(x) is sin(x)
    assert sin(x) + sin(x) is sin(x) + sin(x)
    assert sin(x) is not sin(x_node(3))


def test_nodes_vanish_with_the_last_reference():
    x = x_node(3)
    ref = weakref.ref(exp(sin(x)))
    gc.collect()
    assert ref() is None


def test_a_chain_of_a_million_nodes_can_be_made_and_dropped():
    x = x_node()
    with building():
        for _ in range(1_000_000):
            x = sin(x)
    assert len(reachable([x])) == 1_000_001
    del x  # no recursion, no crash


def test_constants_fold():
    y = sin(as_node(0.5)) + 1.0
    assert y.is_constant
    assert float(y.value) == np.sin(0.5) + 1.0
    assert constant(np.array([1.0, 2.0])) is constant(np.array([1.0, 2.0]))
    assert constant(np.array([1.0, 2.0])) is not constant(np.array([1, 2]))


def test_the_two_zeros_are_different_constants():
    assert as_node(0.0) is not as_node(-0.0)
    assert np.signbit(as_node(-0.0).value)


def test_safe_identities():
    x = x_node(3)
    assert x + (-0.0) is x
    assert x - 0.0 is x
    assert x * 1.0 is x
    assert 1.0 * x is x
    assert x / 1.0 is x
    assert -(-x) is x
    assert x**1.0 is x
    assert transpose(transpose(x_node(2, 3), (1, 0)), (1, 0)).op is not TRANSPOSE
    m = x_node(2, 3)
    assert reshape(reshape(m, (6,)), (2, 3)) is m
    assert reshape(reshape(m, (6,)), (3, 2)).args[0] is m
    assert reshape(m, (6,)).op is RESHAPE


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, np.nan, np.inf, -np.inf])
def test_no_identity_changes_a_value(value):
    """x + 0 is not x where x is −0, x·0 is not 0 where x is NaN, x − x is not 0 where x is infinite."""
    x = x_node()
    for expression, plain in [
        (x + 0.0, value + 0.0),
        (0.0 + x, 0.0 + value),
        (x * 0.0, value * 0.0),
        (x - x, value - value),
        (x + -x, value + -value),
        (x * 1.0, value * 1.0),
        (0.0 - x, 0.0 - value),
        (-x + 1.0, -value + 1.0),
        (x**2.0, value**2.0),
    ]:
        [got] = Interpreter(Graph([x], [expression]))(np.float64(value))
        np.testing.assert_array_equal(got, plain)
        assert np.signbit(got) == np.signbit(plain) or np.isnan(plain)


def test_constants_spread_over_a_shape_stay_small():
    big = full((1000, 1000), 2.0) * 3.0 + 1.0
    assert big.op.name == "broadcast"
    assert float(big.args[0].value) == 7.0
    x = x_node(1000, 1000)
    assert (x * full((1000, 1000), 2.0)).args[1].shape == ()


def test_dtypes():
    assert canonical(np.zeros(2, np.int32)).dtype == INT64
    assert canonical(np.zeros(2, np.float16)).dtype == FLOAT32
    assert canonical(np.zeros(2, ">f8")).dtype.isnative
    with pytest.raises(TypeError, match="complex numbers are not supported"):
        canonical(np.zeros(2, complex))
    with pytest.raises(TypeError, match="object"):
        canonical(np.array([None, "a"]))
    x = input_node((2,), FLOAT32)
    assert (x * 2.0).dtype == FLOAT32  # a Python number takes the dtype of its partner
    assert (x * np.float64(2.0)).dtype == FLOAT64
    assert (x > 0).dtype == BOOL
    assert astype(x, FLOAT32) is x


def test_shapes_that_do_not_fit_name_the_users_line():
    def model(x):
        return np.sum(x + np.ones(4))  # the line at fault

    with pytest.raises(ShapeError, match=r"add: the shapes \(3,\) and \(4,\) do not fit together") as error:
        tw.grad(model)(np.ones(3))
    assert "test_graph.py" in str(error.value)
    assert "return np.sum(x + np.ones(4))  # the line at fault" in str(error.value)
    with pytest.raises(ShapeError, match="reshape"):
        reshape(x_node(3), (2, 2))
    with pytest.raises(ShapeError, match="does not stretch"):
        broadcast(x_node(3), (3, 2))


def test_print_shows_one_line_a_node():
    def f(x):
        y = np.sin(x)
        return np.sum(y * y)

    text = str(tw.trace(f, np.zeros(3)))
    lines = text.splitlines()
    assert lines[0] == "(in0: float64[3])"
    assert lines[1].startswith("  %0: float64[3] = sin(in0)")
    assert lines[1].endswith("y = np.sin(x)")
    assert "%1: float64[3] = square(%0)" in lines[2]
    assert lines[-1] == "→ %2"


def test_graph_knows_its_nodes_in_order():
    x = x_node(2)
    y = exp(sin(x)) * sin(x)
    graph = Graph([x], [y])
    place = {n: i for i, n in enumerate(graph.nodes)}
    assert all(place[a] < place[n] for n in graph.nodes for a in n.args)
    assert len(graph) == 4
    assert repr(graph) == "<Graph (float64[2]) → (float64[2]), 4 nodes>"
    assert graph.free == ()
    assert Graph([], [y]).free == (x,)
    assert dependents(graph.nodes, [sin(x)]) == {sin(x), exp(sin(x)), y}


def test_substitute_replaces_and_rebuilds():
    x, z = x_node(2), x_node(2)
    y = exp(sin(x)) + x
    [new] = substitute([y], {x: z})
    assert new is exp(sin(z)) + z
    [half] = substitute([y], {sin(x): z})
    assert half is exp(z) + x
    [same] = substitute([y], {})
    assert same is y


def test_graphs_pickle():
    def f(x):
        return np.sum(np.sin(x) ** 2) * 3.0 + x[0]

    graph = tw.trace(f, np.zeros(3))
    back = pickle.loads(pickle.dumps(Graph(graph.inputs, graph.outputs)))
    x = np.array([0.3, -1.0, 2.0])
    [got] = Interpreter(back)(x)
    assert got == pytest.approx(f(x), rel=1e-15)
    assert "np.sum(np.sin(x) ** 2)" in str(back)  # the places travel, too


def test_node_operators_write_rules_as_formulas():
    x, y = x_node(), x_node()
    assert x + y is add(x, y)
    assert x - 1.0 is subtract(x, as_node(1.0))
    assert 2.0 * x is multiply(as_node(2.0), x)
    assert -x is negative(x)
    assert repr(as_node(2.5)) == "<constant 2.5>"
    assert repr(sum_(x_node(3), (0,))) == "<sum float64[]>"
    graph = Graph([x, y], [x / y, 1.0 / x, x**y, 2.0**x, 3.0 - x, x > y, x >= y, x < y, x <= y])
    a, b = 1.5, 2.5
    expected = [a / b, 1 / a, a**b, 2.0**a, 3.0 - a, a > b, a >= b, a < b, a <= b]
    np.testing.assert_allclose(Interpreter(graph)(np.float64(a), np.float64(b)), expected, rtol=1e-15)
