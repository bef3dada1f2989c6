"""The quadratic program at a point, made solvable."""

import numpy as np

from thalweg.optimize.sqp.step import convex_step, newton_step
from thalweg.optimize.sqp.system import System


def system(H, A, lo, hi, g):
    s = System(len(g), len(A))
    s.load(
        np.asarray(H, float), np.asarray(A, float), np.asarray(g, float), np.asarray(lo, float), np.asarray(hi, float)
    )
    return s


def go_on():
    pass


NONE = np.zeros(3, dtype=np.int8)
INF = np.inf


def test_newton_with_the_right_inertia_uses_h_as_it_is():
    H = np.diag([1.0, -1.0])
    s = system(H, [[0.0, 1.0]], [-INF, -INF, 0.5], [INF, INF, 0.5], [1.0, 1.0])
    step = newton_step(s, np.array([0, 0, 1], dtype=np.int8))
    np.testing.assert_allclose(step.basic.d, [-1.0, 0.5])
    assert step.exact and step.curvature == 1.0 - 0.25


def test_without_it_there_is_none_and_the_convex_model_steps_down():
    H, g = np.diag([1.0, -1.0]), np.array([1.0, 1.0])
    s = system(H, [[1.0, 1.0]], [-INF] * 3, [INF] * 3, g)
    assert newton_step(s, NONE) is None
    s.load(H, np.ones((1, 2)), g, np.full(3, -INF), np.full(3, INF))
    step = convex_step(s, H, NONE, 1e-8, 1.0, 1e3, go_on)
    np.testing.assert_allclose(step.basic.d, [-1.0, -1.0])
    assert not step.exact and not step.elastic


def test_turning_less_leads_further():
    H, g = np.diag([1.0, -1.0]), np.array([1.0, 1.0])
    s = system(H, [[1.0, 1.0]], [-INF] * 3, [INF] * 3, g)
    np.testing.assert_allclose(convex_step(s, H, NONE, 1e-8, 0.1, 1e3, go_on).basic.d, [-1.0, -10.0])


def test_contradictory_rows_give_way_at_their_price():
    H = np.eye(1)
    s = system(H, [[1.0], [1.0]], [-INF, 1.0, 2.0], [INF, 1.0, 2.0], [0.0])
    step = convex_step(s, H, NONE, 1e-8, 1.0, 10.0, go_on)
    assert step.elastic
    assert 1.0 - 1e-12 <= step.basic.d[0] <= 2.0 + 1e-12
    assert np.abs(step.basic.y).max() == 10.0
