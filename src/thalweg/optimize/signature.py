r"""Signs of the curvature on a tangent space without forming it: one sparse factorization.

The matrix of Karush, Kuhn and Tucker

    K = [ W − σD   Aᵀ ]
        [ A       −δI ]

has as many negative eigenvalues as A has rows, plus those of W − σD on {v : A v = 0} (for small δ; rows of A that
depend on others add nothing else).  K = L Δ Lᵀ shows them as the signs in Δ, by Sylvester's law of inertia.  So two
factorizations, with σ = ±τ, tell whether W is positive on the tangent space beyond an error τ, or negative somewhere
beyond it.

There is no pivoting in the factorization.  How exact it was is measured: it is that of a matrix K + E, and |E| is read
off solutions of K u = b.  Where |E| exceeds τ the signs say nothing about τ, and a larger τ is tried; a zero block in
W, for which pivots are of size σ, ends at about √ε in that way.

Units are such that the rows of K have entries of size one, D = diag(d²).

References
----------
Gould, *On practical conditions for the existence and uniqueness of solutions to the general equality quadratic
programming problem*, Math. Prog. 32 (1985) (inertia of K); Vanderbei, *Symmetric quasidefinite matrices*, SIAM J.
Optim. 5 (1995); Ruiz, RAL-TR-2001-034 (scaling).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .curvature import EPS
from .problem import Vector

__all__ = ["Signature", "sparse_scales"]

#: Rows of length one whose combination of length one is shorter than this are dependent.
NEVER = 1e-7
#: The usual lower right block.
DELTA = 1e-9


def sparse_scales(W: Any, A: Any, sweeps: int = 6) -> tuple[Vector, Vector]:
    """Return units d of the variables and e of the rows of A in which [W Aᵀ; A 0] has rows of size one.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> d, e = sparse_scales(csr_array(np.diag([4.0, 1e-8])), csr_array((0, 2)))
    >>> d
    array([2.e+00, 1.e-04])
    """
    from scipy.sparse import diags_array

    n, m = W.shape[0], A.shape[0]
    d = np.sqrt(np.abs(W.diagonal()))
    d[d <= 1e-8 * np.max(d, initial=0.0)] = 1.0
    e = np.ones(m)
    for _ in range(sweeps):
        S = diags_array(1 / d)
        largest = abs(S @ W @ S).max(axis=1).toarray().ravel() if n else np.zeros(0)
        if m:
            B = abs(diags_array(1 / e) @ A @ S)
            rows, columns = B.max(axis=1).toarray().ravel(), B.max(axis=0).toarray().ravel()
            e *= np.sqrt(np.where(rows > 0, rows, 1.0))
            largest = np.maximum(largest, columns)
        d *= np.sqrt(np.where(largest > 0, largest, 1.0))
        if np.all((largest == 0) | (np.abs(largest - 1) < 0.1)):
            break
    return d, e


class Signature:
    """The signs of W − σD on the tangent space of A, and solutions with K.

    Parameters
    ----------
    W : csr_array (n, n)
        Symmetric.
    A : csr_array (m, n)
        The gradients of the constraints.
    delta : float
        The lower right block, in units in which A has entries of size one.

    Examples
    --------
    x² − y² on x + 2y = 0 is positive, on 2x + y = 0 negative:

    >>> from scipy.sparse import csr_array
    >>> W = csr_array(np.diag([2.0, -2.0]))
    >>> Signature(W, csr_array([[1.0, 2.0]])).negative(0.0), Signature(W, csr_array([[2.0, 1.0]])).negative(0.0)
    (0, 1)
    """

    def __init__(self, W: Any, A: Any, delta: float = DELTA) -> None:
        from scipy.sparse import block_array, csc_matrix, diags_array, eye_array

        self.n, self.m, self.delta = W.shape[0], A.shape[0], delta
        self.d, self.e = sparse_scales(W, A)
        S = diags_array(1 / self.d)
        W = S @ W @ S
        if self.m:
            A = diags_array(1 / self.e) @ A @ S
            K = block_array([[W + 0 * eye_array(self.n), A.T], [A, -delta * eye_array(self.m)]], format="csr")
        else:
            K = (W + 0 * eye_array(self.n)).tocsr()
        self.K = K
        self.shifted = np.concatenate([np.ones(self.n), np.zeros(self.m)])
        rows = np.repeat(np.arange(K.shape[0]), np.diff(K.indptr))
        above = rows < K.indices
        everywhere = np.arange(K.shape[0])
        self.diagonal = K.diagonal()
        self.upper = csc_matrix(
            (
                np.concatenate([K.data[above], self.diagonal]),
                (np.concatenate([rows[above], everywhere]), np.concatenate([K.indices[above], everywhere])),
            ),
            shape=K.shape,
        )
        self.upper.sort_indices()
        self.solver: Any = None
        self.sigma = 0.0
        self.error = np.inf

    def negative(self, sigma: float) -> int | None:
        """Return the number of negative eigenvalues of W − σD on the tangent space; None where it cannot be told.

        `error` is then the size of E.
        """
        from qdldl import Solver

        self.sigma = sigma
        if not self.K.shape[0]:
            self.error = 0.0
            return 0
        self.upper.data[self.upper.indptr[1:] - 1] = self.diagonal - sigma * self.shifted
        try:
            if self.solver is None:
                self.solver = Solver(self.upper, upper=True)
            else:
                self.solver.update(self.upper, upper=True)
        except RuntimeError:  # a pivot is exactly zero
            self.solver, self.error = None, np.inf
            return None
        pivots = np.asarray(self.solver.factors()[1])
        if not np.isfinite(pivots).all():
            self.solver, self.error = None, np.inf
            return None
        self.error = self._backward_error()
        return int(np.sum(pivots < 0)) - self.m

    def solve(self, first: Vector, second: Vector | None = None) -> tuple[Vector, Vector] | None:
        """Return u, w with W u + Aᵀw = first, A u = second, refined; None where that fails."""
        if not self.K.shape[0]:
            return np.zeros(0), np.zeros(0)
        if self.solver is None:
            return None
        b = np.concatenate([first / self.d, np.zeros(self.m) if second is None else second / self.e])
        K = self.K
        exact = np.concatenate([np.zeros(self.n), np.full(self.m, self.delta)])  # the lower right block taken out again
        u = np.asarray(self.solver.solve(b))
        size = float(np.max(np.abs(b), initial=0.0))
        best, left = u, np.inf
        for _ in range(5):
            r = b - (K @ u + exact * u)
            now = float(np.max(np.abs(r), initial=0.0))
            if not np.isfinite(now) or now >= left:
                break
            best, left = u, now
            if now <= 1e-12 * size:
                break
            u = u + np.asarray(self.solver.solve(r))
        if left > 1e-4 * size:
            return None
        return best[: self.n] / self.d, best[self.n :] / self.e

    def rough(self, v: Vector) -> Vector:
        """Return u of W u + Aᵀw = v, A u = 0 as the factors give it, without refinement."""
        b = np.concatenate([v / self.d, np.zeros(self.m)])
        return np.asarray(self.solver.solve(b))[: self.n] / self.d

    def dependent(self, most: int = 8) -> int:
        """Return how many rows of A depend on others (at most `most`), for W = I.

        By inverse iteration with A Aᵀ + δI.
        """
        if not self.m:
            return 0
        A = self.K[self.n :, : self.n]
        for k in (1, min(most, self.m)):
            Y = np.cos(1.0 + np.outer(np.arange(self.m), 2.0 + np.arange(k)))
            for _ in range(3):
                Y = np.linalg.qr(Y)[0]
                whole = np.vstack([np.zeros((self.n, k)), Y])
                Y = np.stack([np.asarray(self.solver.solve(b))[self.n :] for b in whole.T], axis=1)
                if not np.isfinite(Y).all():
                    return 0
            Y = np.linalg.qr(Y)[0]
            count = int(np.sum(np.linalg.svd(A.T @ Y, compute_uv=False) < NEVER))
            if not count:
                return 0
        return count

    def _backward_error(self) -> float:
        """|K u − b| / |u| for two b: the size of the E for which (K + E) u = b."""
        worst = 0.0
        shift = self.sigma * self.shifted
        for k in range(2):
            b = np.cos(1.0 + (2.0 + k) * np.arange(self.K.shape[0]))
            u = np.asarray(self.solver.solve(b))
            size = float(np.linalg.norm(u))
            r = float(np.linalg.norm(b - self.K @ u + shift * u))
            worst = max(worst, r / size if size > 0 and np.isfinite(r) else np.inf)
        return worst + EPS
