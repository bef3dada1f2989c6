"""The families of large problems, at small sizes: against SciPy's solvers, and the known solutions of their limits."""

import numpy as np
import pytest
from benchmarks.families import ALL, chain, control, grid, links, obstacle, surface
from benchmarks.optimizers.judge import violation
from numpy.testing import assert_allclose
from scipy.integrate import dblquad, solve_ivp
from scipy.optimize import minimize


def slopes(f, x, h=1e-6):
    """Central differences along the last axis."""
    columns = [(np.asarray(f(x + h * e)) - np.asarray(f(x - h * e))) / (2 * h) for e in np.eye(len(x))]
    return np.stack(columns, axis=-1)


def solved(problem, **options):
    """By SciPy alone, with central differences."""
    restrictions = [] if problem.eq is None else [{"type": "eq", "fun": problem.eq}]
    sides = None if problem.lower is None else list(zip(problem.lower, problem.upper, strict=True))
    method = "SLSQP" if restrictions else "L-BFGS-B"
    found = minimize(
        problem.f, problem.x0, jac=lambda x: slopes(problem.f, x), bounds=sides, constraints=restrictions,
        method=method, options={"maxiter": 2000, "ftol": 1e-14, **options},
    )  # fmt: skip
    assert violation(problem, found.x) < 1e-8
    return found


@pytest.mark.parametrize("family", ALL, ids=lambda f: f.name)
def test_a_problem_has_about_the_size_that_was_asked_for(family):
    for n in (100, *family.sizes):
        problem = family.at(n)
        assert abs(problem.n - n) <= 0.03 * n + 1
        assert np.isfinite(problem.f(problem.x0))
        if problem.eq is not None:
            assert np.all(np.isfinite(problem.eq(problem.x0)))
        if n > 100:
            assert problem.value is not None


def test_optimal_control_tends_to_the_value_that_the_feedback_has():
    values = [solved(control.at(n)).fun for n in (45, 90)]
    errors = np.array(values) - 4
    assert 0 < errors[1] < errors[0] < 1
    assert all(0 < v - 4 < 1e-3 for v in control.VALUES.values())
    steps = np.array([control.HORIZON / (n // 3 - 1) for n in control.VALUES])
    assert_allclose(np.diff(np.log(np.array(list(control.VALUES.values())) - 4)) / np.diff(np.log(steps)), 2, atol=0.05)


def test_the_feedback_of_the_book_costs_four_and_keeps_the_bounds():
    def rates(t, s):
        a, b, _ = s
        u = -a * b
        return [b, -a - 0.5 * b * (1 - a**2) + a * u, b**2 + u**2]

    path = solve_ivp(rates, (0, control.HORIZON), [*control.START, 0.0], rtol=1e-11, atol=1e-12)
    a, b, cost = path.y
    assert_allclose(cost[-1] + a[-1] ** 2 + b[-1] ** 2, 4, atol=1e-8)
    assert np.max(np.abs(a * b)) < control.CONTROL


def test_the_membrane_is_the_solution_of_the_obstacle_problem():
    problem = obstacle.at(15**2)
    found = solved(problem, ftol=1e-15, gtol=1e-9, maxfun=10**6)
    x, y, h = grid.points(15, 2.0)
    exact = obstacle.membrane(np.hypot(x, y))[1:-1, 1:-1].ravel()
    assert np.max(np.abs(found.x - exact)) < 0.2 * h
    slope = slopes(problem.f, found.x)
    assert_allclose(np.minimum(found.x - problem.lower, slope), 0, atol=1e-5)
    touching = found.x - problem.lower < 1e-9
    assert 0 < np.sum(touching) < 50


def test_the_edge_of_the_membrane_is_smooth():
    a, d = obstacle.CONTACT, 1e-6
    left, middle, right = obstacle.membrane(np.array([a - d, a, a + d]))
    assert_allclose((right - middle) / d, (middle - left) / d, rtol=1e-5)


def test_the_hanging_chain_tends_to_the_catenary():
    assert_allclose(chain.catenary(), 5.06848, atol=5e-6)  # as COPS has it
    values = np.array(list(chain.VALUES.values())) - chain.catenary()
    h = np.array([2 / (n - 1) for n in chain.VALUES])
    assert_allclose(np.diff(np.log(values)) / np.diff(np.log(h)), 2, atol=0.05)
    assert_allclose(solved(chain.at(41)).fun, chain.catenary(), rtol=1e-3)


def test_links_hang_as_the_forces_say():
    problem = links.at(38)
    x, y = links.joints(20)
    there = np.concatenate([x[1:-1], y[1:-1]])
    assert_allclose([x[0], y[0], x[-1], y[-1]], [0, 0, *links.END], atol=1e-11)
    assert_allclose(problem.eq(there), 0, atol=1e-9)
    multipliers = np.linalg.lstsq(slopes(problem.eq, there).T, slopes(problem.f, there), rcond=None)[0]
    assert_allclose(slopes(problem.eq, there).T @ multipliers, slopes(problem.f, there), atol=1e-8)
    assert_allclose(solved(problem).fun, problem.value, rtol=1e-6)


def test_the_soap_film_is_scherks_surface():
    problem = surface.at(9**2)
    found = solved(problem, ftol=1e-15, gtol=1e-8)
    x, y, h = grid.points(9, 1.0)
    assert np.max(np.abs(found.x - surface.scherk(x, y)[1:-1, 1:-1].ravel())) < 0.1 * h

    def area(y, x):
        return np.sqrt(1 + np.tan(x) ** 2 + np.tan(y) ** 2)

    exact = dblquad(area, -1, 1, -1, 1, epsabs=1e-9)[0]
    values = np.array(list(surface.VALUES.values()))
    h = np.array([2 / (grid.side(n) + 1) for n in surface.VALUES])
    assert_allclose(np.diff(np.log(exact - values)) / np.diff(np.log(h)), 2, atol=0.05)


class Columns:
    """What the families use of CasADi, on plain matrices: the same statement without its package."""

    DM = staticmethod(np.asarray)

    @staticmethod
    def sum1(a):
        return np.sum(a, axis=0)

    @staticmethod
    def sumsqr(a):
        return np.sum(np.asarray(a) ** 2)

    @staticmethod
    def sqrt(a):
        return np.sqrt(a)

    @staticmethod
    def reshape(a, m, n):
        return np.reshape(a, (m, n), order="F")

    @staticmethod
    def vec(a):
        return np.reshape(a, -1, order="F")

    @staticmethod
    def vertcat(*parts):
        return np.concatenate([np.atleast_1d(p) for p in parts])

    @staticmethod
    def horzcat(*parts):
        return np.concatenate([np.atleast_2d(p) for p in parts], axis=1)


@pytest.mark.parametrize("family", ALL, ids=lambda f: f.name)
def test_both_statements_say_the_same(family):
    """Entries in CasADi's order: a matrix column by column, which the transposed grid takes back."""
    problem = family.at(102)
    x = problem.x0 + 0.1 * np.sin(np.arange(problem.n))
    value, rows = problem.in_casadi(Columns, x)
    assert_allclose(value, problem.f(x), rtol=1e-13)
    assert (rows is None) == (problem.eq is None)
    if rows is not None:
        assert_allclose(rows, problem.eq(x), atol=1e-12)
