"""Starts: k-means, random rows by weight, and the mixture of a partition."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris

from thalweg.models.mixture.blocks import Rows
from thalweg.models.mixture.maximization import SingularError
from thalweg.models.mixture.start import STARTS, assigned, fitting, responsibilities
from thalweg.models.mixture.state import TYPES

IRIS = load_iris().data


def inertia(X, labels):
    return sum(((X[labels == k] - X[labels == k].mean(axis=0)) ** 2).sum() for k in np.unique(labels))


def test_lloyd_as_scikit_learn():
    rows = Rows.of(IRIS)
    centres = IRIS[[0, 60, 120]]
    labels = assigned(rows, centres - rows.centre, 100)
    peer = KMeans(3, init=centres, n_init=1).fit(IRIS)
    assert inertia(IRIS, labels) == pytest.approx(peer.inertia_, rel=1e-3)


def test_kmeans_start_is_a_good_partition():
    rows = Rows.of(IRIS)
    best = KMeans(3, n_init=20, random_state=0).fit(IRIS).inertia_
    found = [inertia(IRIS, responsibilities(rows, 3, "kmeans", np.random.RandomState(s))) for s in range(20)]
    assert min(found) < 1.001 * best and np.median(found) < 1.1 * best


@pytest.mark.parametrize("init", ["kmeans", "k-means++", "random_from_data"])
def test_rows_are_taken_by_weight(init):
    weights = np.zeros(150)
    weights[[3, 70, 140]] = 1.0
    labels = responsibilities(Rows.of(IRIS, weights), 3, init, np.random.RandomState(0))
    assert len(set(labels[[3, 70, 140]])) == 3


def test_repeated_rows_are_weights():
    times = np.random.default_rng(0).integers(1, 4, 150)
    one = responsibilities(Rows.of(IRIS, times.astype(float)), 3, "k-means++", np.random.RandomState(5))
    other = responsibilities(Rows.of(np.repeat(IRIS, times, axis=0)), 3, "k-means++", np.random.RandomState(5))
    assert np.array_equal(np.repeat(one, times), other)


@pytest.mark.parametrize("init", STARTS)
def test_missing_values_and_equal_rows(init):
    X = np.repeat(IRIS[:5], 4, axis=0)
    X[2, 1] = np.nan
    shares = responsibilities(Rows.of(X), 3, init, np.random.RandomState(0))
    assert np.all(np.isfinite(shares)) and len(shares) == 20


@pytest.mark.parametrize("kind", TYPES)
def test_fitting_a_partition(kind):
    labels = load_iris().target
    mixture = fitting(Rows.of(IRIS), labels, 3, kind, 0.25)
    np.testing.assert_allclose(mixture.weights, 1 / 3)
    np.testing.assert_allclose(mixture.means, [IRIS[labels == k].mean(axis=0) for k in range(3)], rtol=1e-13)
    each = np.stack([np.cov(IRIS[labels == k].T, bias=True) + 0.25 * np.eye(4) for k in range(3)])
    want = {
        "full": each,
        "tied": each.mean(axis=0),
        "diag": np.diagonal(each, axis1=1, axis2=2),
        "spherical": np.diagonal(each, axis1=1, axis2=2).mean(axis=1),
    }
    np.testing.assert_allclose(mixture.covariances(), want[kind], rtol=1e-11, atol=1e-13)


def test_singular():
    labels = np.zeros(150, int)
    labels[7] = 1
    with pytest.raises(SingularError) as error:
        fitting(Rows.of(IRIS), labels, 2, "full", 0.0)
    assert (error.value.component, error.value.rows) == (1, 1.0)
