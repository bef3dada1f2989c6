r"""A mixture: each row in the colour of its most probable component, and ellipses of constant density.

The ellipse of component k at r standard deviations is the image of the circle of radius r under μ + L·, Σ = L Lᵀ; in
the plane a share 1 − exp(−r²/2) of the component is inside: 39 % for r = 1 and 86 % for r = 2.

References
----------
Bishop, *Pattern Recognition and Machine Learning* (2006), §2.3 and §9.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .clusters import finish, scatter_groups
from .line import histograms
from .style import INK, WITH_LEGEND, axes, colour, style
from .view import array_of, names_of, seen_by, view

__all__ = ["covariances_of", "mixture"]

RADII = (1.0, 2.0)


def mixture(
    model: Any,
    X: Any,
    *,
    features: Sequence[str | int] | None = None,
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw rows in the colours of their components, with ellipses at one and two standard deviations.

    Parameters
    ----------
    model : GaussianMixture, or a pipeline that ends with one
    X : array or frame (rows, features)
        Rows with a missing value in what is shown are not drawn.
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
    >>> from sklearn.mixture import GaussianMixture
    >>> X = np.random.default_rng(0).standard_normal((50, 2))
    >>> ax = mixture(GaussianMixture(1).fit(X), X)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['component 0: 50 rows', '1 and 2 standard deviations']
    """
    given = array_of(X)
    inner, rows, unit = seen_by(model, given)
    with style():
        from matplotlib.lines import Line2D

        ax = axes(ax, WITH_LEGEND)
        shown = view(rows, names_of(model, X, names), features, unit)
        means = np.asarray(inner.means_, dtype=np.float64)
        groups = [f"component {k}" for k in range(len(means))]
        points, labels = shown.points(rows), np.asarray(inner.predict(rows))
        drawn = np.isfinite(points).all(axis=1)
        centres = shown.points(means)
        spreads = [shown.covariance(covariance) for covariance in covariances_of(inner)]
        shown.label(ax)
        if shown.single:
            width = histograms(ax, points[:, 0], labels, groups)
            _densities(ax, centres[:, 0], [float(s[0, 0]) for s in spreads], inner.weights_, width * int(drawn.sum()))
            meaning = "densities × rows in a bin"
        else:
            scatter_groups(ax, points[drawn], labels[drawn], groups)
            for k, spread in enumerate(spreads):
                for radius in RADII:
                    ax.plot(*_outline(centres[k], spread, radius), color=colour(k), lw=1.6, zorder=4)
            ax.plot(*centres.T, "+", ms=9, mew=1.8, color=INK, ls="", zorder=5)
            meaning = "1 and 2 standard deviations"
        handles = [Line2D([], [], color=INK, lw=1.6, label=meaning)]
        if not drawn.all():
            text = f"({int((~drawn).sum())} with missing values not drawn)"
            handles.append(Line2D([], [], ls="", label=text))
        finish(ax, centres, handles)
    return ax


def covariances_of(model: Any) -> np.ndarray:
    """The covariance of each component, whatever form the model keeps them in: (components, features, features)."""
    count, size = np.shape(model.means_)
    kept = np.asarray(model.covariances_, dtype=np.float64)
    match model.covariance_type:
        case "full":
            return kept
        case "tied":
            return np.broadcast_to(kept, (count, size, size))
        case "diag":
            return kept[:, :, None] * np.eye(size)
        case _:
            return kept[:, None, None] * np.eye(size)


def _densities(ax: Any, means: np.ndarray, variances: Sequence[float], weights: Any, scale: float) -> None:
    """The density of each component along one feature, in units of rows a bin."""
    low, high = ax.get_xlim()
    grid = np.linspace(low, high, 400)
    for k, (mean, variance) in enumerate(zip(means, variances)):
        density = np.exp(-0.5 * (grid - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)
        ax.plot(grid, scale * weights[k] * density, color=colour(k), lw=1.8, zorder=4)


def _outline(centre: np.ndarray, covariance: np.ndarray, radius: float) -> np.ndarray:
    """The ellipse as points."""
    angle = np.linspace(0.0, 2.0 * np.pi, 181)
    values, vectors = np.linalg.eigh(covariance)
    L = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(centre[:, None] + radius * L @ np.stack([np.cos(angle), np.sin(angle)]))
