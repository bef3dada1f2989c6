"""``numpy.linalg.norm`` of every order under trace."""

from __future__ import annotations

import numpy as np
import pytest

import thalweg as tw
from checks import derivatives, same

random = np.random.default_rng(0)
X = random.normal(size=(3, 4, 5))
ORDERS = [None, 2, 1, -1, 0, np.inf, -np.inf, 3, 0.5, -2, "fro", "nuc", "else"]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_norms_of_vectors(order):
    some_nan = X.copy()
    some_nan[0, 1, 2], some_nan[1, 1, 1] = np.nan, np.inf
    for array in (X, X.astype(np.float32), np.round(X).astype(int), some_nan):
        for axis in (None, 0, -1, 5):
            same(lambda a: np.linalg.norm(a, order, axis=axis), array)
            same(lambda a: np.linalg.norm(a, order, axis=axis, keepdims=True), array)
        if order is not None:
            same(lambda a: np.linalg.vector_norm(a, ord=order), array)
            same(lambda a: np.linalg.vector_norm(a, axis=(0, 2), ord=order, keepdims=True), array)
    same(lambda a: np.linalg.norm(a, order), X[0, 0])


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_norms_of_matrices(order):
    for axis in ((0, 1), (1, 0), (-1, 0), (1, 1), (0, 1, 2)):
        same(lambda a: np.linalg.norm(a, order, axis=axis), X)
        same(lambda a: np.linalg.norm(a, order, axis=axis, keepdims=True), X)
    if order is not None:
        same(lambda a: np.linalg.matrix_norm(a, ord=order), X)
    same(lambda a: np.linalg.norm(a, order), X[0])
    same(lambda a: np.linalg.norm(a, order), X[0].astype(np.float32))


@pytest.mark.parametrize("order", [None, 2, 1, np.inf, -np.inf, 3, 1.5, -2], ids=str)
def test_derivatives_of_norms_of_vectors(order):
    away_from_zero = np.copysign(0.5 + np.abs(X[0, :3, :3]), X[0, :3, :3])
    derivatives(lambda a: np.linalg.norm(a, order, axis=1) ** 2, away_from_zero)


@pytest.mark.parametrize("order", ["fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf], ids=str)
def test_derivatives_of_norms_of_matrices(order):
    spread = X[0, :3, :4] + 2 * np.eye(3, 4) * np.arange(1, 4)[:, None]  # singular values well apart
    derivatives(lambda a: np.linalg.norm(a, order) ** 2, spread)


def test_derivatives_at_zero():
    zero = np.zeros(3)
    for order in (None, 1, 2, 3, 1.5, 0.5):
        np.testing.assert_array_equal(tw.grad(lambda x: np.linalg.norm(x, order))(zero), zero)
    np.testing.assert_array_equal(tw.grad(lambda x: np.linalg.norm(x) ** 2)(zero), zero)
    np.testing.assert_array_equal(
        tw.jacobian(lambda x: np.linalg.norm(x, axis=1))(np.zeros((2, 3))), np.zeros((2, 2, 3))
    )
    np.testing.assert_array_equal(tw.hessian(lambda x: np.sum(x**2))(zero), 2 * np.eye(3))
    x = np.array([3.0, 0.0, 4.0])
    np.testing.assert_allclose(tw.grad(np.linalg.norm)(x), x / 5, rtol=1e-15)
    for order in (0.5, 1, 1.5, 3):
        p = float(order)
        wanted = np.abs(x) ** p
        wanted = np.where(x == 0, 0, wanted.sum() ** (1 / p - 1) * wanted / np.where(x == 0, 1, x))
        np.testing.assert_allclose(tw.grad(lambda x: np.linalg.norm(x, order))(x), wanted, rtol=1e-14)
