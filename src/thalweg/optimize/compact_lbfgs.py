r"""The matrix of L-BFGS in compact form: products and subspace solutions without a loop over the pairs.

After the pairs s, y of the last m steps the BFGS matrix that began as θ I is

    B = θ I − W K⁻¹ Wᵀ,     W = [Y  S]  (a pair two columns),     K = [ −D    Lᵀ/θ   ]
                                                                      [ L/θ   Sᵀ S/θ ],

with D the diagonal and L the strictly lower part of Sᵀ Y.  B is positive definite when all sᵀy > 0.  For the variables
F that are free, by the formula of Sherman, Morrison and Woodbury,

    (B_FF)⁻¹ r = r/θ + W_F (K − W_Fᵀ W_F/θ)⁻¹ W_Fᵀ r / θ²,

where W_Fᵀ W_F comes from WᵀW, which is kept, and the rows of either F or its complement, whichever are fewer.
Each pair is scaled to sᵀy = 1, which changes nothing but the condition of K.

References
----------
Byrd, Nocedal & Schnabel, *Representations of quasi-Newton matrices*, Math. Programming 63 (1994), theorem 2.3.
Byrd, Lu, Nocedal & Zhu, *A limited memory algorithm for bound constrained optimization*, SIAM J. Sci. Comput. 16
(1995), §5.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import lapack
from .composition import Path, Proposal
from .problem import Matrix, Vector

__all__ = ["CompactBFGS", "SubspacePath"]

#: A pair is kept where sᵀy exceeds this part of ‖s‖ ‖y‖.
CURVED = 1e-10


class CompactBFGS:
    """The limited-memory BFGS matrix of the last pairs.

    Parameters
    ----------
    n, memory : int
        Number of variables; number of pairs that are kept.
    theta : float
        θ before there are pairs.

    Examples
    --------
    >>> B = CompactBFGS(2, 5)
    >>> B.learn(np.array([1.0, 1.0]), np.array([2.0, 4.0]))
    True
    >>> np.round(B.product(np.array([1.0, 1.0])), 12)    # the secant equation: B s = y
    array([2., 4.])
    >>> np.round(B.solve(np.array([2.0, 4.0]), None), 12)
    array([1., 1.])
    """

    def __init__(self, n: int, memory: int, theta: float = 1.0) -> None:
        self.memory, self.theta = memory, theta
        self.W = np.zeros((n, 2 * memory))
        self.gram = np.zeros((2 * memory, 2 * memory))
        self.age = np.zeros(memory)  # 0: no pair here
        self.K: Matrix | None = None

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return int(np.count_nonzero(self.age))

    def learn(self, s: Vector, y: Vector) -> bool:
        """Take in a pair, if its curvature is positive; the oldest goes if there is no room."""
        sy, yy = float(s @ y), float(y @ y)
        if not CURVED * np.sqrt(float(s @ s) * yy) < sy < np.inf:
            return False
        place = 2 * int(self.age.argmin())
        root = np.sqrt(sy)
        self.W[:, place], self.W[:, place + 1] = y / root, s / root
        self.age[place // 2] = self.age.max() + 1
        new = self.W[:, place : place + 2]
        products = self.W.T @ new
        self.gram[:, place : place + 2] = products
        self.gram[place : place + 2] = products.T
        self.theta = yy / sy
        self._middle()
        return True

    def _middle(self) -> None:
        k, theta = self.pairs, self.theta
        G = self.gram[: 2 * k, : 2 * k]
        age = self.age[:k]
        lower = G[1::2, 0::2] * (age[:, None] > age) / theta
        K = np.empty((2 * k, 2 * k))
        K[0::2, 0::2] = -np.eye(k)
        K[1::2, 0::2] = lower
        K[0::2, 1::2] = lower.T
        K[1::2, 1::2] = G[1::2, 1::2] / theta
        self.K = K

    def product(self, v: Vector) -> Vector:
        """Return B v."""
        if self.K is None:
            return self.theta * v
        W = self.W[:, : len(self.K)]
        return self.theta * v - W @ _solved(self.K, v @ W)

    def solve(self, r: Vector, free: NDArray[np.intp] | None) -> Vector:
        """Return (B_FF)⁻¹ r_F for r of all variables, of which those in F count (None: all)."""
        theta = self.theta
        if self.K is None:
            return (r if free is None else r[free]) / theta
        k = len(self.K)
        W, G = self.W[:, :k], self.gram[:k, :k]
        if free is not None and 2 * free.size < r.size:
            few, r = W[free], r[free]
            return r / theta + (few @ _solved(self.K - (few.T @ few) / theta, r @ few)) / theta**2
        if free is not None:
            held = np.ones(r.size, dtype=bool)
            held[free] = False
            few = W[np.flatnonzero(held)]
            G = G - few.T @ few
            r = np.where(held, 0.0, r)
        whole = r / theta + (W @ _solved(self.K - G / theta, r @ W)) / theta**2
        return whole if free is None else whole[free]


def _solved(K: Matrix, b: Vector) -> Vector:
    return np.asarray(lapack.dgesv(K, b)[2])


class SubspacePath:
    """Newton's step of a positive definite model; there is no radius."""

    def __init__(self, B: CompactBFGS, free: NDArray[np.intp] | None, gradient: Vector) -> None:
        self.g = gradient if free is None else gradient[free]
        self.step = -B.solve(gradient, free)

    def __call__(self, size: float) -> Proposal:
        """Return the step."""
        return Proposal(self.step, -0.5 * float(self.g @ self.step), self.natural, "L-BFGS")

    @property
    def natural(self) -> float:
        """Its length."""
        return float(np.linalg.norm(self.step))

    def measure(self, step: Vector) -> float:
        """Return ‖s‖."""
        return float(np.linalg.norm(step))

    def steepness(self, gradient: Vector) -> float:
        """Return ‖g‖."""
        return float(np.linalg.norm(gradient))


class CompactModel:
    """The quadratic model of a compact matrix, as `box_step` takes it."""

    exploring = 0

    def __init__(self, B: CompactBFGS, gradient: Vector) -> None:
        self.B, self.g = B, gradient
        self.d = np.ones(gradient.size)

    def product(self, s: Vector) -> Vector:
        """Return B s."""
        return self.B.product(s)

    def path(self, free: NDArray[np.intp] | None, s: Vector | None, gradient: Vector) -> Path:
        """Return the step in the free variables."""
        return SubspacePath(self.B, free, gradient)
