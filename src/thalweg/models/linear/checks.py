"""What is wrong with the data, with its row and column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

__all__ = ["located"]


def located(error: ValueError, X: Any, y: Any = None, names: Sequence[str] | None = None) -> ValueError:
    """The error of a check of scikit-learn's, with the place of the first value that is not finite, if that is it."""
    text = str(error)
    if "NaN" not in text and "infinity" not in text and "inf" not in text:
        return error
    for what, data in (("X", X), ("y", y)):
        place = _first(data)
        if place is not None:
            row, column, value = place
            label = f", column {names[column]!r}" if names is not None and what == "X" else f", column {column}"
            label = "" if np.ndim(data) == 1 else label
            kind = "NaN" if np.isnan(value) else "infinity"
            return ArgumentError(
                f"Input {what} contains {kind}: row {row}{label}. Leave such rows out, or fill them, for instance "
                "with sklearn.impute.SimpleImputer."
            )
    return error


def _first(data: Any) -> tuple[int, int, float] | None:
    """Row, column and value of the first number that is not finite."""
    if data is None:
        return None
    try:
        if hasattr(data, "tocoo"):
            data = data.tocoo()
            bad = np.flatnonzero(~np.isfinite(data.data))
            return (int(data.row[bad[0]]), int(data.col[bad[0]]), float(data.data[bad[0]])) if bad.size else None
        values = np.asarray(data, dtype=float)
    except (TypeError, ValueError):
        return None
    places = np.argwhere(~np.isfinite(values))
    if not len(places):
        return None
    place = tuple(int(i) for i in places[0])
    return place[0], place[1] if len(place) > 1 else 0, float(values[place])
