"""The batching transform: a graph for one, mapped over many, against a loop."""

import numpy as np
import pytest
import scipy.special as sp

import thalweg as tw
from thalweg.execution.interpreter import Interpreter
from thalweg.graph import FLOAT64, Graph, input_node
from thalweg.transforms.batch import batched

RNG = np.random.default_rng(3)
A = RNG.normal(size=(4, 4))
FUNCTIONS = {
    "elementwise": lambda x: np.exp(np.sin(x)) / (1 + x**2),
    "softmax": lambda x: sp.softmax(x) @ A,
    "stretching": lambda x: x[:, None] * np.arange(3.0) + x[:3],
    "reductions": lambda x: np.array([np.sum(x), np.prod(x), np.max(x), np.mean(x), np.std(x), np.linalg.norm(x)]),
    "scans": lambda x: np.cumsum(x) * np.cumprod(x) + np.maximum.accumulate(x),
    "indexing": lambda x: x[1:] * x[:-1] + x[[2, 0, 1]],
    "filling": lambda x: np.concatenate([x * 2, np.zeros(2), x[::-1]]),
    "sorting": lambda x: np.sort(x)[::2] + x[np.argsort(x)[:2]],
    "contraction": lambda x: np.outer(x, x) @ A + np.einsum("i,ij->j", x, A),
    "linear algebra": lambda x: np.linalg.solve(A + np.outer(x, x), x) * np.linalg.det(A * x),
    "eigenvalues": lambda x: np.linalg.eigvalsh(np.outer(x, x) + np.diag(x)),
    "cholesky": lambda x: np.linalg.cholesky(np.outer(x, x) + 5 * np.eye(4)),
    "where": lambda x: np.where(x > 0, np.sqrt(abs(x)), -x),
    "constant": lambda x: np.ones(3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", [1, 3])
def test_against_a_loop(name, size):
    f = FUNCTIONS[name]
    X = RNG.normal(size=(size, 4))
    traced = tw.trace(f, X[0])
    rows = input_node((size, 4), FLOAT64)
    stacked = batched(traced.outputs, {traced.inputs[0]: rows}, size)
    (got,) = Interpreter(Graph([rows], stacked))(X)
    np.testing.assert_allclose(got, np.stack([f(x) for x in X]), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["softmax", "reductions", "linear algebra", "eigenvalues", "sorting"])
def test_jacobians_against_a_loop(name):
    J = tw.jacobian(FUNCTIONS[name])
    X = RNG.normal(size=(3, 4))
    np.testing.assert_allclose(tw.batch(J)(X), np.stack([J(x) for x in X]), rtol=1e-10, atol=1e-10)


def test_what_does_not_depend_on_the_batch_is_computed_once():
    x, y = input_node((4,), FLOAT64), input_node((4,), FLOAT64)
    shared = y * y
    rows = input_node((100, 4), FLOAT64)
    (z,) = batched([x + shared], {x: rows}, 100)
    assert shared in Graph([rows, y], [z]).nodes
