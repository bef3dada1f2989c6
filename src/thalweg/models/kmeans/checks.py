"""Parameters, weights and starts as they must be, or an error that says what to write instead."""

from __future__ import annotations

import numbers
import warnings
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils.validation import check_array

from thalweg.errors import ArgumentError
from thalweg.models.weights import checked_weights as weights_for

from .rows import Array

__all__ = ["checked_finite", "checked_parameters", "checked_start", "checked_weights", "runs_wanted"]


def _whole(value: Any, least: int = 1) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= least


def _real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and float(value) >= 0


# parameter, what it must be, in words
_RULES = (
    ("n_clusters", _whole, "a whole number of at least 1"),
    ("n_init", lambda v: (isinstance(v, str) and v == "auto") or _whole(v), "'auto' or a whole number of at least 1"),
    ("max_iter", _whole, "a whole number of at least 1"),
    ("tol", _real, "a number of at least 0"),
    ("verbose", lambda v: isinstance(v, (bool, numbers.Integral)), "0 or 1"),
    ("algorithm", lambda v: isinstance(v, str) and v in ("lloyd", "elkan"), "'lloyd' or 'elkan'"),
    ("batch_size", lambda v: v is None or _whole(v), "None or a whole number of at least 1"),
    ("max_no_improvement", lambda v: v is None or _whole(v, 0), "None or a whole number of at least 0"),
    ("reassignment_ratio", _real, "a number of at least 0"),
    ("distance", lambda v: v is None or callable(v), "None or a function distance(x, c) of a row and a centre"),
)


def checked_parameters(estimator: Any) -> None:
    """Raise an error for the first parameter that is not what it must be."""
    for name, holds, words in _RULES:
        value = getattr(estimator, name)
        if not holds(value):
            raise ArgumentError(f"{name}={value!r}: give {words}")
    init = estimator.init
    if isinstance(init, str) and init not in ("k-means++", "random"):
        raise ArgumentError(f"init={init!r}: give 'k-means++', 'random', a function, or the centres as an array")
    if estimator.distance is not None and estimator.batch_size is not None:
        raise ArgumentError("batch_size= learns by means, so it takes no distance=; give one of the two")


def checked_finite(X: Any, names: Any = None) -> None:
    """Raise an error that names the first row and column in which a number is missing or infinite."""
    sparse = bool(scipy.sparse.issparse(X))
    numbers_of = X.data if sparse else X
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(numbers_of)):
            return
    wrong = np.argwhere(~np.isfinite(numbers_of))
    if not len(wrong):  # only the sum is too large
        return
    if sparse:
        value, coordinates = numbers_of[wrong[0, 0]], X.tocoo().coords
        row, column = (int(c[wrong[0, 0]]) for c in coordinates)
    else:
        row, column = map(int, wrong[0])
        value = X[row, column]
    name = "" if names is None else f" ({names[column]!r})"
    what = "NaN" if np.isnan(value) else "infinity"
    raise ArgumentError(
        f"Input X contains {what}: row {row}, column {column}{name}. Fill such values in, or leave out their rows."
    )


def checked_weights(weights: Any, X: Any, clusters: int = 0) -> Array | None:
    """One weight for each row, or None; and whether there are as many rows as clusters."""
    rows = X.shape[0]
    if rows < clusters:
        raise ArgumentError(f"n_samples={rows} should be >= n_clusters={clusters}: there are more clusters than rows")
    return weights_for(weights, rows)


def checked_start(init: Any, X: Any, clusters: int) -> Any:
    """A start that is an array, with the shape that it must have; other kinds as they are."""
    if isinstance(init, str) or callable(init):
        return init
    if scipy.sparse.issparse(init):
        sparse: Any = init
        init = sparse.toarray()
    init = check_array(init, dtype=X.dtype, order="C", input_name="init")
    if init.shape[0] != clusters:
        raise ArgumentError(
            f"The shape of the initial centers {init.shape} does not match the number of clusters {clusters}."
        )
    if init.shape[1] != X.shape[1]:
        raise ArgumentError(
            f"The shape of the initial centers {init.shape} does not match the number of features of the data "
            f"{X.shape[1]}."
        )
    return init


def runs_wanted(estimator: Any, init: Any) -> int:
    """How many starts."""
    given = not isinstance(init, str) and not callable(init)
    if estimator.n_init == "auto":
        several = 3 if estimator.batch_size is not None else 10
        return 1 if given or (isinstance(init, str) and init == "k-means++") else several
    if given and estimator.n_init != 1:
        warnings.warn(
            f"init gives the centres, so there is one start and not n_init={estimator.n_init}.",
            RuntimeWarning,
            stacklevel=3,
        )
        return 1
    return int(estimator.n_init)
