"""How far to go along a step."""

import numpy as np
import pytest

from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Iterate, Run
from thalweg.optimize.problem import Constraints, Problem
from thalweg.optimize.sqp.line_search import Search, Sides, Taken
from thalweg.optimize.sqp.merit import Filter, Merit
from thalweg.optimize.sqp.step import newton_step
from thalweg.optimize.sqp.system import System


def searched(problem, x, H, best=-1.0, wall=np.inf, residual=np.inf):
    """The step with Hessian H from x, and what the search makes of it."""
    run = Run(problem)
    n, m = problem.n, problem.m
    nowhere = np.full(n, np.inf)
    low = [-nowhere] + ([problem.constraints.lower] if m else [])
    high = [nowhere] + ([problem.constraints.upper] if m else [])
    sides = Sides(np.concatenate(low), np.concatenate(high), n)
    point = run.evaluate(np.array(x, float))
    here = np.concatenate([point.x, point.c])
    system = System(n, m)
    system.load(np.asarray(H, float), point.J, point.gradient, sides.lower - here, sides.upper - here)
    step = newton_step(system, (sides.lower == sides.upper).astype(np.int8))
    search = Search(sides, Merit(np.zeros(m)), Filter(1e-4), wall=wall, best=best)
    at = Iterate(point, residual, np.zeros(m), np.zeros(n))
    return search(at, step, system, run), problem.count.value


def bowl(x):
    return float(x @ x), 2 * x


def test_a_good_step_is_taken_whole_after_one_evaluation():
    taken, evaluations = searched(Problem(2, bowl), [3.0, 4.0], 2 * np.eye(2))
    assert isinstance(taken, Taken) and taken.alpha == 1.0 and evaluations == 2
    np.testing.assert_array_equal(taken.point.x, [0.0, 0.0])


def test_a_step_too_long_is_shortened():
    taken, _ = searched(Problem(2, bowl), [3.0, 4.0], 0.1 * np.eye(2))
    assert taken.alpha < 1.0 and taken.point.value < 25.0


def test_values_that_are_not_finite_shorten_it_too_and_are_reported_where_nothing_else_is():
    def edge(x):
        return (float(x[0]) if x[0] > 0.5 else np.nan), np.ones(1)

    taken, _ = searched(Problem(1, edge), [1.0], np.eye(1))
    assert 0.5 < taken.point.x[0] < 1.0

    def cliff(x):
        return (1.0 if x[0] == 1.0 else np.nan), np.ones(1)

    stuck, _ = searched(Problem(1, cliff), [1.0], np.eye(1))
    assert isinstance(stuck, Stuck) and stuck.not_finite and stuck.at is not None


def circle():
    """Maratos' example: 2(x·x − 1) − x₀ on the unit circle."""
    rows = Constraints(
        np.zeros(1),
        np.zeros(1),
        lambda x: (np.array([x @ x - 1]), 2 * x[None, :]),
        lambda x, y: 2 * y[0] * np.eye(2),
    )
    return Problem(
        2,
        lambda x: (2 * float(x @ x - 1) - x[0], 4 * x - np.array([1.0, 0])),
        lambda x: 4 * np.eye(2),
        constraints=rows,
    )


def test_the_full_step_of_maratos_is_corrected_to_second_order():
    """On the circle a Newton step raises both the value and the violation, however close the solution is."""
    t = 0.1
    x = [np.cos(t), np.sin(t)]
    taken, evaluations = searched(circle(), x, np.eye(2))  # ∇²L at the solution, y = −3/2
    assert taken.kind == "second-order correction" and taken.alpha == 1.0 and evaluations == 3
    assert np.abs(taken.point.x - [1, 0]).max() < 0.02


def test_or_taken_where_the_optimality_error_falls():
    t = 0.1
    taken, evaluations = searched(circle(), [np.cos(t), np.sin(t)], np.eye(2), best=10.0)
    assert taken.kind == "" and taken.alpha == 1.0 and evaluations == 2
    assert taken.residual is not None


def test_points_beyond_the_wall_are_not_taken():
    rows = Constraints(
        np.zeros(1), np.zeros(1), lambda x: (np.array([x[0] ** 2 - 1]), 2 * x[None, :]), lambda x, y: 2 * np.eye(1)
    )
    problem = Problem(1, lambda x: (0.0, np.zeros(1)), lambda x: np.eye(1), constraints=rows)
    taken, _ = searched(problem, [0.1], np.eye(1), wall=2.0)  # Newton's step goes to 5.05
    assert abs(taken.point.x[0] ** 2 - 1) <= 2.0


def test_where_values_drown_the_residual_decides():
    offset = Problem(1, lambda x: (1e8 + float(x @ x), 2 * x))
    better, _ = searched(offset, [1e-6], 2 * np.eye(1), residual=2e-6)
    assert isinstance(better, Taken) and better.point.x[0] == 0.0
    stuck, _ = searched(offset, [1e-6], 2 * np.eye(1), residual=0.0)
    assert isinstance(stuck, Stuck)


def test_minus_infinity_is_unbounded():
    pit = Problem(1, lambda x: (-np.inf if x[0] < 0.5 else float(x[0]), np.ones(1)))
    stuck, _ = searched(pit, [1.0], np.eye(1))
    assert isinstance(stuck, Stuck) and stuck.status == "unbounded"


def test_sides_measure_and_project():
    sides = Sides(np.array([0.0, -1.0, 2.0]), np.array([1.0, 1.0, 2.0]), 1)
    np.testing.assert_array_equal(sides.violation(np.array([3.0, 1.5])), [2.0, 0.5])
    assert sides.inside(np.array([5.0])).tolist() == [1.0]
    assert sides.violation(np.zeros(0)).size == 0
    assert pytest.approx(0.0) == sides.violation(np.array([0.0, 2.0])).sum()
