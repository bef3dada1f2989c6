"""Parameters, weights and starts as they must be, or an error that says what to write instead."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from thalweg.errors import ArgumentError

from .blocks import Array
from .start import STARTS
from .state import TYPES

__all__ = ["METHODS", "checked_data", "checked_parameters", "checked_start", "named"]

METHODS = ("em", "gradient", "auto")


def _whole(value: Any, least: int = 1) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= least


def _real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 <= float(value) < np.inf


def _one_of(words: tuple[str, ...]) -> tuple[Any, str]:
    return (lambda v: isinstance(v, str) and v in words), "one of " + ", ".join(map(repr, words))


# parameter, what it must be, in words
_RULES = (
    ("n_components", _whole, "a whole number of at least 1"),
    ("covariance_type", *_one_of(TYPES)),
    ("tol", _real, "a number of at least 0"),
    ("reg_covar", _real, "a number of at least 0"),
    ("max_iter", lambda v: _whole(v, 0), "a whole number of at least 0"),
    ("n_init", _whole, "a whole number of at least 1"),
    ("init_params", *_one_of(STARTS)),
    ("method", *_one_of(METHODS)),
    ("warm_start", lambda v: isinstance(v, (bool, np.bool_)), "True or False"),
    ("verbose", lambda v: isinstance(v, (bool, numbers.Integral)) and int(v) >= 0, "0, 1 or 2"),
    ("verbose_interval", _whole, "a whole number of at least 1"),
)


def checked_parameters(estimator: Any) -> None:
    """Raise an error for the first parameter that is not what it must be."""
    for name, holds, words in _RULES:
        value = getattr(estimator, name)
        if not holds(value):
            raise ArgumentError(f"{name}={value!r}: give {words}.")


def named(estimator: Any, feature: int) -> str:
    """A feature as an error calls it."""
    names = getattr(estimator, "feature_names_in_", None)
    return f"feature {feature}" if names is None else f"feature {names[feature]!r}"


def checked_data(estimator: Any, X: Array, components: int) -> None:
    """Raise an error where there are too few rows, or a feature has no values at all."""
    if len(X) < components:
        raise ArgumentError(
            f"Expected n_samples >= n_components but got n_components = {components}, n_samples = {len(X)} "
            "(rows of weight 0 do not count)."
        )
    empty = np.flatnonzero(np.all(np.isnan(X), axis=0))
    if len(empty):
        raise ArgumentError(f"All values of {named(estimator, int(empty[0]))} are missing: leave it out.")


def checked_start(estimator: Any, features: int) -> tuple[Array | None, Array | None, Array | None]:
    """weights_init, means_init and precisions_init as arrays of the right shape; None where they are not given."""
    K, d, kind = estimator.n_components, features, estimator.covariance_type
    weights = _array(estimator.weights_init, "weights_init", (K,))
    if weights is not None:
        if np.any(weights < 0):
            k = int(np.argmin(weights))
            raise ArgumentError(f"weights_init is {weights[k]:g} for component {k}: weights may not be negative.")
        if abs(weights.sum() - 1) > 1e-6:
            raise ArgumentError(f"weights_init must sum to 1, but its sum is {weights.sum():g}.")
        weights = np.maximum(weights / weights.sum(), np.finfo(np.float64).tiny)
    means = _array(estimator.means_init, "means_init", (K, d))
    shape = {"full": (K, d, d), "tied": (d, d), "diag": (K, d), "spherical": (K,)}[kind]
    precisions = _array(estimator.precisions_init, "precisions_init", shape)
    if precisions is not None:
        _definite(precisions, kind)
    return weights, means, precisions


def _array(value: Any, name: str, shape: tuple[int, ...]) -> Array | None:
    if value is None:
        return None
    array = check_array(value, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name)
    if array.shape != shape:
        raise ArgumentError(f"{name} should have the shape {shape}, but it has {array.shape}.")
    return np.asarray(array)


def _definite(precisions: Array, kind: str) -> None:
    if kind in ("diag", "spherical"):
        if np.any(precisions <= 0):
            k = int(np.argwhere(precisions <= 0)[0][0])
            raise ArgumentError(f"precisions_init must be positive; that of component {k} is not.")
        return
    for k, P in enumerate(precisions if kind == "full" else precisions[None]):
        if not np.allclose(P, P.T, rtol=1e-5) or np.linalg.eigvalsh(P)[0] <= 0:
            whose = f"that of component {k}" if kind == "full" else "it"
            raise ArgumentError(f"precisions_init must be symmetric and positive definite; {whose} is not.")
