"""The `Solution` of a point that another algorithm found: the verdict is ours, the run is told.

Algorithms of their own (k-means, expectation–maximization, a direct factorization) end at a point of a function that
can be traced.  What kind of point that is, and the numbers that show it, does not depend on how it was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from .descend import descent
from .history import History
from .solution import Solution, Status

__all__ = ["solution_at"]


def solution_at(
    f: Callable[..., Any],
    x: Any,
    *,
    method: str,
    reason: str = "",
    status: str | None = None,
    message: str | None = None,
    iterations: int = 0,
    seconds: float = 0.0,
    values: Iterable[float] = (),
    subject_to: Any = None,
    bounds: Any = None,
    tol: float = 1e-8,
    time_limit: float | None = None,
) -> Solution:
    """Return what is at x, as the solution of a run of another algorithm.

    Parameters
    ----------
    f : callable
        The objective, in plain NumPy.
    x : number, array, or nested structure
        The point.
    method, reason : str
        Which algorithm found it, and why it was taken.
    status, message : str, optional
        How its run ended; without them, what the gradient at x says.
    iterations : int
        Of its run.
    seconds : float
        Of its run.
    values : iterable of float
        The objective at its iterates.
    subject_to, bounds, tol
        As for `minimize`.
    time_limit : float, optional
        Seconds for the verdict.

    Examples
    --------
    >>> s = solution_at(lambda x: x[0] ** 2 - x[1] ** 2, np.zeros(2), method="a guess", values=[1.0, 0.0])
    >>> s.kind, s.method, s.history.value
    ('saddle', 'a guess', array([1., 0.]))
    """
    here = descent(
        f, x, "auto", subject_to=subject_to, bounds=bounds, tol=tol, max_iterations=0, escape_saddles=False,
        time_limit=time_limit,
    ).run()  # fmt: skip
    history = History()
    for value in values:
        history.append(
            value=float(value),
            gradient_norm=float("nan"),
            step_length=float("nan"),
            time=float("nan"),
            evaluations=0,
            x=np.full(here.flat.size, np.nan),
        )
    return replace(
        here,
        method=method,
        method_reason=reason,
        status=here.status if status is None else Status(status),
        message=here.message if message is None else message,
        iterations=iterations,
        time=seconds,
        history=history if len(history) else here.history,
    )
