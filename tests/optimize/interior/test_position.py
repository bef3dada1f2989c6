"""Residuals, written down a second time."""

from math import inf

import numpy as np
import pytest

from optimize.interior.samples import quadratic
from thalweg.optimize.interior.form import Form
from thalweg.optimize.interior.position import Position


def test_the_error_is_that_of_the_paper():
    problem = quadratic(np.eye(2), [1, 1], [[1, 2], [3, 4]], [1, 0], [1, inf], [0, -inf], [inf, inf])
    form = Form(problem)
    w, y, v = np.array([0.5, 0.25, 2.0]), np.array([150.0, -450.0]), np.array([0.2, 300.0])
    here = Position(form, form.place(problem.at(w[:2])), w, form.distances(w), y, v)
    gradient = np.array([0.5 + 1 + 150 - 3 * 450 - 0.2, 0.25 + 1 + 300 - 4 * 450, 450 - 300])
    s_d = (150 + 450 + 300.2) / 4 / 100
    s_c = max(1.0, 300.2 / 2 / 100)
    rows = np.array([0.0, 3 * 0.5 + 4 * 0.25 - 2])
    products = np.array([0.5 * 0.2, 2.0 * 300])
    for mu in (0.0, 2.0):
        expected = max(np.abs(gradient).max() / s_d, np.abs(rows).max(), np.abs(products - mu).max() / s_c)
        assert here.error(mu) == pytest.approx(expected)
    assert here.theta == pytest.approx(0.5) and here.average == pytest.approx(products.mean())


def test_the_residual_speaks_of_the_units_of_the_problem():
    problem = quadratic(1e6 * np.eye(1), [0], x_lower=[0], x_upper=[inf])
    form = Form(problem)
    form.rescale(problem.at([1.0]))
    w = np.array([1e-3])
    here = Position(form, form.place(problem.at(w)), w, form.distances(w), np.zeros(0), np.array([0.1]))
    assert form.f_scale == 1e-4
    assert here.error(0.0) == pytest.approx(1e-4)  # d v, while the gradient is 0.1 − 0.1
    assert here.residual() == pytest.approx(1.0)  # d v / f_scale, beside f = 0.5
