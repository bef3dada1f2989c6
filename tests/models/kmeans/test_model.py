"""The estimator: scikit-learn's contract, its numbers, and the verdict."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.cluster import KMeans as Theirs
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import thalweg as tw
from thalweg.models.kmeans import KMeans

IRIS = load_iris().data
# scikit-learn's own KMeans fails these two as well: other rows are drawn where rows are repeated instead of weighted.
DRAWS = {f"check_sample_weight_equivalence_on_{kind}_data": "another start is drawn" for kind in ("dense", "sparse")}


def squared(x, c):
    return np.sum((x - c) ** 2)


@pytest.mark.parametrize(
    "model",
    [KMeans(), KMeans(batch_size=64), KMeans(2, max_iter=2, distance=squared)],
    ids=["all rows", "mini-batches", "a distance"],
)
def test_scikit_learns_checks(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        checks = check_estimator(model, expected_failed_checks=DRAWS)
        theirs = check_estimator(Theirs(), expected_failed_checks=DRAWS)
    passed, of = ({c["check_name"] for c in found if c["status"] == "passed"} for found in (checks, theirs))
    if model.distance is None:
        assert of <= passed


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("init", ["k-means++", "random", lambda X, n_clusters, random_state: X[:n_clusters].copy()])
@pytest.mark.parametrize("load", [load_iris, load_wine, load_digits])
def test_the_same_seed_as_scikit_learn(load, init, seed):
    X = load().data
    theirs = Theirs(5, init=init, random_state=seed, n_init=2).fit(X)
    ours = KMeans(5, init=init, random_state=seed, n_init=2).fit(X)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-8)
    np.testing.assert_allclose(ours.inertia_, theirs.inertia_)
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-8)
    np.testing.assert_allclose(ours.score(X), theirs.score(X))
    np.testing.assert_array_equal(ours.fit_predict(X), ours.labels_)
    np.testing.assert_allclose(ours.fit_transform(X), ours.transform(X))


def test_sparse_rows():
    X = load_digits().data
    start = X[:10]
    theirs = Theirs(10, init=start, n_init=1).fit(scipy.sparse.csr_matrix(X))
    for form in (scipy.sparse.csr_matrix, scipy.sparse.csr_array, scipy.sparse.coo_array):
        ours = KMeans(10, init=form(start) if form is scipy.sparse.csr_array else start).fit(form(X))
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-9)
        np.testing.assert_allclose(ours.inertia_, theirs.inertia_)
        np.testing.assert_array_equal(ours.predict(form(X)), theirs.labels_)
        np.testing.assert_allclose(ours.score(form(X)), -theirs.inertia_)
        assert ours.solution_.kind in ("strict minimum", "not stationary")


def test_the_end_is_a_strict_minimum():
    model = KMeans(3, random_state=0, tol=0).fit(IRIS)
    s = model.solution_
    assert (s.kind, s.status.value, s.message) == ("strict minimum", "converged", "no row changes its cluster")
    np.testing.assert_allclose(s.value, model.inertia_)
    np.testing.assert_allclose(s.x, model.cluster_centers_)
    np.testing.assert_allclose(s.history.value, model.loss_curve_)
    eigenvalues = np.sort(np.repeat(2.0 * np.bincount(model.labels_), 4))
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(tw.hessian(KMeans.objective)(s.x, IRIS).reshape(12, 12))),
                               eigenvalues)  # fmt: skip
    np.testing.assert_allclose(tw.grad(KMeans.objective)(model.parameters_, IRIS), 0.0, atol=1e-10)


def test_a_run_that_ends_early_is_not_called_a_minimum():
    s = KMeans(8, random_state=0, max_iter=2).fit(load_digits().data).solution_
    assert s.kind == "not stationary"
    assert s.status.value == "iteration_limit"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_verdict_on_many_centres(dtype):
    X = np.random.default_rng(0).standard_normal((3000, 40)).astype(dtype)
    model = KMeans(60, random_state=0, tol=0).fit(X)
    assert model.solution_.kind == "strict minimum"


def test_minimize_from_there_stays_there():
    model = KMeans(3, random_state=0, tol=0).fit(IRIS)
    s = tw.minimize(lambda c: KMeans.objective(c, IRIS), model.cluster_centers_)
    np.testing.assert_allclose(s.x, model.cluster_centers_, atol=1e-8)
    assert s.kind == "strict minimum"


def test_frames_and_pipelines():
    frame = load_iris(as_frame=True).data
    model = KMeans(3, random_state=0).fit(frame)
    assert list(model.feature_names_in_) == list(frame.columns)
    named = model.set_output(transform="pandas").transform(frame)
    assert isinstance(named, pd.DataFrame)
    assert list(named.columns) == ["kmeans0", "kmeans1", "kmeans2"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={frame.columns[0]: "other"}))
    polars = pytest.importorskip("polars")
    np.testing.assert_array_equal(KMeans(3, random_state=0).fit_predict(polars.DataFrame(frame.to_dict("list"))),
                                  model.labels_)  # fmt: skip
    pipeline = make_pipeline(StandardScaler(), KMeans(random_state=0))
    search = GridSearchCV(pipeline, {"kmeans__n_clusters": [2, 3, 4]}, cv=3).fit(frame)
    assert search.best_params_["kmeans__n_clusters"] == 4  # the score only rises


def test_clone_and_pickle():
    model = KMeans(3, random_state=0, tol=0)
    again = clone(model)
    assert again.get_params() == model.get_params()
    model.fit(IRIS)
    kept = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(kept.predict(IRIS), model.labels_)
    with pytest.raises(AttributeError, match="solution_"):
        _ = kept.solution_
    with pytest.raises(NotFittedError):
        again.predict(IRIS)


def test_the_data_are_neither_changed_nor_copied():
    X = np.random.default_rng(0).standard_normal((1000, 3))
    X.flags.writeable = False
    KMeans(4, random_state=0, copy_x=False).fit(X)


def test_attributes_are_plain():
    for model in (KMeans(3, random_state=0).fit(IRIS), KMeans(3, random_state=0).partial_fit(IRIS)):
        for name, value in vars(model).items():
            if name not in ("_evidence", "_solution"):
                assert plain(value), name


def plain(value):
    if isinstance(value, dict):
        return all(map(plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.ndarray | np.generic)


def test_fewer_different_rows_than_clusters():
    X = np.repeat(np.eye(3), 5, axis=0)
    with pytest.warns(ConvergenceWarning, match="found 3 distinct clusters where n_clusters=5"):
        model = KMeans(5, random_state=0).fit(X)
    np.testing.assert_allclose(model.inertia_, 0.0, atol=1e-15)


def test_interruption_leaves_a_model(monkeypatch):
    calls = []

    def interrupt(self, watch, rows, centers):
        calls.append(centers)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(KMeans, "_seen", interrupt)
    with pytest.warns(ConvergenceWarning, match="interrupted after 2 iterations"):
        model = KMeans(8, random_state=0).fit(load_digits().data)
    assert model.n_iter_ == 2
    assert model.solution_.status.value == "interrupted"


def test_verbose_prints_iterations(capsys):
    KMeans(3, random_state=0, verbose=1).fit(IRIS)
    assert "Iteration 0, inertia" in capsys.readouterr().out


class TestCallbacks:
    callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")

    class Recorder:
        def __init__(self, stop_at=None):
            self.scores, self.stop_at = [], stop_at

        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            pass

        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            if context.parent is not None and fitted_estimator is not None:
                self.scores.append(fitted_estimator.score(X))
                return len(self.scores) == self.stop_at
            return False

    def test_each_iteration_is_seen(self):
        recorder = self.Recorder()
        model = KMeans(3, random_state=0).set_callbacks(recorder).fit(IRIS)
        assert len(recorder.scores) == model.n_iter_
        assert recorder.scores == sorted(recorder.scores)
        np.testing.assert_allclose(recorder.scores[-1], -model.inertia_)

    def test_one_may_stop_it(self):
        with pytest.warns(ConvergenceWarning, match="stopped by a callback after 2"):
            model = KMeans(8, random_state=0).set_callbacks(self.Recorder(stop_at=2)).fit(load_digits().data)
        assert model.n_iter_ == 2

    def test_mini_batches_are_seen(self):
        recorder = self.Recorder()
        model = KMeans(3, random_state=0, batch_size=30).set_callbacks(recorder).fit(IRIS)
        assert len(recorder.scores) == model.n_steps_
