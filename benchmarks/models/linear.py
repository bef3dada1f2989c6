"""Linear regression beside scikit-learn's: many rows, and few."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.models import Case

__all__ = ["CASES"]


def rows(n: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, features))
    return X, X @ np.arange(1.0, features + 1) + 3 + rng.normal(size=n)


def iris() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_iris

    data = load_iris().data
    return np.ascontiguousarray(data[:, :3]), np.ascontiguousarray(data[:, 3])


def ours(X: np.ndarray, y: np.ndarray) -> Any:
    from thalweg.models.linear import LinearRegression

    return LinearRegression().fit(X, y)


def theirs(X: np.ndarray, y: np.ndarray) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(X, y)


def quality(fitted: Any, X: np.ndarray, y: np.ndarray) -> float:
    """The mean of the squared residuals."""
    return float(np.mean((y - X @ fitted.coef_ - fitted.intercept_) ** 2))


CASES = [
    Case("linear 10⁶×20", "scikit-learn", lambda: rows(10**6, 20), ours, theirs, quality, 0.15, memory=64.0),
    Case("linear, iris 150×3", "scikit-learn", iris, ours, theirs, quality, 3.0),
]
