"""The line search: halving, corrections, and what cannot be evaluated."""

import numpy as np

from optimize.interior.samples import nonlinear
from thalweg.optimize.engine import Run
from thalweg.optimize.interior.filter import Filter
from thalweg.optimize.interior.form import Form
from thalweg.optimize.interior.inertia import Inertia
from thalweg.optimize.interior.line_search import Step, barrier_value, search, trial
from thalweg.optimize.interior.newton_system import NewtonSystem
from thalweg.optimize.interior.position import Position


def circle():
    """2 (x² + y² − 1) − x on the unit circle: the full step of Newton's method is refused there (Maratos)."""
    return nonlinear(
        2,
        lambda x: (2 * (x @ x - 1) - x[0], 4 * x - np.array([1.0, 0]), 4 * np.eye(2)),
        lambda x: (np.array([x @ x - 1]), 2 * x[None], 2 * np.eye(2)[None]),
        [0],
        [0],
    )


def test_the_maratos_effect_is_corrected():
    problem, angle = circle(), 0.2
    form, run = Form(problem), Run(problem)
    x = np.array([np.cos(angle), np.sin(angle)])
    here = Position(form, form.place(problem.at(x)), x, np.zeros(0), np.array([-1.5]), np.zeros(0))
    system = NewtonSystem(form)
    system.load(problem.lagrangian_hessian(x, here.y), here.place.J, here.d, here.v)
    system.factorize(Inertia())
    dw, dy = system.solve(here.r, here.C)
    step = Step(dw, dy, np.zeros(0), np.zeros(0), float(here.place.g @ dw), 1.0, 1.0)
    first = trial(here, dw, step.dd, 1.0, 0.0, run)
    assert first.phi > here.place.f and first.theta > here.theta  # worse in both, though much closer
    found = search(here, Filter(theta_most=1e4, theta_least=1e-4), system, step, 0.0, run)
    assert found.kind == "second-order correction" and found.alpha == 1.0
    assert np.linalg.norm(found.place.point.x - [1, 0]) < 0.05


def test_a_step_is_halved_until_the_function_is_finite_and_lower():
    problem = nonlinear(
        1, lambda x: (np.nan, np.full(1, np.nan), None) if x[0] < 0 else (x[0] ** 2, 2 * x, np.array([[2.0]]))
    )
    form, run, none = Form(problem), Run(problem), np.zeros(0)
    x = np.array([1.0])
    here = Position(form, form.place(problem.at(x)), x, none, none, none)
    step = Step(np.array([-3.0]), none, none, none, -6.0, 1.0, 1.0)
    found = search(here, Filter(theta_most=1.0), NewtonSystem(form), step, 0.0, run)
    assert found.alpha == 0.25 and found.w == [0.25] and problem.count.value == 4


def test_no_step_uphill_is_found():
    problem = nonlinear(1, lambda x: (x[0] ** 2, 2 * x, np.array([[2.0]])))
    form, none, x = Form(problem), np.zeros(0), np.array([1.0])
    here = Position(form, form.place(problem.at(x)), x, none, none, none)
    step = Step(np.array([1.0]), none, none, none, -2.0, 1.0, 1.0)
    assert search(here, Filter(theta_most=1.0), NewtonSystem(form), step, 0.0, Run(problem)) is None


def test_the_barrier_function_has_its_logarithms():
    problem = nonlinear(1, lambda x: (x[0], np.ones(1), np.zeros((1, 1))), x_lower=[0], x_upper=[2])
    form = Form(problem)
    assert barrier_value(form, 0.5, np.array([0.5, 1.5]), 0.1) == 0.5 - 0.1 * np.log(0.75)
