"""The start: inside the bounds, with multipliers that mean something."""

from math import inf

import numpy as np

from optimize.interior.samples import quadratic
from thalweg.optimize.interior.form import Form
from thalweg.optimize.interior.newton_system import NewtonSystem
from thalweg.optimize.interior.start import inside, least_squares_multipliers


def test_points_are_moved_inside_by_a_hundredth():
    lower, upper = np.array([0.0, -200, -inf, 0, 5]), np.array([1.0, inf, 3, 1e-3, 5.5])
    moved = inside(np.array([-7.0, -200, 9, 5e-4, 5.25]), lower, upper, 1e-2)
    np.testing.assert_allclose(moved, [0.01, -198, 2.97, 5e-4, 5.25])


def test_multipliers_of_least_squares_and_large_ones():
    problem = quadratic(np.eye(2), [1, 1], [[1, 1]], [0], [0])
    form = Form(problem)
    point = problem.at([0.0, 0.0])
    np.testing.assert_allclose(
        least_squares_multipliers(form, NewtonSystem(form), form.place(point), np.zeros(0)), [-1], rtol=1e-9
    )
    flat = quadratic(np.eye(2), [1, 1], [[1e-5, 1e-5]], [0], [0])
    form = Form(flat)
    place = form.place(flat.at([0.0, 0.0]))
    assert least_squares_multipliers(form, NewtonSystem(form), place, np.zeros(0)) == [0.0]
