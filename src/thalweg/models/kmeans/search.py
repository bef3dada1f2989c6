"""Which centre is nearest to each row, exactly: by NumPy a block of rows at a time, or by machine code with bounds.

Machine code (`kernel`) is taken where the work of a pass is worth loading it; for small data, for sparse rows, and
where LLVM cannot start, NumPy does it all.
"""

from __future__ import annotations

import numpy as np

from .compiled import Loops, pays
from .panel import CHUNK
from .rows import Array, Rows

__all__ = ["BoundedSearch", "PlainSearch", "nearest", "search"]


def search(rows: Rows, clusters: int) -> PlainSearch:
    """The way to search that suits the sizes."""
    return BoundedSearch(rows, clusters) if pays(rows, clusters) else PlainSearch(rows)


def nearest(rows: Rows, centers: Array) -> Array:
    """The number of the nearest centre for each row; centres from the origin of the rows."""
    found = search(rows, len(centers))
    found.assign(centers)
    return found.labels


class PlainSearch:
    """All distances, in blocks.

    Attributes
    ----------
    labels : ndarray of int32
        The nearest centre of each row; of several the first.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.labels = np.zeros(rows.count, np.int32)

    def assign(self, centers: Array, shift: Array | None = None) -> None:
        """Find the nearest of the centres, given from the origin.

        Parameters
        ----------
        centers : ndarray of shape (clusters, features)
        shift : ndarray of shape (clusters,), optional
            How far each has moved since the last call; without it nothing of the last call is used.
        """
        norms, doubled = np.einsum("ij,ij->i", centers, centers), -2.0 * centers.T
        for block in self.rows.blocks(len(centers)):
            distances = self.rows.part(block) @ doubled
            distances += norms
            self.labels[block] = np.argmin(distances, axis=1)


class BoundedSearch(PlainSearch):
    """Machine code on all threads, and rows left out whose bounds prove that nothing has changed."""

    def __init__(self, rows: Rows, clusters: int) -> None:
        super().__init__(rows)
        dtype, n = rows.X.dtype, rows.count
        self._epsilon = float(np.finfo(dtype).eps)
        self._arrays = {
            "centers": np.empty((clusters, rows.features), dtype),
            "labels": self.labels,
            "upper": np.empty(n, dtype),
            "lower": np.empty(n, dtype),
            "shift": np.zeros(clusters, dtype),
            "others": np.zeros(clusters, dtype),
            "half": np.zeros(clusters, dtype),
            "slack": np.zeros(1, dtype),
            "seen": np.zeros((-(-n // CHUNK), 2), np.int64),
        }
        self._loops = Loops("nearest", rows, clusters, self._arrays)
        centers = Rows(self._arrays["centers"], None, np.zeros_like(rows.origin))
        of_centers = {name: np.zeros(clusters, dtype) for name in ("upper", "lower")}
        of_centers |= {"labels": np.zeros(clusters, np.int32), "seen": np.zeros((-(-clusters // CHUNK), 2), np.int64)}
        self._between = Loops("nearest", centers, clusters, {**self._arrays, **of_centers})

    @property
    def seen(self) -> tuple[int, int]:
        """Of the last pass: rows whose bounds failed, and rows whose distances to all centres were computed."""
        failed, computed = self._arrays["seen"].sum(axis=0)
        return int(failed), int(computed)

    def assign(self, centers: Array, shift: Array | None = None) -> None:
        a = self._arrays
        a["centers"][...] = centers
        norms = self._loops.take(a["centers"])
        radius = np.sqrt(self.rows.squares[2]) + np.sqrt(float(np.max(norms)))
        a["slack"][0] = self._epsilon * (centers.shape[1] + 8) * radius**2  # bounds the error of ‖x‖² + ‖c‖² − 2 c·x
        if shift is not None:
            self._bound(np.asarray(shift, np.float64))
        self._loops.run(bounded=int(shift is not None))

    def _bound(self, shift: Array) -> None:
        """What the bounds are moved by, rounded outwards."""
        a, up, down = self._arrays, 1.0 + 8 * self._epsilon, 1.0 - 8 * self._epsilon
        a["shift"][...] = shift * up
        if len(shift) == 1:  # no other centre ever is nearer
            a["others"][...] = 0.0
            a["half"][...] = np.inf
            return
        first = int(np.argmax(shift))
        a["others"][...] = shift[first] * up
        a["others"][first] = np.max(np.delete(shift, first)) * up
        self._between.take(a["centers"])
        self._between.run(bounded=0)
        a["half"][...] = (0.5 * down) * self._between.arrays["lower"]  # of a centre, the second nearest is another one
