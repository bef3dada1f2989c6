r"""A convex model in place of one that is not: the Hessian with the signs of its negative eigenvalues turned.

With H = Q diag(λ) Qᵀ the matrix |H| = Q diag(max(|λ|, floor)) Qᵀ is positive definite, H ⪯ |H|, and along each
eigenvector it keeps the size of the curvature: where f curves down by λ the model's step has the length |γ/λ| that a
Newton step would have where f curves up.  Since H ⪯ |H|, the convex model bounds the quadratic one from above, so its
minimum lowers that one too.

References
----------
Gill, Murray & Wright, *Practical Optimization* (1981), §4.4.2.1; Nocedal & Wright (2nd ed.), §3.4.
"""

from __future__ import annotations

import numpy as np

from .. import lapack
from ..problem import Matrix

__all__ = ["convexified"]


def convexified(H: Matrix, floor: float, turned: float = 1.0) -> Matrix:
    """Return |H|, with no eigenvalue below `floor`; what was negative is multiplied by `turned`.

    Examples
    --------
    >>> np.diag(convexified(np.diag([2.0, -3.0, 0.0]), 0.5))
    array([2. , 3. , 0.5])
    """
    if H.shape[0] == 0:
        return H
    values, Q, info = lapack.dsyevd(H)
    if info != 0:
        values, Q = np.linalg.eigh(H)
    sizes = np.maximum(np.where(values < 0, -turned * values, values), floor)
    return (Q * sizes) @ Q.T
