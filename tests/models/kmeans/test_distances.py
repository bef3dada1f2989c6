"""Distances of the user's own: medians, means, geometric medians from independent sources."""

import numpy as np
import pytest
import scipy.optimize
from sklearn.datasets import load_iris, load_wine

from thalweg.errors import ArgumentError
from thalweg.models.kmeans import KMeans
from thalweg.models.kmeans.distances import Distance

IRIS = load_iris().data


def absolute(x, c):
    return np.sum(np.abs(x - c))


def squared(x, c):
    return np.sum((x - c) ** 2)


def euclidean(x, c):
    return np.sqrt(np.sum((x - c) ** 2))


def test_absolute_distance_gives_medians():
    random = np.random.default_rng(0)
    X = np.concatenate([random.standard_normal((51, 3)), 8 + random.standard_normal((77, 3))])
    model = KMeans(2, distance=absolute, init=X[[0, -1]], tol=0).fit(X)
    for k, own in enumerate((slice(0, 51), slice(51, None))):
        np.testing.assert_allclose(model.cluster_centers_[k], np.median(X[own], axis=0), atol=1e-7)
    np.testing.assert_array_equal(model.labels_, np.repeat([0, 1], [51, 77]))
    np.testing.assert_allclose(model.inertia_, np.abs(X - model.cluster_centers_[model.labels_]).sum())
    assert np.all(np.diff(model.loss_curve_) <= 0)


def test_medians_of_many_features():
    X = load_wine().data
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = KMeans(3, distance=absolute, random_state=0, tol=0).fit(X)
    for k in range(3):
        own = X[model.labels_ == k]
        least = np.abs(own - np.median(own, axis=0)).sum()  # of an even number of rows the median is one of many
        np.testing.assert_allclose(np.abs(own - model.cluster_centers_[k]).sum(), least)
    assert all(type(value) is float for value in model.loss_curve_)


def test_the_squared_distance_gives_k_means():
    start = IRIS[[0, 60, 140]]
    w = np.random.default_rng(1).random(150)
    ours = KMeans(3, distance=squared, init=start, tol=0).fit(IRIS, sample_weight=w)
    usual = KMeans(3, init=start, tol=0).fit(IRIS, sample_weight=w)
    np.testing.assert_array_equal(ours.labels_, usual.labels_)
    np.testing.assert_allclose(ours.cluster_centers_, usual.cluster_centers_, atol=1e-7)
    np.testing.assert_allclose(ours.inertia_, usual.inertia_)
    np.testing.assert_allclose(ours.score(IRIS, sample_weight=w), usual.score(IRIS, sample_weight=w))
    np.testing.assert_allclose(ours.transform(IRIS), usual.transform(IRIS) ** 2, atol=1e-6)
    np.testing.assert_array_equal(ours.predict(IRIS), usual.labels_)
    assert ours.solution_.kind == usual.solution_.kind == "strict minimum"


def test_the_euclidean_distance_gives_the_geometric_median():
    model = KMeans(1, distance=euclidean, init=IRIS[:1], tol=0).fit(IRIS)
    total = lambda c: np.sqrt(((IRIS - c) ** 2).sum(axis=1)).sum()
    found = scipy.optimize.minimize(total, IRIS.mean(axis=0), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(model.cluster_centers_[0], found.x, atol=1e-5)
    assert model.inertia_ <= found.fun + 1e-9


def test_many_rows_come_in_blocks():
    X = np.random.default_rng(0).standard_normal((9000, 2))
    centers = X[:3]
    labels, least = Distance(absolute).nearest(X, centers)
    each = np.abs(X[:, None] - centers).sum(axis=2)
    np.testing.assert_array_equal(labels, each.argmin(axis=1))
    np.testing.assert_allclose(least, each.min(axis=1))


def test_starts_by_the_distance():
    X = np.concatenate([np.zeros((30, 1)), np.full((30, 1), 5.0), np.full((30, 1), 40.0)])
    model = KMeans(3, distance=absolute, random_state=0).fit(X)
    np.testing.assert_allclose(np.sort(model.cluster_centers_.ravel()), [0, 5, 40], atol=1e-8)


def test_an_empty_cluster_is_given_a_row():
    X = np.array([[0.0], [1.0], [2.0], [50.0]])
    model = KMeans(2, distance=absolute, init=np.array([[1.0], [900.0]])).fit(X)
    np.testing.assert_allclose(np.sort(model.cluster_centers_.ravel()), [1, 50], atol=1e-8)


def test_the_objective_with_the_distance():
    centers = IRIS[[0, 60, 140]]
    each = np.abs(IRIS[:, None] - centers).sum(axis=2).min(axis=1)
    np.testing.assert_allclose(KMeans.objective(centers, IRIS, None, absolute), each.sum())


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (lambda x, c: np.abs(x - c), "must return one number"),
        (lambda x, c: np.log(-1.0 - np.sum((x - c) ** 2)), "is nan for the first row"),
    ],
)
def test_what_is_no_distance(distance, words):
    with np.errstate(invalid="ignore"), pytest.raises(ArgumentError, match=words):
        KMeans(2, distance=distance, init=IRIS[:2]).fit(IRIS)


def test_no_mini_batches_with_it():
    with pytest.raises(ArgumentError, match="batch_size"):
        KMeans(2, distance=absolute, batch_size=10).fit(IRIS)
    assert not hasattr(KMeans(2, distance=absolute), "partial_fit")
