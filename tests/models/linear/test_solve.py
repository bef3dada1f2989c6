"""The words for columns that repeat others."""

import numpy as np
import pytest

from thalweg.models.linear.solve import Dependency, told


@pytest.mark.parametrize(
    ("dependency", "text"),
    [
        (Dependency(2, {0: 2.0, 1: 1.0}, 0.0), "c = 2*a + b"),
        (Dependency(2, {0: -1.0, 1: -0.5}, 3.0), "c = -a - 0.5*b + 3"),
        (Dependency(1, {0: 1 + 1e-12}, -2.5), "b = a - 2.5"),
        (Dependency(0, {}, 4.0), "a = 4, a constant"),
        (Dependency(0, {}, 0.0), "a = 0, a constant"),
        (Dependency(0, {}, -1.0), "a = -1, a constant"),
    ],
)
def test_told(dependency, text):
    assert told(dependency, ["a", "b", "c"]) == text


def test_a_tolerance_of_the_users_own():
    from thalweg.models.linear import LinearRegression

    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    X = np.column_stack([X, X[:, 0] + 1e-4 * rng.normal(size=100)])
    y = rng.normal(size=100)
    assert LinearRegression().fit(X, y).rank_ == 3
    near = LinearRegression(tol=1e-2).fit(X, y)
    assert near.rank_ == 2 and near.dependencies_[0].startswith("x2 = ")


def test_means_of_rounding_errors_are_no_constant():
    from thalweg.models.linear import LinearRegression

    X = np.random.default_rng(0).normal(size=(50, 2))
    X -= X.mean(axis=0)
    m = LinearRegression().fit(np.column_stack([X, X[:, 0] - X[:, 1]]), X[:, 0])
    assert m.dependencies_ == ["x2 = x0 - x1"]
