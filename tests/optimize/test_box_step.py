"""Steps of a trust region in a box."""

from itertools import product

import numpy as np
import pytest

from thalweg.optimize import Problem
from thalweg.optimize.box_step import minimize_by_exploring, minimize_in_box
from thalweg.optimize.projected import Box
from thalweg.optimize.quadratic_model import DenseModel


def random_problem(seed, n, convex):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, n))
    H = A @ A.T + 0.1 * np.eye(n) if convex else (A + A.T)
    x = rng.uniform(0, 1, n)
    x[rng.random(n) < 0.3] = 0.0
    g = 3 * rng.standard_normal(n)
    return Problem(n, lambda y: (0.0, g), lambda y: H).at(x), H, g, Box(np.zeros(n), np.ones(n))


def step_of(point, H, g, box, radius):
    model = DenseModel(H, point)
    mask = box.free(point.x, g)
    free = None if mask.all() else np.flatnonzero(mask)
    return model, minimize_in_box(model, box, point.x, free, model.path(free, None, g), radius)


def box_minimum(H, g, x, box):
    """The least value of a convex model over the box, face by face."""
    best = 0.0
    for sides in product((-1, 0, 1), repeat=x.size):
        sides = np.array(sides)
        y = np.where(sides < 0, box.lower, np.where(sides > 0, box.upper, x))
        free = np.flatnonzero(sides == 0)
        if free.size:
            held = np.flatnonzero(sides)
            rest = g[free] + H[np.ix_(free, held)] @ (y - x)[held]
            y[free] = x[free] - np.linalg.solve(H[np.ix_(free, free)], rest)
        if np.all(y >= box.lower - 1e-12) and np.all(y <= box.upper + 1e-12):
            best = min(best, g @ (y - x) + 0.5 * (y - x) @ H @ (y - x))
    return best


@pytest.mark.parametrize("seed", range(15))
def test_a_convex_model_falls_nearly_to_its_minimum(seed):
    point, H, g, box = random_problem(seed, 5, True)
    _, found = step_of(point, H, g, box, 1e6)
    np.testing.assert_array_equal(found.x, box.project(found.x))
    s = found.x - point.x
    assert found.proposal.predicted == pytest.approx(-(g @ s + 0.5 * s @ H @ s), rel=1e-9, abs=1e-12)
    assert found.proposal.predicted >= -0.6 * box_minimum(H, g, point.x, box)


@pytest.mark.parametrize("radius", [0.01, 0.5, 10.0])
@pytest.mark.parametrize("seed", range(15))
def test_never_much_worse_than_any_point_of_projected_steepest_descent(seed, radius):
    point, H, g, box = random_problem(100 + seed, 6, False)
    model, found = step_of(point, H, g, box, radius)
    np.testing.assert_array_equal(found.x, box.project(found.x))
    cauchy = 0.0
    for alpha in np.geomspace(1e-6, 1e3, 400):
        s = box.project(point.x - alpha * g / model.d**2) - point.x
        if np.linalg.norm(model.d * s) <= radius:
            cauchy = max(cauchy, -(g @ s + 0.5 * s @ H @ s))
    assert found.proposal.predicted >= 0.09 * cauchy


def test_inside_the_box_it_is_newtons_step():
    H, g = np.diag([2.0, 4.0]), np.array([0.2, 0.4])
    point = Problem(2, lambda y: (0.0, g), lambda y: H).at(np.full(2, 0.5))
    _, found = step_of(point, H, g, Box(np.zeros(2), np.ones(2)), 1e6)
    np.testing.assert_allclose(found.x, [0.4, 0.4])
    assert found.proposal.kind == "Newton"


def test_a_bound_is_met_exactly():
    H, g = np.eye(2), np.array([0.1, 3.0])
    point = Problem(2, lambda y: (0.0, g), lambda y: H).at(np.array([0.7, 0.3]))
    _, found = step_of(point, H, g, Box(np.full(2, 1 / 3 - 0.3), np.ones(2)), 1e6)
    assert found.x[1] == 1 / 3 - 0.3
    assert found.x[0] == pytest.approx(0.6)


def test_products_first_then_the_face():
    point, H, g, box = random_problem(7, 6, True)
    model = DenseModel(H, point)
    free = np.flatnonzero(box.free(point.x, g))
    found = minimize_by_exploring(model, box, point.x, free, np.inf, 200)
    assert found.proposal.predicted >= -0.95 * box_minimum(H, g, point.x, box)
    assert minimize_by_exploring(DenseModel(-H, point), box, point.x, free, np.inf, 200) is None
