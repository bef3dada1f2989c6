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

from .rows import Array, Rows, squared_norms

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
    closest = np.full(rows.count, np.inf)
    norms = np.concatenate([squared_norms(rows.part(block)) for block in rows.blocks()])
    potential = _accept(rows, norms, closest, int(chosen[0]))
    for c in range(1, clusters):
        drawn = random.uniform(size=trials) * potential
        weighted = closest if rows.weights is None else rows.weights * closest
        candidates = np.minimum(np.searchsorted(np.cumsum(weighted), drawn), rows.count - 1)
        best = int(np.argmin(_potentials(rows, norms, closest, candidates)))
        chosen[c] = candidates[best]
        potential = _accept(rows, norms, closest, int(chosen[c]))
    return _dense(rows.part(chosen)), chosen


def _probabilities(rows: Rows) -> Array:
    if rows.weights is None:
        return np.full(rows.count, 1.0 / rows.count)
    return rows.weights / np.sum(rows.weights)


def _distances(rows: Rows, norms: Array, block: slice, candidates: Array) -> Any:
    """‖x − c‖² for the rows of a block, in lines, and candidates."""
    centers = _dense(rows.part(candidates))
    distances = -2.0 * (rows.part(block) @ centers.T)
    distances += norms[block, None]
    distances += norms[candidates]
    return np.maximum(distances, 0.0, out=distances)


def _potentials(rows: Rows, norms: Array, closest: Array, candidates: Array) -> Array:
    """Σ w min(D², ‖x − c‖²) for each candidate c."""
    potentials = np.zeros(len(candidates))
    for block in rows.blocks(len(candidates)):
        nearer = np.minimum(_distances(rows, norms, block, candidates), closest[block, None])
        potentials += np.sum(nearer, axis=0) if rows.weights is None else rows.weights[block] @ nearer
    return potentials


def _accept(rows: Rows, norms: Array, closest: Array, row: int) -> float:
    """Bring D² up to date with one more centre; returns Σ w D²."""
    for block in rows.blocks():
        distances = _distances(rows, norms, block, np.array([row]))[:, 0]
        np.minimum(closest[block], distances, out=closest[block])
    return float(np.sum(closest) if rows.weights is None else rows.weights @ closest)


def _dense(part: Any) -> Array:
    return np.asarray(part.toarray() if hasattr(part, "toarray") else part)
