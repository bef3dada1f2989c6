"""Forward mode: tangents of whole graphs."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT64, Graph, full, input_node
from thalweg.ops.elementwise import exp, sin
from thalweg.transforms.forward import pushforward, tangent_of


def test_tangents_are_linear_in_the_direction():
    f = lambda x: np.array([np.sum(x**3), np.prod(x), np.max(x) * x[0]])
    traced = tw.trace(f, np.ones(3))
    (x,) = traced.inputs
    v = input_node((3,), FLOAT64)
    (moved,) = pushforward(traced.outputs, {x: v})
    run = Interpreter(Graph([x, v], [moved]))
    point, a, b = np.array([0.5, -1.0, 2.0]), np.array([1.0, 2.0, -1.0]), np.array([0.3, 0.0, 4.0])
    np.testing.assert_allclose(run(point, 2 * a - b)[0], 2 * run(point, a)[0] - run(point, b)[0], rtol=1e-14)


def test_what_does_not_move_has_no_tangent():
    x, y = input_node((), FLOAT64), input_node((), FLOAT64)
    z = exp(y)
    assert pushforward([z, x * z], {x: full((), 1.0)})[0] is None
    assert tangent_of(z, [None]) is None


def test_an_intermediate_value_can_be_moved():
    x = input_node((), FLOAT64)
    u = sin(x)
    (moved,) = pushforward([u * u], {u: full((), 1.0)})
    assert Interpreter(Graph([x], [moved]))(np.float64(0.3))[0] == pytest.approx(2 * np.sin(0.3))


def test_directional_derivative_against_differences():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(4, 4))
    f = lambda x: np.tanh(A @ x) @ np.sort(x) + np.linalg.norm(x) * np.std(x)
    x, v, h = rng.normal(size=4), rng.normal(size=4), 1e-4
    wanted = (8 * (f(x + h * v) - f(x - h * v)) - (f(x + 2 * h * v) - f(x - 2 * h * v))) / (12 * h)
    assert tw.jvp(f, x, v)[1] == pytest.approx(wanted, rel=1e-9)


def test_the_cost_is_a_small_multiple():
    def f(x):
        for _ in range(50):
            x = np.sin(x) * x + 1
        return np.sum(x)

    traced = tw.trace(f, np.ones(5))
    (moved,) = pushforward(traced.outputs, {traced.inputs[0]: full((5,), 1.0)})
    assert len(Graph(traced.inputs, [*traced.outputs, moved])) <= 4 * len(traced)
