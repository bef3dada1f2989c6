"""A run that was interrupted and goes on takes the steps that it would have taken."""

import copy
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pytest

import thalweg as tw
from thalweg.errors import ArgumentError
from thalweg.optimize import METHODS, State
from thalweg.optimize.bfgs import BFGS
from thalweg.optimize.build import build
from thalweg.optimize.descend import Descent
from thalweg.optimize.directed import Directed
from thalweg.optimize.lbfgs import LBFGS
from thalweg.optimize.methods import Method
from thalweg.optimize.sqp.sqp import SQP
from thalweg.optimize.stochastic.batches import Batches
from thalweg.optimize.wolfe import Wolfe


def valley(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


START = np.array([-1.2, 1.0, 0.5, -0.7])
KEPT = {"subject_to": lambda x: [x @ x <= 2, x[0] * x[1] == 0.1], "bounds": (-1, 1.5)}
TWISTED = {"subject_to": lambda x: [x[0] ** 2 + x[1] ** 2 == 1, x[0] + x[1] >= 3]}

FREE = [m.name for m in METHODS.values() if not (m.residuals or m.batches)]
CONSTRAINED = ["auto", *(m.name for m in METHODS.values() if m.constraints)]


@pytest.fixture(autouse=True)
def interpreted(monkeypatch):
    """Machine code, to which a hot function changes at some time, may round otherwise than the interpreter."""
    monkeypatch.setenv("THALWEG_NATIVE", "0")


def interrupted(f, x0, method, k, path, **options):
    """The states from iteration k on, without and with a stop there."""
    whole = list(tw.descend(f, x0, method, **options))
    for state in tw.descend(f, x0, method, **options):
        if state.iteration == k:
            state.save(path)
            break
    return whole[k:], list(tw.descend(f, State.load(path), **options))


def assert_same(one, other):
    assert [s.iteration for s in one] == [s.iteration for s in other] and len(one) > 1
    for a, b in zip(one, other):
        np.testing.assert_array_equal(a.x, b.x)
        assert (a.value, a.residual, a.infeasibility, a.size) == (b.value, b.residual, b.infeasibility, b.size)


@pytest.mark.parametrize("method", FREE)
@pytest.mark.parametrize("k", [0, 1, 4])
def test_every_method_goes_on_bit_for_bit(method, k, tmp_path):
    one, other = interrupted(valley, START, method, k, tmp_path / "s.npz", max_iterations=40)
    assert_same(one, other)
    assert one[-1].evaluations == other[-1].evaluations


@pytest.mark.parametrize("method", CONSTRAINED)
@pytest.mark.parametrize("k", [0, 1, 3])
def test_with_constraints_too(method, k, tmp_path):
    assert_same(*interrupted(valley, START, method, k, tmp_path / "s.npz", max_iterations=40, **KEPT))


@pytest.mark.parametrize("method", ["auto", "interior-point"])
def test_in_the_midst_of_restoration(method, tmp_path):
    f = lambda x: x[0] ** 2 + x[1]
    states = list(tw.descend(f, [3.0, 2.0], method, **TWISTED))
    inside = [s.iteration for s in states[:-2] if s.direction == "restoration"]
    assert inside
    for k in (inside[0], inside[len(inside) // 2]):
        assert_same(*interrupted(f, [3.0, 2.0], method, k, tmp_path / "s.npz", **TWISTED))
        assert tw.minimize(f, State.load(tmp_path / "s.npz"), **TWISTED).status == "infeasible"


def test_scaled_rows(tmp_path):
    scaled = {"subject_to": lambda x: [1e4 * (x @ x) <= 2e4, x[0] * x[1] == 0.1], "bounds": (-1, 1.5)}
    assert_same(*interrupted(lambda x: 1e5 * valley(x), START, "interior-point", 3, tmp_path / "s.npz", **scaled))


@pytest.mark.parametrize("make", [
    lambda problem: Directed(BFGS, Wolfe),
    lambda problem: Directed(LBFGS, Wolfe),
    SQP,
])  # fmt: skip
@pytest.mark.parametrize("k", [0, 1, 5])
def test_every_engine_goes_on_bit_for_bit(make, k, monkeypatch, tmp_path):
    monkeypatch.setitem(METHODS, "engine", Method("engine", "", make, 200, bounds=True, constraints=True))
    assert_same(*interrupted(valley, START, "engine", k, tmp_path / "s.npz"))


@pytest.mark.parametrize("method", ["auto", *(m.name for m in METHODS.values() if m.residuals)])
def test_least_squares_go_on_bit_for_bit(method, tmp_path):
    def residuals(x):
        return np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0], x[2] * x[0] - 1, np.exp(x[2]) - 2])

    start = [-1.2, 1.0, 0.5]
    assert_same(*interrupted(residuals, start, method, 3, tmp_path / "s.npz", residuals=True))
    stop = lambda state: state.iteration == 3 and (state.save(tmp_path / "s.npz") or True)
    tw.least_squares(residuals, start, method=method, callback=stop)
    whole = tw.least_squares(residuals, start, method=method)
    again = tw.least_squares(residuals, State.load(tmp_path / "s.npz"), method=method)
    np.testing.assert_array_equal(again.x, whole.x)


