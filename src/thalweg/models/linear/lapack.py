"""What the triangle needs of linear algebra: its systems, and the lengths of its columns.

LAPACK is called without the checks that a small problem would wait for.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dtrtrs

from .blocks import Array

__all__ = ["lengths", "triangular"]


def triangular(R: Array, b: Array, transposed: bool = False) -> Array:
    """Solve Rx = b, or Rᵀx = b, with an upper triangle R whose diagonal has no zero.

    Examples
    --------
    >>> triangular(np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([4.0, 8.0]))
    array([1., 2.])
    """
    if not R.size:
        return np.zeros(b.shape)
    if R.flags.f_contiguous:
        x, info = dtrtrs(R, b, trans=int(transposed))
    else:  # LAPACK reads the transpose, a lower triangle
        x, info = dtrtrs(R.T, b, lower=1, trans=int(not transposed))
    if info:
        raise np.linalg.LinAlgError("singular triangle")
    return np.asarray(x)


def lengths(A: Array) -> Array:
    """The lengths of the columns, also where squares overflow or vanish.

    Examples
    --------
    >>> lengths(np.array([[3e200, 0.0], [4e200, 0.0]]))
    array([5.e+200, 0.e+000])
    """
    largest = np.max(np.abs(A), axis=0, initial=0.0)
    unit = np.where(largest > 0, largest, 1.0)
    B = A / unit
    return np.asarray(largest * np.sqrt(np.einsum("ij,ij->j", B, B)))
