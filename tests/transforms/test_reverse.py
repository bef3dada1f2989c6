"""Reverse mode: cotangents of whole graphs, their cost, and modes over modes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT64, Graph, full, input_node
from thalweg.ops.elementwise import exp
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback, sparse_pullback


def elements(graph):
    """How many numbers the graph computes: the work, whatever the machine."""
    return sum(n.size for n in graph.nodes if n.op.name not in ("input", "constant", "broadcast", "reshape", "slice"))


@pytest.mark.parametrize("form", ["rows", "scalars", "overlapping", "integer arrays"])
def test_gradients_of_many_slices_cost_their_total(form):
    def f(x):
        total, k = 0.0, len(x) // 4
        for i in range(k):
            if form == "rows":
                piece = x[4 * i : 4 * i + 4]
            elif form == "scalars":
                piece = x[i] * x[i + 1]
            elif form == "overlapping":
                piece = x[i : i + 4]
            else:
                piece = x[np.array([i, 2 * i, 3 * i])]
            total = total + np.sum(np.sin(piece))
        return total

    work = {}
    for n in (400, 800):
        traced = tw.trace(f, np.ones(n))
        work[n] = elements(Graph(traced.inputs, pullback(traced.outputs, [full((), 1.0)], traced.inputs)))
    # an array of n for each of the n/4 slices would make the work four times as much
    factor = 4.2 if form == "integer arrays" else 2.2
    assert work[800] < factor * work[400]


def test_filled_arrays_cost_their_total():
    def f(x):
        out = np.zeros(len(x))
        for i in range(1, len(x)):
            out[i] = np.sin(out[i - 1]) + x[i]
        return np.sum(out)

    work = {}
    for n in (200, 400):
        traced = tw.trace(f, np.ones(n))
        work[n] = elements(Graph(traced.inputs, pullback(traced.outputs, [full((), 1.0)], traced.inputs)))
    assert work[400] < 2.2 * work[200]


def test_a_gradient_costs_a_small_multiple_however_many_inputs():
    def f(x):
        for _ in range(30):
            x = np.sin(x) * x + np.roll(x, 1)
        return np.sum(x)

    traced = tw.trace(f, np.ones(1000))
    gradient = Graph(traced.inputs, pullback(traced.outputs, [full((), 1.0)], traced.inputs))
    assert elements(gradient) < 4 * elements(traced)


def test_unreached_inputs_have_no_cotangent():
    x, y = input_node((2,), FLOAT64), input_node((3,), FLOAT64)
    z = exp(y)
    assert sparse_pullback([z], [full((3,), 1.0)], [x, y])[0] is None
    (zero,) = pullback([z], [full((3,), 1.0)], [x])
    assert zero.shape == (2,)


def test_intermediate_values_receive_cotangents():
    x = input_node((), FLOAT64)
    u = exp(x)
    v = u * u
    gx, gu = pullback([v], [full((), 1.0)], [x, u])
    run = Interpreter(Graph([x], [gx, gu]))
    at_x, at_u = run(np.float64(0.3))
    assert at_u == pytest.approx(2 * np.exp(0.3))
    assert at_x == 0  # asked for at u, the walk does not go on to x


def test_several_outputs_with_weights():
    traced = tw.trace(lambda x: (x**2, np.sin(x)), 0.7)
    (g,) = pullback(traced.outputs, [full((), 3.0), full((), -2.0)], traced.inputs)
    got = Interpreter(Graph(traced.inputs, [g]))(np.float64(0.7))[0]
    assert got == pytest.approx(3 * 1.4 - 2 * np.cos(0.7))


def quartic(x):
    return np.sum(x**4) + np.prod(x) * np.sin(x[0]) + np.sum(np.outer(x, x) ** 2) * x[1]


POINT = np.array([0.7, -1.2, 0.4])


def test_modes_over_modes_agree():
    """Forward over forward, forward over reverse, reverse over forward, reverse over reverse."""
    traced = tw.trace(quartic, POINT)
    (x,), (y,) = traced.inputs, traced.outputs
    u, v = input_node((3,), FLOAT64), input_node((3,), FLOAT64)
    one = full((), 1.0)
    (slope,) = pushforward([y], {x: u})
    (gradient,) = pullback([y], [one], [x])
    (forward_forward,) = pushforward([slope], {x: v})
    (forward_reverse,) = pushforward([gradient], {x: v})
    (reverse_forward,) = pullback([slope], [one], [x])
    (reverse_reverse,) = pullback([gradient], [v], [x])
    run = Interpreter(Graph([x, u, v], [forward_forward, forward_reverse, reverse_forward, reverse_reverse]))
    a, b = np.array([1.0, 0.5, -2.0]), np.array([0.3, -1.0, 1.0])
    ff, fr, rf, rr = run(POINT, a, b)
    H = tw.hessian(quartic)(POINT)
    np.testing.assert_allclose([ff, fr @ a, rf @ b, rr @ a], [a @ H @ b] * 4, rtol=1e-12)


def test_third_derivatives():
    third = tw.jacobian(tw.hessian(quartic))(POINT)
    assert third.shape == (3, 3, 3)
    for order in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        np.testing.assert_allclose(third, third.transpose(order), atol=1e-12)
    h = 1e-4
    for k in range(3):
        e = np.eye(3)[k] * h
        H = tw.hessian(quartic)
        wanted = (8 * (H(POINT + e) - H(POINT - e)) - (H(POINT + 2 * e) - H(POINT - 2 * e))) / (12 * h)
        np.testing.assert_allclose(third[:, :, k], wanted, rtol=1e-8, atol=1e-8)
    reverse = tw.grad(lambda x: tw.grad(lambda x: tw.grad(quartic)(x) @ POINT)(x) @ POINT)(POINT)
    np.testing.assert_allclose(reverse, np.einsum("ijk,j,k", third, POINT, POINT), rtol=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_adjoint_identity_of_random_compositions(seed):
    """⟨u, J v⟩ = ⟨Jᵀ u, v⟩ for random chains of array ops."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(4, 4))
    steps = [
        lambda x: np.sin(x),
        lambda x: A @ x,
        lambda x: x[::-1] * x,
        lambda x: np.cumsum(x),
        lambda x: np.sort(x),
        lambda x: np.concatenate([x[1:], x[:1]]),
        lambda x: np.where(x > 0, x, 0.1 * x),
        lambda x: x / (1 + x @ x),
        lambda x: np.maximum(x, np.roll(x, 1)),
        lambda x: x[[0, 2, 2, 1]],
    ]
    chosen = rng.integers(len(steps), size=5)

    def f(x):
        for k in chosen:
            x = steps[k](x)
        return x

    x, v, u = rng.normal(size=(3, 4))
    value, tangent = tw.jvp(f, x, v)
    pulled = tw.vjp(f, x)[1](u)
    np.testing.assert_allclose(value, f(x), rtol=1e-12)
    assert u @ tangent == pytest.approx(pulled @ v, rel=1e-10, abs=1e-12)
