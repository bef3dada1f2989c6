"""Gaussian mixtures beside scikit-learn's: many rows from one start, and few."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from benchmarks.models import Case

__all__ = ["CASES"]


@functools.cache
def rows(n: int, features: int, components: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Rows of a mixture whose components overlap, and a start."""
    rng = np.random.default_rng(0)
    means = 2 * rng.normal(size=(components, features))
    shapes = np.eye(features) + rng.normal(size=(components, features, features)) / 4
    which = rng.integers(0, components, n)
    X = rng.normal(size=(n, features))
    for k in range(components):
        X[which == k] = means[k] + X[which == k] @ shapes[k]
    start = {
        "n_components": components,
        "weights_init": np.full(components, 1 / components),
        "means_init": X[rng.choice(n, components, replace=False)],
        "precisions_init": np.stack([np.eye(features) / X.var()] * components),
    }
    return X, start


def iris() -> tuple[np.ndarray, dict[str, Any]]:
    from sklearn.datasets import load_iris

    return load_iris().data, {"n_components": 3, "random_state": 0}


def ours(X: np.ndarray, start: dict[str, Any]) -> Any:
    from thalweg.models.mixture import GaussianMixture

    return GaussianMixture(**start).fit(X)


def theirs(X: np.ndarray, start: dict[str, Any]) -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(**start).fit(X)


def quality(fitted: Any, X: np.ndarray, start: dict[str, Any]) -> float:
    """The mean negative log-likelihood."""
    return -float(fitted.score(X))


CASES = [
    Case(
        "mixture, full 5·10⁴×16, k = 10", "scikit-learn", lambda: rows(50_000, 16, 10), ours, theirs, quality, 0.4,
        memory=64.0,
    ),
    Case(
        "mixture, iris 150×4, k = 3", "scikit-learn", iris, ours, theirs, quality, 3.0,
        slack=1e-3,  # k-means starts of their own
    ),
]  # fmt: skip
