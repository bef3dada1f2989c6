"""What the user's function returned, as the one number or the residuals that it was to be, or what to do about it."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.tracing import tree

__all__ = ["half_sum_of_squares", "residual_vector", "scalar", "shape_of"]


def residual_vector(value: Any) -> Any:
    """Residuals as one vector: an array of any shape, or a nested structure of numbers and arrays."""
    leaves, _ = tree.flatten(value)
    if not leaves:
        raise ArgumentError("The function returned no residuals; is a return missing?")
    parts = [np.reshape(leaf, (-1,)) for leaf in leaves]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def half_sum_of_squares(value: Any) -> Any:
    """½ ‖r‖² of what a function of residuals returned."""
    r = residual_vector(value)
    return 0.5 * (r @ r)


def scalar(value: Any) -> Any:
    """The value as a scalar, or an error that says what was returned instead."""
    if isinstance(value, (list, tuple)):
        shape: tuple[int, ...] = (len(value),)
    elif value is not None:
        shape = shape_of(value)
        if shape == ():
            return value
        if int(np.prod(shape)) == 1:
            return np.reshape(value, ())
    else:
        raise ArgumentError("The function to minimize must return a number, but it returned None; is a return missing?")
    raise ArgumentError(
        f"The function to minimize must return one number, but it returned an array of shape {shape}. Sum it up: "
        "np.sum(values), or np.sum(residuals**2) for least squares."
    )


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a number, an array or a traced value."""
    shape = getattr(value, "shape", None)
    return tuple(shape) if shape is not None else np.shape(value)
