"""``GaussianMixture`` under scikit-learn's contract, and what it says when things go wrong."""

import pickle
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import sklearn
import sklearn.mixture
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from thalweg.errors import ArgumentError
from thalweg.models import GaussianMixture
from thalweg.models.mixture.state import TYPES

IRIS = load_iris().data


def start(X, K, kind="full", seed=0):
    rng = np.random.default_rng(seed)
    v = 1 / X.var(axis=0)
    precisions = {
        "full": np.stack([np.diag(v)] * K),
        "tied": np.diag(v),
        "diag": np.stack([v] * K),
        "spherical": np.full(K, v.mean()),
    }
    means = X[rng.choice(len(X), K, replace=False)]
    return {"weights_init": np.full(K, 1 / K), "means_init": means, "precisions_init": precisions[kind]}


@pytest.mark.filterwarnings("ignore")
def test_check_estimator():
    ours = check_estimator(GaussianMixture(), on_fail=None, on_skip=None)
    theirs = check_estimator(sklearn.mixture.GaussianMixture(), on_fail=None, on_skip=None)
    assert Counter(r["status"] for r in ours)["failed"] == 0, [r for r in ours if r["status"] == "failed"]
    passed, wanted = ({r["check_name"] for r in run if r["status"] == "passed"} for run in (ours, theirs))
    # that NaN is refused is not asked of an estimator that takes it; infinite values: below
    assert wanted - passed <= {"check_estimators_nan_inf"}
    assert {"check_sample_weight_equivalence_on_dense_data"} <= passed


@pytest.mark.parametrize("kind", TYPES)
def test_as_scikit_learn(kind):
    given = start(IRIS, 3, kind)
    peer = sklearn.mixture.GaussianMixture(3, covariance_type=kind, reg_covar=0, **given).fit(IRIS)
    ours = GaussianMixture(3, covariance_type=kind, reg_covar=0, **given).fit(IRIS)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_", "lower_bounds_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(peer, name), rtol=1e-7, atol=1e-9, err_msg=name)
    assert (ours.n_iter_, ours.converged_) == (peer.n_iter_, peer.converged_)
    new = IRIS[::7] + 0.1
    assert np.array_equal(ours.predict(new), peer.predict(new))
    np.testing.assert_allclose(ours.predict_proba(new), peer.predict_proba(new), rtol=1e-6, atol=1e-9)
    for name in ("score_samples", "score", "aic", "bic"):
        np.testing.assert_allclose(getattr(ours, name)(new), getattr(peer, name)(new), rtol=1e-8, err_msg=name)
    # with reg_covar, the E-step differs by its part in the objective
    peer = sklearn.mixture.GaussianMixture(3, covariance_type=kind, **given).fit(IRIS)
    ours = GaussianMixture(3, covariance_type=kind, **given).fit(IRIS)
    assert ours.score(IRIS) == pytest.approx(peer.score(IRIS), abs=1e-4)


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_left_of_a_fit(kind):
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(IRIS)
    np.testing.assert_allclose(model.objective(model.parameters_, IRIS), -model.score(IRIS), rtol=1e-12)
    assert model.loss_curve_ == [-v for v in model.lower_bounds_] and len(model.loss_curve_) == model.n_iter_
    assert model.objective(model.parameters_, IRIS, reg_covar=1e-6) <= model.loss_curve_[-1] + 1e-13
    assert np.array_equal(
        GaussianMixture(2, covariance_type=kind, random_state=0).fit_predict(IRIS), model.predict(IRIS)
    )
    assert model.collapsed_ == []


def test_solution_says_that_em_ended_early():
    model = GaussianMixture(3, random_state=0).fit(IRIS)
    assert (model.solution_.kind, str(model.solution_.status)) == ("not stationary", "stalled")
    assert "gained less than tol=0.001" in model.solution_.message and "auto" in model.solution_.message
    with pytest.warns(ConvergenceWarning, match="Not converged after max_iter=3"):
        model = GaussianMixture(3, random_state=0, max_iter=3).fit(IRIS)
    assert str(model.solution_.status) == "iteration_limit" and not model.converged_


