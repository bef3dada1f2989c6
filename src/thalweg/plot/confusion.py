"""Which classes are taken for which: a row for each true class, shaded by its shares."""

from __future__ import annotations

from typing import Any

import numpy as np

from .style import INK, axes, plain_text, style

__all__ = ["confusion"]

#: More classes than this have no numbers in the cells.
NUMBERS = 25


def confusion(model: Any, X: Any, y: Any, *, ax: Any = None) -> Any:
    """Draw how many rows of each class were predicted as each.

    Parameters
    ----------
    model : fitted classifier
    X : array or frame (rows, features)
    y : array (rows,)
        The true classes.
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> X, y = np.zeros((4, 1)), np.array(["a", "a", "a", "b"])
    >>> ax = confusion(DummyClassifier().fit(X, y), X, y)
    >>> [text.get_text() for text in ax.texts]
    ['3', '0', '1', '0']
    """
    predicted, true = np.asarray(model.predict(X)), np.asarray(y)
    classes, places = np.unique(np.concatenate([model.classes_, true, predicted]), return_inverse=True)
    places = places[len(model.classes_) :].reshape(2, -1)
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (places[0], places[1]), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with style():
        ax = axes(ax)
        ax.imshow(share, vmin=0.0, vmax=1.0, cmap="Blues")
        ticks = np.arange(len(classes))
        shown = [plain_text(_label(one), 20) for one in classes]
        if sum(map(len, shown)) < 50:
            ax.set_xticks(ticks, shown)
        else:
            ax.set_xticks(ticks, shown, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_yticks(ticks, shown)
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        if len(classes) <= NUMBERS:
            for i, j in np.ndindex(*counts.shape):
                ink = "white" if share[i, j] > 0.6 else INK
                ax.text(j, i, str(counts[i, j]), ha="center", va="center", color=ink, fontsize=9)
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
        right, rows = int(np.trace(counts)), int(counts.sum())
        ax.set_title(f"{right} of {rows} rows right ({100 * right / max(rows, 1):.3g} %)", loc="left")
    return ax


def _label(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:.15g}"
    return str(value)
