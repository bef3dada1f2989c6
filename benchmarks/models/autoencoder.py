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


def trained(model: Any, *data: np.ndarray) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of limits that are reached
        return model.fit(*data)


def ours_digits(X: np.ndarray) -> Any:
    from thalweg.models.autoencoder import Autoencoder

    return trained(Autoencoder(8, (32,), solver="adam", max_iter=50, random_state=0), X)


def theirs_digits(X: np.ndarray) -> Any:
    from sklearn.neural_network import MLPRegressor

    return trained(MLPRegressor(hidden_layer_sizes=(32, 8, 32), max_iter=50, random_state=0), X, X)


def ours_iris(X: np.ndarray) -> Any:
    from thalweg.models.autoencoder import Autoencoder

    return trained(Autoencoder(2, random_state=0), X)


def theirs_iris(X: np.ndarray) -> Any:
    from sklearn.neural_network import MLPRegressor

    settings: dict[str, Any] = {"activation": "identity", "solver": "lbfgs", "random_state": 0}
    return trained(MLPRegressor(hidden_layer_sizes=(2,), **settings), X, X)


def error(fitted: Any, X: np.ndarray) -> float:
    """The mean square of what is not brought back."""
    if hasattr(fitted, "reconstruction_error"):
        return float(fitted.reconstruction_error(X).mean())
    return float(np.mean((fitted.predict(X) - X) ** 2))


CASES = [
    Case(
        "autoencoder 64-32-8-32-64, digits, 50 epochs", "scikit-learn", digits, ours_digits, theirs_digits, error, 0.8
    ),
    Case("autoencoder 4-2-4, iris", "scikit-learn", iris, ours_iris, theirs_iris, error, 3.0, slack=1e-4),
]
