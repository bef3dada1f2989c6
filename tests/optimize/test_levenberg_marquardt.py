"""Levenberg and Marquardt: certified regressions, large residuals, missing rank."""

import numpy as np
import pytest

from optimize.nist import MODELS, least_squares_problem, regression
from thalweg.optimize.composition import Taken
from thalweg.optimize.levenberg_marquardt import LevenbergMarquardt, SecondTerm
from thalweg.optimize.trust_region import TrustRegion


def descend(problem, start, tol=0.0, most=300):
    rule, direction, point = TrustRegion(), LevenbergMarquardt(), problem.at(np.array(start, dtype=float))
    points, kinds = [point], []
    while point.gradient_norm > tol and len(points) <= most:
        taken = rule(point, direction(point), problem.at)
        if not isinstance(taken, Taken):
            break
        point = taken.point
        points.append(point)
        kinds.append(taken.kind)
    return points, kinds


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")  # far from the data exponentials overflow
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_certified_values_from_both_starts(name, start):
    found = regression(name)
    points, _ = descend(found.problem, found.starts[start])
    flat = name.startswith("lanczos")  # sums of exponentials, told apart by the last digits: here rounding shows
    np.testing.assert_allclose(points[-1].x, found.certified, rtol=2e-9 if flat else 2e-10)
    assert 2 * points[-1].value == pytest.approx(found.sum_of_squares, rel=1e-9)


def test_large_residuals_converge_quadratically_by_the_second_term():
    """Brown & Dennis: residuals of hundreds stay; the minimum is 85822.2016264."""
    t = np.arange(1, 21) / 5
    problem = least_squares_problem(
        lambda x: (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2, 4
    )
    points, kinds = descend(problem, [25.0, 5.0, -5.0, -1.0], 1e-8)
    assert 2 * points[-1].value == pytest.approx(85822.20162635627, rel=1e-12)
    steep = np.array([p.gradient_norm for p in points])
    tail = steep[(steep < 1e3) & (steep > 1e-7)]
    assert np.log(tail[-1] / tail[-2]) / np.log(tail[-2] / tail[-3]) > 1.7
    assert kinds[-1] == "Newton" and len(points) < 40


def test_small_residuals_need_no_hessian():
    t = np.linspace(0, 2, 30)
    y = 2 * np.exp(-1.5 * t)
    problem = least_squares_problem(lambda b: b[0] * np.exp(-b[1] * t) - y, 2)
    points, kinds = descend(problem, [1.0, 1.0], 1e-12)
    np.testing.assert_allclose(points[-1].x, [2, 1.5], rtol=1e-12)
    assert problem.count.hessian == 0 and kinds[-1] == "Gauss–Newton"


def test_fewer_residuals_than_variables():
    problem = least_squares_problem(lambda x: np.stack([x[0] * x[1] - 2, x[2] ** 2 - x[0]]), 3)
    points, _ = descend(problem, [1.0, 1.0, 1.0], 1e-12)
    x = points[-1].x
    assert x[0] * x[1] == pytest.approx(2) and x[2] ** 2 == pytest.approx(x[0])


def test_a_variable_without_influence_stays():
    problem = least_squares_problem(lambda x: np.stack([x[0] - 1 + 0 * x[1], x[0] ** 2 - 1]), 2)
    points, _ = descend(problem, [3.0, 7.0], 1e-12)
    np.testing.assert_allclose(points[-1].x, [1, 7])


def test_overflow_far_away_is_no_obstacle():
    problem = least_squares_problem(lambda x: np.exp(np.array([1.0, 2.0, 3.0]) * x[0]) - np.exp([1.0, 2.0, 3.0]), 1)
    points, _ = descend(problem, [-40.0])
    np.testing.assert_allclose(points[-1].x, [1.0], rtol=1e-10)


def test_the_units_of_the_variables_do_not_matter():
    found = regression("misra1a")
    u = np.array([2.0**9, 2.0**-12])
    plain, _ = descend(found.problem, found.starts[1])
    r = found.problem.residuals.r_and_jacobian
    other = least_squares_problem(lambda b: b, 2)  # replaced below, residual by residual
    scaled = type(found.problem)(
        2,
        lambda b: (found.problem.f_and_gradient(b * u)[0], found.problem.f_and_gradient(b * u)[1] * u),
        lambda b: found.problem.f_hessian(b * u) * np.outer(u, u),
        residuals=type(other.residuals)(lambda b: (r(b * u)[0], r(b * u)[1] * u)),
    )
    moved, _ = descend(scaled, found.starts[1] / u)
    np.testing.assert_allclose([p.x * u for p in moved[:5]], [p.x for p in plain[:5]], rtol=1e-9)


def test_when_the_second_term_is_used():
    second = SecondTerm()
    seen = [second.wanted(*p) for p in [(100.0, 9.0), (70.0, 8.0), (69.0, 5.0), (68.9, 0.4), (68.9, 0.4), (50.0, 0.3)]]
    assert seen == [False, False, True, True, True, False]
    quick = SecondTerm()
    assert [quick.wanted(*p) for p in [(10.0, 1.0), (9.9, 0.05), (9.89, 0.001)]] == [False, False, False]
