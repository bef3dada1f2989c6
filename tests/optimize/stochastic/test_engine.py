"""A step a batch, a look at everything an epoch; the same run every time, also after an interruption."""

import numpy as np
import pytest

import thalweg as tw
from thalweg.optimize import Problem
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Run
from thalweg.optimize.schedules import Constant, Cosine, InverseTime
from thalweg.optimize.stochastic import SGD, Adam, Batches, Sampled, Stochastic

rng = np.random.default_rng(4)
X = rng.standard_normal((60, 3))
EXACT = np.array([1.0, -2.0, 0.5])
Y = X @ EXACT
NOISY = Y + 0.1 * rng.standard_normal(60)


def squares(w, batch):
    A, b = batch
    r = A @ w - b
    return float(r @ r) / len(b), 2 * A.T @ r / len(b)


def start(update, schedule, batches, epochs=None):
    sampled = Sampled(squares, batches)
    engine, run = Stochastic(update, schedule, sampled, epochs), Run(Problem(3, sampled.whole))
    return engine, run, engine.begin(np.zeros(3), run)


def test_the_run_is_the_recursion_over_the_batches():
    batches = Batches(X, NOISY, size=16, seed=9)
    engine, run, it = start(SGD(momentum=0.5), InverseTime(0.1, 0.1), batches)
    x, v, k = np.zeros(3), np.zeros(3), 0
    for epoch in range(3):
        for place, batch in enumerate(batches.epoch(epoch)):
            f, g = squares(x, batch)
            if place:
                assert it.point.value == f and np.isinf(it.residual)
            v = 0.5 * v + g
            rate = 0.1 / (1 + 0.1 * k)
            x, k = x - rate * v, k + 1
            it = engine.advance(it, run)
            np.testing.assert_allclose(it.point.x, x, rtol=1e-12)
            assert it.size == rate and it.kind == "SGD"
        value, gradient = squares(x, (X, NOISY))
        assert it.residual == pytest.approx(np.abs(gradient).max()) and it.point.value == pytest.approx(value)
    assert (engine.epoch, engine.steps) == (3, 12)
    assert run.problem.count.gradient == 12 + 4  # a batch a step; everything at the start and after each epoch


def test_a_consistent_system_is_solved_to_the_last_digits():
    # All residuals vanish at the solution, so a constant rate converges: there is no noise there.
    engine, run, it = start(SGD(), Constant(0.1), Batches(X, Y, size=10))
    while it.residual > 1e-12:
        it = engine.advance(it, run)
        assert engine.epoch < 300
    np.testing.assert_allclose(it.point.x, EXACT, rtol=1e-11)


def test_with_noise_a_falling_rate_comes_closer_than_a_constant_one():
    best = np.linalg.lstsq(X, NOISY)[0]
    errors = {}
    for name, schedule in {"constant": Constant(0.2), "falling": InverseTime(0.2, 0.05)}.items():
        engine, run, it = start(SGD(), schedule, Batches(X, NOISY, size=4), epochs=200)
        while not isinstance(after := engine.advance(it, run), Stuck):
            it = after
        assert after.status == "iteration_limit" and "200 epochs" in after.reason
        errors[name] = np.linalg.norm(it.point.x - best)
    assert errors["falling"] < 0.2 * errors["constant"] and errors["falling"] < 5e-3


def test_after_a_resumption_the_run_goes_on_with_the_same_batches():
    def go(engine, run, it, steps):
        for _ in range(steps):
            it = engine.advance(it, run)
        return it

    one, run, it = start(Adam(), Constant(0.05), Batches(X, NOISY, size=16, seed=1))
    middle = go(one, run, it, 6)
    one._cached_batches = None  # what is cached is not saved
    two, again, it = start(Adam(), Constant(0.05), Batches(X, NOISY, size=16, seed=1))
    np.testing.assert_array_equal(go(one, run, middle, 9).point.x, go(two, again, it, 15).point.x)


def test_without_batches_every_step_sees_the_whole():
    problem = Problem(3, lambda w: squares(w, (X, NOISY)))
    engine, run = Stochastic(Adam(), Cosine(0.3, 400)), Run(problem)
    it = engine.begin(np.zeros(3), run)
    for _ in range(400):
        it = engine.advance(it, run)
        assert it.residual == it.point.gradient_norm < np.inf
    np.testing.assert_allclose(it.point.x, np.linalg.lstsq(X, NOISY)[0], atol=1e-4)
    assert not engine.worth_polishing(it, run)


