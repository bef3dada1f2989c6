"""Lloyd's algorithm: each row to its nearest centre, each centre to the mean of its rows, until no row moves.

F(c) = Σ wᵢ minₖ ‖xᵢ − cₖ‖² is, while no row changes its nearest centre, the quadratic Σₖ nₖ ‖cₖ − x̄ₖ‖² + const with
gradient 2 nₖ (cₖ − x̄ₖ) and Hessian 2 nₖ I.  So the step to the mean is Newton's step, and F never rises.

A cluster that loses all its rows is given one of those farthest from their centres.

References
----------
S. P. Lloyd (1982), "Least squares quantization in PCM", IEEE Transactions on Information Theory 28.
L. Bottou and Y. Bengio (1995), "Convergence properties of the k-means algorithms", NIPS 7 (the Newton step).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .rows import Array, Rows
from .search import search
from .totals import Totals, inertia

__all__ = ["Run", "lloyd", "same_clusters"]


@dataclass(eq=False)
class Run:
    """What one start led to; centres from the origin of the rows.

    Attributes
    ----------
    centers, labels, inertia
        The point, the nearest centre of each row, and the objective there.
    iterations : int
    curve : list of float
        After each iteration, Σ w ‖x − c‖² with the labels of that iteration.
    status, message : str
        As in `Solution`.
    stopped : bool
        A callback or the user asked for the end.
    totals : Totals or None
        Of the clusters of `labels`, where they are known.
    partial : bool
        The rows are one batch of many, which need not fill all clusters.
    """

    centers: Array
    labels: Array
    inertia: float
    iterations: int
    curve: list[float] = field(default_factory=list)
    status: str = "iteration_limit"
    message: str = ""
    stopped: bool = False
    totals: Totals | None = None
    partial: bool = False


def lloyd(
    rows: Rows,
    centers: Array,
    *,
    max_iter: int,
    tol: float,
    step: Callable[[Array], bool] = lambda centers: False,
    report: Callable[[str], None] | None = None,
) -> Run:
    """Run the algorithm from given centres.

    Parameters
    ----------
    rows : Rows
    centers : ndarray of shape (clusters, features)
        The start, from the origin of the rows.
    max_iter : int
    tol : float
        The sum of squared moves of the centres at which it ends.
    step : callable
        ``step(centers)`` is called after each iteration; true ends the run.
    report : callable, optional
        Takes a line about each iteration.

    Returns
    -------
    Run
    """
    found, totals = search(rows, len(centers)), Totals(rows, len(centers))
    run = Run(centers, found.labels, np.inf, 0)
    shift: Array | None = None
    before = np.full(rows.count, -1, np.int32)
    strict = False
    try:
        for iteration in range(max_iter):
            found.assign(centers, shift)
            strict = np.array_equal(found.labels, before)
            if strict or iteration == 0:
                totals.renew(found.labels)  # at the end, for sums without the rounding of many changes
            else:
                totals.move(before, found.labels)
            here = totals.relocated(found.labels, centers)
            means = here.means()
            after = means.astype(centers.dtype)
            shift = np.linalg.norm(after.astype(np.float64) - centers, axis=1)
            run.centers = centers = after
            run.iterations = iteration + 1
            run.curve.append(here.value(means))
            moved = float(np.sum(shift**2))
            if report is not None:
                report(f"Iteration {iteration}, inertia {run.curve[-1]}.")
            run.stopped = step(centers)
            if strict:
                run.status, run.message = "converged", "no row changes its cluster"
                break
            if moved <= tol:
                run.status = "converged"
                run.message = (
                    f"the centres have moved by less than tol allows (Σ‖move‖² = {moved:.3g} ≤ {tol:.3g}); "
                    "tol=0 goes on until no row changes its cluster"
                )
                break
            if run.stopped:
                run.status, run.message = "interrupted", f"stopped by a callback after {iteration + 1} iterations"
                break
            before[...] = found.labels
        else:
            run.message = f"rows still change their clusters after max_iter={max_iter} iterations"
    except KeyboardInterrupt:
        run.stopped, strict = True, False
        run.status, run.message = "interrupted", f"interrupted after {run.iterations} iterations"
    if report is not None:
        report(f"{run.status} after {run.iterations} iterations: {run.message}.")
    if not strict:  # the centres have moved since
        before[...] = found.labels
        found.assign(run.centers, None if run.stopped else shift)
        if run.stopped:
            totals.renew(found.labels)
        else:
            totals.move(before, found.labels)
    run.totals = totals
    run.inertia = inertia(rows, run.centers, found.labels)
    return run


def same_clusters(a: Array, b: Array, clusters: int) -> bool:
    """Whether two labellings are the same but for the numbers of the clusters."""
    image = np.full(clusters, -1)
    image[a] = b
    return bool(np.array_equal(image[a], b))