@pytest.mark.parametrize("method", [m.name for m in METHODS.values() if m.batches])
@pytest.mark.parametrize("k", [0, 3, 7, 10])
def test_batches_go_on_with_the_next_one(method, k, tmp_path):
    X = np.sin(np.arange(150.0)).reshape(50, 3)
    y = X @ np.array([1.0, -2.0, 0.5]) + 0.1 * np.cos(np.arange(50.0))
    loss = lambda w, X, y: np.mean((X @ w - y) ** 2)
    data = {"batches": Batches(X, y, size=8), "epochs": 3}
    assert_same(*interrupted(loss, np.zeros(3), method, k, tmp_path / "s.npz", **data))


def test_the_solution_is_that_of_the_whole_run(tmp_path):
    whole = tw.minimize(valley, START)
    for state in tw.descend(valley, START):
        if state.iteration == 5:
            state.save(tmp_path / "s.npz")
    loaded = State.load(tmp_path / "s.npz")
    solution = tw.minimize(valley, loaded)
    np.testing.assert_array_equal(solution.x, whole.x)
    assert (solution.iterations, solution.status, solution.kind) == (whole.iterations, whole.status, whole.kind)
    np.testing.assert_array_equal(solution.history.value, whole.history.value)
    np.testing.assert_array_equal(solution.history.x, whole.history.x)
    assert np.all(np.diff(solution.history.time) >= 0)
    assert loaded.iteration == 5 and solution.history.value[5] == loaded.value


def test_a_state_says_the_same_after_loading(tmp_path):
    x0 = {"a": 2.0, "w": np.array([1.0, -1.0]), "more": [0.5, (np.ones((1, 2)),)]}

    def f(p):
        return (p["a"] - 1) ** 4 + np.sum(p["w"] ** 4) + p["more"][0] ** 2 + np.sum(p["more"][1][0] ** 2)

    for state in tw.descend(f, x0):
        if state.iteration == 2:
            state.save(tmp_path / "s.npz")
            break
    found = State.load(tmp_path / "s.npz")
    assert str(found) == str(state) and repr(found.x) == repr(state.x) and found.evaluations == state.evaluations
    assert tw.minimize(f, found).success


def test_escaping_a_saddle_is_remembered(tmp_path):
    f = lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4
    one, other = interrupted(f, [1.0, 0.0], "auto", 1, tmp_path / "s.npz")
    assert_same(one, other)
    run = tw.descend(f, [0.0, 0.0])
    states = [next(run), next(run)]
    states[1].save(tmp_path / "s.npz")
    assert "left a saddle" in str(tw.minimize(f, State.load(tmp_path / "s.npz")).notes)


def test_maximize_goes_on_as_maximize(tmp_path):
    f = lambda x: 3 - valley(x)
    callback = lambda state: state.iteration == 3 and (state.save(tmp_path / "s.npz") or True)
    assert tw.maximize(f, START, callback=callback).status == "interrupted"
    assert tw.maximize(f, State.load(tmp_path / "s.npz")).value == tw.maximize(f, START).value
    with pytest.raises(ArgumentError, match=r"go on with tw\.maximize"):
        tw.minimize(f, State.load(tmp_path / "s.npz"))


def test_a_limit_counts_the_whole_run_and_may_be_raised(tmp_path):
    run = tw.descend(valley, START, max_iterations=4)
    *_, last = run
    assert run.solution().status == "iteration_limit"
    last.save(tmp_path / "s.npz")
    assert tw.minimize(valley, State.load(tmp_path / "s.npz"), max_iterations=4).iterations == 4
    assert tw.minimize(valley, State.load(tmp_path / "s.npz")).iterations == tw.minimize(valley, START).iterations


def test_a_state_at_hand_needs_no_file():
    run = tw.descend(valley, START)
    for state in run:
        if state.iteration == 5:
            break
    half = tw.minimize(valley, state)
    whole = tw.minimize(valley, START)
    np.testing.assert_array_equal(half.x, whole.x)
    assert run.run().iterations == whole.iterations  # the first run is left as it was


