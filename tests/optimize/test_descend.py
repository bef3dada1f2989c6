"""The loop: an iterator of states, watched, limited, deterministic."""

from itertools import pairwise

import numpy as np
import pytest

from optimize.polynomials import polynomial_problem
from optimize.problems import quadratic, rosenbrock, standard
from thalweg.errors import ArgumentError
from thalweg.optimize import Problem, State, descend, maximize, minimize

VALLEY = polynomial_problem(rosenbrock, 2)


def test_it_yields_the_start_and_every_iterate():
    states = list(descend(VALLEY, [-1.2, 1.0]))
    assert all(isinstance(state, State) for state in states)
    assert [state.iteration for state in states] == list(range(len(states)))
    np.testing.assert_array_equal(states[0].x, [-1.2, 1.0])
    assert states[0].step is None and states[0].direction == "" and states[0].step_length == 0
    for a, b in pairwise(states):
        np.testing.assert_allclose(a.x + b.step, b.x)
        assert b.step_length == pytest.approx(np.linalg.norm(b.step)) and b.elapsed >= a.elapsed
        assert b.evaluations.value > a.evaluations.value and b.size > 0


def test_the_solution_is_that_of_minimize():
    run = descend(VALLEY, [-1.2, 1.0])
    for state in run:
        last = state
    s = run.solution()
    direct = minimize(polynomial_problem(rosenbrock, 2), [-1.2, 1.0])
    np.testing.assert_array_equal(s.x, direct.x)
    assert s.status == "converged" and s.iterations == direct.iterations == last.iteration
    assert list(run) == [] and run.solution() is s


def test_leaving_the_loop_early_gives_the_best_so_far():
    run = descend(VALLEY, [-1.2, 1.0])
    for state in run:
        if state.iteration == 3:
            break
    s = run.solution()
    assert s.status == "interrupted" and "Left by the caller after 3" in s.message
    assert s.value == min(s.history.value)
    assert next(run).iteration == 4 and list(run) and run.solution().success


def test_the_solution_of_a_run_that_was_never_begun_is_its_start():
    s = descend(VALLEY, [-1.2, 1.0]).solution()
    assert s.value == pytest.approx(24.2) and s.iterations == 0 and s.status == "interrupted"


@pytest.mark.parametrize("stop", [True, np.True_, StopIteration])
def test_a_callback_may_stop(stop):
    def callback(state):
        if state.iteration == 4:
            if stop is StopIteration:
                raise StopIteration
            return stop
        return None

    s = minimize(VALLEY, [-1.2, 1.0], callback=callback)
    assert s.status == "interrupted" and s.iterations == 4 and "callback" in s.message


def test_a_callback_that_returns_something_else_does_not_stop():
    assert minimize(VALLEY, [-1.2, 1.0], callback=lambda state: state).success


def test_ctrl_c_in_a_callback():
    def callback(state):
        if state.iteration == 2:
            raise KeyboardInterrupt

    s = minimize(VALLEY, [-1.2, 1.0], callback=callback)
    assert s.status == "interrupted" and s.iterations == 2


@pytest.mark.parametrize("name", ["rosenbrock", "wood", "mountain-pass-top"])
def test_runs_are_deterministic(name):
    problem, start, _ = standard(name)
    a, b = minimize(problem, start), minimize(problem, start)
    np.testing.assert_array_equal(a.history.x, b.history.x)


def test_the_start_is_not_changed():
    start = np.array([-1.2, 1.0])
    minimize(VALLEY, start)
    np.testing.assert_array_equal(start, [-1.2, 1.0])


def test_a_stationary_start_is_an_answer_at_once():
    s = minimize(VALLEY, [1.0, 1.0])
    assert s.success and s.iterations == 0 and s.kind == "strict minimum"


def test_maximizing_reports_everything_of_f_itself():
    hill = quadratic(-np.diag([1.0, 2.0]), [1.0, 2.0])
    states = []
    s = maximize(hill, [5.0, 5.0], callback=states.append, method="gradient-descent")
    assert s.success and s.kind == "maximum" and s.sense == "maximize"
    np.testing.assert_allclose(s.x, [-1, -1], atol=1e-7)
    assert s.value == pytest.approx(1.5) and np.all(np.diff(s.history.value) > -1e-14)
    assert np.all(s.eigenvalues < 0) and np.all(np.diagonal(s.hessian) == [-1, -2])
    np.testing.assert_array_equal(states[0].gradient, hill.at([5.0, 5.0]).gradient)
    assert states[0].value == hill.at([5.0, 5.0]).value


def test_nonfinite_hessians_of_the_final_point_do_not_crash():
    edge = Problem(1, lambda x: (float(x[0] ** 2), 2 * x), lambda x: np.full((1, 1), np.nan))
    s = minimize(edge, [1.0], learning_rate=0.4)
    assert s.success and s.kind == "degenerate" and "not finite" in s.classification.why


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"tol": -1}, "tol must be"),
        ({"tol": float("nan")}, "tol must be"),
        ({"max_iterations": -1}, "max_iterations must be"),
        ({"time_limit": 0}, "time_limit must be"),
        ({"sense": "down"}, "sense must be"),
        ({"method": "newtn"}, "Perhaps you meant 'newton'"),
    ],
)
def test_wrong_arguments(wrong, match):
    with pytest.raises(ArgumentError, match=match):
        descend(VALLEY, [-1.2, 1.0], **wrong)


def test_tolerance_zero_goes_to_the_floor():
    H = np.array([[1.0, 0.3], [0.3, 2.0]]) / 3
    for method in ("newton", "gradient-descent"):
        s = minimize(quadratic(H, H @ [1 / 3, 1 / 7]), [5.0, 5.0], tol=0, method=method)
        assert s.success
        np.testing.assert_allclose(s.x, [1 / 3, 1 / 7], rtol=1e-14)


@pytest.mark.parametrize("watched", [True, False], ids=["in the callback", "between the states"])
def test_large_data_that_change_during_the_run_are_followed(watched):
    data = np.zeros(100_000)

    def move(state):
        if state.iteration == 3:
            data[:] = 1.0

    run = descend(
        lambda x: np.mean((x - data) ** 2),
        5.0,
        "gradient-descent",
        learning_rate=0.25,
        callback=move if watched else None,
    )
    reached = []
    for state in run:
        reached.append(float(state.x))
        if not watched:
            move(state)
        if state.iteration == 6:
            break
    # the gradient at the fourth state was taken before the change
    assert reached == pytest.approx([5.0, 2.5, 1.25, 0.625, 0.3125, 0.65625, 0.828125], rel=1e-12)
