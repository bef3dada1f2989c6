"""Direction × step rule as an engine."""

import numpy as np

from optimize.polynomials import polynomial_problem
from optimize.problems import rosenbrock
from thalweg.optimize.composition import Stuck
from thalweg.optimize.directed import Directed
from thalweg.optimize.engine import Run
from thalweg.optimize.fixed_rate import FixedRate
from thalweg.optimize.gradient_descent import steepest_descent
from thalweg.optimize.problem import Problem


def test_steps_of_a_textbook():
    """x ← x − ¼ · 2x halves x; the residual is ‖∇f‖∞."""
    run = Run(Problem(2, lambda x: (float(x @ x), 2 * x)))
    engine = Directed(lambda: steepest_descent, lambda: FixedRate(0.25))
    at = engine.begin(np.array([8.0, -4.0]), run)
    for k in range(1, 5):
        at = engine.advance(at, run)
        np.testing.assert_allclose(at.point.x, np.array([8.0, -4.0]) / 2**k)
        np.testing.assert_allclose(at.step, -np.array([8.0, -4.0]) / 2**k)
        assert at.residual == 16.0 / 2**k and at.size == 0.25


def test_a_new_beginning_forgets():
    made = []

    def direction():
        made.append(0)
        return steepest_descent

    engine = Directed(direction, lambda: FixedRate(0.25))
    run = Run(Problem(1, lambda x: (float(x @ x), 2 * x)))
    first = engine.advance(engine.begin(np.ones(1), run), run)
    again = engine.advance(engine.begin(np.ones(1), run), run)
    assert len(made) == 2 and first.point.x == again.point.x


def test_a_path_is_drawn_once():
    drawn = []

    def direction(point):
        drawn.append(point)
        return steepest_descent(point)

    engine = Directed(lambda: direction, lambda: FixedRate(0.25))
    run = Run(Problem(1, lambda x: (float(x @ x), 2 * x)))
    at = engine.begin(np.ones(1), run)
    assert engine.path(at.point) is engine.path(at.point) and len(drawn) == 1


def test_a_direction_that_misled_may_forget():
    class Misled:
        memories = 1

        def __call__(self, point):
            return steepest_descent(point)

        def forget(self):
            had, self.memories = self.memories > 0, 0
            return had

    answers = iter([Stuck("no step"), Stuck("no step"), Stuck("no step")])
    engine = Directed(Misled, lambda: lambda point, path, evaluate: next(answers))
    run = Run(Problem(1, lambda x: (float(x @ x), 2 * x)))
    at = engine.begin(np.ones(1), run)
    assert isinstance(engine.advance(at, run), Stuck)  # asked twice: the second time without memories
    assert isinstance(engine.advance(at, run), Stuck)
    assert next(answers, None) is None


def test_only_second_order_methods_are_polished():
    problem = polynomial_problem(rosenbrock, 2)
    run = Run(problem)
    plain = Directed(lambda: steepest_descent, lambda: FixedRate(1e-3))
    at = plain.begin(np.array([1.0, 1.0 + 1e-9]), run)
    assert not plain.worth_polishing(at, run)
    at = plain.begin(np.array([1.0, 1.0]), run)
    assert at.residual == 0 and not Directed(plain.direction, plain.rule, second_order=True).worth_polishing(at, run)
