r"""L-BFGS over all rows at once, for small data: the method of `thalweg.optimize`, step by step.

Value and gradient are computed in double precision, whatever the steps of a line search come to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from thalweg.optimize.descend import descend
from thalweg.optimize.state import State

from .flat import Flat
from .gradient import Counted, Gradient

__all__ = ["steps"]


def steps(
    flat: Flat, gradient: Gradient, arrays: tuple[Any, ...], weights: Any, alpha: float, limit: int
) -> Iterator[State]:
    """Go down the objective from the parameters of `flat`, which are changed; each state is one iteration.

    Parameters
    ----------
    flat : Flat
        In float64.
    gradient : Gradient
        Of ``loss(parameters, *arrays)``.
    arrays : tuple of arrays
        All rows.
    weights : array or None
        Of the rows.
    alpha : float
        The penalty.
    limit : int
        Iterations at most.
    """
    counted = Counted(gradient, flat.structure)
    rows = next(a.shape[0] for a in arrays if a is not None)
    share = alpha / (rows if weights is None else float(np.sum(weights)))

    def both(x: Any) -> tuple[float, Any]:
        value, *slopes = counted(flat.parts(x), arrays)
        g = np.empty_like(x)
        flat.fill(g, slopes)
        W = x[: flat.weights]
        g[: flat.weights] += share * W
        return float(value) + 0.5 * share * float(np.dot(W, W)), g

    for state in descend(both, flat.vector.copy(), "l-bfgs", grad=True, max_iterations=limit, tol=1e-300):
        flat.vector[:] = state.x
        yield state
