"""What the tests of linear algebra share: matrices of a kind, runs of nodes, gradients and Hessians."""

import numpy as np

from thalweg.execution.interpreter import Interpreter
from thalweg.graph import Graph, constant, input_node
from thalweg.ops.reduce import sum_
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import pullback

STEP = 1e-5


def run(outputs, inputs, values):
    return Interpreter(Graph(inputs, outputs))(*values)


def general(rng, *shape):
    """A matrix away from singular, its singular values well apart."""
    a = rng.normal(size=shape)
    k = min(shape[-2:])
    a[..., range(k), range(k)] += 2.0 * np.arange(1, k + 1)
    return a


def positive(rng, *shape):
    a = general(rng, *shape)
    return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])


def symmetric(a):
    return a + np.swapaxes(a, -1, -2)


def close(got, expected, tolerance):
    for g, e in zip(got, expected, strict=True):
        assert np.shape(g) == np.shape(e)
        np.testing.assert_allclose(g, e, rtol=tolerance, atol=tolerance * (1 + np.abs(e).max(initial=0)))


def gradient(build, a):
    x = input_node(a.shape, a.dtype)
    y = build(x)
    return run(pullback([y], [constant(np.asarray(1.0))], [x]), [x], [a])[0]


def hessian(build, a):
    """∂²y/∂aᵢ∂aⱼ by forward over reverse, one direction at a time."""
    x, t = input_node(a.shape, a.dtype), input_node(a.shape, a.dtype)
    g = pullback([build(x)], [constant(np.asarray(1.0))], [x])[0]
    (pushed,) = pushforward([g], {x: t})
    rows = [run([pushed], [x, t], [a, e.reshape(a.shape)])[0].ravel() for e in np.eye(a.size)]
    return np.array(rows)


def total(x):
    return sum_(x, tuple(range(x.ndim)))
