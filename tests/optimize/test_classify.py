"""The six kinds, and when a gradient counts as zero."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimize.polynomials import polynomial_problem
from optimize.problems import HIMMELBLAU_MINIMA, himmelblau, quadratic
from thalweg.optimize import KINDS, Problem, classify


def test_the_words():
    assert KINDS == ("strict minimum", "minimum", "maximum", "saddle", "degenerate", "not stationary")


@pytest.mark.parametrize(
    ("diagonal", "kind"),
    [([1, 2], "strict minimum"), ([-1, -2], "maximum"), ([1, -1], "saddle"), ([1, 0], "degenerate")],
)
def test_nonsingular_kinds(diagonal, kind):
    c = classify(quadratic(np.diag(np.array(diagonal, float))), [0.0, 0.0])
    assert c.kind == kind and c.gradient_norm == 0
    np.testing.assert_array_equal(c.eigenvalues, sorted(diagonal))


def test_himmelblau_has_four_minima_a_maximum_and_saddles():
    problem = polynomial_problem(himmelblau, 2)
    for x in HIMMELBLAU_MINIMA:
        assert classify(problem, x, tol=1e-5).kind == "strict minimum"
    assert classify(problem, [-0.270845, -0.923039], tol=1e-5).kind == "maximum"
    assert classify(problem, [3.385154, 0.073852], tol=1e-5).kind == "saddle"
    assert classify(problem, [1.0, 1.0]).kind == "not stationary"


def test_x_needs_to_be_right_to_the_tolerance_only_whatever_the_scale():
    for scale in (1e-12, 1.0, 1e12):
        problem = polynomial_problem(lambda x: scale * (x[0] - 1 / 3) ** 2, 1)
        assert classify(problem, [0.3333333]).kind == "strict minimum"
        assert classify(problem, [0.33]).kind == "not stationary"


def test_a_small_gradient_far_from_the_minimum_is_not_enough():
    c = classify(polynomial_problem(lambda x: 1e-12 * (x[0] - 1) ** 2, 1), [0.0])
    assert c.kind == "not stationary" and "1 away" in c.why


@given(st.integers(0, 100_000), st.integers(2, 5))
def test_the_verdict_is_that_of_the_eigenvalues_in_any_order_and_units(seed, n):
    rng = np.random.default_rng(seed)
    eigenvalues = rng.choice([-1.0, 1.0], n) * 10 ** rng.uniform(-2, 2, n)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    H = Q @ np.diag(eigenvalues) @ Q.T
    x = rng.standard_normal(n)
    units = 10.0 ** rng.uniform(-4, 4, n)
    order = rng.permutation(n)
    G = (0.5 * (H + H.T) * np.outer(units, units))[np.ix_(order, order)]
    at = (x / units)[order]
    kind = "strict minimum" if np.all(eigenvalues > 0) else "maximum" if np.all(eigenvalues < 0) else "saddle"
    assert classify(quadratic(G, G @ at), at).kind == kind


def test_what_is_not_finite_is_not_stationary():
    c = classify(Problem(1, lambda x: (np.nan, x)), [1.0])
    assert c.kind == "not stationary" and "finite" in c.why
    spike = Problem(1, lambda x: (0.0, 0 * x), lambda x: np.full((1, 1), np.inf))
    assert classify(spike, [0.0]).kind == "degenerate"
    steep = Problem(1, lambda x: (0.0, 1 + 0 * x), lambda x: np.full((1, 1), np.inf))
    assert classify(steep, [0.0]).kind == "not stationary"


@pytest.mark.parametrize(("lowest", "kind"), [(1, "strict minimum"), (-1, "saddle"), (0, "degenerate")])
def test_many_variables(lowest, kind):
    n = 250
    d = np.linspace(2, 9, n)
    d[3] = lowest
    problem = Problem(n, lambda x: (0.5 * (d * x) @ x, d * x), f_hessian_product=lambda x, v: d * v)
    assert classify(problem, np.zeros(n)).kind == kind
    assert classify(problem, np.ones(n)).kind == "not stationary"
    down = problem.negated()
    assert classify(down, np.zeros(n)).kind == {"strict minimum": "maximum"}.get(kind, kind)


def test_it_prints_and_converts():
    c = classify(quadratic(np.diag([1.0, -1.0])), [0.0, 0.0])
    assert str(c).startswith("Saddle") and repr(c) == str(c)
    assert c.to_dict()["kind"] == "saddle" and c.to_dict()["x"] == [0.0, 0.0]
    assert "<table>" in c._repr_html_() and c.stationary
