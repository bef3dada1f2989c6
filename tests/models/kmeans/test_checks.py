"""Errors name the parameter, the row, and what to give instead."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from thalweg.errors import ArgumentError
from thalweg.models.kmeans import KMeans

X = np.arange(20.0).reshape(10, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"n_clusters": 0}, "n_clusters=0: give a whole number of at least 1"),
        ({"n_clusters": 2.5}, "n_clusters=2.5"),
        ({"n_clusters": 11}, "n_samples=10 should be >= n_clusters=11"),
        ({"n_init": "many"}, "n_init='many': give 'auto' or"),
        ({"max_iter": 0}, "max_iter=0"),
        ({"tol": -1.0}, "tol=-1.0: give a number of at least 0"),
        ({"algorithm": "full"}, "algorithm='full': give 'lloyd' or 'elkan'"),
        ({"init": "best"}, "init='best'"),
        ({"init": X[:3]}, r"\(3, 2\) does not match the number of clusters 2"),
        ({"init": X[:2, :1]}, r"\(2, 1\) does not match the number of features"),
        ({"init": lambda X, n_clusters, random_state: X[:3]}, "does not match the number of clusters"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"reassignment_ratio": -0.1}, "reassignment_ratio=-0.1"),
        ({"max_no_improvement": -1}, "max_no_improvement=-1"),
        ({"distance": "cosine"}, "distance='cosine': give None or a function"),
    ],
)
def test_parameters(words, message):
    with pytest.raises(ArgumentError, match=message):
        KMeans(**{"n_clusters": 2, **words}).fit(X)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(9), r"sample_weight.shape == \(9,\), expected \(10,\)"),
        (np.ones((10, 1)), "Sample weights must be 1D"),
        (np.where(np.arange(10) == 4, -2.0, 1.0), "sample_weight is -2 at row 4"),
        (np.zeros(10), "every sample weight is zero"),
        (np.where(np.arange(10) == 4, np.nan, 1.0), "sample_weight contains NaN"),
    ],
)
def test_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        KMeans(2).fit(X, sample_weight=weights)


def test_one_number_weighs_all_rows_alike():
    a, b = KMeans(2, random_state=0).fit(X), KMeans(2, random_state=0).fit(X, sample_weight=3.0)
    np.testing.assert_allclose(b.inertia_, 3 * a.inertia_)


def test_several_starts_of_one_given_point():
    with pytest.warns(RuntimeWarning, match="one start and not n_init=5"):
        KMeans(2, init=X[:2], n_init=5).fit(X)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_what_is_missing_is_named_by_row_and_column(value, word):
    broken = X.copy()
    broken[7, 1] = value
    for form in (np.array, scipy.sparse.csr_array):
        with pytest.raises(ArgumentError, match=rf"contains {word}: row 7, column 1\."):
            KMeans(2).fit(form(broken))
    model = KMeans(2).fit(pd.DataFrame(X, columns=["height", "weight"]))
    with pytest.raises(ArgumentError, match=rf"contains {word}: row 7, column 1 \('weight'\)"):
        model.predict(pd.DataFrame(broken, columns=["height", "weight"]))


def test_large_numbers_are_no_infinity():
    KMeans(2, random_state=0).fit(np.array([[1e308, 0.0], [1e308, 1.0]]) * 1e-5)
