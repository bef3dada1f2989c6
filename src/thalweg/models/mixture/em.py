"""Expectation–maximization: the E-step and the M-step in turn, until the likelihood gains next to nothing.

No iteration lowers the objective's value −f, and a fixed point is a stationary point of `objective`.  How fast it gets
there depends on how much the components overlap: the gain of an iteration may be small far from the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .blocks import Rows
from .expectation import expectation
from .maximization import maximization
from .state import Mixture

__all__ = ["Run", "em"]


@dataclass(eq=False)
class Run:
    """One run from one start.

    Attributes
    ----------
    mixture : Mixture
        Where it ended.
    value : float
        The lower bound on the mean log-likelihood that the last E-step found.
    curve : list of float
        That of each iteration.
    converged : bool
    stopped : str or None
        'interrupted' by the user, or by a 'callback'.
    """

    mixture: Mixture
    value: float
    curve: list[float] = field(default_factory=list)
    converged: bool = False
    stopped: str | None = None


def em(
    rows: Rows,
    mixture: Mixture,
    *,
    reg_covar: float,
    tol: float,
    max_iter: int,
    threads: int = 1,
    before: float = -np.inf,
    step: Callable[[Mixture, float, float], bool] | None = None,
) -> Run:
    """Iterate from a mixture.

    Parameters
    ----------
    rows : Rows
    mixture : Mixture
        The start.
    reg_covar : float
        Added to the diagonal of the covariances.
    tol : float
        It ends when the lower bound changes by less.
    max_iter : int
    threads : int
    before : float
        The lower bound that a run ended with which is continued.
    step : callable, optional
        ``step(mixture, value, change)`` after each iteration; True stops the run.

    Raises
    ------
    SingularError
        Where a covariance becomes singular.
    """
    run = Run(mixture, before)
    try:
        for _ in range(max_iter):
            moments = expectation(rows, run.mixture, reg_covar, threads)
            run.mixture = maximization(moments, run.mixture, rows.total, reg_covar)
            change, run.value = moments.value - run.value, moments.value
            run.curve.append(run.value)
            stop = step is not None and step(run.mixture, run.value, change)
            if abs(change) < tol:
                run.converged = True
                break
            if stop:
                run.stopped = "callback"
                break
    except KeyboardInterrupt:
        run.stopped = "interrupted"
    return run
