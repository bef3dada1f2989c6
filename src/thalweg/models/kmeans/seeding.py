"""Where to start: k-means++ in its greedy form, or rows at random.

k-means++ takes the next centre among the rows with probability proportional to w D², where D is the distance to the
nearest centre so far: the expected objective is then within 8 (log k + 2) of the least.  The greedy form draws
2 + log k candidates and keeps the one that lowers the objective most.  Draws are made in the order of scikit-learn's,
so that one seed gives one start in both.

References
----------
D. Arthur and S. Vassilvitskii (2007), "k-means++: the advantages of careful seeding", SODA.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compiled import Loops, pays
from .panel import AT_ONCE, CHUNK
from .rows import Array, Rows, squared_norms, total

__all__ = ["plus_plus", "random_rows"]


def random_rows(rows: Rows, clusters: int, random: np.random.RandomState) -> Array:
    """Different rows, each drawn with probability proportional to its weight."""
    chosen = random.choice(rows.count, size=clusters, replace=False, p=_probabilities(rows))
    return _dense(rows.part(chosen))


def plus_plus(rows: Rows, clusters: int, random: np.random.RandomState) -> tuple[Array, Array]:
    """Greedy k-means++.

    Returns
    -------
    centers : ndarray of shape (clusters, features)
        From the origin of the rows.
    chosen : ndarray of int
        Which rows they are.
    """
    trials = 2 + int(np.log(clusters))
    chosen = np.empty(clusters, np.int64)
    chosen[0] = random.choice(rows.count, p=_probabilities(rows))
    closest = CompiledPotentials(rows, trials) if pays(rows, clusters) else Potentials(rows)
    potential = closest.accept(int(chosen[0]))
    for c in range(1, clusters):
        drawn = random.uniform(size=trials) * potential
        candidates = np.minimum(np.searchsorted(closest.cumulated(), drawn), rows.count - 1)
        chosen[c] = candidates[int(np.argmin(closest.with_each(candidates)))]
        potential = closest.accept(int(chosen[c]))
    return _dense(rows.part(chosen)), chosen


def _probabilities(rows: Rows) -> Array:
    if rows.weights is None:
        return np.full(rows.count, 1.0 / rows.count)
    return rows.weights / np.sum(rows.weights)


class Potentials:
    """D², the squared distance of each row to the nearest centre so far, and what candidates would make of it."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.closest = np.full(rows.count, np.inf)
        self._norms = np.concatenate([squared_norms(rows.part(block)) for block in rows.blocks()])

    def cumulated(self) -> Array:
        """The running sums of w D²."""
        w = self.rows.weights
        return np.cumsum(self.closest if w is None else w * self.closest, dtype=np.float64)

    def with_each(self, candidates: Array) -> Array:
        """Σ w min(D², ‖x − c‖²) for each row c among the candidates."""
        potentials = np.zeros(len(candidates))
        centers = _dense(self.rows.part(candidates))
        for block in self.rows.blocks(len(candidates)):
            nearer = np.minimum(self._distances(block, centers, candidates), self.closest[block])
            potentials += np.sum(nearer * self.rows.weight(block), axis=1)
        return potentials

    def accept(self, row: int) -> float:
        """Make a row a centre; returns Σ w D²."""
        one = np.array([row])
        center = _dense(self.rows.part(one))
        for block in self.rows.blocks():
            np.minimum(self.closest[block], self._distances(block, center, one)[0], out=self.closest[block])
        return total(self.closest, self.rows.weights)

    def _distances(self, block: slice, centers: Array, candidates: Array) -> Array:
        """‖x − c‖² of candidates, in lines, and the rows of a block."""
        part = self.rows.part(block)
        distances = np.asarray((part @ (-2.0 * centers.T)).T if self.rows.sparse else (-2.0 * centers) @ part.T)
        distances += self._norms[block]
        distances += self._norms[candidates, None]
        return np.maximum(distances, 0.0, out=distances)


class CompiledPotentials(Potentials):
    """The same, by machine code on all threads."""

    def __init__(self, rows: Rows, trials: int) -> None:
        n, dtype = rows.count, rows.X.dtype
        self.rows = rows
        self.closest = np.full(n, np.inf, dtype)
        weights = np.ones(n, dtype) if rows.weights is None else rows.weights.astype(dtype)
        padded = -(-trials // AT_ONCE) * AT_ONCE
        self._potentials = np.zeros((-(-n // CHUNK), padded), dtype)
        arrays = {"weights": weights, "closest": self.closest, "potentials": self._potentials}
        self._loops = Loops("seeding", rows, trials, arrays)

    def with_each(self, candidates: Array) -> Array:
        return self._pass(candidates, 0)

    def accept(self, row: int) -> float:
        return float(self._pass(np.array([row]), 1)[0])

    def _pass(self, candidates: Array, accept: int) -> Array:
        self._loops.take(self.rows.part(candidates))
        self._loops.run(accept=accept)
        groups = -(-len(candidates) // AT_ONCE)
        found = self._potentials.ravel()[: len(self._potentials) * groups * AT_ONCE].reshape(-1, groups * AT_ONCE)
        return np.asarray(np.sum(found[:, : len(candidates)], axis=0, dtype=np.float64))


def _dense(part: Any) -> Array:
    return np.asarray(part.toarray() if hasattr(part, "toarray") else part)
