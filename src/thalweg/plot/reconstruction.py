"""What an autoencoder makes of rows: originals beside reconstructions, as images or feature by feature."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .style import COLOURS, IMAGES, INK, SIZE, SOFT, axes, plain_text, style
from .view import array_of, names_of

__all__ = ["reconstruction"]

#: Rows that are features of an image, at least so many by so many, if nothing else is said.
IMAGE = 7
#: More features than this have no room for their names.
NAMED = 40


def reconstruction(
    model: Any, X: Any, *, rows: int = 8, shape: tuple[int, int] | None = None, names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:  # fmt: skip
    """Draw some rows and what remains of them after encoding and decoding.

    Parameters
    ----------
    model : estimator with `transform` and `inverse_transform`
    X : array or frame (rows, features)
        The rows shown are spread evenly over it.
    rows : int
        How many; fewer where features are drawn.
    shape : (height, width), optional
        Of an image whose pixels the features are.  Without it, square numbers of features from 49 on that are numbered
        (pixel_0, pixel_1 …) or have no names are drawn as images.
    names : sequence of str, optional
        Of the features, where the model does not know them.
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> X = np.random.default_rng(0).random((20, 64))
    >>> ax = reconstruction(PCA(5).fit(X), X, rows=3)
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['original', 'reconstruction']
    """
    given = array_of(X)
    count = given.shape[1]
    known = names_of(model, X, names)
    if shape is None:
        shape = _image(count, known)
    elif shape[0] * shape[1] != count:
        raise ArgumentError(f"shape={tuple(shape)} has {shape[0] * shape[1]} pixels, and X has {count} features.")
    places = np.unique(np.linspace(0, len(given) - 1, min(rows if shape else min(rows, 3), len(given))).astype(int))
    originals = given[places]
    made = np.asarray(model.inverse_transform(model.transform(originals)), dtype=np.float64)
    with style():
        ax = axes(ax, IMAGES if shape else SIZE)
        if shape is not None:
            _images(ax, originals, made, shape, places)
        else:
            _features(ax, given, originals, made, known, places)
    return ax


def _image(count: int, names: Sequence[str]) -> tuple[int, int] | None:
    side = math.isqrt(count)
    stems = {re.sub(r"\d+", "#", name) for name in names}
    return (side, side) if side >= IMAGE and side * side == count and len(stems) == 1 else None


def _images(ax: Any, originals: np.ndarray, made: np.ndarray, shape: tuple[int, int], places: np.ndarray) -> None:
    """Two rows of images on one pair of axes, with gaps."""
    height, width = shape
    gap = max(1, round(0.12 * max(height, width)))
    mosaic = np.full((2 * height + gap, len(originals) * (width + gap) - gap), np.nan)
    for k in range(len(originals)):
        left = k * (width + gap)
        mosaic[:height, left : left + width] = originals[k].reshape(shape)
        mosaic[height + gap :, left : left + width] = made[k].reshape(shape)
    ax.imshow(mosaic, cmap="gray_r", vmin=float(originals.min()), vmax=float(originals.max()), interpolation="nearest")
    ax.set_yticks([(height - 1) / 2, height + gap + (height - 1) / 2], ["original", "reconstruction"])
    centres = [k * (width + gap) + (width - 1) / 2 for k in range(len(originals))]
    ax.set_xticks(centres, [str(place) for place in places])
    ax.set_xlabel("row")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _features(
    ax: Any, X: np.ndarray, originals: np.ndarray, made: np.ndarray, names: Sequence[str], places: np.ndarray
) -> None:
    """A line a row across the features, in standard deviations so that they have one axis."""
    mean, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    across = np.arange(len(names))
    for k, place in enumerate(places):
        colour = COLOURS[k % len(COLOURS)]
        ax.plot(across, (originals[k] - mean) / scale, "o-", ms=4, color=colour, label=f"row {place}")
        ax.plot(
            across, (made[k] - mean) / scale, "s", ms=6, mfc="none", mew=1.4, ls=(0, (2, 1.5)), lw=1.3, color=colour
        )
    ax.axhline(0.0, color=SOFT, lw=0.8, zorder=0)
    ax.plot([], [], "s", ms=6, mfc="none", mew=1.4, ls=(0, (2, 1.5)), lw=1.3, color=INK, label="reconstruction")
    if len(names) <= NAMED:
        shown = [plain_text(name, 24) for name in names]
        if sum(map(len, shown)) < 50:
            ax.set_xticks(across, shown)
        else:
            ax.set_xticks(across, shown, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_xlabel("feature")
    ax.set_ylabel("standard deviations from the mean")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=len(places) + 1, columnspacing=1.2)
