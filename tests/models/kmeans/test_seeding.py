"""Starts: the rows that scikit-learn draws with the same seed, and potentials by hand."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.cluster import kmeans_plusplus
from sklearn.datasets import load_digits, load_iris

from thalweg.execution.native import llvm
from thalweg.models.kmeans.rows import Rows
from thalweg.models.kmeans.seeding import CompiledPotentials, Potentials, plus_plus, random_rows


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("load", "k"), [(load_iris, 3), (load_iris, 12), (load_digits, 10)])
def test_the_rows_that_scikit_learn_chooses(load, k, weighted, seed):
    X = load().data
    w = np.random.default_rng(seed).random(len(X)) if weighted else None
    _, theirs = kmeans_plusplus(X, k, random_state=seed, sample_weight=w)
    rows = Rows.centred(X, w)
    centers, ours = plus_plus(rows, k, np.random.RandomState(seed))
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(centers + rows.origin, X[theirs], atol=1e-12)


def test_large_and_sparse_data_alike():
    X = np.random.default_rng(0).standard_normal((70_000, 8)) * 3
    X[np.abs(X) < 1] = 0
    _, theirs = kmeans_plusplus(X, 32, random_state=5)
    for given in (X, scipy.sparse.csr_array(X)):
        np.testing.assert_array_equal(plus_plus(Rows.centred(given), 32, np.random.RandomState(5))[1], theirs)


@pytest.mark.skipif(not llvm.available(), reason="LLVM cannot start here")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "d", "trials"), [(3, 1, 1), (2050, 7, 4), (4999, 20, 6)])
def test_potentials(n, d, trials, weighted, dtype):
    random = np.random.default_rng(n)
    X = (random.standard_normal((n, d)) + 5).astype(dtype)
    w = random.random(n) if weighted else None
    rows = Rows.centred(X, w)
    squares = lambda c: ((X.astype(float) - X[c].astype(float)) ** 2).sum(axis=1)
    ones = np.ones(n) if w is None else w
    candidates = random.integers(0, n, trials)
    for way in (Potentials(rows), CompiledPotentials(rows, trials)):
        tolerance = {"rtol": 1e-12, "atol": 1e-10} if dtype == np.float64 else {"rtol": 1e-4, "atol": 1e-3}
        np.testing.assert_allclose(way.accept(0), ones @ squares(0), **tolerance)
        np.testing.assert_allclose(way.accept(n - 1), ones @ np.minimum(squares(0), squares(n - 1)), **tolerance)
        closest = np.minimum(squares(0), squares(n - 1))
        np.testing.assert_allclose(way.closest, closest, **tolerance)
        np.testing.assert_allclose(way.cumulated(), np.cumsum(ones * closest), **tolerance)
        expected = [ones @ np.minimum(closest, squares(c)) for c in candidates]
        np.testing.assert_allclose(way.with_each(candidates), expected, **tolerance)


def test_random_rows_are_different_and_have_weight():
    w = np.repeat([0.0, 1.0], 50)
    X = np.arange(100.0)[:, None]
    rows = Rows(X, w, np.zeros(1))
    chosen = random_rows(rows, 40, np.random.RandomState(0)).ravel()
    assert len(set(chosen)) == 40
    assert chosen.min() >= 50
