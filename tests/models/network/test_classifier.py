"""Networks for classes: scikit-learn's checks and its networks, kinds of labels, data of all kinds, the same bits."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import check_estimator

import thalweg as tw
from thalweg.errors import ArgumentError
from thalweg.models.network import NeuralNetworkClassifier

IRIS, SPECIES = load_iris(return_X_y=True)
X, Y = scale(IRIS), SPECIES
DIGITS, NUMBERS = load_digits(return_X_y=True)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def network(**settings):
    return NeuralNetworkClassifier(**{"hidden_layer_sizes": (8,), "max_iter": 10, "random_state": 0, **settings})


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_pass():
    ours = check_estimator(NeuralNetworkClassifier(max_iter=100), on_skip=None, on_fail=None)
    theirs = check_estimator(MLPClassifier(max_iter=100), on_skip=None, on_fail=None)
    passed = {r["check_name"] for r in ours if r["status"] == "passed"}
    assert {r["check_name"] for r in theirs if r["status"] == "passed"} <= passed
    assert not [r for r in ours if r["status"] not in ("passed", "skipped")]


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
@pytest.mark.parametrize("labels", [SPECIES, np.array(["yes", "no"])[SPECIES // 2]])
def test_the_same_random_state_trains_scikit_learns_network(activation, labels):
    settings = dict(
        hidden_layer_sizes=(7, 5), activation=activation, solver="sgd", batch_size=32, max_iter=8,
        learning_rate_init=0.05, random_state=4,
    )  # fmt: skip
    ours = NeuralNetworkClassifier(dtype="float64", **settings).fit(X, labels)
    theirs = MLPClassifier(**settings).fit(X, labels)
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-11)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert (ours.n_layers_, ours.n_outputs_, ours.out_activation_) == (
        theirs.n_layers_, theirs.n_outputs_, theirs.out_activation_
    )  # fmt: skip


def test_weights_of_rows_are_those_of_scikit_learn():
    weights = np.random.default_rng(0).uniform(0.1, 3, 150)
    settings = dict(hidden_layer_sizes=(7,), solver="sgd", batch_size=32, max_iter=5, random_state=4)
    ours = NeuralNetworkClassifier(dtype="float64", **settings).fit(X, Y, weights)
    theirs = MLPClassifier(**settings).fit(X, Y, weights)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-10, atol=1e-13)


def test_several_labels_a_row():
    rows, labels = make_multilabel_classification(random_state=0)
    settings = dict(hidden_layer_sizes=(7,), solver="sgd", max_iter=5, random_state=4, learning_rate_init=0.01)
    ours = NeuralNetworkClassifier(dtype="float64", **settings).fit(rows, labels)
    theirs = MLPClassifier(**settings).fit(rows, labels)
    np.testing.assert_allclose(ours.predict_proba(rows), theirs.predict_proba(rows), rtol=1e-9)
    np.testing.assert_array_equal(ours.predict(rows), theirs.predict(rows))


def test_float32_comes_as_near_as_it_can():
    one, other = network(solver="sgd").fit(X, Y), network(solver="sgd", dtype="float64").fit(X, Y)
    assert one.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], atol=1e-5)
    assert one.predict_proba(X).dtype == np.float64


def test_it_learns_digits():
    rows, test, labels, truth = train_test_split(DIGITS / 16, NUMBERS, random_state=0)
    assert NeuralNetworkClassifier(random_state=0, max_iter=50).fit(rows, labels).score(test, truth) >= 0.96


def test_classes_with_weights():
    rare = np.r_[np.arange(50), 50:60]
    two = network(class_weight="balanced", dtype="float64").fit(X[rare], Y[rare])
    weights = np.where(Y[rare] == 0, 60 / (2 * 50), 60 / (2 * 10))
    other = network(dtype="float64").fit(X[rare], Y[rare], weights)
    np.testing.assert_array_equal(two.coefs_[0], other.coefs_[0])


def test_one_class_is_predicted_always():
    model = network().fit(X, np.full(150, "only"))
    assert set(model.predict(X)) == {"only"}


def test_every_kind_of_rows():
    frame = pd.DataFrame(X, columns=list("abcd"))
    expected = network().fit(X, Y).predict_proba(X)
    for rows in (frame, pl.DataFrame(frame.to_dict("list")), sparse.csr_matrix(X), sparse.csc_array(X), X.tolist()):
        model = network().fit(rows, Y)
        np.testing.assert_array_equal(model.predict_proba(rows), expected)
        if hasattr(rows, "columns"):
            assert list(model.feature_names_in_) == list("abcd")


def test_it_works_in_a_pipeline_and_a_search():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), network(max_iter=60, learning_rate_init=0.02)),
        {"neuralnetworkclassifier__hidden_layer_sizes": [(2,), (12,)]},
        cv=3,
    ).fit(IRIS, SPECIES)
    assert search.best_score_ > 0.8
    assert clone(network(dropout=0.5)).get_params() == network(dropout=0.5).get_params()


@pytest.mark.parametrize("settings", [{"dropout": 0.4}, {"batch_normalization": True}, {"activation": np.sin}])
def test_settings_that_scikit_learn_lacks_learn_too(settings):
    model = network(max_iter=120, learning_rate_init=0.01, **settings).fit(X, Y)
    assert model.score(X, Y) > 0.93
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]


def test_dropout_leaves_out_what_it_should(monkeypatch):
    model = network(dropout=0.25, hidden_layer_sizes=(50, 40))
    draw = model._masks(seed=3, dtype=np.dtype(np.float32))
    (masks,) = draw(0, 200)
    assert [m.shape for m in masks] == [(200, 50), (200, 40)]
    assert {float(v) for v in np.unique(masks[0])} == {0.0, float(np.float32(1 / 0.75))}
    assert np.mean(masks[0]) == pytest.approx(1.0, abs=0.02)
    np.testing.assert_array_equal(draw(0, 200)[0][0], masks[0])
    assert (draw(1, 200)[0][0] != masks[0]).any()


def test_a_network_that_is_a_function_of_ones_own():
    def architecture(parameters, X):
        h = np.tanh(X @ parameters["in"] + parameters["shift"])
        return h @ parameters["out"] + X @ parameters["straight"]

    def parameters(X, y, rng):
        return {
            "in": rng.normal(size=(X.shape[1], 6)),
            "shift": np.zeros(6),
            "out": np.zeros((6, y.shape[1])),
            "straight": np.zeros((X.shape[1], y.shape[1])),
        }

    model = NeuralNetworkClassifier(
        architecture=architecture, parameters=parameters, max_iter=100, learning_rate_init=0.02, random_state=0
    ).fit(X, Y)
    assert model.score(X, Y) > 0.95
    assert model.parameters_["out"].shape == (6, 3)
    assert not hasattr(model, "coefs_")
    one = model.objective(model.parameters_, X, np.eye(3)[Y], architecture=architecture)
    assert one == pytest.approx(model.loss_, rel=0.05)
    slopes = tw.grad(lambda p: model.objective(p, X, np.eye(3)[Y], architecture=architecture))(model.parameters_)
    assert set(slopes) == {"in", "shift", "out", "straight"}


def test_the_objective_is_what_the_batches_have_in_the_mean():
    model = network(solver="sgd", learning_rate_init=1e-300, max_iter=1, batch_size=50, alpha=2.0, dtype="float64")
    model.fit(X, Y)
    assert model._evidence.objective(model.parameters_) == pytest.approx(model.loss_, rel=1e-12)


def test_the_verdict():
    settings = dict(hidden_layer_sizes=(3,), solver="lbfgs", activation="tanh", alpha=1.0, max_iter=3000, tol=1e-8)
    two = network(**{**settings, "hidden_layer_sizes": (1,)}).fit(X, Y > 1)
    assert two.solution_.kind == "strict minimum"
    assert two.solution_.value == pytest.approx(two.loss_)
    three = network(**settings).fit(X, Y)  # softmax: all last biases may rise alike
    assert three.solution_.kind == "degenerate"
    stopped = network(hidden_layer_sizes=(3,)).fit(X, Y)
    assert stopped.solution_.kind == "not stationary"
    assert stopped.solution_.iterations == 10


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.full(150, 7), "classes not in"),
        (np.eye(3, dtype=int)[Y][:, :2], "multilabel"),
        (np.linspace(0, 1, 150), "continuous"),
    ],
)
def test_labels_that_were_not_there(labels, words):
    model = network(max_iter=1).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=words):
        model.partial_fit(X, labels)


def test_warm_start_wants_the_same_classes():
    model = network(warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="same classes"):
        model.fit(X[:100], Y[:100])


def test_numbers_that_float32_cannot_hold_are_named():
    rows = X.copy()
    rows[7, 2] = 1e60
    with pytest.raises(ArgumentError, match=r"X\[7, 2\] = 1e\+60 is too large for float32"):
        network().fit(rows, Y)


def test_weights_that_are_all_zero():
    with pytest.raises(ArgumentError, match="at least one row must count"):
        network(class_weight={0: 0.0, 1: 0.0, 2: 0.0}).fit(X, Y)


PROGRAM = """
import warnings; warnings.simplefilter("ignore")
import hashlib, numpy as np
from thalweg.models.network import NeuralNetworkClassifier
rng = np.random.default_rng(0)
X, y = rng.normal(size=(2000, 300)), rng.integers(4, size=2000)
model = NeuralNetworkClassifier((200,), max_iter=30, batch_size=200, dropout=0.2, random_state=0).fit(X, y)
print(model._training["calls"], hashlib.sha256(b"".join(c.tobytes() for c in model.coefs_)).hexdigest())
"""


def test_the_number_of_threads_changes_nothing():
    found = set()
    for threads in ("1", "2"):
        import os

        environment = {**os.environ, **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), threads)}
        environment["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1, found
