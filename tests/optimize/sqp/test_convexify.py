"""Convex models in place of others."""

import numpy as np

from thalweg.optimize.sqp.convexify import convexified


def test_eigenvectors_stay_and_signs_turn():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    H = (Q * [3.0, -2.0, 1e-9, -4.0, 0.0]) @ Q.T
    turned = Q.T @ convexified(H, 0.1, 0.5) @ Q
    np.testing.assert_allclose(turned, np.diag([3.0, 1.0, 0.1, 2.0, 0.1]), atol=1e-12)


def test_it_is_an_upper_bound():
    rng = np.random.default_rng(1)
    H = rng.standard_normal((6, 6))
    H = H + H.T
    assert np.linalg.eigvalsh(convexified(H, 1e-8) - H).min() > -1e-12


def test_a_positive_definite_matrix_and_an_empty_one_stay_as_they_are():
    H = np.array([[2.0, 1.0], [1.0, 3.0]])
    np.testing.assert_allclose(convexified(H, 1e-8), H, atol=1e-14)
    assert convexified(np.zeros((0, 0)), 1.0).shape == (0, 0)
