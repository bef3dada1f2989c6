"""Any loss as an estimator: scikit-learn's own checks, agreement with its models, and what users get wrong."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import HuberRegressor, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import thalweg as tw
from models import losses
from thalweg.errors import ArgumentError

X, Y = load_diabetes(return_X_y=True)
IRIS, SPECIES = load_iris(return_X_y=True)


def squares(**settings):
    return tw.estimator(losses.square, predict=losses.line, parameters=losses.line_start, **settings)


def classes(**settings):
    return tw.estimator(
        losses.cross_entropy,
        predict=losses.softmax,
        parameters=losses.softmax_start,
        kind="classifier",
        **settings,
    )


def clusters(**settings):
    return tw.estimator(losses.nearest, predict=losses.nearness, parameters=losses.corners, kind="cluster", **settings)


def centring(**settings):
    return tw.estimator(
        losses.spread,
        predict=losses.centre,
        inverse=losses.uncentre,
        parameters=losses.centre_start,
        kind="transformer",
        **settings,
    )


@pytest.mark.parametrize("make", [squares, classes, clusters, centring])
def test_scikit_learns_checks_pass(make):
    results = check_estimator(make(), on_skip=None, on_fail=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] not in ("passed", "skipped")}
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert failed == {}
    assert skipped <= {"check_array_api_input"}  # which asks for an environment variable
    assert len(results) > 40


def test_a_ridge_is_scikit_learns():
    ours = squares(alpha=2.0 / len(X)).fit(X, Y)
    theirs = Ridge(alpha=2.0).fit(X, Y)
    np.testing.assert_allclose(ours.parameters_["slope"], theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.parameters_["intercept"], theirs.intercept_, rtol=1e-8)
    assert ours.score(X, Y) == pytest.approx(theirs.score(X, Y), rel=1e-8)
    assert ours.solution_.kind == "strict minimum"
    assert ours.loss_curve_[-1] == pytest.approx(ours.solution_.value)


def test_a_robust_line_is_scikit_learns():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(80, 2))
    b = A @ [1.0, -2.0] + 3 + rng.normal(size=80) * 0.1
    b[:8] += 20
    # at a fixed scale σ scikit-learn's loss is Huber's of r/σ; its σ is fitted, so it is taken from there
    theirs = HuberRegressor(epsilon=1.35, alpha=0.0, tol=1e-9).fit(A, b)
    ours = tw.estimator(
        losses.huber, predict=losses.line, parameters=losses.line_start, delta=1.35 * theirs.scale_
    ).fit(A, b)
    np.testing.assert_allclose(ours.parameters_["slope"], theirs.coef_, rtol=1e-4)


def test_classes_are_those_of_logistic_regression():
    ours = classes(alpha=0.5 / 10 / len(IRIS)).fit(IRIS, SPECIES)
    theirs = LogisticRegression(C=10.0, tol=1e-10, max_iter=10_000).fit(IRIS, SPECIES)
    np.testing.assert_allclose(ours.predict_proba(IRIS), theirs.predict_proba(IRIS), atol=1e-5)
    names = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
    named = classes().fit(IRIS, names)
    assert set(named.predict(IRIS)) == set(names)
    assert named.score(IRIS, names) > 0.95


def test_two_classes_need_only_the_probability_of_the_second():
    two = SPECIES < 2
    model = tw.estimator(
        losses.logistic_loss, predict=losses.logistic, parameters=losses.line_start, kind="classifier", alpha=0.1
    ).fit(IRIS[two], SPECIES[two])
    assert model.score(IRIS[two], SPECIES[two]) == 1
    proba = model.predict_proba(IRIS[two])
    assert proba.shape == (100, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_weights_are_repeated_rows():
    w = np.arange(len(X)) % 4
    weighted = squares().fit(X, Y, sample_weight=w)
    repeated = squares().fit(np.repeat(X, w, axis=0), np.repeat(Y, w))
    np.testing.assert_allclose(weighted.parameters_["slope"], repeated.parameters_["slope"], rtol=1e-6)


def test_coefficients_that_add_up_to_one():
    model = tw.estimator(
        losses.square,
        predict=losses.line,
        parameters=losses.line_start,
        subject_to=lambda p: np.sum(p["slope"]) == 1,
        bounds={"slope": (0, None)},
    ).fit(IRIS[:, 1:], IRIS[:, 0])
    slope = model.parameters_["slope"]
    assert slope.sum() == pytest.approx(1)
    assert slope.min() >= 0
    assert model.solution_.status == "converged"
    assert model.solution_.multipliers is not None


def test_frames_have_names():
    for frame in (pd.DataFrame(IRIS, columns=list("abcd")), pl.DataFrame(IRIS, schema=list("abcd"))):
        model = squares().fit(frame, SPECIES.astype(float))
        assert model.feature_names_in_.tolist() == list("abcd")
        assert model.predict(frame).shape == (150,)
    centred = centring().set_output(transform="pandas").fit_transform(pd.DataFrame(IRIS, columns=list("abcd")))
    assert centred.columns.tolist() == [f"spreadtransformer{i}" for i in range(4)]
    np.testing.assert_allclose(centred.mean(), 0, atol=1e-7)


def test_in_a_pipeline_and_a_search():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), squares()), {"squareregressor__alpha": [0.0, 0.1, 10.0]}, cv=3
    ).fit(X, Y)
    assert search.best_params_["squareregressor__alpha"] in (0.0, 0.1)
    scores = cross_val_score(classes(), IRIS, SPECIES, cv=3)
    assert scores.min() > 0.9


def test_parallel_search_gives_the_same():
    one = GridSearchCV(squares(), {"alpha": [0.0, 0.1]}, cv=3, n_jobs=1).fit(X, Y)
    two = GridSearchCV(squares(), {"alpha": [0.0, 0.1]}, cv=3, n_jobs=2).fit(X, Y)
    np.testing.assert_allclose(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"], rtol=1e-9)


def test_pickles_copies_and_clones():
    model = squares(alpha=0.5).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.solution_.kind == model.solution_.kind
    assert clone(again).get_params() == model.get_params()
    assert copy.deepcopy(model).solution_.value == model.solution_.value


def test_batches_reach_the_neighbourhood_and_are_the_same_for_the_same_seed():
    Z = StandardScaler().fit_transform(IRIS)
    settings = dict(batches=25, max_iter=60, options={"learning_rate": 0.02})
    first = classes(random_state=3, **settings).fit(Z, SPECIES)
    second = classes(random_state=3, **settings).fit(Z, SPECIES)
    np.testing.assert_array_equal(first.parameters_["W"], second.parameters_["W"])
    exact = classes().fit(Z, SPECIES)
    assert first.solution_.value < exact.solution_.value * 1.05
    assert first.score(Z, SPECIES) > 0.9


def test_warm_start_goes_on():
    model = classes(max_iter=3, warm_start=True, method="l-bfgs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first = model.fit(IRIS, SPECIES).solution_.value
        second = model.fit(IRIS, SPECIES).solution_.value
    assert second < first


def test_a_run_that_ends_early_warns_and_keeps_the_best():
    with pytest.warns(ConvergenceWarning, match="Not converged after 2 iterations"):
        model = classes(max_iter=2, method="l-bfgs").fit(IRIS, SPECIES)
    assert model.solution_.status == "iteration_limit"
    assert model.solution_.value < np.log(3)


def test_a_start_may_be_random_and_several():
    def start(X, y, rng):
        return X[rng.permutation(len(X))[:3]] + 0.0

    model = tw.estimator(losses.nearest, predict=losses.nearness, parameters=start, kind="cluster", random_state=1).fit(
        IRIS
    )
    assert sorted(np.unique(model.labels_)) == [0, 1, 2]
    assert model.score(IRIS) == pytest.approx(-model.solution_.value)
    np.testing.assert_array_equal(model.labels_, model.predict(IRIS))


def test_inverse_transform():
    model = centring().fit(IRIS)
    np.testing.assert_allclose(model.inverse_transform(model.transform(IRIS)), IRIS)


def test_callbacks_see_every_iteration():
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = classes(method="l-bfgs", max_iter=100).set_callbacks(monitor)
    model.fit(IRIS, SPECIES)
    log = monitor.get_logs(select="most_recent") if hasattr(monitor, "get_logs") else None
    assert log is not None
    assert model.score(IRIS, SPECIES) > 0.95


class Stop:
    """A callback that asks to stop after some iterations."""

    def __init__(self, after):
        self.after, self.seen, self.ended = after, 0, False

    def setup(self, estimator, context):
        self.seen = 0

    def teardown(self, estimator, context):
        self.ended = True

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if fitted_estimator is not None:
            self.seen += 1
            assert fitted_estimator.predict(IRIS[:2]).shape == (2,)
        return self.seen >= self.after


def test_a_callback_can_stop_the_fit():
    pytest.importorskip("sklearn.callback")
    stop = Stop(4)
    with pytest.warns(ConvergenceWarning, match="Stopped by the callback after 4 iterations"):
        model = classes(method="l-bfgs").set_callbacks(stop).fit(IRIS, SPECIES)
    assert (model.n_iter_, stop.seen, stop.ended) == (4, 4, True)


# ------------------------------------------------------------------ what users get wrong


def test_wrong_shapes_are_named():
    def column(p, X):
        return (X @ p["slope"] + p["intercept"])[:, None]

    def loss(p, X, y):
        return (y - column(p, X)) ** 2

    model = tw.estimator(loss, predict=column, parameters=losses.line_start)
    with pytest.raises(ArgumentError, match=r"a value for each of the 442 rows.*\(442, 442\)"):
        model.fit(X, Y)


def test_weights_need_values_for_rows():
    def loss(p, X, y):
        return np.mean((y - losses.line(p, X)) ** 2)

    model = tw.estimator(loss, predict=losses.line, parameters=losses.line_start)
    assert model.fit(X, Y).solution_.kind == "strict minimum"
    with pytest.raises(ArgumentError, match="Sample weights need a loss with a value for each row"):
        model.fit(X, Y, sample_weight=np.ones(len(X)))
    with pytest.raises(ValueError, match="non-zero"):
        squares().fit(X, Y, sample_weight=np.zeros(len(X)))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(kind="regresor"), "kind must be one of 'regressor'"),
        (dict(loss=3), "loss must be a function"),
        (dict(predict=None), "predict must be a function"),
        (dict(delta=3), "has no keyword argument delta; it has alpha"),
        (dict(loss=lambda p: p), r"must take \(parameters, X, y\)"),
        (dict(loss=lambda p, X: X @ p), "it takes no y"),
        (dict(loss=lambda p, X, y, *, k: X @ p), "setting k of the loss <lambda> needs a default"),
        (dict(loss=lambda p, X, y, tol=1: X @ p), "keyword argument tol, which estimator"),
        (dict(parameters=lambda: 0), r"must take \(X\), \(X, y\) or \(X, y, rng\)"),
        (dict(inverse=4), "inverse must be a function"),
    ],
)
def test_wrong_recipes(arguments, words):
    recipe = dict(loss=losses.square, predict=losses.line, parameters=losses.line_start) | arguments
    with pytest.raises(ArgumentError, match=words):
        tw.estimator(recipe.pop("loss"), **recipe)


def test_unknown_settings_are_named():
    with pytest.raises(ValueError, match="Invalid parameter 'gamma'"):
        squares().set_params(gamma=3)
    with pytest.raises(TypeError, match="no parameter 'gamma'; it has alpha"):
        type(squares())(gamma=3)


def test_no_start_is_said():
    model = tw.estimator(losses.square, predict=losses.line, parameters=None)
    with pytest.raises(ArgumentError, match="No start for the parameters of square"):
        model.fit(X, Y)


def test_scores_are_no_probabilities():
    def margin(p, X):
        return X @ p["W"] + p["b"]

    model = tw.estimator(losses.cross_entropy, predict=margin, parameters=losses.softmax_start, kind="classifier").fit(
        IRIS, SPECIES
    )
    assert model.score(IRIS, SPECIES) > 0.9
    with pytest.raises(ArgumentError, match="scores that are no probabilities"):
        model.predict_proba(IRIS)


def test_labels_from_predict():
    def label(p, X):
        return np.argmax(losses.softmax(p, X), axis=1)

    def wild(p, X):
        return 7 + np.zeros(len(X), dtype=int)

    recipe = dict(parameters=losses.softmax_start, kind="classifier")
    model = tw.estimator(losses.cross_entropy, predict=label, **recipe).fit(IRIS, SPECIES)
    assert model.score(IRIS, SPECIES) > 0.9
    with pytest.raises(ArgumentError, match="no probabilities"):
        model.predict_proba(IRIS)
    model = tw.estimator(losses.cross_entropy, predict=wild, **recipe).fit(IRIS, SPECIES)
    with pytest.raises(ArgumentError, match="named the class 7; there are 3"):
        model.predict(IRIS)


def test_a_prediction_without_rows_is_named():
    model = tw.estimator(losses.square, predict=lambda p, X: 1.0, parameters=losses.line_start).fit(X, Y)
    with pytest.raises(ArgumentError, match="a row for each row of X"):
        model.predict(X)


def test_several_targets():
    targets = np.stack([Y, -2 * Y], axis=1)

    def planes(p, X):
        return X @ p["W"] + p["b"]

    def loss(p, X, y):
        return np.sum((y - planes(p, X)) ** 2, axis=1)

    def start(X, y):
        return {"W": np.zeros((X.shape[1], y.shape[1])), "b": np.zeros(y.shape[1])}

    model = tw.estimator(loss, predict=planes, parameters=start).fit(X, targets)
    np.testing.assert_allclose(model.predict(X)[:, 1], -2 * model.predict(X)[:, 0], atol=1e-4)