def test_what_is_not_finite_is_named_with_the_rate():
    engine, run, it = start(SGD(), Constant(1e200), Batches(X, Y, size=20))
    outcome = it
    for _ in range(5):
        outcome = engine.advance(it, run)
        if isinstance(outcome, Stuck):
            break
        it = outcome
    assert isinstance(outcome, Stuck) and outcome.not_finite and "1e+200" in outcome.reason


def test_an_epoch_without_batches_is_said():
    sampled = Sampled(squares, [], everything=lambda w: squares(w, (X, Y)))
    engine, run = Stochastic(SGD(), Constant(0.1), sampled), Run(Problem(3, sampled.whole))
    out = engine.advance(engine.begin(np.zeros(3), run), run)
    assert isinstance(out, Stuck) and "no batches" in out.reason


def test_maximization_turns_the_batches_too():
    sampled = Sampled(lambda w, batch: tuple(-np.asarray(v) for v in squares(w, batch)), Batches(X, Y, size=10))
    problem = Problem(3, sampled.whole).negated()
    engine, run = Stochastic(SGD(), Constant(0.1), sampled), Run(problem)
    it = engine.begin(np.zeros(3), run)
    for _ in range(60):
        it = engine.advance(it, run)
        assert it.point.value >= 0
    np.testing.assert_allclose(it.point.x, EXACT, atol=1e-2)


def loss(w, A, b):
    return np.mean((A @ w["slope"] + w["shift"] - b) ** 2)


@pytest.mark.parametrize("method", ["sgd", "adam", "adamw"])
def test_from_the_users_side(method):
    options = {"sgd": {"learning_rate": 0.05}, "adam": {"learning_rate": 0.05}, "adamw": {"weight_decay": 1e-4}}[method]
    options.setdefault("schedule", None if "learning_rate" in options else Cosine(0.1, 60 * 8))
    runs = [
        tw.minimize(
            loss,
            {"slope": np.zeros(3), "shift": 0.0},
            method=method,
            batches=Batches(X, NOISY, size=8, seed=2),
            epochs=60,
            **options,
        )
        for _ in range(2)
    ]
    best = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), NOISY)[0]
    np.testing.assert_allclose(runs[0].x["slope"], best[:3], atol=0.05)
    assert runs[0].x["shift"] == pytest.approx(best[3], abs=0.05)
    np.testing.assert_array_equal(runs[0].x["slope"], runs[1].x["slope"])
    assert runs[0].status == "iteration_limit" and "60 epochs" in runs[0].message


@pytest.mark.parametrize("how", [{"max_iterations": 60}, {"callback": lambda state: state.iteration == 60}])
def test_a_run_that_ends_within_an_epoch_shows_the_function_and_no_batch(how):
    weights = {"slope": np.zeros(3), "shift": 0.0}
    batches = Batches(X, NOISY, size=8, seed=2)  # 8 of them: step 60 is within the eighth epoch
    s = tw.minimize(loss, weights, method="adam", batches=batches, learning_rate=0.05, **how)
    A = np.column_stack([X, np.ones(60)])
    r = A @ [*s.x["slope"], s.x["shift"]] - NOISY
    assert s.iterations == 60
    assert s.value == pytest.approx(r @ r / 60, rel=1e-12)
    assert s.gradient_norm == pytest.approx(np.abs(2 * A.T @ r / 60).max(), rel=1e-9)
    assert "inf" not in s.message and "newton" not in s.message


def test_a_run_without_limits_ends_after_a_hundred_epochs():
    batches = Batches(np.array([1.0, 2.0, 3.0, 6.0]), size=2)

    def loss(x, rows):
        return np.mean((x[0] - rows) ** 2)

    for method in ("sgd", "adam", "adamw"):
        s = tw.minimize(loss, [0.0], batches=batches, method=method)
        assert s.iterations == 200 and s.status == "iteration_limit" and "100 epochs are over" in s.message
    assert tw.minimize(loss, [0.0], batches=batches, max_iterations=201).iterations == 201
    assert tw.minimize(loss, [0.0], batches=batches, epochs=101).iterations == 202
    assert tw.minimize(loss, [0.0], batches=batches, time_limit=0.5, callback=lambda state: state.iteration == 230
                       ).iterations == 230  # fmt: skip
