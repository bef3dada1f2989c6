"""Autoencoders beside scikit-learn's network that is given its own input as target."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.models import Case

__all__ = ["CASES"]


def iris() -> tuple[np.ndarray]:
    from sklearn.datasets import load_iris

    return (load_iris().data,)


def digits() -> tuple[np.ndarray]:
    from sklearn.datasets import load_digits

    return (load_digits().data / 16,)


def ours(X: np.ndarray, **settings: Any) -> Any:
    from thalweg.models.autoencoder import Autoencoder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Autoencoder(random_state=0, **settings).fit(X)


def theirs(X: np.ndarray, **settings: Any) -> Any:
    from sklearn.neural_network import MLPRegressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MLPRegressor(random_state=0, **settings).fit(X, X)


def error(fitted: Any, X: np.ndarray) -> float:
    """The mean square of what is not brought back."""
    if hasattr(fitted, "reconstruction_error"):
        return float(fitted.reconstruction_error(X).mean())
    return float(np.mean((fitted.predict(X) - X) ** 2))


CASES = [
    Case(
        "autoencoder 64-32-8-32-64, digits, 50 epochs",
        "scikit-learn",
        digits,
        lambda X: ours(X, n_components=8, hidden_layer_sizes=(32,), solver="adam", max_iter=50),
        lambda X: theirs(X, hidden_layer_sizes=(32, 8, 32), max_iter=50),
        error,
        0.8,
    ),
    Case(
        "autoencoder 4-2-4, iris",
        "scikit-learn",
        iris,
        ours,
        lambda X: theirs(X, hidden_layer_sizes=(2,), activation="identity", solver="lbfgs"),
        error,
        3.0,
        slack=1e-4,
    ),
]
