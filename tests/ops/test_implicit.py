"""A function known by the equation it solves: w² = p, and w + sin(w)/2 = a b."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.graph import make
from thalweg.ops import elementwise
from thalweg.ops.implicit import IMPLICIT
from thalweg.tracing.tracer import node_of, wrap


class Root:
    """w(p) = √p elementwise, for a vector of two."""

    size = 2

    def __init__(self):
        self.solved = 0

    def solve(self, p):
        self.solved += 1
        w = np.ones(2)
        for _ in range(60):
            w = 0.5 * (w + p / w)
        return w

    def tangent(self, w, parameters, tangents):
        return tangents[0] / (2 * w)


class Kepler:
    """w + sin(w)/2 = a b, in one variable with two parameters."""

    size = 1

    def solve(self, a, b):
        w = a * b
        for _ in range(200):
            w = a * b - np.sin(w) / 2
        return np.reshape(w, (1,))

    def tangent(self, w, parameters, tangents):
        a, b = parameters
        da, db = tangents
        right = (0 if da is None else da * b) + (0 if db is None else a * db)
        return right / (1 + elementwise.cos(w) / 2)


def function(op):
    return lambda *p: wrap(make(IMPLICIT, tuple(node_of(v) for v in p), (op,)))


P = np.array([2.0, 9.0])


def test_values_and_derivatives_of_a_root():
    root = function(Root())
    np.testing.assert_allclose(tw.jacobian(lambda p: 1.0 * root(p))(P), np.diag(0.5 / np.sqrt(P)))
    np.testing.assert_allclose(tw.grad(lambda p: np.sum(root(p) ** 4))(P), 2 * P)
    np.testing.assert_allclose(tw.hessian(lambda p: np.sum(root(p) ** 4))(P), 2 * np.eye(2), atol=1e-12)


def test_forward_and_reverse_agree():
    root = function(Root())
    v, u = np.array([0.3, -1.0]), np.array([2.0, 0.7])
    _, forward = tw.jvp(lambda p: 1.0 * root(p), P, v)
    assert u @ forward == pytest.approx(float(tw.grad(lambda p: u @ root(p))(P) @ v))


def test_two_parameters_to_the_third_order():
    kepler = function(Kepler())

    def w(t):
        return np.sum(kepler(t, t + 1))

    def plain(t):
        return float(Kepler().solve(t, t + 1)[0])

    h = 1e-4
    assert tw.derivative(w)(0.4) == pytest.approx((plain(0.4 + h) - plain(0.4 - h)) / (2 * h), rel=1e-6)
    second = (plain(0.4 + h) - 2 * plain(0.4) + plain(0.4 - h)) / h**2
    assert tw.derivative(tw.derivative(w))(0.4) == pytest.approx(second, rel=1e-5)
    d = tw.derivative(tw.derivative(w))
    assert tw.derivative(d)(0.4) == pytest.approx((d(0.4 + h) - d(0.4 - h)) / (2 * h), rel=1e-6)


def test_a_batch_solves_one_after_another():
    op = Root()
    root = function(op)
    stack = np.array([[1.0, 4.0], [9.0, 16.0], [25.0, 36.0]])
    np.testing.assert_allclose(tw.batch(lambda p: 1.0 * root(p))(stack), np.sqrt(stack))
    assert op.solved == 3
    each = tw.batch(tw.grad(lambda p: np.sum(root(p) ** 3)))(stack)
    np.testing.assert_allclose(each, 1.5 * np.sqrt(stack))


def test_a_fixed_parameter_in_a_batch():
    kepler = function(Kepler())
    found = tw.batch(lambda a: np.sum(kepler(a, 2.0 + 0 * a)))(np.array([0.1, 0.2]))
    np.testing.assert_allclose(found, [Kepler().solve(0.1, 2.0)[0], Kepler().solve(0.2, 2.0)[0]])
