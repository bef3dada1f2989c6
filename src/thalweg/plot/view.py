r"""Rows of many features on two axes: two of the features, or the plane in which the rows spread most.

For X centred, with the singular value decomposition X = U S Vᵀ, the first two columns of V are the principal axes, and
sᵢ² / Σ s² is the share of the variance along each.  An axis has the sign that makes its largest entry positive.
A view is an affine map x ↦ (x − origin) A, so that centres and covariances are mapped along with the rows: Σ ↦ Aᵀ Σ A.

References
----------
Bishop, *Pattern Recognition and Machine Learning* (2006), §12.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from .style import plain_text

__all__ = ["View", "array_of", "names_of", "seen_by", "view"]


@dataclass(frozen=True, eq=False)
class View:
    """An affine map to the plane, with the labels of its axes.

    Attributes
    ----------
    origin : array (features,)
    A : array (features, 2), or (features, 1) for a single feature
    labels : tuple of str
    """

    origin: np.ndarray
    A: np.ndarray
    labels: tuple[str, ...]

    @property
    def single(self) -> bool:
        """Whether there is one feature only."""
        return self.A.shape[1] == 1

    def points(self, X: np.ndarray) -> np.ndarray:
        """Rows, or centres, on the axes; at height 0 where there is one feature only."""
        found = (X - self.origin) @ self.A
        return found if not self.single else np.column_stack([found[:, 0], np.zeros(len(found))])

    def covariance(self, covariance: np.ndarray) -> np.ndarray:
        """A covariance of the features on the axes."""
        return np.asarray(self.A.T @ covariance @ self.A)

    def label(self, ax: Any) -> None:
        """Write the labels; a second axis without a feature is for what is counted."""
        ax.set_xlabel(self.labels[0])
        if not self.single:
            ax.set_ylabel(self.labels[1])


def view(X: np.ndarray, names: Sequence[str], features: Sequence[str | int] | None = None, unit: str = "") -> View:
    """Choose what to show of rows: the named features; or both of two; or the first two principal axes of more.

    `unit` is added to the labels, in parentheses.
    """
    count = X.shape[1]
    if features is None and count > 2:
        return _principal(X)
    chosen = list(range(count)) if features is None else [_place(f, names) for f in features]
    if len(chosen) not in (1, 2) or len(set(chosen)) != len(chosen):
        raise ArgumentError(f"features: name one or two different features to show, not {len(chosen)}.")
    A = np.zeros((count, len(chosen)))
    A[chosen, range(len(chosen))] = 1.0
    return View(np.zeros(count), A, tuple(plain_text(names[k]) + unit for k in chosen))


def _place(feature: str | int, names: Sequence[str]) -> int:
    if isinstance(feature, (int, np.integer)) and not isinstance(feature, bool) and -len(names) <= feature < len(names):
        return int(feature) % len(names)
    if feature in names:
        return list(names).index(str(feature))
    raise ArgumentError(f"features: there is no feature {feature!r}; there are {', '.join(names[:12])}.")


def _principal(X: np.ndarray) -> View:
    whole = X[np.isfinite(X).all(axis=1)]
    if len(whole) < 2:
        raise ArgumentError("There are fewer than two rows without missing values: name two features to show.")
    origin = whole.mean(axis=0)
    _, s, Vt = np.linalg.svd(whole - origin, full_matrices=False)
    V = Vt[:2].T * np.sign(Vt[:2].T[np.argmax(np.abs(Vt[:2]), axis=1), [0, 1]])
    total = float(np.sum(s**2))
    share = [f"{100 * v / total:.0f} %" if total else "0 %" for v in s[:2] ** 2]
    words = ("first", "second")
    return View(origin, V, tuple(f"{word} principal axis ({part} of the variance)" for word, part in zip(words, share)))


def array_of(X: Any) -> np.ndarray:
    """Rows as an array of float64, of whatever the model takes."""
    found = np.asarray(X.to_numpy() if hasattr(X, "to_numpy") else X, dtype=np.float64)
    if found.ndim != 2 or not found.size:
        raise ArgumentError(f"X has the shape {found.shape}; rows and columns are needed.")
    return found


def names_of(model: Any, X: Any, names: Sequence[str] | None) -> list[str]:
    """The names of the features: those given, those the model has met, those of the frame, or x0, x1, …"""
    count = np.shape(X)[1]
    for known in (names, getattr(model, "feature_names_in_", None), getattr(X, "columns", None)):
        if known is not None and len(known) == count:
            return [str(name) for name in known]
    return [f"x{k}" for k in range(count)]


def seen_by(model: Any, X: np.ndarray) -> tuple[Any, np.ndarray, str]:
    """The last step of a pipeline, the rows as they reach it, and what became of their units."""
    if not hasattr(model, "steps"):
        return model, X, ""
    for _, step in model.steps[:-1]:
        X = np.asarray(step.transform(X)) if hasattr(step, "transform") else X
    scaled = any(type(step).__name__ == "StandardScaler" for _, step in model.steps[:-1])
    return model.steps[-1][1], X, " (standardized)" if scaled else ""
