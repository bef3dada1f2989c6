r"""Equilibration: units for the variables in which the Hessian has entries of size one.

If x̃ = D x with D = diag(d), the Hessian becomes H̃ = D⁻¹ H D⁻¹.  By Sylvester's law of inertia H̃ has as many
positive, negative and zero eigenvalues as H, whatever the units of the variables; but in good units they can be told
from rounding, and a ball is a sensible region to trust a model in.  A parameter of size 10² beside one of size 10⁻⁴
(as in NIST's Misra1a) is the rule in curve fitting, not the exception.

d is found by Ruiz's iteration: divide each row and column by the square root of its largest entry, and repeat.
Started at dᵢ = √|Hᵢᵢ| it follows every change of units exactly: d becomes d/u when the variables are multiplied by u.

References
----------
Ruiz, *A scaling algorithm to equilibrate both rows and columns norms in matrices*, RAL-TR-2001-034.
Conn, Gould & Toint, *Trust-Region Methods* (2000), §6.7 (scaling), Moré, *The Levenberg–Marquardt algorithm* (1978).
"""

from __future__ import annotations

import numpy as np

from .problem import Matrix, Vector

__all__ = ["equilibrate"]


def equilibrate(H: Matrix, noise: Matrix | None = None, sweeps: int = 8) -> Vector:
    """Return d > 0 such that the rows of H / (d dᵀ) have a largest entry near one.

    Parameters
    ----------
    H : array
        A symmetric matrix.
    noise : array, optional
        Size of the error of each entry.  An entry not above it counts as zero; a row of such entries gets the smallest
        scale of the others (or one).

    Examples
    --------
    >>> import numpy as np
    >>> equilibrate(np.diag([4.0, 1e-8, 0.0]))
    array([2.e+00, 1.e-04, 1.e-04])
    """
    A = np.abs(H)
    if noise is not None:
        A = np.where(A <= noise, 0.0, A)
    d = _first_guess(A)
    for _ in range(sweeps):
        largest = (A / (d[:, None] * d)).max(axis=1, initial=0.0)
        largest[largest == 0] = 1.0
        d = d * np.sqrt(largest)
        if (abs(largest - 1) < 0.1).all():
            break
    empty = ~A.any(axis=1)
    if empty.any():
        d[empty] = np.min(d[~empty], initial=np.inf) if not empty.all() else 1.0
    return d


def _first_guess(A: Matrix) -> Vector:
    """Scales that follow a change of units exactly: √|Hᵢᵢ|, or |Hᵢⱼ|/√|Hⱼⱼ| where Hᵢᵢ is zero."""
    d = np.sqrt(np.diagonal(A).copy())
    known = d > 0
    if known.any() and not known.all():
        d[~known] = np.max(A[np.ix_(~known, known)] / d[known], axis=1)
    return np.where(d > 0, d, 1.0)
