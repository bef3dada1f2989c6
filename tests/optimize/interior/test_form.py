"""The form with slacks: what becomes of rows, sides, scales and multipliers."""

from math import inf

import numpy as np
import pytest

from optimize.interior.samples import quadratic, sparse
from thalweg.optimize.interior.form import Form, span
from thalweg.optimize.problem import Problem


def problem():
    A = np.array([[1.0, 2], [3, 4], [5, 6], [7, 8]])
    return quadratic(np.eye(2), [1, 1], A, [1, -inf, -inf, 2], [1, inf, 5, 9], [0, -inf], [inf, 4])


def test_rows_and_bounds_are_sorted_out():
    form = Form(problem())
    assert (form.m, form.equalities, form.slacks, form.size) == (3, 1, 2, 4)
    np.testing.assert_array_equal(form.kept, [0, 2, 3])
    np.testing.assert_array_equal(form.B, [0, 3, 1, 2, 3])
    np.testing.assert_array_equal(form.sign, [1, 1, -1, -1, -1])
    np.testing.assert_array_equal(form.damping > 0, [True, False, True, True, False])


def test_distances_are_positive_inside():
    form = Form(problem())
    w = np.array([2.0, 1.0, 4.0, 5.0])
    np.testing.assert_array_equal(form.distances(w), [2, 3, 3, 1, 4])


@pytest.mark.parametrize("turn", [lambda p: p, sparse], ids=["dense", "sparse"])
def test_scales_bring_gradients_down_to_a_hundred(turn):
    steep = turn(quadratic(np.eye(2), [1e4, 0], [[500.0, 0], [0, 1]], [1, 1], [1, inf]))
    form = Form(steep)
    point = steep.at([0.0, 1.0])
    form.rescale(point)
    place = form.place(point)
    assert np.abs(place.g).max() == pytest.approx(100)
    J = place.J.toarray() if steep.sparse else place.J
    np.testing.assert_allclose(np.abs(J).max(axis=1), [100, 1])
    np.testing.assert_allclose(form.excess(place, np.array([0.0, 1.0, 0.25])), [-0.2, 0.75])


def test_the_gradient_of_the_lagrangian_is_that_of_differences():
    p = problem()
    form = Form(p)
    form.rescale(p.at([1.0, 1.0]))
    w, y, v = np.array([2.0, 1.0, 4.0, 5.0]), np.array([0.3, -0.7, 1.1]), np.arange(1.0, 6.0)

    def lagrangian(w):
        place = form.place(p.at(w[:2]))
        return place.f + y @ form.excess(place, w) - v @ form.distances(w)

    differences = [(lagrangian(w + h) - lagrangian(w - h)) / 2e-5 for h in 1e-5 * np.eye(4)]
    np.testing.assert_allclose(form.stationarity(form.place(p.at(w[:2])), y, v), differences, atol=1e-7)


def test_multipliers_go_there_and_back():
    p = quadratic(np.eye(2), [1e4, 0], [[500.0, 0], [0, 1], [1, 1]], [1, 1, -inf], [1, inf, inf])
    form = Form(p)
    form.rescale(p.at([0.0, 1.0]))
    y = np.array([3.0, -2.0, 0.0])
    np.testing.assert_allclose(form.user_y(form.own_y(y)), y)


def test_multipliers_of_the_wrong_sign_are_zero():
    p = quadratic(np.eye(1), [0], [[1.0], [1.0]], [1, -inf], [inf, 9])
    np.testing.assert_array_equal(Form(p).user_y(np.array([0.5, -0.5])), [0, 0])
    np.testing.assert_array_equal(Form(p).user_y(np.array([-0.5, 0.5])), [-0.5, 0.5])


def test_without_bounds_there_are_no_multipliers_of_bounds():
    form = Form(Problem(2, lambda x: (0.0, x)))
    assert form.bounds == 0 and form.user_z(np.zeros(0)).size == 0


def test_spans():
    assert span(np.array([1, 2, 3])) == slice(1, 4) and span(np.zeros(0, int)) == slice(0, 0)
    np.testing.assert_array_equal(span(np.array([3, 2])), [3, 2])
