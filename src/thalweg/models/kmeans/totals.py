"""What the rows of each cluster add up to: s_k = Σ w x and n_k = Σ w, the sufficient statistics of k-means.

Adding rows up by label is the product of a matrix of weights, one entry a column, with the rows; it is done a block at
a time in float64. Where few labels have changed, the rows that moved are taken from one sum and added to the other.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse

from .rows import Array, Rows, squared_norms, total

__all__ = ["Totals", "inertia", "squared_distances"]

_SMALL = 1 << 17  # products with a dense matrix of weights, up to which it is quicker than a sparse one
_FEW = 4  # at most one row in so many has moved: their change is cheaper than new sums


class Totals:
    """Sums and weights of the clusters, from the origin of the rows.

    Attributes
    ----------
    sums : ndarray of shape (clusters, features)
    weights : ndarray of shape (clusters,)
    """

    def __init__(self, rows: Rows, clusters: int) -> None:
        self.rows = rows
        self.sums = np.zeros((clusters, rows.features))
        self.weights = np.zeros(clusters)

    def renew(self, labels: Array) -> None:
        """Add up all rows."""
        self.sums[...] = self.weights[...] = 0.0
        for block in self.rows.blocks():
            self._add(block, labels[block])

    def move(self, before: Array, after: Array) -> int:
        """Bring the totals from one labelling to the other; returns how many rows have moved."""
        moved = np.flatnonzero(before != after)
        if len(moved) > len(after) // _FEW:
            self.renew(after)
            return len(moved)
        step = max(64, (1 << 17) // self.rows.features)
        for start in range(0, len(moved), step):
            block = moved[start : start + step]
            self._add(block, after[block], before[block])
        return len(moved)

    def _add(self, block: slice | Array, labels: Array, gone: Array | None = None) -> None:
        """Add rows of a block to the clusters of `labels`, and take them from those of `gone`."""
        part, k = self.rows.part(block), len(self.weights)
        m = part.shape[0]
        given = self.rows.weight(block)
        weights = np.full(m, 1.0) if self.rows.weights is None else given
        if k * m * self.rows.features <= _SMALL and not self.rows.sparse:
            numbers = np.arange(k)[:, None]
            table = (labels == numbers) * weights
            if gone is not None:
                table -= (gone == numbers) * weights
            self.sums += table @ part
        else:
            added = _by_label(weights, labels, gone, k) @ part
            self.sums += added.toarray() if self.rows.sparse else added
        self.weights += np.bincount(labels, weights, k)
        if gone is not None:
            self.weights -= np.bincount(gone, weights, k)

    def means(self) -> Array:
        """s_k / n_k; a cluster of no weight is put where the heaviest one is, which moves no row."""
        means = self.sums / np.where(self.weights > 0.0, self.weights, 1.0)[:, None]
        means[self.weights <= 0.0] = means[np.argmax(self.weights)]
        return means

    def value(self, centers: Array) -> float:
        """Σ w ‖x − c‖² over all rows, each with the centre of its cluster."""
        inner = np.einsum("ij,ij->", centers, self.sums)
        outer = total(np.einsum("ij,ij->i", centers, centers), self.weights)
        return max(0.0, float(self.rows.squares[0] - 2.0 * inner + outer))

    def relocated(self, labels: Array, centers: Array) -> Totals:
        """Totals in which every empty cluster has one row: one of those that lie farthest from their centres."""
        empty = np.flatnonzero(self.weights <= 0.0)
        if not len(empty):
            return self
        distances = squared_distances(self.rows, centers, labels)
        if self.rows.weights is not None:
            distances[self.rows.weights == 0.0] = 0.0
        if np.count_nonzero(distances) < len(empty):  # fewer different rows than clusters: the others stay empty
            empty = empty[: np.count_nonzero(distances)]
        if not len(empty):
            return self
        changed = Totals(self.rows, len(self.weights))
        changed.sums, changed.weights = self.sums.copy(), self.weights.copy()
        farthest = np.argpartition(distances, -len(empty))[: -len(empty) - 1 : -1]
        for cluster, row in zip(empty, farthest, strict=True):
            weight = float(self.rows.weight(row))
            x = self.rows.part(slice(row, row + 1))
            x = (x.toarray() if self.rows.sparse else x)[0].astype(np.float64) * weight
            changed.sums[labels[row]] -= x
            changed.weights[labels[row]] -= weight
            changed.sums[cluster], changed.weights[cluster] = x, weight
        return changed


def _by_label(weights: Array, labels: Array, gone: Array | None, clusters: int) -> scipy.sparse.csc_array:
    """The matrix whose column i has weight i in the row of label i, and minus it in that of the label that is gone."""
    m = len(labels)
    if gone is None:
        return scipy.sparse.csc_array((weights, labels, np.arange(m + 1)), shape=(clusters, m))
    both = np.column_stack([labels, gone]).ravel()
    signed = np.column_stack([weights, -weights]).ravel()
    return scipy.sparse.csc_array((signed, both, np.arange(0, 2 * m + 1, 2)), shape=(clusters, m))


def squared_distances(rows: Rows, centers: Array, labels: Array) -> Array:
    """‖x − c‖² of each row and the centre of its label, by differences: no digits cancel."""
    distances = np.empty(rows.count)
    for block in rows.blocks(len(centers)):
        part, own = rows.part(block), labels[block]
        if rows.sparse:
            inner = np.take_along_axis(part @ centers.T, own[:, None], axis=1)[:, 0]
            norms = np.einsum("ij,ij->i", centers, centers)[own]
            distances[block] = np.maximum(squared_norms(part) + norms - 2.0 * inner, 0.0)
        else:
            distances[block] = squared_norms(part - centers[own])
    return distances


def inertia(rows: Rows, centers: Array, labels: Array) -> float:
    """Σ w ‖x − c‖²."""
    distances = squared_distances(rows, centers, labels)
    return total(distances, rows.weights)
