"""Mini-batch k-means: centres move a little with each handful of random rows.

A centre that has been given weight n so far, and in this batch rows of weight m with mean x̄, moves to
(n c + m x̄) / (n + m): its own learning rate m / (n + m) falls as it learns.  Centres that hardly any row is near to are
placed anew on random rows of the batch now and then.  It ends when the objective of the batches, smoothed over about a
pass, has not become better for some time.

References
----------
D. Sculley (2010), "Web-scale k-means clustering", WWW.  Reassignment, smoothing and the order of the draws are those of
scikit-learn's ``MiniBatchKMeans``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .lloyd import Run
from .rows import Array, Rows
from .search import nearest
from .totals import Totals, inertia

__all__ = ["MiniBatches", "learn"]


@dataclass(eq=False)
class MiniBatches:
    """What is carried from one batch to the next.

    Attributes
    ----------
    clusters, size : int
    reassignment_ratio : float
    counts : ndarray of shape (clusters,)
        The weight that each centre has been given.
    since : int
        Rows since centres were last placed anew.
    steps : int
        Batches so far.
    """

    clusters: int
    size: int
    reassignment_ratio: float
    counts: Array = field(default_factory=lambda: np.zeros(0))
    since: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        if not len(self.counts):
            self.counts = np.zeros(self.clusters)

    def step(self, batch: Rows, centers: Array, random: np.random.RandomState) -> tuple[Array, float]:
        """Learn from a batch; returns the new centres, and the objective of the batch at the old ones."""
        anew = self._due(self.size or batch.count)
        labels = nearest(batch, centers)
        value = inertia(batch, centers, labels)
        totals = Totals(batch, self.clusters)
        totals.renew(labels)
        before = self.counts
        self.counts = before + totals.weights
        given = totals.weights > 0
        moved = centers.copy()
        moved[given] = (before[given, None] * centers[given] + totals.sums[given]) / self.counts[given, None]
        if anew and self.reassignment_ratio > 0:
            self._place_anew(batch, moved, random)
        self.steps += 1
        return moved, value

    def _due(self, size: int) -> bool:
        """Whether centres are looked at: always when one has nothing, else every ten rows a centre."""
        self.since += size
        if np.any(self.counts == 0) or self.since >= 10 * self.clusters:
            self.since = 0
            return True
        return False

    def _place_anew(self, batch: Rows, centers: Array, random: np.random.RandomState) -> None:
        light = self.counts < self.reassignment_ratio * np.max(self.counts)
        most = batch.count // 2
        if np.sum(light) > 0.5 * batch.count:
            light[np.argsort(self.counts)[most:]] = False
        if not np.any(light):
            return
        chosen = random.choice(batch.count, replace=False, size=int(np.sum(light)))
        part = batch.part(chosen)
        centers[light] = part.toarray() if batch.sparse else part
        self.counts[light] = np.min(self.counts[~light])  # not so small that they are placed anew at once


def learn(
    rows: Rows,
    start: Callable[[Rows], Array],
    state: MiniBatches,
    *,
    runs: int,
    max_iter: int,
    patience: int | None,
    random: np.random.RandomState,
    step: Callable[[Array], bool],
    report: Callable[[str], None] | None,
) -> tuple[Run, MiniBatches]:
    """Draw batches until nothing becomes better.

    Parameters
    ----------
    rows : Rows
    start : callable
        ``start(rows)`` returns centres to start from, found in some of the rows.
    state : MiniBatches
    runs : int
        How many starts are compared, on rows of their own.
    max_iter : int
        Passes over the data.
    patience : int or None
        Steps without improvement.
    random : RandomState
    step, report
        As for `lloyd`.
    """
    n, k = rows.count, state.clusters
    size = state.size = min(state.size, n)
    sample = min(3 * size if 3 * size >= k else 3 * k, n)
    judged = _some(rows, random.randint(0, n, sample))
    centers, least = None, math.inf
    for _ in range(runs):
        part = rows if sample >= n else _some(rows, random.randint(0, n, sample))
        found = start(part)
        value = inertia(judged, found, nearest(judged, found))
        if centers is None or value < least:
            centers, least = found, value
    assert centers is not None
    probabilities = None if rows.weights is None else rows.weights / rows.total_weight
    if probabilities is None:
        probabilities = np.full(n, 1.0 / n)
    run = Run(centers, np.zeros(0, np.int32), math.inf, 0, message=f"max_iter={max_iter} passes are over")
    smooth, best, worse = math.nan, math.inf, 0
    rate = min(1.0, 2.0 * size / (n + 1))
    try:
        for i in range(max_iter * n // size):
            chosen = random.choice(n, size, p=probabilities, replace=True)
            batch = Rows(rows.X[chosen], None, rows.origin)  # drawn by their weights
            moved, value = state.step(batch, centers, random)
            centers = run.centers = moved
            value /= size
            if i > 0:
                smooth = value if math.isnan(smooth) else smooth * (1 - rate) + value * rate
                run.curve.append(float(smooth * rows.total_weight))
            if report is not None:
                report(f"Minibatch step {i + 1}: mean batch inertia: {value}, smoothed: {smooth}")
            if step(centers):
                run.stopped, run.status = True, "interrupted"
                run.message = f"stopped by a callback after {i + 1} mini-batches"
                break
            if i == 0:
                continue
            worse = 0 if smooth < best else worse + 1
            best = min(best, smooth)
            if patience is not None and worse >= patience:
                run.status = "stalled"
                run.message = f"the last {worse} mini-batches have not lowered the smoothed objective"
                break
    except KeyboardInterrupt:
        run.stopped, run.status, run.message = True, "interrupted", f"interrupted after {state.steps} mini-batches"
    run.iterations = math.ceil(state.steps * size / n)
    run.labels = nearest(rows, run.centers)
    run.inertia = inertia(rows, run.centers, run.labels)
    return run, state


def _some(rows: Rows, chosen: Any) -> Rows:
    return Rows(rows.X[chosen], None if rows.weights is None else rows.weights[chosen], rows.origin)
