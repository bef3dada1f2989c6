"""The objective about the centres that were found, from which `solution_` makes its verdict.

While no row changes its nearest centre, Σ w ‖x − c‖² is exactly W + Σₖ nₖ ‖cₖ − x̄ₖ‖², with the weight nₖ and the mean
x̄ₖ of each cluster and the objective W at the means. So the verdict needs these numbers and not the rows. For a distance
of the user's own the rows are needed; each is held to its centre.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.models.trained import Evidence

from .distances import Distance
from .lloyd import Run
from .rows import Array, Rows
from .totals import Totals

__all__ = ["evidence_of"]


def evidence_of(run: Run, rows: Rows, centers: Array, distance: Callable[..., Any] | None, seconds: float) -> Evidence:
    """What is known of the trained point.

    Parameters
    ----------
    run : Run
    rows : Rows
    centers : ndarray of shape (clusters, features)
        The point.
    distance : callable or None
        As for the estimator.
    seconds : float
        Of the fit.
    """
    return Evidence(
        objective=_quadratic(run, rows, len(centers)) if distance is None else _held(run, rows, distance),
        parameters=np.asarray(centers, np.float64),
        method="k-means",
        reason="each row is held to its nearest centre, which does not change near the point",
        status=run.status,
        message=run.message,
        iterations=run.iterations,
        seconds=seconds,
        values=run.curve,
        tol=1e-8 if rows.X.dtype == np.float64 else 1e-4,
    )


def _quadratic(run: Run, rows: Rows, clusters: int) -> Callable[[Any], Any]:
    totals = run.totals
    if totals is None:
        totals = Totals(rows, clusters)
        totals.renew(run.labels)
    least = totals.value(totals.means())
    means, weights = totals.means() + rows.origin, totals.weights[:, None]

    def objective(centers: Any) -> Any:
        return least + np.sum(weights * (centers - means) ** 2)

    return objective


def _held(run: Run, rows: Rows, distance: Callable[..., Any]) -> Callable[[Any], Any]:
    each, X, labels, weights = Distance(distance).pairs, rows.X, run.labels, rows.weights

    def objective(centers: Any) -> Any:
        distances = each(X, centers[labels])
        return np.sum(distances if weights is None else weights * distances)

    return objective
