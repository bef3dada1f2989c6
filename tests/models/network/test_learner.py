"""The course of a training: how it ends, what is kept, and that an interrupted one goes on bit for bit."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from thalweg.errors import ArgumentError
from thalweg.models.network import NeuralNetworkClassifier, NeuralNetworkRegressor
from thalweg.optimize.schedules import Warmup

X, Y = load_iris(return_X_y=True)
X = scale(X)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

WAYS = {
    "adam": {},
    "adamw in float64": {"solver": "adamw", "dtype": "float64"},
    "sgd, adaptive": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.3, "tol": 1e-2},
    "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.3},
    "dropout": {"dropout": 0.3},
    "batch normalization": {"batch_normalization": True},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 100},
    "weights": {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}},
}


def network(**settings):
    return NeuralNetworkClassifier((8,), batch_size=40, random_state=0, **settings)


def same(a, b):
    assert a.n_iter_ == b.n_iter_
    assert a.loss_curve_ == b.loss_curve_
    assert a.validation_scores_ == b.validation_scores_
    for one, other in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("way", WAYS)
def test_a_training_in_two_parts_is_the_whole_one(way):
    whole = network(max_iter=12, **WAYS[way]).fit(X, Y)
    part = network(max_iter=5, **WAYS[way]).fit(X, Y)
    part = pickle.loads(pickle.dumps(part))  # into another process
    same(part.set_params(max_iter=12).resume(X, Y), whole)


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_in_the_middle_of_an_epoch_loses_nothing_but_that_epoch(way, monkeypatch):
    from thalweg.models.network.trainer import Trainer

    whole = network(max_iter=12, **WAYS[way]).fit(X, Y)
    step, steps = Trainer._step, []

    def interrupted(self, rows, count):
        steps.append(rows)
        if len(steps) == 22:
            raise KeyboardInterrupt
        return step(self, rows, count)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    model = network(max_iter=12, **WAYS[way])
    with pytest.warns(UserWarning, match=r"interrupted by the user.*resume\(X, y\)"):
        model.fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == (5 if way != "early stopping" else 7)
    assert model._evidence.status == "interrupted"
    same(model.resume(X, Y), whole)


def test_ctrl_c_in_the_first_epoch_leaves_the_start(monkeypatch):
    from thalweg.models.network.trainer import Trainer

    def interrupted(self, rows, count):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_step", interrupted)
        with pytest.warns(UserWarning, match="what 0 whole epochs"):
            model = network(max_iter=3).fit(X, Y)
    assert model.predict(X).shape == (150,)
    assert str(model.solution_.status) == "interrupted"
    same(model.resume(X, Y), network(max_iter=3).fit(X, Y))


def test_there_must_be_something_to_resume():
    with pytest.raises(Exception, match="not fitted"):
        network().resume(X, Y)
    with pytest.raises(ArgumentError, match="nothing to resume"):
        network(solver="lbfgs", max_iter=3).fit(X, Y).resume(X, Y)


def test_what_has_ended_by_itself_is_not_resumed():
    model = network(tol=0.5, n_iter_no_change=2).fit(X, Y)
    before = model.n_iter_
    assert before < 200
    assert model.resume(X, Y).n_iter_ == before
    assert "did not improve by more than tol=0.5 for 2 epochs" in model.solution_.message


def test_a_training_that_diverges_is_told():
    with pytest.raises(ArgumentError, match=r"diverged in epoch \d.*learning_rate_init than 1e\+30"):
        NeuralNetworkRegressor(solver="sgd", learning_rate_init=1e30, max_iter=5).fit(X, Y)


def test_early_stopping_keeps_the_best():
    model = network(early_stopping=True, validation_fraction=0.3, max_iter=60, n_iter_no_change=5).fit(X, Y)
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None


def test_early_stopping_is_that_of_scikit_learn():
    digits, labels = load_digits(return_X_y=True)
    digits = digits[:400] / 16
    settings = dict(
        hidden_layer_sizes=(10,), solver="sgd", learning_rate_init=0.1, early_stopping=True, max_iter=40, random_state=2
    )
    ours = NeuralNetworkClassifier(dtype="float64", **settings).fit(digits, labels[:400])
    theirs = MLPClassifier(**settings).fit(digits, labels[:400])
    assert ours.validation_scores_ == theirs.validation_scores_
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], atol=1e-12)


@pytest.mark.parametrize(
    ("learning_rate", "momentum"),  # with momentum, a change of the rate acts on the velocity here, not on what it adds
    [("constant", 0.0), ("constant", 0.9), ("invscaling", 0.0), ("adaptive", 0.0)],
)
def test_schedules_are_those_of_scikit_learn(learning_rate, momentum):
    settings = dict(
        hidden_layer_sizes=(6,), solver="sgd", learning_rate=learning_rate, learning_rate_init=0.2, max_iter=60,
        momentum=momentum, batch_size=50, random_state=0, n_iter_no_change=3, tol=1e-3,
    )  # fmt: skip
    ours = NeuralNetworkClassifier(dtype="float64", **settings).fit(X, Y)
    theirs = MLPClassifier(**settings).fit(X, Y)
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-11)


def test_adam_is_that_of_its_paper_and_near_scikit_learns():
    settings = dict(hidden_layer_sizes=(6,), activation="tanh", max_iter=20, batch_size=50, random_state=0)
    ours = NeuralNetworkClassifier(dtype="float64", **settings).fit(X, Y)
    theirs = MLPClassifier(**settings).fit(X, Y)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-5)  # ε stands elsewhere


def test_a_schedule_of_ones_own_is_told_the_number_of_the_step():
    asked = []

    def rate(step):
        asked.append(step)
        return 0.01

    network(max_iter=2, learning_rate=rate).fit(X, Y)
    assert asked == list(range(8))
    network(max_iter=2, learning_rate=Warmup(10, lambda step: 0.01)).fit(X, Y)


def test_cosine_ends_at_rest():
    model = network(max_iter=10, learning_rate="cosine", learning_rate_init=0.1, solver="sgd", momentum=0.0)
    model.fit(X, Y)
    before = model.coefs_[0].copy()
    model.set_params(max_iter=11).resume(X, Y)  # the schedule is longer now, and its rate still small
    assert 0 < abs(model.coefs_[0] - before).max() < 0.02


def test_warm_start_goes_on_as_scikit_learns():
    settings = dict(solver="sgd", max_iter=5, warm_start=True, random_state=0, batch_size=50)
    ours, theirs = NeuralNetworkClassifier((8,), dtype="float64", **settings), MLPClassifier((8,), **settings)
    for _ in range(3):
        ours.fit(X, Y)
        theirs.fit(X, Y)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)
    assert (len(ours.loss_curve_), ours.n_iter_, ours.t_) == (15, 5, 15 * 150)


def test_partial_fit_goes_on_as_scikit_learns():
    settings = dict(solver="sgd", learning_rate_init=0.1, random_state=0, batch_size=50)
    ours, theirs = NeuralNetworkClassifier((8,), dtype="float64", **settings), MLPClassifier((8,), **settings)
    for first in range(0, 150, 50):
        rows = slice(first, first + 50)
        ours.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
        theirs.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-11, atol=1e-13)
    with pytest.raises(ArgumentError, match="sees no rows twice"):
        network(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])


def test_progress_is_printed_when_asked_for(capsys):
    network(max_iter=2, verbose=True, early_stopping=True, validation_fraction=0.3).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("epoch    2   loss ") and "validation score" in lines[1]


def test_the_end_of_the_epochs_is_a_warning():
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2 epochs.*resume"):
        network(max_iter=2).fit(X, Y)


def test_callbacks_see_every_epoch_and_may_stop():
    callback = pytest.importorskip("sklearn.callback")
    scores = callback.ScoringMonitor(scoring="accuracy")
    model = network(max_iter=4).set_callbacks(scores)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, Y)

    class Impatient:
        epochs = 0

        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                assert fitted_estimator.predict(X).shape == (150,)
                self.epochs += 1
            return self.epochs == 3

        def teardown(self, estimator, context):
            pass

    stopped = network(max_iter=9).set_callbacks(Impatient()).fit(X, Y)
    assert stopped.n_iter_ == 3
    assert stopped._evidence.status == "interrupted"
    same(stopped.set_callbacks().resume(X, Y), network(max_iter=9).fit(X, Y))