@pytest.mark.parametrize("method", ["gradient", "auto"])
def test_solution_is_a_minimum(method):
    model = GaussianMixture(2, random_state=0, method=method).fit(IRIS)
    assert model.solution_.kind == "strict minimum" and model.solution_.success and model.converged_
    assert model.solution_.value == pytest.approx(-model.lower_bound_, rel=1e-12)
    assert set(model.solution_.x) == set(model.parameters_)
    long = GaussianMixture(2, random_state=0, tol=1e-13, max_iter=1000).fit(IRIS)
    assert long.solution_.kind == "strict minimum"
    assert long.lower_bound_ == pytest.approx(model.lower_bound_, abs=1e-9)


def test_a_saddle_is_called_one():
    """Two equal components are a stationary point, and no minimum."""
    X = np.random.default_rng(0).normal(size=(300, 1)) + np.repeat([[-3.0], [3.0]], 150, axis=0)
    start = {"means_init": np.full((2, 1), X.mean()), "precisions_init": np.full((2, 1, 1), 1 / X.var())}
    model = GaussianMixture(2, weights_init=[0.5, 0.5], reg_covar=0, **start).fit(X)
    assert model.converged_ and model.solution_.kind in ("saddle", "degenerate")
    better = GaussianMixture(2, random_state=0, reg_covar=0, method="auto").fit(X)
    assert better.solution_.kind == "strict minimum" and better.lower_bound_ > model.lower_bound_ + 0.1


def test_missing_values_in_use():
    X = IRIS.copy()
    X[::5, 1] = np.nan
    X[3] = np.nan
    model = GaussianMixture(3, random_state=0).fit(X)
    full = GaussianMixture(3, random_state=0).fit(IRIS)
    assert full.score(IRIS) - 0.1 < model.score(IRIS) < full.score(IRIS) + 0.01
    assert model.score_samples(X)[3] == pytest.approx(0, abs=1e-12)  # nothing was seen: a certain event
    np.testing.assert_allclose(model.predict_proba(X)[3], model.weights_, rtol=1e-12)
    with pytest.raises(ArgumentError, match="feature 1 are missing"):
        GaussianMixture(2).fit(np.where([False, True, False, False], np.nan, IRIS))
    for wrong in (np.inf, -np.inf):
        bad = IRIS.copy()
        bad[4, 2] = wrong
        with pytest.raises(ValueError, match="infinity"):
            GaussianMixture(2).fit(bad)
        with pytest.raises(ValueError, match="infinity"):
            model.predict(bad)


def test_sample_weights():
    times = np.random.default_rng(0).integers(0, 4, 150)
    given = start(IRIS, 3)
    one = GaussianMixture(3, **given).fit(IRIS, sample_weight=times)
    other = GaussianMixture(3, **given).fit(np.repeat(IRIS, times, axis=0))
    np.testing.assert_allclose(one.means_, other.means_, rtol=1e-9)
    np.testing.assert_allclose(one.covariances_, other.covariances_, rtol=1e-7, atol=1e-10)
    repeated = np.repeat(IRIS, times, axis=0)
    for name in ("aic", "bic"):
        assert getattr(one, name)(IRIS, times) == pytest.approx(getattr(one, name)(repeated), rel=1e-12)
    assert one.score(IRIS, sample_weight=times) == pytest.approx(one.score(repeated), rel=1e-12)


@pytest.mark.parametrize("kind", TYPES)
def test_samples(kind):
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(IRIS)
    X, y = model.sample(40000)
    assert np.array_equal(np.sort(y), y) and X.shape == (40000, 4)
    np.testing.assert_allclose(np.bincount(y) / 40000, model.weights_, atol=0.01)
    each = GaussianMixture(2, covariance_type=kind, weights_init=model.weights_, means_init=model.means_,
                           precisions_init=model.precisions_).fit(X)  # fmt: skip
    np.testing.assert_allclose(each.covariances_, model.covariances_, atol=0.03)
    with pytest.raises(ValueError, match="at least one sample"):
        model.sample(0)


