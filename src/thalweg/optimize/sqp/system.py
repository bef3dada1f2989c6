r"""The optimality system of a quadratic program, and its basic solutions.

    minimize gᵀd + ½ dᵀHd    subject to    lo ≤ (d, A d) ≤ hi.

The n variables and the m rows are treated alike: each of the n + m *values* v = (d, A d) has limits, and a *dual*
u = (z, y), positive where the upper limit holds the value, negative where the lower one does, zero in between:

    g + H d + Aᵀy + z = 0.

A choice of sides — which values are *held* at which limit — has a *basic solution*: held variables are known, duals of
rows that are not held are known (zero), and the rest solve the symmetric system of the free variables F and held rows W

    ⎡ H_FF  A_WFᵀ ⎤ ⎡ d_F ⎤   ⎡ −g_F − H_FB d_B     ⎤
    ⎣ A_WF    0   ⎦ ⎣ y_W ⎦ = ⎣ limit_W − A_WB d_B  ⎦.

By Sylvester's law the matrix has exactly |W| negative eigenvalues if and only if A_WF has full rank and H is positive
definite on its null space; then the basic solution is the minimum with the held values held.  The LDLᵀ factorization of
Bunch and Kaufman shows the count: a 2×2 pivot has one eigenvalue of each sign.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §16.1–16.2 and theorem 16.3 (Gould's inertia condition).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import lapack
from ..problem import Matrix, Vector

__all__ = ["SLACK", "Basic", "Sides", "System"]

#: A value beyond its limit by less than this, relative to one plus its size, is at it.
SLACK = 1e-11

#: +1: held at the upper limit; −1: at the lower one; 0: not held.
Sides = NDArray[np.int8]

NOTHING = (np.zeros((0, 0)), np.zeros(0, dtype=np.int32), np.zeros((0, 2)), 0)
#: A second right side has the solution 1; where it comes out with a larger error, the matrix is singular to rounding.
LOST = 1e-4


class Basic(NamedTuple):
    """The solution that belongs to a choice of sides."""

    d: Vector
    y: Vector
    value: Vector
    dual: Vector
    places: NDArray[np.intp]
    factor: tuple[Any, Any]


class System:
    """The data of a quadratic program, stored so that a basic solution costs one gather and one factorization.

    Parameters
    ----------
    n, m : int
        Numbers of variables and of rows.

    Examples
    --------
    The point of x + y = 2 nearest to the origin:

    >>> system = System(2, 1)
    >>> system.load(np.eye(2), np.ones((1, 2)), np.zeros(2), np.array([-9.0, -9, 2]), np.array([9.0, 9, 2]))
    >>> basic = system.solve(np.array([0, 0, 1], dtype=np.int8))
    >>> basic.d, basic.y
    (array([1., 1.]), array([-1.]))
    """

    def __init__(self, n: int, m: int) -> None:
        self.n, self.m = n, m
        self.K: Matrix = np.zeros((n + m, n + m))
        self.g: Vector = np.zeros(n)
        self.lo: Vector = np.zeros(n + m)
        self.hi: Vector = np.zeros(n + m)
        self.fixed = np.zeros(n + m, dtype=bool)
        self.free = np.zeros(n + m, dtype=bool)
        self.free[:n] = True

    def load(self, H: Matrix, A: Matrix, g: Vector, lo: Vector, hi: Vector) -> None:
        """Set the data; the limits are those of d, then those of A d."""
        n, K = self.n, self.K
        K[:n, :n] = H
        if self.m:
            K[n:, :n] = A
            K[:n, n:] = A.T
        self.g, self.lo, self.hi = g, lo, hi
        self.fixed = lo == hi

    def solve(self, sides: Sides, known: Vector | None = None, curvature: bool = True) -> Basic | None:
        """Return the basic solution, or None where the matrix is singular.

        Parameters
        ----------
        sides : array of int8 (n + m,)
            What is held.
        known : array (n + m,), optional
            Duals of values that are not held, where they are not zero.
        curvature : bool
            Return None as well where H is not positive definite on the null space.
        """
        n, K = self.n, self.K
        held = sides != 0
        places = (held != self.free).nonzero()[0]
        right = np.where(sides > 0, self.hi, self.lo)
        right[~held] = 0.0
        w = right.copy()
        w[n:] = 0.0
        right[:n] = -self.g
        if known is not None:
            w[n:] = known[n:]
            right[:n] -= known[:n]
        k = places.size
        if k == 0:  # a vertex made of bounds alone
            udut, pivots, x, info = NOTHING
        else:
            both = np.empty((k, 2), order="F")
            both[:, 0] = (right - K @ w).take(places)
            sub = K.take(places, 0).take(places, 1)
            sub.sum(axis=1, out=both[:, 1])
            udut, pivots, x, info = lapack.dsysv(sub.T, both, lower=1, overwrite_a=1, overwrite_b=1)
        if info != 0:
            return None
        negative = np.count_nonzero(pivots < 0) // 2 + np.count_nonzero((udut.diagonal() < 0) & (pivots > 0))
        if curvature and negative != np.count_nonzero(held[n:]):
            return None
        if k:
            if not np.maximum.reduce(np.abs(x[:, 1] - 1.0)) <= LOST:
                return None
            w[places] = x[:, 0]
        Kw = K @ w
        dual = np.where(held, right - Kw, 0.0 if known is None else known)
        dual[n:] = w[n:]
        Kw[:n] = w[:n]
        return Basic(w[:n], w[n:], Kw, dual, places, (udut, pivots))

    def again(self, basic: Basic, right: Vector) -> Vector:
        """Solve with the matrix of `basic` for another right side, (n + m,); zeros in the places that are known."""
        w = np.zeros(self.n + self.m)
        if basic.places.size:
            w[basic.places] = lapack.dsytrs(*basic.factor, right.take(basic.places), lower=1)[0]
        return w
