"""Lloyd's algorithm: against scikit-learn's from the same start, and as Newton's method."""

import numpy as np
import pytest
from sklearn.cluster import KMeans as Theirs
from sklearn.datasets import load_iris, make_blobs

import thalweg as tw
from thalweg.models.kmeans import KMeans
from thalweg.models.kmeans.lloyd import lloyd, same_clusters
from thalweg.models.kmeans.rows import Rows
from thalweg.models.kmeans.search import nearest

IRIS = load_iris().data


def test_a_newton_step_is_a_step_of_lloyd():
    start = IRIS[[10, 60, 120]]
    value, gradient = tw.value_and_grad(KMeans.objective)(start, IRIS)
    hessian = tw.hessian(KMeans.objective)(start, IRIS).reshape(12, 12)
    newton = start - np.linalg.solve(hessian, gradient.ravel()).reshape(3, 4)
    labels = np.argmin(((IRIS[:, None] - start) ** 2).sum(axis=2), axis=1)
    counts = np.bincount(labels)
    np.testing.assert_allclose(hessian, np.diag(np.repeat(2.0 * counts, 4)), atol=1e-12)
    np.testing.assert_allclose(newton, [IRIS[labels == k].mean(axis=0) for k in range(3)], atol=1e-12)
    rows = Rows.centred(IRIS)
    run = lloyd(rows, start - rows.origin, max_iter=1, tol=0.0)
    np.testing.assert_allclose(newton, run.centers + rows.origin, atol=1e-12)
    np.testing.assert_allclose(value, ((IRIS - start[labels]) ** 2).sum())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "k"), [(300, 2, 7), (60_000, 12, 25)])
def test_the_same_start_leads_to_the_same_end(n, d, k, weighted, dtype):
    X = make_blobs(n, d, centers=k, cluster_std=2.5, random_state=1)[0].astype(dtype)
    w = np.random.default_rng(0).random(n) if weighted else None
    start = X[:: n // k][:k]
    theirs = Theirs(k, init=start, n_init=1).fit(X, sample_weight=w)
    ours = KMeans(k, init=start).fit(X, sample_weight=w)
    rounding = 1e-10 if dtype == np.float64 else 1e-4
    if dtype == np.float64:
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        assert ours.n_iter_ == theirs.n_iter_
    assert np.mean(ours.labels_ != theirs.labels_) < 1e-3
    np.testing.assert_allclose(ours.inertia_, theirs.inertia_, rtol=rounding)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=30 * rounding)
    assert ours.cluster_centers_.dtype == dtype


def test_the_objective_never_rises_and_ends_at_the_inertia():
    X = make_blobs(70_000, 8, centers=32, cluster_std=3.0, random_state=0)[0]
    model = KMeans(32, random_state=0, tol=0).fit(X)
    curve = np.array(model.loss_curve_)
    assert len(curve) == model.n_iter_ > 5
    assert np.all(np.diff(curve) <= 1e-12 * curve[0])
    np.testing.assert_allclose(curve[-1], model.inertia_, rtol=1e-12)
    np.testing.assert_allclose(model.inertia_, ((X - model.cluster_centers_[model.labels_]) ** 2).sum(), rtol=1e-12)
    means = [X[model.labels_ == k].mean(axis=0) for k in range(32)]
    np.testing.assert_allclose(model.cluster_centers_, means, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_empty_clusters_are_relocated_as_scikit_learn_does(seed):
    X = np.random.default_rng(seed).standard_normal((400, 3))
    start = np.concatenate([X[:3], 50 + np.arange(12.0).reshape(4, 3)])  # four centres far from every row
    theirs = Theirs(7, init=start, n_init=1, tol=0).fit(X)
    ours = KMeans(7, init=start, tol=0).fit(X)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.inertia_, theirs.inertia_)
    assert len(np.unique(ours.labels_)) == 7


def test_rows_far_from_the_origin():
    X, shift = make_blobs(500, 3, centers=4, random_state=2)[0], 1e8
    start = X[:4]
    near, far = KMeans(4, init=start).fit(X), KMeans(4, init=start + shift).fit(X + shift)
    np.testing.assert_array_equal(near.labels_, far.labels_)
    np.testing.assert_allclose(far.inertia_, near.inertia_, rtol=1e-6)


def test_how_it_ended_is_said():
    rows = Rows.centred(IRIS)
    start = IRIS[:3] - rows.origin
    assert lloyd(rows, start, max_iter=300, tol=0.0).message == "no row changes its cluster"
    early = lloyd(rows, start, max_iter=300, tol=0.5)
    assert early.status == "converged"
    assert "tol=0 goes on" in early.message
    short = lloyd(rows, start, max_iter=2, tol=0.0)
    assert (short.status, short.iterations) == ("iteration_limit", 2)
    np.testing.assert_array_equal(short.labels, nearest(rows, short.centers))
    lines = []
    stopped = lloyd(rows, start, max_iter=300, tol=0.0, step=lambda c: True, report=lines.append)
    assert (stopped.status, stopped.iterations, stopped.stopped) == ("interrupted", 1, True)
    assert lines[0].startswith("Iteration 0, inertia")


def test_an_interruption_keeps_what_there_is():
    rows = Rows.centred(IRIS)
    seen = []

    def interrupt(centers):
        seen.append(centers)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return False

    run = lloyd(rows, IRIS[:3] - rows.origin, max_iter=300, tol=0.0, step=interrupt)
    assert (run.status, run.iterations) == ("interrupted", 3)
    np.testing.assert_array_equal(run.centers, seen[-1])
    each = ((IRIS[:, None] - run.centers - rows.origin) ** 2).sum(axis=2)
    np.testing.assert_array_equal(run.labels, each.argmin(axis=1))
    np.testing.assert_allclose(run.inertia, each.min(axis=1).sum())


def test_clusters_are_the_same_under_other_numbers():
    assert same_clusters(np.array([0, 0, 2, 1]), np.array([1, 1, 0, 2]), 3)
    assert not same_clusters(np.array([0, 0, 2, 1]), np.array([1, 2, 0, 2]), 3)
