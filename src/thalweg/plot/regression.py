r"""A regression: rows and fit along one feature, with the bands of the line and of new rows; or predictions of many.

For one feature the fit is drawn over it.  For several, what is observed is drawn over what is predicted, where all
points would lie on the diagonal if the model were exact; or, for a feature that is named, the fit along it with the
other features at their means.  Then each row stands at the height it would have there: fit plus its residual.

The confidence band is where the fit itself may lie, the prediction band where a new row will.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .style import COLOURS, axes, plain_text, style
from .view import array_of, names_of

__all__ = ["regression"]

POINTS = 200
MANY = 2000


def regression(
    model: Any, X: Any, y: Any, *, feature: str | int | None = None, names: Sequence[str] | None = None,
    target: str = "y", level: float = 0.95, ax: Any = None,
) -> Any:  # fmt: skip
    """Draw a fit with its bands.

    Parameters
    ----------
    model : fitted regressor
        Bands are drawn where it has them, as `LinearRegression` does.
    X : array or frame (rows, features)
    y : array (rows,)
    feature : str or int, optional
        Along which feature, where there are several; without it predictions and observations are compared.
    names : sequence of str, optional
        Of the features, where the model does not know them.
    target : str
        The name of y.
    level : float
        Of the bands.
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> ax = regression(LinearRegression().fit(X, y), X, y, names=["age"], target="height")
    >>> ax.get_xlabel(), ax.get_ylabel(), ax.lines[0].get_ydata()[[0, -1]]
    ('age', 'height', array([1., 5.]))
    """
    rows, seen = array_of(X), np.asarray(y, dtype=np.float64)
    if seen.shape not in ((len(rows),), (len(rows), 1)):
        raise ArgumentError(f"y has the shape {seen.shape}: one number for each of the {len(rows)} rows is drawn.")
    seen = seen.ravel()
    known = names_of(model, X, names)
    with style():
        ax = axes(ax)
        if rows.shape[1] > 1 and feature is None:
            _compared(ax, _predicted(model, rows), seen, target)
        else:
            _along(ax, model, rows, seen, known, 0 if feature is None else _place(feature, known), target, level)
    return ax


def _place(feature: str | int, names: Sequence[str]) -> int:
    from .view import _place as place

    return place(feature, names)


def _predicted(model: Any, X: np.ndarray) -> np.ndarray:
    return np.asarray(model.predict(X), dtype=np.float64).reshape(len(X), -1)[:, 0]


def _along(
    ax: Any, model: Any, X: np.ndarray, y: np.ndarray, names: Sequence[str], place: int, target: str, level: float
) -> None:
    at = X[:, place]
    grid = np.linspace(at.min(), at.max(), POINTS)
    mean = X.mean(axis=0)
    line = np.tile(mean, (POINTS, 1))
    line[:, place] = grid
    fit = _predicted(model, line)
    heights = y
    if len(names) > 1:
        held = np.tile(mean, (len(X), 1))
        held[:, place] = at
        heights = _predicted(model, held) + y - _predicted(model, X)
    _points(ax, at, heights, "rows" if len(names) == 1 else "rows, brought there")
    for (low, high), alpha, name in bands(model, line, level):
        ax.fill_between(grid, low, high, color=COLOURS[1], alpha=alpha, lw=0, label=f"{100 * level:g} % {name} band")
    ax.plot(grid, fit, color=COLOURS[1], label="fit", zorder=4)
    ax.set_xlabel(plain_text(names[place]))
    ax.set_ylabel(plain_text(target) if len(names) == 1 else f"{plain_text(target)}, other features at their means")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=2)


def _compared(ax: Any, fit: np.ndarray, y: np.ndarray, target: str) -> None:
    _points(ax, fit, y, "rows")
    low, high = min(fit.min(), y.min()), max(fit.max(), y.max())
    ax.plot([low, high], [low, high], color=COLOURS[1], label="predicted = observed", zorder=4)
    ax.set_xlabel(f"{plain_text(target)}, predicted")
    ax.set_ylabel(f"{plain_text(target)}, observed")
    ax.set_aspect("equal", adjustable="box")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=2)


def _points(ax: Any, x: np.ndarray, y: np.ndarray, label: str) -> None:
    size, alpha = (18, 0.75) if len(x) <= MANY else (5, 0.3)
    ax.scatter(
        x, y, s=size, alpha=alpha, c=COLOURS[0], edgecolors="white", linewidths=0.4, zorder=3, label=label,
        rasterized=len(x) > MANY,
    )  # fmt: skip


def bands(model: Any, X: np.ndarray, level: float) -> list[tuple[tuple[np.ndarray, np.ndarray], float, str]]:
    """The prediction and the confidence band of a model that has them: sides, opacity, name."""
    if "interval" not in signature(model.predict).parameters:
        return []
    found = []
    for name, alpha in (("prediction", 0.12), ("confidence", 0.3)):
        _, low, high = model.predict(X, interval=name, level=level)
        if np.isfinite(low).all() and np.isfinite(high).all():
            found.append(((np.ravel(low), np.ravel(high)), alpha, name))
    return found
