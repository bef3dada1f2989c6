"""Newton's method on the active constraints: the last digits, and nothing made worse."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.optimize.build import build
from thalweg.optimize.engine import Iterate, Run
from thalweg.optimize.kkt_error import kkt_error
from thalweg.optimize.polish import polished


def rough(built, x, y, z=None, residual=1e-5):
    problem = built.problem
    z = np.zeros(problem.n) if z is None else np.array(z)
    return Iterate(problem.at(np.array(x)), residual, np.array(y), z), Run(problem)


def test_digits_on_a_circle():
    """The point of the unit circle with least x + y: −(1, 1)/√2 with y = 1/√2, from three digits."""
    built = build(lambda x: x[0] + x[1], [1.0, 0.0], subject_to=lambda x: x @ x == 1)
    at, run = rough(built, [-0.7068, -0.7075], [0.7073])
    exact = polished(at, run)
    np.testing.assert_allclose(exact.point.x, -np.sqrt([0.5, 0.5]), atol=1e-14)
    np.testing.assert_allclose(exact.y, [np.sqrt(0.5)], atol=1e-13)
    assert exact.residual == pytest.approx(kkt_error(exact.point, exact.y, exact.z)) and exact.residual < 1e-13


def test_bounds_are_put_in_exactly():
    built = build(lambda x: (x[0] + 1) ** 2 + (x[1] - 3) ** 4 + x[0] * x[1], [1.0, 1.0], bounds=[(0, 9), (0, 2)])
    at, run = rough(built, [1e-7, 2 - 1e-7], [], [-4.1, 3.9])
    exact = polished(at, run)
    np.testing.assert_array_equal(exact.point.x, [0, 2])
    np.testing.assert_allclose(exact.z, [-4, 4])


def test_inactive_rows_get_no_multiplier():
    built = build(lambda x: x @ x, [1.0, 1.0], subject_to=lambda x: [x[0] + x[1] >= 1, x[0] - x[1] ** 2 <= 9])
    at, run = rough(built, [0.5 + 1e-6, 0.5], [-1.0, 1e-9])
    exact = polished(at, run)
    np.testing.assert_allclose(exact.point.x, [0.5, 0.5], atol=1e-15)
    np.testing.assert_allclose(exact.y, [-1, 0], atol=1e-15)


def test_what_cannot_be_improved_stays():
    """At a point with more active rows than variables, and where the step would leave the constraints."""
    crowded = build(lambda x: x[0] ** 2, [1.0], subject_to=lambda x: [x[0] ** 3 == 1, x[0] ** 2 == 1])
    at, run = rough(crowded, [1.0 + 1e-9], [-0.5, -0.25])
    assert polished(at, run) is at
    far = build(lambda x: np.cos(x[0]), [1.0], subject_to=lambda x: x[0] ** 2 <= 100)
    at, run = rough(far, [3.0], [0.0])
    assert polished(at, run).residual <= kkt_error(at.point, at.y, at.z)


def test_wrong_sizes_are_left_alone():
    built = build(lambda x: x @ x, [1.0, 1.0], subject_to=lambda x: x[0] * x[1] >= 1)
    at = Iterate(built.problem.at(np.ones(2)), 1e-3)
    assert polished(at, Run(built.problem)) is at


def test_sparse_and_dense_agree():
    n = 120

    def f(x):
        return np.sum((x - 1) ** 4) + np.sum(x[1:] * x[:-1]) / 8

    built = build(f, np.zeros(n), subject_to=lambda x: x[::2] ** 2 + x[1::2] == 0.5)
    assert built.problem.sparse
    s = tw.minimize(f, np.full(n, 0.3), subject_to=lambda x: x[::2] ** 2 + x[1::2] == 0.5)
    at, run = rough(built, s.flat + 1e-6 * np.sin(np.arange(n)), s.y)
    exact = polished(at, run)
    np.testing.assert_allclose(exact.point.x, s.flat, atol=1e-9)
    assert exact.residual < 1e-10 < kkt_error(at.point, at.y, at.z)
