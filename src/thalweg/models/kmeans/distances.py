"""k-means with any distance: each row to its nearest centre, each centre to the point nearest to its rows on the whole.

The distance d(x, c) is a plain NumPy function of a row and a centre, two vectors. `thalweg.batch` maps it over rows and
centres; the centre of a cluster is argmin_c Σ w d(x, c), found by `thalweg.minimize` from where it was, with exact
derivatives. With ‖x − c‖² it is the mean, with Σ|x − c| the median of each feature, with ‖x − c‖ the geometric median.
No step raises the objective, so labels stop changing.

References
----------
A. Banerjee, S. Merugu, I. Dhillon and J. Ghosh (2005), "Clustering with Bregman divergences", JMLR 6, treats those
distances whose best centre is the mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from thalweg.calculus import batch
from thalweg.errors import ArgumentError
from thalweg.optimize import Status, minimize

from .lloyd import Run
from .rows import Array, Rows, total

__all__ = ["Distance", "generalized"]

_BLOCK = 4096  # rows; one size, so that one trace serves
_STEPS, _SWEEPS = 30, 20  # of a search for one centre: it is continued in the next iteration
_STRICT = "no row changes its cluster"


class Distance:
    """A distance of the user's own, over many rows and centres.

    Parameters
    ----------
    function : callable
        ``function(x, c)`` of two vectors, which returns a number.
    """

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function
        self.pairs = batch(function)
        self.to_one = batch(function, in_axes=(0, None))
        self.table = batch(batch(function, in_axes=(None, 0)), in_axes=(0, None))

    def check(self, rows: Array, centers: Array) -> None:
        """Raise an error where the function is no distance of two vectors."""
        value = np.asarray(self.function(rows[0], centers[0]))
        if value.shape != ():
            raise ArgumentError(
                f"distance(x, c) returned an array of shape {value.shape} for a row and a centre of shape "
                f"{rows[0].shape}: it must return one number (sum over the features)"
            )
        if not np.isfinite(value):
            raise ArgumentError(f"distance(x, c) is {value} for the first row and the first centre")

    def blocks(self, X: Array, centers: Array) -> Iterator[tuple[slice, Array]]:
        """The distances of a block of rows to all centres, block by block."""
        n = len(X)
        for start in range(0, n, _BLOCK):
            part = X[start : start + _BLOCK]
            m = len(part)
            if n > _BLOCK > m:  # filled up to the size of the others
                part = np.concatenate([part, np.broadcast_to(part[:1], (_BLOCK - m, X.shape[1]))])
            yield slice(start, start + m), np.asarray(self.table(part, centers))[:m]

    def nearest(self, X: Array, centers: Array) -> tuple[Array, Array]:
        """The nearest centre of each row, and its distance."""
        labels, least = np.empty(len(X), np.int32), np.empty(len(X))
        for block, distances in self.blocks(X, centers):
            labels[block] = np.argmin(distances, axis=1)
            least[block] = np.min(distances, axis=1)
        wrong = np.flatnonzero(~np.isfinite(least))
        if len(wrong):
            raise ArgumentError(f"distance(x, c) is {least[wrong[0]]} for row {wrong[0]} and its nearest centre")
        return labels, least

    def plus_plus(self, rows: Rows, clusters: int, random: np.random.RandomState) -> Array:
        """k-means++ with the distance in the place of D²."""
        weights = np.ones(rows.count) if rows.weights is None else rows.weights
        trials = 2 + int(np.log(clusters))
        chosen = [int(random.choice(rows.count, p=weights / np.sum(weights)))]
        closest = self.nearest(rows.X, rows.X[chosen])[1]
        for _ in range(1, clusters):
            cumulated = np.cumsum(weights * np.maximum(closest, 0.0))
            drawn = random.uniform(size=trials) * cumulated[-1]
            candidates = np.minimum(np.searchsorted(cumulated, drawn), rows.count - 1)
            to_each = np.concatenate([d for _, d in self.blocks(rows.X, rows.X[candidates])])
            nearer = np.minimum(closest[:, None], to_each)
            best = int(np.argmin(np.sum(weights[:, None] * nearer, axis=0)))
            chosen.append(int(candidates[best]))
            closest = nearer[:, best]
        return rows.X[chosen]

    def total(self, center: Any, part: Any, weights: Any) -> Any:
        """Σ w d(x, c) over the rows of a cluster."""
        return np.sum(weights * self.to_one(part, center))

    def center(self, part: Array, weights: Array, before: Array) -> Array:
        """The point that is nearest to the rows of a cluster on the whole, or the best that is found.

        The search begins at the mean or where the centre was, whichever is better, and a little beside it where the
        derivatives do not exist just there, as those of ‖x − c‖ where a row is. Where the distance has kinks, as
        |x − c| has, it goes on along the features. Rows are filled up to a power of two with weight 0, so that clusters
        of many sizes share a few traces.
        """
        m = len(part)
        padded = 1 << (m - 1).bit_length()
        mean, spread = np.average(part, axis=0, weights=weights), np.std(part, axis=0)
        rows = np.concatenate([part, np.broadcast_to(part[:1], (padded - m, part.shape[1]))])
        w = np.concatenate([weights, np.zeros(padded - m)])
        values = [float(self.total(c, rows, w)) for c in (before, mean)]
        best, least = (mean, values[1]) if values[1] < values[0] else (before, values[0])
        for start in (best, best + 1e-3 * spread):
            solution = minimize(self.total, start, args=(rows, w), max_iterations=_STEPS)
            if solution.value <= least:
                best, least = np.asarray(solution.x), float(solution.value)
            if solution.status is not Status.NOT_FINITE:
                break
        if solution.kind == "strict minimum":
            return best
        return self._along_features(best, least, part, lambda c: float(self.total(c, rows, w)))

    @staticmethod
    def _along_features(point: Array, value: float, part: Array, whole: Callable[[Array], float]) -> Array:
        """Lower the total a feature at a time, among the values that the rows have there: kinks are where rows are.

        Along a feature the total is taken to fall and then to rise, and its lowest place is found by halving.
        """
        point = np.array(point, np.float64)
        for _ in range(_SWEEPS):
            before = value
            for j in range(len(point)):
                places = np.unique(part[:, j])
                known: dict[int, float] = {}

                def at(i: int, j: int = j, places: Array = places, known: dict[int, float] = known) -> float:
                    if i not in known:
                        known[i] = whole(np.concatenate([point[:j], places[i : i + 1], point[j + 1 :]]))
                    return known[i]

                low, high = 0, len(places) - 1
                while low < high:
                    middle = (low + high) // 2
                    low, high = (low, middle) if at(middle) <= at(middle + 1) else (middle + 1, high)
                if at(low) < value:
                    point[j], value = places[low], at(low)
            if value >= before * (1 - 1e-12):
                break
        return point


def generalized(
    rows: Rows,
    centers: Array,
    *,
    distance: Callable[[Any, Any], Any],
    max_iter: int,
    tol: float,
    step: Callable[[Array], bool] = lambda centers: False,
    report: Callable[[str], None] | None = None,
) -> Run:
    """`lloyd`, for a distance of the user's own."""
    d, X, k = Distance(distance), rows.X, len(centers)
    weights = np.ones(rows.count) if rows.weights is None else rows.weights
    d.check(X, centers)
    labels, least = d.nearest(X, centers)
    run = Run(centers, labels, total(least, weights), 0)
    try:
        for iteration in range(max_iter):
            after = centers.copy()
            if not _occupied(labels, weights, k).all():
                labels = _relocated(labels, least, weights, k)
            for cluster in range(k):
                own = np.flatnonzero((labels == cluster) & (weights > 0))
                if len(own):
                    after[cluster] = d.center(X[own], weights[own], centers[cluster])
            moved = float(np.sum((np.asarray(after, np.float64) - centers) ** 2))
            found, least = d.nearest(X, after)
            strict = np.array_equal(found, labels)
            centers, labels = after, found
            run.centers, run.labels, run.inertia, run.iterations = after, found, total(least, weights), iteration + 1
            run.curve.append(run.inertia)
            if report is not None:
                report(f"Iteration {iteration}, objective {run.inertia}.")
            run.stopped = step(centers)
            if strict or moved <= tol:
                run.status = "converged"
                run.message = _STRICT if strict else "the centres have moved by less than tol allows"
                break
            if run.stopped:
                run.status, run.message = "interrupted", f"stopped by a callback after {iteration + 1} iterations"
                break
        else:
            run.message = f"rows still change their clusters after max_iter={max_iter} iterations"
    except KeyboardInterrupt:
        run.stopped = True
        run.status, run.message = "interrupted", f"interrupted after {run.iterations} iterations"
    return run


def _occupied(labels: Array, weights: Array, clusters: int) -> Array:
    return np.bincount(labels, weights, clusters) > 0


def _relocated(labels: Array, least: Array, weights: Array, clusters: int) -> Array:
    """Labels in which an empty cluster has a row: one of those that are farthest from their centres."""
    labels = labels.copy()
    far = np.where(weights > 0, least, 0.0)
    for cluster in np.flatnonzero(~_occupied(labels, weights, clusters)):
        row = int(np.argmax(far))
        if far[row] <= 0.0:
            break
        labels[row], far[row] = cluster, 0.0
    return labels
