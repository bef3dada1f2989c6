"""Restoration: its problem has right derivatives, and it leads back where that is possible."""

from math import inf

import numpy as np
import pytest

from optimize.interior.samples import hs71, nonlinear, quadratic, solve, sparse
from thalweg.optimize.engine import Run
from thalweg.optimize.interior import InteriorPoint
from thalweg.optimize.interior.form import Form
from thalweg.optimize.interior.restoration import Restoration, balance


@pytest.mark.parametrize("turn", [lambda p: p, sparse], ids=["dense", "sparse"])
def test_derivatives_are_those_of_differences(turn):
    original = turn(hs71())
    form = Form(original)
    form.rescale(original.at([1.0, 5, 5, 1]))
    restoration = Restoration(form, Run(original), np.array([1.5, 4, 4, 2]))
    restoration.zeta = 0.3
    problem = restoration.problem
    assert problem.n == 4 + 3  # n for the inequality, p and n for the equality
    x, y = np.array([1.2, 4.5, 3, 2.5, 0.1, 0.2, 0.3]), np.array([0.4, -0.6])
    point, steps = problem.at(x), 1e-6 * np.eye(7)
    gradient = [(problem.at(x + h).value - problem.at(x - h).value) / 2e-6 for h in steps]
    np.testing.assert_allclose(point.gradient, gradient, atol=1e-6)
    J = point.J.toarray() if original.sparse else point.J
    np.testing.assert_allclose(
        J, np.transpose([(problem.at(x + h).c - problem.at(x - h).c) / 2e-6 for h in steps]), atol=1e-5
    )

    def slope(x):
        at = problem.at(x)
        J = at.J.toarray() if original.sparse else at.J
        return 0.7 * at.gradient + J.T @ y

    H = problem.lagrangian_hessian(x, y, 0.7)
    H = H.toarray() if original.sparse else H
    np.testing.assert_allclose(H, [(slope(x + h) - slope(x - h)) / 2e-6 for h in steps], atol=1e-5)


def test_the_pattern_of_the_hessian_does_not_depend_on_values():
    original = sparse(hs71())
    restoration = Restoration(Form(original), Run(original), np.array([1.5, 4, 4, 2]))
    x = np.array([1.2, 4.5, 3, 2.5, 0.1, 0.2, 0.3])
    empty = restoration.problem.lagrangian_hessian(x, np.zeros(2), 0.0)
    full = restoration.problem.lagrangian_hessian(x, np.ones(2), 1.0)
    np.testing.assert_array_equal(empty.indices, full.indices)
    assert empty.nnz == full.nnz


def test_the_elastic_variables_solve_their_own_barrier_problem():
    mu = 0.1
    for excess in (-5.0, 0.0, 0.3, 40.0):
        t = float(balance(np.array([excess]), mu)[0])
        assert t > max(0, excess) and 1 - mu / t - mu / (t - excess) == pytest.approx(0, abs=1e-9)


def test_least_violation_of_lines_is_found_and_told():
    """x = 0, x = 1, x = 5: the sum of distances is least at the middle."""
    problem = quadratic(np.eye(1), [0], [[1], [1], [1]], [0, 1, 5], [0, 1, 5])
    at, stuck, _ = solve(problem, [9.0])
    assert stuck.status == "infeasible" and at.point.x == pytest.approx([1], abs=1e-6)
    assert "cannot be met" in stuck.reason


def test_the_way_back_is_found_past_a_place_where_the_rows_are_flat():
    """x³ − 3x = 20 from the inside of its two turning points, where Newton's steps lead back and forth."""
    problem = nonlinear(
        2,
        lambda x: (x[1] ** 2, np.array([0, 2 * x[1]]), np.diag([0.0, 2])),
        lambda x: (
            np.array([x[0] ** 3 - 3 * x[0] + x[1]]),
            np.array([[3 * x[0] ** 2 - 3, 1.0]]),
            np.array([np.diag([6 * x[0], 0])]),
        ),
        [20],
        [20],
        [-inf, -1],
        [inf, 1],
    )
    at, stuck, _ = solve(problem, [0.9, 0.0])
    assert stuck is None
    assert at.point.x[0] ** 3 - 3 * at.point.x[0] == pytest.approx(20, abs=1e-6)


def test_without_restoration_a_contradiction_is_only_a_failure():
    problem = quadratic(np.eye(1), [0], [[1], [1]], [0, 1], [0, 1])
    _, stuck, _ = solve(problem, [9.0], engine=InteriorPoint(restore=False))
    assert stuck is not None and stuck.status == ""
