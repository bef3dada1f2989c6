"""Mini-batches against scikit-learn's, draw by draw."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_digits, make_blobs

from thalweg.models.kmeans import KMeans
from thalweg.models.kmeans.minibatch import MiniBatches
from thalweg.models.kmeans.rows import Rows

BLOBS = make_blobs(5000, 5, centers=9, cluster_std=2.0, random_state=0)[0]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("init", ["k-means++", "random", "given"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_seed_leads_to_the_same_centres(init, weighted, seed):
    w = np.random.default_rng(seed).random(5000) if weighted else None
    start = BLOBS[:9] if init == "given" else init
    words = {"init": start, "random_state": seed, "batch_size": 200}
    theirs = MiniBatchKMeans(9, n_init="auto", **words).fit(BLOBS, sample_weight=w)
    ours = KMeans(9, **words).fit(BLOBS, sample_weight=w)
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-9)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    np.testing.assert_allclose(ours.inertia_, theirs.inertia_)
    assert (ours.n_iter_, ours.n_steps_) == (theirs.n_iter_, theirs.n_steps_)
    assert len(ours.loss_curve_) == ours.n_steps_ - 1


def test_batches_given_one_by_one():
    theirs, ours = MiniBatchKMeans(6, random_state=3), KMeans(6, random_state=3)
    for start in range(0, 3000, 300):
        batch = BLOBS[start : start + 300]
        theirs.partial_fit(batch)
        assert ours.partial_fit(batch) is ours
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, atol=1e-9)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.n_steps_ == 10


def test_sparse_batches():
    X = load_digits().data
    dense = KMeans(10, random_state=0, batch_size=256, init=X[:10]).fit(X)
    sparse = KMeans(10, random_state=0, batch_size=256, init=X[:10]).fit(scipy.sparse.csr_array(X))
    np.testing.assert_allclose(sparse.cluster_centers_, dense.cluster_centers_, atol=1e-8)


def test_partial_fit_goes_on_from_a_fit():
    model = KMeans(9, random_state=0).fit(BLOBS)
    before = model.cluster_centers_.copy()
    model.partial_fit(BLOBS[:50] + 100.0)
    moved = np.linalg.norm(model.cluster_centers_ - before, axis=1)
    assert 0 < moved.max() < 40  # one batch among 5000 rows that have been learnt from
    assert len(model.labels_) == 50


def test_the_rate_falls_with_the_weight():
    state = MiniBatches(clusters=1, size=2, reassignment_ratio=0.0)
    X = np.array([[1.0], [3.0], [8.0], [8.0], [8.0], [8.0]])
    center = np.zeros((1, 1))
    for start, expected in ((0, 2.0), (2, 5.0), (4, 6.0)):
        center, _ = state.step(Rows(X[start : start + 2], None, np.zeros(1)), center, np.random.RandomState(0))
        np.testing.assert_allclose(center, expected)


def test_it_says_why_it_ended():
    stalled = KMeans(9, random_state=0, batch_size=100).fit(BLOBS)
    assert stalled.solution_.status.value == "stalled"
    assert "mini-batches have not lowered" in stalled.solution_.message
    short = KMeans(9, random_state=0, batch_size=100, max_iter=1, max_no_improvement=None).fit(BLOBS)
    assert short.solution_.status.value == "iteration_limit"
    assert short.n_steps_ == 50
