"""Classification on constraints: multipliers, the tangent space, the textbook's exercises."""

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import quadratic
from thalweg.optimize.constrained import Equalities, classify_on


def equalities(*constraints, n):
    parts = [polynomial_problem(g, n) for g in constraints]

    def g_and_jacobian(x):
        points = [p.at(x) for p in parts]
        return np.array([p.value for p in points]), np.array([p.gradient for p in points])

    return Equalities(g_and_jacobian, lambda x, m: sum(k * p.hessian(x) for k, p in zip(m, parts)))


def kind_on(f, x, *constraints, tol=1e-6):
    n = len(x)
    return classify_on(polynomial_problem(f, n).at(x), equalities(*constraints, n=n), tol=tol)


def line(x):
    return x[0] + x[1] - 1


def circle(x):
    return x[0] ** 2 + x[1] ** 2 - 1


def test_the_textbooks_exercise():
    c = kind_on(lambda x: x[0] ** 2 + x[1] ** 2, [0.5, 0.5], line)
    assert c.kind == "strict minimum"
    np.testing.assert_allclose(c.multipliers, [-1.0], rtol=1e-14)
    np.testing.assert_allclose(c.eigenvalues, [2.0])
    assert c.certificate.feasibility == 0 and c.certificate.stationarity < 1e-15
    assert c.certificate.constraint_rank == 1


def test_the_box_of_largest_volume_for_a_given_surface_is_the_cube():
    c = kind_on(
        lambda x: x[0] * x[1] * x[2], [2.0, 2.0, 2.0], lambda x: 2 * (x[0] * x[1] + x[1] * x[2] + x[2] * x[0]) - 24
    )
    assert c.kind == "maximum"
    np.testing.assert_allclose(c.multipliers, [-0.5])
    np.testing.assert_allclose(c.eigenvalues, [-1, -1])


@pytest.mark.parametrize(
    ("f", "x", "kind", "multiplier"),
    [
        (lambda x: x[0], [-1.0, 0.0], "strict minimum", 0.5),
        (lambda x: x[0], [1.0, 0.0], "maximum", -0.5),
        (lambda x: x[0], [0.0, 1.0], "not stationary", None),
        (lambda x: x[0] ** 2 - x[1] ** 2, [0.0, 1.0], "strict minimum", 1.0),
        (lambda x: x[0] ** 2 - x[1] ** 2, [1.0, 0.0], "maximum", -1.0),
        (lambda x: x[0] ** 2 + x[1] ** 2, [0.6, 0.8], "degenerate", -1.0),
    ],
)
def test_on_a_circle_the_curvature_of_the_constraint_counts(f, x, kind, multiplier):
    c = kind_on(f, x, circle)
    assert c.kind == kind, c.why
    if multiplier is not None:
        np.testing.assert_allclose(c.multipliers, [multiplier], atol=1e-14)


def test_a_saddle_on_the_sphere():
    sphere = lambda x: x[0] ** 2 + x[1] ** 2 + x[2] ** 2 - 1
    c = kind_on(lambda x: x[0] ** 2 + 2 * x[1] ** 2 + 3 * x[2] ** 2, [0.0, 1.0, 0.0], sphere)
    assert c.kind == "saddle"
    np.testing.assert_allclose(c.eigenvalues, [-2, 2])


def test_a_saddle_without_the_constraint_is_a_minimum_on_it():
    c = kind_on(lambda x: x[0] ** 2 - x[1] ** 2, [0.0, 0.0], lambda x: x[1])
    assert c.kind == "strict minimum"


def test_beside_the_constraint():
    c = kind_on(lambda x: x[0] ** 2 + x[1] ** 2, [0.5, 0.6], line)
    assert c.kind == "not stationary" and "not on the constraints" in c.why


def test_a_repeated_constraint_is_counted_once():
    c = kind_on(lambda x: x[0] ** 2 + x[1] ** 2, [0.5, 0.5], line, lambda x: 3 * line(x))
    assert c.kind == "strict minimum" and c.certificate.constraint_rank == 1
    assert c.multipliers @ [1, 3] == pytest.approx(-1.0)


def test_constraints_that_leave_no_freedom():
    c = kind_on(lambda x: x[0] + 5 * x[1], [0.5, 0.5], line, lambda x: x[0] - x[1])
    assert c.kind == "strict minimum" and "no direction" in c.why and not c.eigenvalues.size


@pytest.mark.parametrize("units", [(1e-6, 1e5), (1e8, 1.0)])
def test_units_do_not_matter(units):
    a, b = units
    c = kind_on(
        lambda x: (a * x[0]) ** 2 + (b * x[1]) ** 2 + 0.5 * a * b * x[0] * x[1],
        [0.5 / a, 0.5 / b],
        lambda x: a * x[0] + b * x[1] - 1,
    )
    assert c.kind == "strict minimum"


def test_far_and_not_finite():
    c = kind_on(lambda x: 1e-12 * (x[0] ** 2 + x[1] ** 2), [1.0, 0.0], line)
    assert c.kind == "not stationary" and "away" in c.why
    nan = Equalities(lambda x: (np.array([np.nan]), np.ones((1, 2))), lambda x, m: np.zeros((2, 2)))
    assert classify_on(quadratic(np.eye(2)).at([0.5, 0.5]), nan).kind == "not stationary"
    rough = Equalities(lambda x: (np.array([0.0]), np.ones((1, 2))), lambda x, m: np.full((2, 2), np.inf))
    assert classify_on(quadratic(np.eye(2)).at([0.5, 0.5]), rough).kind == "degenerate"


def test_it_prints_the_multipliers():
    text = str(kind_on(lambda x: x[0] ** 2 + x[1] ** 2, [0.5, 0.5], line))
    assert "multipliers" in text and "[-1]" in text and "constraint violation" in text
