"""Derivatives of the Lagrangian with respect to parameters, by hand and by differences."""

import numpy as np

from thalweg.optimize.differentiate import parameter_derivatives

X, Y, H = np.array([0.5, -1.0, 2.0]), np.array([2.0, -3.0]), 1e-6


def program(x, p, q):
    f = np.sum(p * x**2) + q * np.sin(x[0])
    return f, np.stack([x[0] * x[1] - p[0] * q, q * x[2] ** 2])


def test_by_hand():
    p, q = np.array([1.0, 2.0, 3.0]), 0.7
    mixed, moved, slope = parameter_derivatives(program, X, Y, (p, q), 0)
    np.testing.assert_allclose(mixed, np.diag(2 * X))
    np.testing.assert_allclose(moved, [[-q, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(slope, X**2 - np.array([Y[0] * q, 0, 0]))
    mixed, moved, slope = parameter_derivatives(program, X, Y, (p, q), 1)
    np.testing.assert_allclose(mixed.ravel(), [np.cos(X[0]), 0, Y[1] * 2 * X[2]])
    np.testing.assert_allclose(moved.ravel(), [-p[0], X[2] ** 2])
    np.testing.assert_allclose(slope, [np.sin(X[0]) + Y @ moved.ravel()])


def test_matrices_of_parameters_are_flattened_in_order():
    A = np.arange(6.0).reshape(2, 3)

    def quadratic(x, A):
        return np.sum((A @ x) ** 2) / 2, np.zeros(0)

    mixed, moved, slope = parameter_derivatives(quadratic, X, np.zeros(0), (A,), 0)
    assert moved.shape == (0, 6)
    np.testing.assert_allclose(slope, np.outer(A @ X, X).ravel())
    for k, E in enumerate(np.eye(6).reshape(6, 2, 3)):
        ahead, behind = ((A + s * H * E).T @ ((A + s * H * E) @ X) for s in (1, -1))
        np.testing.assert_allclose(mixed[:, k], (ahead - behind) / (2 * H), atol=1e-6)
