r"""Sparse symmetric matrices, shifted and factorized:  P (A + σI) Pᵀ = L D Lᵀ.

L is unit lower triangular and D diagonal, so the signs in D are those of the eigenvalues of A + σI (Sylvester's law of
inertia): all positive means positive definite.  The order P that keeps L sparse (approximate minimum degree) is found
once; another σ costs the numbers only.

There is no pivoting, which positive definite matrices do not need.  For others the factorization may be inexact or stop
at a zero pivot; nothing is asked of it then but that they are not positive definite.

References
----------
Amestoy, Davis & Duff, *Algorithm 837: AMD*, ACM Trans. Math. Softw. 30 (2004); Davis, *Algorithm 849: a concise sparse
Cholesky factorization package*, ibid. 31 (2005); Stellato et al., *OSQP*, Math. Prog. Comp. 12 (2020), for QDLDL.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .problem import Vector

__all__ = ["ShiftedFactor"]


class ShiftedFactor:
    """The factorization of A + σI for one σ after the other, and of other matrices with the same pattern.

    Parameters
    ----------
    A : csr_array
        A symmetric matrix, with both triangles and without duplicates.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> F = ShiftedFactor(csr_array(np.array([[1.0, 2.0], [2.0, 1.0]])))
    >>> F.factorize(0.0), F.factorize(2.0)
    (False, True)
    >>> F.solve(np.array([5.0, 5.0]))
    array([1., 1.])
    >>> F.renew(csr_array(np.array([[9.0, 2.0], [2.0, 1.0]]))), F.factorize(0.0)
    (True, True)
    """

    def __init__(self, A: Any) -> None:
        from scipy.sparse import csc_matrix

        n = A.shape[0]
        rows = np.repeat(np.arange(n), np.diff(A.indptr))
        self.above = np.flatnonzero(rows < A.indices)
        everywhere = np.arange(n)
        # column by column the entries above the diagonal, and the diagonal, also where it is zero, last
        upper = csc_matrix(
            (
                np.arange(self.above.size + n, dtype=np.float64),
                (
                    np.concatenate([rows[self.above], everywhere]),
                    np.concatenate([A.indices[self.above], everywhere]),
                ),
            ),
            shape=(n, n),
        )
        upper.sort_indices()
        self.order = upper.data.astype(np.intp)
        self.pattern = (A.indptr, A.indices)
        self.upper = upper
        self.sigma: float | None = None
        self.positive = False
        self._cached_solver: Any = None
        self.renew(A)

    def renew(self, A: Any) -> bool:
        """Take the numbers of another matrix with the same pattern; False, and nothing done, where it differs."""
        indptr, indices = self.pattern
        if A.indices is not indices and not (np.array_equal(A.indptr, indptr) and np.array_equal(A.indices, indices)):
            return False
        self.diagonal = np.asarray(A.diagonal(), dtype=np.float64)
        self.upper.data = np.concatenate([A.data[self.above], self.diagonal])[self.order]
        self.sigma, self.positive = None, False
        return True

    def factorize(self, sigma: float) -> bool:
        """Factorize A + σI, and return whether it is positive definite."""
        from qdldl import Solver

        if sigma == self.sigma and self._cached_solver is not None:
            return self.positive
        self.upper.data[self.upper.indptr[1:] - 1] = self.diagonal + sigma
        self.sigma, self.positive = sigma, False
        try:
            if self._cached_solver is None:
                self._cached_solver = Solver(self.upper, upper=True)
            else:
                self._cached_solver.update(self.upper, upper=True)
        except RuntimeError:  # a pivot is exactly zero
            self._cached_solver = None
            return False
        D = self._cached_solver.factors()[1]
        self.positive = bool((D > 0).all() and np.isfinite(D).all())
        return self.positive

    def solve(self, b: Vector) -> Vector:
        """Return (A + σI)⁻¹ b for the σ of the last factorization."""
        if self._cached_solver is None:
            sigma, self.sigma = self.sigma, None
            self.factorize(sigma or 0.0)
        return np.asarray(self._cached_solver.solve(b))
