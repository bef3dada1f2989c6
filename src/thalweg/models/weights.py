"""Sample weights as they must be, or an error that names the row."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from thalweg.errors import ArgumentError

__all__ = ["checked_weights"]


def checked_weights(weights: Any, rows: int) -> np.ndarray[Any, Any] | None:
    """Return one weight for each row as float64; None stays None, and one number stands for all.

    Raises
    ------
    ArgumentError
        Where there are not as many as rows, one is negative, or all are zero.

    Examples
    --------
    >>> checked_weights(2, 3)
    array([2., 2., 2.])
    """
    if weights is None:
        return None
    if isinstance(weights, numbers.Real):
        weights = np.full(rows, float(weights))
    weights = check_array(weights, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.ndim != 1:
        raise ArgumentError("Sample weights must be 1D array or scalar")
    if len(weights) != rows:
        raise ArgumentError(f"sample_weight.shape == {weights.shape}, expected {(rows,)}: one weight for each row")
    wrong = np.flatnonzero(weights < 0)
    if len(wrong):
        raise ArgumentError(f"sample_weight is {weights[wrong[0]]:g} at row {wrong[0]}: weights may not be negative")
    if not np.any(weights):
        raise ArgumentError("every sample weight is zero: there is nothing to fit")
    return np.asarray(weights)
