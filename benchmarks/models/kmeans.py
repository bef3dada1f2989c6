"""k-means beside scikit-learn's, from the same start or the same seed, to the same inertia."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.models import Case

__all__ = ["CASES"]


def blobs(n: int, features: int, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows round as many points as there are clusters, so wide that neighbours overlap; and rows to start from."""
    from sklearn.datasets import make_blobs

    X, _ = make_blobs(n, features, centers=clusters, cluster_std=4.0, random_state=0)
    return X, X[np.random.default_rng(0).choice(n, clusters, replace=False)]


def fog(n: int, features: int, clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one normal distribution: no clusters, so bounds help least."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n, features))
    return X, X[random.choice(n, clusters, replace=False)]


def iris() -> tuple[np.ndarray, int]:
    from sklearn.datasets import load_iris

    return load_iris().data, 3


def ours(X: np.ndarray, start: np.ndarray) -> Any:
    from thalweg.models.kmeans import KMeans

    return KMeans(len(start), init=start).fit(X)


def theirs(X: np.ndarray, start: np.ndarray) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(len(start), init=start, n_init=1).fit(X)


def fifty_of_ours(X: np.ndarray, start: np.ndarray) -> Any:
    from thalweg.models.kmeans import KMeans

    return KMeans(len(start), init=start, max_iter=50).fit(X)


def fifty_of_theirs(X: np.ndarray, start: np.ndarray) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(len(start), init=start, n_init=1, max_iter=50).fit(X)


def ours_from_a_seed(X: np.ndarray, clusters: int) -> Any:
    from thalweg.models.kmeans import KMeans

    return KMeans(clusters, random_state=0).fit(X)


def theirs_from_a_seed(X: np.ndarray, clusters: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(clusters, random_state=0).fit(X)


def seeded(n: int, features: int, clusters: int) -> tuple[np.ndarray, int]:
    return blobs(n, features, clusters)[0], clusters


def quality(fitted: Any, X: np.ndarray, *rest: Any) -> float:
    """The inertia, in float64 by differences, a part of the rows at a time."""
    total = 0.0
    for part in np.array_split(np.arange(len(X)), 1 + len(X) // 10_000):
        total += float(np.sum((X[part] - fitted.cluster_centers_[fitted.labels_[part]]) ** 2))
    return total


CASES = [
    Case("kmeans 2·10⁵×16, k=20", "scikit-learn", partial(blobs, 200_000, 16, 20), ours, theirs, quality, 0.8,
         memory=64.0),
    Case("kmeans 10⁵×64, k=100", "scikit-learn", partial(blobs, 100_000, 64, 100), ours, theirs, quality, 0.8,
         memory=64.0),
    Case("kmeans 2·10⁵×16, k=20, no clusters, 50 iterations", "scikit-learn", partial(fog, 200_000, 16, 20),
         fifty_of_ours, fifty_of_theirs, quality, 0.8, memory=64.0),
    Case("kmeans 10⁵×64, k=100, no clusters, 50 iterations", "scikit-learn", partial(fog, 100_000, 64, 100),
         fifty_of_ours, fifty_of_theirs, quality, 0.8, memory=64.0),
    Case("kmeans 2·10⁵×16, k=20, k-means++", "scikit-learn", partial(seeded, 200_000, 16, 20),
         ours_from_a_seed, theirs_from_a_seed, quality, 0.8, memory=64.0),
    Case("kmeans, iris 150×4, k=3", "scikit-learn", iris, ours_from_a_seed, theirs_from_a_seed, quality, 3.0),
]  # fmt: skip
