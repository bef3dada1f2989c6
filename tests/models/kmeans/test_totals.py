"""Sums by label against loops over the clusters."""

import numpy as np
import pytest
import scipy.sparse

from thalweg.models.kmeans.rows import Rows
from thalweg.models.kmeans.totals import Totals, inertia, squared_distances


def data(n, sparse, weighted, dtype=np.float64):
    random = np.random.default_rng(n)
    X = (random.standard_normal((n, 6)) * (random.random((n, 6)) < 0.6)).astype(dtype)
    w = random.random(n) if weighted else None
    return X, Rows.centred(scipy.sparse.csr_array(X) if sparse else X, w), np.ones(n) if w is None else w


def by_hand(X, rows, w, labels, k):
    about = X.astype(float) - rows.origin
    sums = np.array([(w[labels == c, None] * about[labels == c]).sum(axis=0) for c in range(k)])
    return sums, np.array([w[labels == c].sum() for c in range(k)])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n", [9, 70_001])
def test_sums_and_their_changes(n, sparse, weighted):
    X, rows, w = data(n, sparse, weighted)
    random = np.random.default_rng(0)
    labels = random.integers(0, 5, n).astype(np.int32)
    totals = Totals(rows, 5)
    totals.renew(labels)
    for share in (0.0, 0.001, 0.1, 0.9):
        after = np.where(random.random(n) < share, random.integers(0, 5, n), labels).astype(np.int32)
        assert totals.move(labels, after) == np.sum(labels != after)
        labels = after
        sums, weights = by_hand(X, rows, w, labels, 5)
        np.testing.assert_allclose(totals.sums, sums, atol=1e-9)
        np.testing.assert_allclose(totals.weights, weights, atol=1e-9)


@pytest.mark.parametrize("sparse", [False, True])
def test_value_is_the_objective(sparse):
    X, rows, w = data(3000, sparse, True)
    labels = np.random.default_rng(1).integers(0, 4, 3000).astype(np.int32)
    centers = np.random.default_rng(2).standard_normal((4, 6))
    totals = Totals(rows, 4)
    totals.renew(labels)
    each = ((X - rows.origin - centers[labels]) ** 2).sum(axis=1)
    np.testing.assert_allclose(totals.value(centers), w @ each)
    np.testing.assert_allclose(squared_distances(rows, centers, labels), each)
    np.testing.assert_allclose(inertia(rows, centers, labels), w @ each)


def test_float32_is_added_up_in_float64():
    X, rows, w = data(70_001, False, False, np.float32)
    labels = np.zeros(70_001, np.int32)
    totals = Totals(rows, 1)
    totals.renew(labels)
    np.testing.assert_allclose(totals.sums, by_hand(X, rows, w, labels, 1)[0], rtol=1e-6, atol=1e-3)
    assert totals.sums.dtype == np.float64


def test_an_empty_cluster_takes_the_farthest_row():
    X = np.array([[0.0], [1.0], [2.0], [30.0], [31.0]])
    rows = Rows(X, np.array([1.0, 1.0, 1.0, 2.0, 0.0]), np.zeros(1))
    labels = np.zeros(5, np.int32)
    totals = Totals(rows, 2)
    totals.renew(labels)
    found = totals.relocated(labels, np.array([[0.0], [90.0]]))
    np.testing.assert_allclose(found.weights, [3.0, 2.0])  # the row at 31 has no weight, so that at 30 is taken
    np.testing.assert_allclose(found.means(), [[1.0], [30.0]])
    np.testing.assert_allclose(totals.weights, [5.0, 0.0])  # as they were


def test_more_clusters_than_different_rows():
    rows = Rows(np.ones((4, 2)), None, np.zeros(2))
    labels = np.zeros(4, np.int32)
    totals = Totals(rows, 3)
    totals.renew(labels)
    assert totals.relocated(labels, np.ones((3, 2))) is totals
    np.testing.assert_allclose(totals.means(), np.ones((3, 2)))
