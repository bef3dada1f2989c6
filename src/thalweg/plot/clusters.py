"""Clusters: each row in the colour of its cluster, with the centres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .line import histograms
from .style import INK, WITH_LEGEND, axes, colour, marker, plain_text, style
from .view import array_of, names_of, seen_by, view

__all__ = ["clusters", "scatter_groups"]

#: More groups than this have their number at the centre instead of a line in the legend.
LEGEND = 10
#: More rows than this become small and pale.
MANY = 2000


def clusters(
    model: Any,
    X: Any,
    *,
    features: Sequence[str | int] | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw rows in the colours of their clusters, and the centres.

    Parameters
    ----------
    model : KMeans, or another fitted clustering with `predict` and `cluster_centers_`; or a pipeline that ends with one
    X : array or frame (rows, features)
    features : two names or numbers, optional
        What to show. Without it, both of two features, or the first two principal axes of more.
    names : sequence of str, optional
        Of the features, where the model does not know them.
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [5.0, 5.0], [5.0, 6.0]])
    >>> ax = clusters(KMeans(2, n_init=1, random_state=0).fit(X), X, names=["width", "length"])
    >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('width', ['cluster 0: 2 rows', 'cluster 1: 2 rows', 'centres'])
    """
    given = array_of(X)
    inner, rows, unit = seen_by(model, given)
    with style():
        ax = axes(ax, WITH_LEGEND)
        shown = view(rows, names_of(model, X, names), features, unit)
        labels = np.asarray(inner.predict(rows))
        centres = shown.points(np.asarray(inner.cluster_centers_, dtype=np.float64))
        groups = [f"cluster {k}" for k in range(len(centres))]
        shown.label(ax)
        if shown.single:
            histograms(ax, shown.points(rows)[:, 0], labels, groups)
        else:
            scatter_groups(ax, shown.points(rows), labels, groups)
        ax.plot(*centres.T, "X", ms=11, mfc=INK, mec="white", mew=1.2, ls="", zorder=5, label="centres", clip_on=False)
        finish(ax, centres)
    return ax


def scatter_groups(ax: Any, points: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> None:
    """Draw points, a colour and a marker for each group; in the legend how many there are."""
    size, alpha = (20, 0.8) if len(points) <= MANY else (6, 0.4)
    for k, name in enumerate(names):
        group = points[labels == k]
        ax.scatter(
            *group.T, s=size, alpha=alpha, c=colour(k), marker=marker(k), edgecolors="white", linewidths=0.4,
            zorder=3, label=plain_text(f"{name}: {len(group)} row{'s' * (len(group) != 1)}"),
            rasterized=len(points) > MANY,
        )  # fmt: skip


def finish(ax: Any, centres: np.ndarray, handles: Sequence[Any] = ()) -> None:
    """The legend beside the picture, or numbers at the centres where it would be long."""
    if len(centres) <= LEGEND:
        known = [*ax.get_legend_handles_labels()[0], *handles]
        ax.legend(handles=known, loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.3)
        return
    for k, (x, y) in enumerate(centres):
        ax.annotate(
            str(k), (x, y), textcoords="offset points", xytext=(6, 5), fontsize=9, color=INK, zorder=6,
            bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75},
        )  # fmt: skip
