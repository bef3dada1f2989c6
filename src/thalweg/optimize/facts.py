r"""What the structure of a problem says about it, read from the graph and not from samples.

- *linear* and *quadratic* objectives by their degree as polynomials, rows of constraints likewise;
- a quadratic objective over linear constraints with a positive semidefinite Hessian is a *convex quadratic program*:
  every minimum is the global one, and sequential quadratic programming ends after one step;
- a *sum of squares* can be given to Levenberg and Marquardt without being written as residuals.

References
----------
Boyd & Vandenberghe, *Convex Optimization* (2004), §4.2.2 (a local minimum of a convex problem is global), §4.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .problem import Vector
from .sizes import LOOKED_AT

__all__ = ["Facts", "facts_of"]


class Facts:
    """The structure in words, and whether the problem is known to be convex.

    Attributes
    ----------
    text : str
        'linear', 'convex quadratic', 'quadratic', 'sum of squares' or ''; with ', linear constraints' where they are.
    convex : bool or None
        None where it is not known.
    """

    def __init__(self, text: str, convex: bool | None) -> None:
        self.text = text
        self.convex = convex


def facts_of(degree: float, squares: bool, linear: Any, hessian: Any, start: Vector) -> Facts:
    """Return what is known.

    Parameters
    ----------
    degree : float
        Of the objective.
    squares : bool
        Whether it is a sum of squares by its ops.
    linear : array of bool
        Which rows of the constraints are affine.
    hessian : callable or None
        ``x -> ∇²f``, dense; constant where the degree is two.
    start : array
        Any point.

    Examples
    --------
    >>> facts = facts_of(2.0, False, np.array([True]), lambda x: np.eye(2), np.zeros(2))
    >>> facts.text, facts.convex
    ('convex quadratic, linear constraints', True)
    """
    rows = np.asarray(linear, dtype=bool)
    convex: bool | None = None
    if degree <= 1:
        text, convex = "linear", True
    elif degree == 2:
        text = "quadratic"
        if hessian is not None and start.size <= LOOKED_AT:
            H = np.asarray(hessian(start), dtype=np.float64)
            if np.isfinite(H).all():
                values = np.linalg.eigvalsh(H)
                size = float(np.max(np.abs(values), initial=0.0))
                convex = bool(values[0] >= -8 * values.size * np.finfo(float).eps * size)
                text = "convex quadratic" if convex else "quadratic"
    else:
        text = "sum of squares" if squares else ""
    if rows.size:
        text += ", linear constraints" if rows.all() else ""
        convex = convex if rows.all() else None
    return Facts(text.removeprefix(", "), convex or None)