def test_the_callback_is_not_called_twice_for_the_state(tmp_path):
    for state in tw.descend(valley, START):
        if state.iteration == 5:
            state.save(tmp_path / "s.npz")
            break
    seen = []
    tw.minimize(valley, State.load(tmp_path / "s.npz"), callback=lambda s: seen.append(s.iteration))
    assert seen[0] == 6


def test_a_resumed_state_can_be_saved_again(tmp_path):
    whole = list(tw.descend(valley, START))
    state = START
    for k in (2, 5, 9):
        for found in tw.descend(valley, state):
            if found.iteration == k:
                found.save(tmp_path / "s.npz")
                break
        state = State.load(tmp_path / "s.npz")
    assert_same(whole[9:], list(tw.descend(valley, state)))
    first = next(tw.descend(valley, state))
    first.save(tmp_path / "again.npz")
    assert_same(whole[9:], list(tw.descend(valley, State.load(tmp_path / "again.npz"))))


def test_an_old_state_says_that_it_cannot_be_saved(tmp_path):
    states = list(tw.descend(valley, START))
    with pytest.raises(ArgumentError, match="iteration 3 can no longer be saved or resumed: its run has gone on"):
        states[3].save(tmp_path / "s.npz")
    with pytest.raises(ArgumentError, match="no longer"):
        tw.minimize(valley, states[3])
    assert not (tmp_path / "s.npz").exists()


def test_another_method_or_option_begins_anew_at_x(tmp_path):
    for state in tw.descend(valley, START, "gradient-descent", learning_rate=1e-3):
        if state.iteration == 5:
            state.save(tmp_path / "s.npz")
            break
    loaded = State.load(tmp_path / "s.npz")
    other = tw.minimize(valley, loaded, method="newton")
    assert other.success and other.method == "newton"
    np.testing.assert_array_equal(other.history.x[0], loaded.x)
    slower = next(tw.descend(valley, loaded, learning_rate=1e-4))
    assert slower.iteration == 0
    same = next(tw.descend(valley, loaded))
    assert same.iteration == 5
    assert tw.minimize(valley, loaded, max_iterations=7).method == "gradient-descent"


def test_another_function_is_noticed(tmp_path):
    for state in tw.descend(valley, START, **KEPT):
        if state.iteration == 2:
            state.save(tmp_path / "s.npz")
            break
    loaded = State.load(tmp_path / "s.npz")
    with pytest.raises(ArgumentError, match="is not the one of the saved run"):
        tw.minimize(lambda x: valley(x) + 1, loaded, **KEPT)
    with pytest.raises(ArgumentError, match="2 rows of constraints, and this one has 4 and 0"):
        tw.minimize(valley, loaded)


def test_fixed_variables(tmp_path):
    bounds = [(0.5, 0.5), (None, None), (None, None), (-1, 3)]
    assert_same(*interrupted(valley, START, "auto", 3, tmp_path / "s.npz", bounds=bounds))


def test_x_of_the_users_own_type(tmp_path):
    @dataclass
    class Params:
        a: float
        b: float

    f = lambda p: (p.a - 1) ** 4 + p.b**2
    run = tw.descend(f, Params(0.0, 1.0))
    state = [next(run) for _ in range(3)][-1]
    with pytest.raises(ArgumentError, match="A Params cannot be saved to a file"):
        state.save(tmp_path / "s.npz")
    assert isinstance(tw.minimize(f, state).x, Params)


def test_states_can_be_pickled_and_copied_without_their_run():
    state = next(tw.descend(valley, START))
    for twin in (pickle.loads(pickle.dumps(state)), copy.copy(state)):
        assert twin.iteration == 0 and str(twin) == str(state)
        with pytest.raises(ArgumentError, match="has no run"):
            twin.memory()


def test_a_learning_rate_that_is_a_function_must_be_given_again(tmp_path):
    from thalweg.optimize.resume import method_of
    from thalweg.optimize.saved import pack

    memory = pack({"method": "m", "options": {"rate": lambda k: 1.0, "size": 3}})
    with pytest.raises(ArgumentError, match="give rate again"):
        method_of(memory, "auto", {})
    assert method_of(memory, "auto", {"rate": 1.0}) == ("m", {"rate": 1.0, "size": 3}, True)
    assert method_of(memory, "m", {"rate": 1.0, "size": 4})[2] is False
    assert method_of(memory, "other", {}) == ("other", {}, False)


def test_time_goes_on(tmp_path):
    for state in tw.descend(valley, START):
        if state.iteration == 5:
            state.save(tmp_path / "s.npz")
            break
    loaded = replace(State.load(tmp_path / "s.npz"))
    built = build(valley, START)
    run = tw.descend(valley, loaded)
    assert isinstance(run, Descent) and built.problem.n == 4
    for later in run:
        assert later.elapsed >= loaded.elapsed
