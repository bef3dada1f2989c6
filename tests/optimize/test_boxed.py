"""Bounds with a Hessian that is known by its products only."""

import numpy as np
import pytest

from thalweg.optimize.composition import Taken
from thalweg.optimize.constrained import classify_on
from thalweg.optimize.escape import escape
from thalweg.optimize.problem import Problem

N = 250


def boxed(d, g, lower=0.0, upper=np.inf):
    return Problem(
        N,
        lambda x: (float(0.5 * x @ (d * x) + g @ x), d * x + g),
        f_hessian_product=lambda x, v: d * v,
        lower=np.full(N, lower),
        upper=np.full(N, upper),
    )


def held(first, others=0.0):
    g = np.full(N, others)
    g[0] = first
    return g


@pytest.mark.parametrize(
    ("curvature", "slope", "kind"),
    [(1.0, 1.0, "strict minimum"), (-1.0, 1.0, "saddle"), (1.0, -1.0, "saddle"), (-1.0, -1.0, "maximum")],
)
def test_the_sign_of_the_multiplier_and_the_curvature_of_the_rest(curvature, slope, kind):
    d = np.full(N, curvature) * np.linspace(1, 2, N)
    lower = np.full(N, -np.inf)
    lower[0] = 0
    problem = Problem(
        N,
        lambda x: (float(0.5 * x @ (d * x) + slope * x[0]), d * x + held(slope)),
        f_hessian_product=lambda x, v: d * v,
        lower=lower,
        upper=np.full(N, np.inf),
    )
    point = problem.at(np.zeros(N))
    c = classify_on(point)
    assert c.kind == kind, c.why
    assert c.z[0] == -slope and c.certificate.number_active == 1
    assert c.certificate.strict_complementarity == pytest.approx(1)
    if kind in ("saddle", "maximum"):
        taken = escape(point, c.falling, problem.at)
        assert isinstance(taken, Taken) and taken.point.value < 0 and taken.point.violation == 0


def test_vertices():
    d = np.linspace(-1, 1, N)
    at = np.zeros(N)
    assert classify_on(boxed(d, np.ones(N)).at(at)).kind == "strict minimum"
    assert classify_on(boxed(d, -np.ones(N)).at(at)).kind == "maximum"
    assert classify_on(boxed(d, held(-1.0, 1.0)).at(at)).kind == "saddle"


def test_multipliers_zero():
    d = np.linspace(1, 2, N)
    c = classify_on(boxed(d, np.zeros(N)).at(np.zeros(N)))
    assert c.kind == "strict minimum" and c.certificate.strict_complementarity == 0
    d[3] = -1
    assert classify_on(boxed(d, np.zeros(N)).at(np.zeros(N))).kind == "degenerate"


def test_inside_it_is_as_without_bounds():
    d = np.linspace(1, 2, N)
    c = classify_on(boxed(d, -d, -5.0, 5.0).at(np.ones(N)))
    assert c.kind == "strict minimum" and c.certificate.number_active == 0
    assert classify_on(boxed(d, -d, -5.0, 5.0).at(np.full(N, 1.5))).kind == "not stationary"
