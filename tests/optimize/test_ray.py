"""A ray knows its slope; other paths are refused by line searches."""

import numpy as np
import pytest

from optimize.problems import quadratic
from thalweg.optimize.nesterov import Nesterov
from thalweg.optimize.ray import Ray, first_size, straight


def test_steps_and_promises_are_linear_in_the_size():
    point = quadratic(np.diag([1.0, 4.0])).at([2.0, 1.0])
    d = np.array([1.0, -2.0])
    ray = Ray(point, d, float(point.gradient @ d), 1.0, "test")
    assert ray.slope == 2 - 8
    small, large = ray(0.25), ray(1.0)
    np.testing.assert_array_equal(4 * small.step, large.step)
    assert (small.predicted, large.predicted) == (1.5, 6.0)
    assert ray.measure(3 * d) == pytest.approx(3)
    assert ray.steepness(np.array([3.0, 4.0])) == 5


def test_a_direction_of_length_zero_has_a_size_all_the_same():
    point = quadratic(np.eye(2)).at([0.0, 0.0])
    assert Ray(point, np.zeros(2), 0.0, 1.0, "").measure(np.ones(2)) == 1.0
    assert first_size(point) == 1.0


def test_a_curved_path_is_refused_by_name():
    path = Nesterov()(quadratic(np.eye(2)).at([1.0, 1.0]))
    with pytest.raises(TypeError, match="NesterovPath"):
        straight(path)