def test_several_starts_and_seeds():
    settings = {"covariance_type": "diag", "random_state": 0, "init_params": "random_from_data"}
    one = GaussianMixture(4, **settings).fit(IRIS)
    several = GaussianMixture(4, n_init=6, **settings).fit(IRIS)
    assert several.lower_bound_ >= one.lower_bound_
    again = GaussianMixture(4, n_init=6, **settings).fit(IRIS)
    assert np.array_equal(again.means_, several.means_)


def test_warm_start():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = GaussianMixture(3, random_state=0, warm_start=True, max_iter=4, tol=0)
        model.fit(IRIS).fit(IRIS)
        whole = GaussianMixture(3, random_state=0, max_iter=8, tol=0).fit(IRIS)
    assert np.array_equal(model.means_, whole.means_)  # goes on as if it had not stopped, bit for bit
    with pytest.raises(ArgumentError, match="warm_start"):
        model.set_params(n_components=2).fit(IRIS)


# --- collapse ---


def lonely(kind="full"):
    """A component that starts on one row."""
    X = np.vstack([IRIS, [50.0, 50, 50, 50]])
    return X, {"covariance_type": kind, "n_components": 2, "random_state": 0}


@pytest.mark.parametrize("kind", ["full", "diag", "spherical"])
def test_collapse_is_said(kind):
    X, settings = lonely(kind)
    with pytest.warns(ConvergenceWarning, match=r"omponent \d has collapsed onto 1 rows.*reg_covar"):
        model = GaussianMixture(**settings).fit(X)
    assert len(model.collapsed_) == 1 and model.weights_[model.collapsed_[0]] == pytest.approx(1 / 151, rel=1e-3)
    with pytest.raises(ArgumentError, match=r"Component \d has become singular.*about 1 rows.*reg_covar"):
        GaussianMixture(reg_covar=0, **settings).fit(X)


@pytest.mark.parametrize("kind", TYPES)
def test_float32_far_from_zero_keeps_variances_positive(kind):
    """scikit-learn's float32 fit of such data has negative variances, or breaks."""
    X = (IRIS * 0.1 + 1000).astype(np.float32)
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    X64 = X.astype(np.float64)
    other = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X64)
    np.testing.assert_allclose(model.covariances_, other.covariances_, rtol=1e-9)
    diagonal = model.covariances_ if kind in ("diag", "spherical") else np.diagonal(model.covariances_, 0, -2, -1)
    assert np.all(diagonal > 0) and model.covariances_.dtype == np.float64
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X)


def test_a_constant_feature_is_named():
    X = pd.DataFrame(IRIS, columns=["a", "b", "c", "d"]).assign(c=1.0)
    with pytest.warns(ConvergenceWarning, match="feature 'c'.*constant"):
        GaussianMixture(2, random_state=0).fit(X)
    with pytest.warns(ConvergenceWarning, match="feature 'c'.*constant"):
        GaussianMixture(2, covariance_type="tied", random_state=0).fit(X)
    with pytest.raises(ArgumentError, match="covariance that all components share"):
        GaussianMixture(2, covariance_type="tied", random_state=0, reg_covar=0).fit(X)


def test_a_component_without_rows():
    given = start(IRIS, 2)
    given["means_init"] = np.stack([IRIS.mean(axis=0), IRIS.mean(axis=0) + 1e4])
    with pytest.warns(ConvergenceWarning, match="component 1 has no rows left|Component 1 has no rows left"):
        model = GaussianMixture(2, **given).fit(IRIS)
    assert model.collapsed_ == [1] and np.all(np.isfinite(model.covariances_))
    np.testing.assert_allclose(model.covariances_[0], np.cov(IRIS.T, bias=True) + 1e-6 * np.eye(4), rtol=1e-9)


