r"""The matrix of Newton's method for small problems: dense LDLᵀ with the pivoting of Bunch and Kaufman.

    K = [ W + D_x   Jᵀ  ]      (n)
        [ J        −D_c ]      (m)

By Sylvester's law of inertia K has as many positive and negative eigenvalues as the block diagonal matrix D.  A block
of two rows, which the pivoting makes only where a_ii a_jj < a_ij², has one of each; so the signs of the single pivots
and the number of blocks are all there is to count.  Without rows (m = 0) a Cholesky factorization is tried: it exists
if and only if the matrix is positive definite.

References
----------
Bunch & Kaufman, Math. Comp. 31 (1977); LAPACK's dsytrf, dsytrs, dpotrf, dpotrs.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from ..problem import Matrix, Vector

__all__ = ["DenseKKT"]


class DenseKKT:
    """Factorizations of K for one problem, in memory that is kept.

    Examples
    --------
    >>> kkt = DenseKKT(2, 1)
    >>> kkt.load(np.eye(2), np.array([[1.0, 1.0]]))
    >>> kkt.factorize(np.zeros(2), np.zeros(1))
    0
    >>> kkt.solve(np.array([0.0, 0.0, 1.0]))
    array([ 0.5,  0.5, -0.5])
    """

    #: The inertia is always known.
    certain = True

    def __init__(self, n: int, m: int) -> None:
        self.n, self.m = n, m
        size = n + m
        self.base = np.zeros((size, size), order="F")
        self.K = np.zeros((size, size), order="F")
        self.diagonal = self.K.T.reshape(-1)[:: size + 1]
        self.W_part, self.J_part = self.base[:n, :n], self.base[n:, :n]
        self.W_diagonal = np.zeros(n)
        self.work = int(lapack.dsytrf_lwork(size, lower=1)[0]) if size else 1
        self.pivots = np.zeros(0, dtype=np.int32)

    def load(self, W: Matrix | None, J: Matrix) -> None:
        """Take over W (None for zero) and J; the factorizations that follow differ in the diagonal only."""
        self.W_part[...] = 0.0 if W is None else W
        if self.m:
            self.J_part[...] = J
        self.W_diagonal[...] = 0.0 if W is None else W.diagonal()

    def factorize(self, x_diagonal: Vector, c_diagonal: Vector) -> int:
        """Factorize and return 0 where the inertia is (n, m), 1 for too many negative eigenvalues, −1 if singular."""
        n, m = self.n, self.m
        np.copyto(self.K, self.base)
        np.add(self.W_diagonal, x_diagonal, out=self.diagonal[:n])
        if not m:
            _, info = lapack.dpotrf(self.K, lower=1, clean=0, overwrite_a=1)
            return 0 if info == 0 else 1
        np.negative(c_diagonal, out=self.diagonal[n:])
        _, self.pivots, info = lapack.dsytrf(self.K, lower=1, lwork=self.work, overwrite_a=1)
        if info:
            return -1
        single = self.diagonal[self.pivots > 0]
        negative = int((single < 0).sum()) + (n + m - single.size) // 2
        if negative == m:
            return 0
        return 1 if negative > m else -1

    def solve(self, right: Vector) -> Vector:
        """Return K⁻¹ right; a matrix is taken row by row."""
        b = right.T
        if self.m:
            x, _ = lapack.dsytrs(self.K, self.pivots, b, lower=1)
        else:
            x, _ = lapack.dpotrs(self.K, b, lower=1)
        return np.asarray(x.T)
