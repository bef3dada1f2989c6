"""Simplified graphs compute the same to the last bit, with fewer nodes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT32, FLOAT64, Graph, as_node, full, input_node
from thalweg.ops.elementwise import chain_product, multiply, where
from thalweg.transforms.reverse import pullback
from thalweg.transforms.simplify import simplified

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -1.7e308, 3.0, 1e-300]


def values(inputs, outputs, arrays):
    return Interpreter(Graph(inputs, outputs))(*arrays)


def assert_same_bits(inputs, outputs, arrays):
    before, after = values(inputs, outputs, arrays), values(inputs, simplified(outputs), arrays)
    for a, b in zip(before, after, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a) & ~np.isnan(a), np.signbit(b) & ~np.isnan(b))


def test_products_in_either_order_become_one():
    x, y = input_node((), FLOAT64), input_node((), FLOAT64)
    outputs = [x * y + y * x, chain_product(x, y) - chain_product(y, x)]
    (a, b) = simplified(outputs)
    assert a.args[0] is a.args[1]
    assert b.args[0] is b.args[1]


@pytest.mark.parametrize("dtype", [FLOAT64, FLOAT32])
def test_rules_are_exact_at_special_values(dtype):
    x = input_node((len(SPECIAL),), dtype)
    c = x > 0.5
    outputs = [
        -(3.7 * x),
        3.7 * -x,
        4.0 * (3.3 * x),
        3.3 * (4.0 * x),
        -((-x) * (x + 1)),
        -0.5 * (2.0 * x),
        where(c, where(c, x, -x), where(c, x * x, x)),
        where(c, x * 2, where(c, x, x + 1)),
    ]
    with np.errstate(all="ignore"):
        point = np.array(SPECIAL).astype(dtype)
    assert_same_bits([x], outputs, [point])


def test_each_rule_saves_a_node():
    x = input_node((3,), FLOAT64)
    c = x > 0.5
    for y in (
        -(3.7 * x),
        3.7 * -x,
        3.3 * (4.0 * x),
        -((-x) * (x + 1)),
        where(c, where(c, x, -x), x + 1),
        where(c, x, where(c, -x, x + 1)),
    ):
        assert len(Graph([x], simplified([y]))) < len(Graph([x], [y]))


def test_what_could_round_or_overflow_differently_stays():
    x = input_node((), FLOAT64)
    for y in (3.3 * (3.7 * x), 4.0 * (3.3 * x), 3.3 * (0.5 * x), 0.5 * (2.0 * x), 1e20 * (2.0**60 * x)):
        assert len(Graph([x], simplified([y]))) == len(Graph([x], [y]))


def test_what_is_used_twice_stays():
    x = input_node((), FLOAT64)
    scaled = 3.7 * x
    assert len(Graph([x], simplified([-scaled, scaled]))) <= len(Graph([x], [-scaled, scaled]))


def test_derivatives_of_loops_shrink():
    def rosenbrock(x):
        total = 0.0
        for i in range(len(x) - 1):
            total = total + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
        return total

    point = np.linspace(-1, 1, 10)
    traced = tw.trace(lambda x: tw.hessian(rosenbrock)(x), point)
    before, after = len(Graph(traced.inputs, traced.outputs)), len(Graph(traced.inputs, simplified(traced.outputs)))
    assert after < 0.95 * before
    assert_same_bits(traced.inputs, list(traced.outputs), [point])


LEAVES = st.sampled_from(["x", "y", "2", "-1", "0.5", "3.3"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda e: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "·"]), e, e),
        st.tuples(st.just("neg"), e),
        st.tuples(st.just("where"), e, e, e),
    ),
    max_leaves=25,
)


def build(expression, x, y):
    if isinstance(expression, str):
        return {"x": x, "y": y}.get(expression) or as_node(float(expression))
    op, *rest = expression
    parts = [build(e, x, y) for e in rest]
    if op == "+":
        return parts[0] + parts[1]
    if op == "-":
        return parts[0] - parts[1]
    if op == "*":
        return multiply(parts[0], parts[1])
    if op == "·":
        return chain_product(parts[0], parts[1])
    if op == "neg":
        return -parts[0]
    return where(parts[0] > 0.25, parts[1], parts[2])


@given(EXPRESSIONS, st.sampled_from(SPECIAL), st.sampled_from(SPECIAL))
def test_any_expression_and_its_gradient(expression, a, b):
    x, y = input_node((), FLOAT64), input_node((), FLOAT64)
    z = build(expression, x, y)
    outputs = [z, *pullback([z], [full((), 1.0)], [x, y])]
    with np.errstate(all="ignore"):
        assert_same_bits([x, y], outputs, [np.float64(a), np.float64(b)])