# --- errors ---


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"n_components": 0}, "n_components=0: give a whole number of at least 1"),
        ({"covariance_type": "round"}, "covariance_type='round': give one of 'full', 'tied'"),
        ({"method": "newton"}, "method='newton': give one of 'em', 'gradient', 'auto'"),
        ({"tol": -1}, "tol=-1: give a number of at least 0"),
        ({"reg_covar": float("nan")}, "reg_covar=nan"),
        ({"init_params": "best"}, "init_params='best': give one of"),
        ({"weights_init": [0.5, 0.6], "n_components": 2}, "must sum to 1, but its sum is 1.1"),
        ({"weights_init": [1.5, -0.5], "n_components": 2}, "-0.5 for component 1"),
        ({"means_init": np.zeros((2, 3)), "n_components": 2}, r"means_init should have the shape \(2, 4\)"),
        ({"precisions_init": -np.ones((2, 4, 4)), "n_components": 2}, "precisions_init must be symmetric and positive"),
        ({"precisions_init": [1.0, 0.0], "n_components": 2, "covariance_type": "spherical"}, "that of component 1"),
        ({"n_components": 151}, "n_samples >= n_components"),
    ],
)
def test_errors(settings, words):
    with pytest.raises(ArgumentError, match=words):
        GaussianMixture(**settings).fit(IRIS)


def test_errors_of_weights():
    with pytest.raises(ArgumentError, match="-1 at row 3"):
        GaussianMixture().fit(IRIS, sample_weight=np.where(np.arange(150) == 3, -1, 1))
    with pytest.raises(ArgumentError, match="weight is zero"):
        GaussianMixture().fit(IRIS, sample_weight=np.zeros(150))
    with pytest.raises(ArgumentError, match="n_samples = 2"):
        GaussianMixture(3).fit(IRIS, sample_weight=np.arange(150) < 2)


# --- among others ---


def test_in_company():
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), GaussianMixture(random_state=0)),
        {"gaussianmixture__n_components": [1, 2], "gaussianmixture__covariance_type": ["full", "diag"]},
        cv=3,
    ).fit(frame.sample(frac=1, random_state=0))
    assert search.best_params_["gaussianmixture__n_components"] == 2
    model = GaussianMixture(2, random_state=0).fit(frame)
    assert list(model.feature_names_in_) == list("abcd")
    polars = pytest.importorskip("polars")
    assert np.array_equal(model.predict(polars.DataFrame(frame.to_dict("list"))), model.predict(frame))
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.predict(frame), model.predict(frame))
    with pytest.raises(AttributeError, match="no solution_"):
        _ = copy.solution_
    assert clone(model).get_params() == model.get_params()


@pytest.mark.skipif(not hasattr(sklearn, "callback"), reason="scikit-learn has callbacks from 1.9 on")
def test_callbacks():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring=lambda model, X, y=None: model.score(X))
    model = GaussianMixture(3, random_state=0).set_callbacks(monitor).fit(IRIS)
    assert model.n_iter_ > 3 and str(monitor.get_logs())

    class Stop:
        seen = 0

        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if fitted_estimator is not None and context.parent is not None:
                self.seen += 1
                fitted_estimator.predict(IRIS)
            return self.seen == 4

    for method in ("em", "gradient", "auto"):
        stop = Stop()
        stopped = GaussianMixture(3, random_state=0, method=method).set_callbacks(stop).fit(IRIS)
        assert stop.seen == 4 == stopped.n_iter_ and not stopped.converged_
        assert str(stopped.solution_.status) == "interrupted"


def test_interrupted(monkeypatch):
    from thalweg.models.mixture import em as module

    calls = []
    whole = module.expectation

    def expectation(*args):
        calls.append(args)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(module, "expectation", expectation)
    with pytest.warns(ConvergenceWarning, match="Interrupted after 5 iterations"):
        model = GaussianMixture(3, random_state=0).fit(IRIS)
    assert str(model.solution_.status) == "interrupted" and model.n_iter_ == 5


def test_verbose(capsys):
    GaussianMixture(3, random_state=0, verbose=2, verbose_interval=5).fit(IRIS)
    text = capsys.readouterr().out
    assert "Initialization 0" in text and "Iteration 5\t time lapse" in text and "lower bound -1.20" in text
