"""What is shown of many features: two of them, or the plane of most variance, with centres and covariances in it."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from thalweg.errors import ArgumentError
from thalweg.plot.view import array_of, names_of, seen_by, view

X = load_iris().data
NAMES = ["a", "b", "c", "d"]


def test_principal_axes_are_those_of_pca():
    shown = view(X, NAMES)
    pca = PCA(2).fit(X)
    expected = pca.transform(X)
    found = shown.points(X)
    assert np.allclose(np.abs(found), np.abs(expected), atol=1e-9)
    assert shown.labels == (
        f"first principal axis ({100 * pca.explained_variance_ratio_[0]:.0f} % of the variance)",
        f"second principal axis ({100 * pca.explained_variance_ratio_[1]:.0f} % of the variance)",
    )
    assert all(axis[np.argmax(np.abs(axis))] > 0 for axis in shown.A.T)
    assert np.allclose(shown.covariance(np.cov(X.T)), np.cov(found.T))


def test_rows_with_missing_values_do_not_turn_the_axes():
    gaps = np.vstack([X, [np.nan, 1, 2, 3]])
    assert np.allclose(view(gaps, NAMES).A, view(X, NAMES).A)
    with pytest.raises(ArgumentError, match="fewer than two rows without missing values"):
        view(np.full((5, 3), np.nan), NAMES[:3])


@pytest.mark.parametrize("features", [["d", "b"], [3, 1], [-1, "b"]])
def test_named_features(features):
    shown = view(X, NAMES, features, " (cm)")
    assert shown.labels == ("d (cm)", "b (cm)")
    assert np.array_equal(shown.points(X), X[:, [3, 1]])


def test_one_and_two_features():
    assert view(X[:, :2], NAMES[:2]).labels == ("a", "b")
    single = view(X[:, :1], NAMES[:1])
    assert single.single and single.labels == ("a",)
    assert np.array_equal(single.points(X[:3, :1]), [[5.1, 0], [4.9, 0], [4.7, 0]])


@pytest.mark.parametrize("features", [["z"], [4], ["a", "a"], ["a", "b", "c"], [], [True, "b"]])
def test_features_that_are_not_there(features):
    with pytest.raises(ArgumentError, match="features: "):
        view(X, NAMES, features)


def test_names():
    import pandas

    class Model:
        feature_names_in_ = np.array(["p", "q"], dtype=object)

    frame = pandas.DataFrame({"u": [1.0], "v": [2.0]})
    assert names_of(Model(), frame, ["a", "b"]) == ["a", "b"]
    assert names_of(Model(), frame, None) == ["p", "q"]
    assert names_of(object(), frame, None) == ["u", "v"]
    assert names_of(object(), np.zeros((1, 2)), None) == ["x0", "x1"]
    assert array_of(frame).tolist() == [[1, 2]]
    with pytest.raises(ArgumentError, match="rows and columns are needed"):
        array_of([1, 2])


def test_what_a_pipeline_shows_to_its_last_step():
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    inner, rows, unit = seen_by(pipeline, X)
    assert inner is pipeline[-1] and unit == " (standardized)"
    assert np.allclose(rows, (X - X.mean(0)) / X.std(0))
    assert seen_by(inner, X) == (inner, X, "") or seen_by(inner, X)[1] is X
