r"""The matrix of Newton's method for large problems: sparse LDLᵀ, ordered once.

    K = [ W + D_x   Jᵀ  ]
        [ J        −D_c ]

With a little added to D_x and D_c, K is close enough to quasidefinite that LDLᵀ with diagonal D exists for an ordering
chosen for sparsity alone (Vanderbei 1995); what was added is taken back by iterative refinement of each solution.  The
pattern is analysed once; afterwards entries are gathered by index arrays that were worked out then.

The inertia is the signs of D.  Reading D costs a copy of L, so that for very large factors the direction itself is
asked instead (Chiang & Zavala 2016): a step d is good where dᵀ(W + D)d is positive enough, which the caller tests.

Where the package qdldl is missing, or its factorization proves unstable, SuperLU takes over, with partial pivoting and
the test of the direction.

References
----------
Vanderbei, *Symmetric quasidefinite matrices*, SIAM J. Optim. 5 (1995).
Chiang & Zavala, *An inertia-free filter line-search algorithm for large-scale nonlinear programming*, Comput. Optim.
Appl. 64 (2016).
Stellato et al., *OSQP*, Math. Prog. Comp. 12 (2020), for QDLDL; Amestoy, Davis & Duff (2004), AMD.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, gmres, splu

from ..problem import Vector

try:
    import qdldl
except ImportError:  # the way by SuperLU needs nothing more
    qdldl = None

__all__ = ["SparseKKT"]

#: What is added to the diagonal for the factorization only.
X_EXTRA, C_EXTRA = 1e-11, 1e-10
#: With more entries than this in L, the inertia is not read.
INERTIA_LIMIT = 2_000_000
#: Refinement ends at the first relative residual; below the second no more is done; above the third it is no solution.
ACCURATE, ENOUGH, USELESS = 1e-11, 1e-9, 1e-2
#: Where all entries of a part are smaller than this, relatively, the part is not looked at for itself.
NEGLIGIBLE = 1e-10
#: Refinements at most, and dimension of the Krylov space where they do not help.
REFINEMENTS, KRYLOV = 6, 12


class SparseKKT:
    """Factorizations of K for one problem.

    Attributes
    ----------
    certain : bool
        Whether the inertia of the latest factorization is known; else the direction has to be tested.

    Examples
    --------
    >>> kkt = SparseKKT(2, 1)
    >>> kkt.load(sp.eye_array(2, format="csr"), sp.csr_array([[1.0, 1.0]]))
    >>> kkt.factorize(np.zeros(2), np.zeros(1))
    0
    >>> kkt.solve(np.array([0.0, 0.0, 1.0])).round(10)
    array([ 0.5,  0.5, -0.5])
    """

    def __init__(self, n: int, m: int, use_qdldl: bool = True) -> None:
        self.n, self.m = n, m
        self.use_qdldl = use_qdldl and qdldl is not None
        self.W_pattern: Any = None
        self.J_pattern: Any = None
        self.certain = True
        self.factor: Any = None
        self.fallback: Any = None
        self.entries_of_L = 0

    # -------------------------------------------------------------------------------------------------------- pattern

    def load(self, W: Any, J: Any) -> None:
        """Take over W (None for zero, its pattern known) and J; factorizations that follow differ in the diagonal."""
        if not self.m:
            J = sp.csr_array((0, self.n))
        if not self._same_pattern(W, J):
            self._analyse(W, J)
        W_data = np.zeros(self.off.size) if W is None else W.data[self.off]
        self.values[: self.off.size] = W_data
        self.values[self.off.size : self.off.size + self.J_size] = J.data
        self.W_diagonal = np.zeros(self.n) if W is None else W.diagonal()

    def _same_pattern(self, W: Any, J: Any) -> bool:
        if self.W_pattern is None or self.J_pattern is None:
            return False
        pairs = [(self.J_pattern, J)] if W is None else [(self.W_pattern, W), (self.J_pattern, J)]
        return all(
            p[0].size == A.indptr.size and np.array_equal(p[0], A.indptr) and np.array_equal(p[1], A.indices)
            for p, A in pairs
        )

    def _analyse(self, W: Any, J: Any) -> None:
        """Work out where each entry of W and J goes in the upper triangle of K, by columns."""
        n, m = self.n, self.m
        if W is None:
            W = sp.csr_array((n, n))
        self.W_pattern, self.J_pattern = (W.indptr, W.indices), (J.indptr, J.indices)
        W_rows = np.repeat(np.arange(n), np.diff(W.indptr))
        self.off: NDArray[np.intp] = np.flatnonzero(W.indices < W_rows)
        self.J_size = J.indices.size
        J_rows = np.repeat(np.arange(m), np.diff(J.indptr))
        diagonal = np.arange(n + m)
        rows = np.concatenate([W.indices[self.off], J.indices, diagonal])
        columns = np.concatenate([W_rows[self.off], n + J_rows, diagonal])
        places = sp.csc_array((np.arange(1.0, rows.size + 1), (rows, columns)), (n + m, n + m))
        places.sort_indices()
        self.order = places.data.astype(np.intp) - 1
        self.values = np.zeros(rows.size)
        self.upper = sp.csc_matrix((np.zeros(rows.size), places.indices, places.indptr), shape=(n + m, n + m))
        place_of = np.empty(rows.size, dtype=np.intp)
        place_of[self.order] = np.arange(rows.size)
        self.diagonal_at = place_of[rows.size - n - m :]
        self.factor = self.fallback = None

    # --------------------------------------------------------------------------------------------------- factorization

    def factorize(self, x_diagonal: Vector, c_diagonal: Vector) -> int:
        """Factorize; return 0 for inertia (n, m) or an unknown one, 1 for too many negative ones, −1 if singular."""
        n, m = self.n, self.m
        diagonal = np.concatenate([self.W_diagonal + x_diagonal, -c_diagonal])
        self.values[self.off.size + self.J_size :] = diagonal
        data = self.upper.data
        np.take(self.values, self.order, out=data)
        self.diagonal = diagonal.copy()
        self.fallback = None
        if not np.isfinite(data).all():
            return -1
        if not self.use_qdldl:
            return self._pivoted()
        extra = np.concatenate([np.full(n, X_EXTRA), np.full(m, -C_EXTRA)])
        data[self.diagonal_at] += extra
        try:
            if self.factor is None:
                self.factor = qdldl.Solver(self.upper, upper=True)
            else:
                self.factor.update(self.upper, upper=True)
        except RuntimeError:
            self.factor = None
            return self._pivoted()
        finally:
            data[self.diagonal_at] = self.diagonal
        self.certain = self.entries_of_L <= INERTIA_LIMIT
        if not self.certain:
            return 0
        L, D, _ = self.factor.factors()
        self.entries_of_L = L.nnz
        if not np.isfinite(D).all():
            return -1
        negative = int((D < 0).sum())
        return 0 if negative == m else 1 if negative > m else -1

    def _pivoted(self) -> int:
        """Factorize by SuperLU; the inertia is not known then."""
        self.certain = False
        K = (self.upper + sp.triu(self.upper, 1).T).tocsc()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.fallback = splu(
                    K, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=1e-3, options={"SymmetricMode": True}
                )
        except RuntimeError:
            return -1
        return 0

    # ------------------------------------------------------------------------------------------------------- solution

    def solve(self, right: Vector) -> Vector:
        """Return K⁻¹ right, refined; a matrix is taken row by row.  NaN where the factorization is of no use."""
        if right.ndim == 2:
            return np.stack([self.solve(b) for b in right])
        x, error = self._refined(right)
        if error > USELESS and self.fallback is None and self._pivoted() == 0:
            x, error = self._refined(right)
        return x if error <= USELESS else np.full(right.size, np.nan)

    def _refined(self, b: Vector) -> tuple[Vector, float]:
        """Return a solution and its relative residual, by iterative refinement and, where it is slow, by GMRES."""
        apply = self.fallback.solve if self.fallback is not None else self.factor.solve
        sizes = self._sizes(b)
        if not np.isfinite(sizes[0]) or not b.any():
            return np.zeros(b.size), 0.0 if np.isfinite(sizes[0]) else np.inf
        x, best, least = np.zeros(b.size), np.zeros(b.size), 1.0
        residual = b
        for _ in range(REFINEMENTS):
            x = x + apply(residual)
            residual = b - self.times(x)
            error = self._relative(residual, sizes)
            slow = not error < 0.1 * least
            if error < least:
                best, least = x, error
            if slow or error <= ACCURATE:
                break
        if least <= ENOUGH:
            return best, least
        return self._by_gmres(b, best, least, sizes, apply)

    def _by_gmres(
        self, b: Vector, x: Vector, error: float, sizes: tuple[float, float], apply: Any
    ) -> tuple[Vector, float]:
        """Improve a solution within a Krylov space, the factorization being the preconditioner."""
        shape = (b.size, b.size)
        K, M = LinearOperator(shape, self.times, dtype=float), LinearOperator(shape, apply, dtype=float)
        with np.errstate(all="ignore"):
            better, _ = gmres(K, b - self.times(x), rtol=1e-2 * ENOUGH, restart=KRYLOV, maxiter=1, M=M)
            better = x + better
            reached = self._relative(b - self.times(better), sizes)
        return (better, reached) if reached < error else (x, error)

    def _sizes(self, b: Vector) -> tuple[float, float]:
        """What residuals are small beside: the largest entry in the first n, and that in the last m components."""
        first = float(np.abs(b[: self.n]).max(initial=0.0))
        last = float(np.abs(b[self.n :]).max(initial=0.0))
        size = max(first, last)
        return first if first > NEGLIGIBLE * size else size, last if last > NEGLIGIBLE * size else size

    def _relative(self, residual: Vector, sizes: tuple[float, float]) -> float:
        absolute = np.abs(residual)
        error = float(absolute[: self.n].max(initial=0.0)) / sizes[0]
        return max(error, float(absolute[self.n :].max()) / sizes[1]) if self.m else error

    def times(self, x: Vector) -> Vector:
        """Return K x."""
        U = self.upper
        return np.asarray(U @ x + U.T @ x - self.diagonal * x)
