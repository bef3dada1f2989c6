r"""L-BFGS: the direction of BFGS from the last m steps only, for very many variables.

    d = −H ∇f,

where H is what the last m pairs s = x₊ − x, y = ∇f₊ − ∇f make of a multiple γ I of the identity by the BFGS update,
γ = sᵀy / yᵀy of the newest pair.  H is never formed.  With the pairs as rows of S and Y, oldest first,

    H g = γ g + Sᵀw − γ Yᵀu,      R u = S g,      Rᵀ w = u + γ (Y Yᵀ u − Y g),

where R is the upper triangle of S Yᵀ and each pair is scaled to sᵀy = 1.  This is the well-known recursion of two loops
over the pairs, written as products of matrices: u holds the coefficients of its first loop and w those of its second.
R and Y Yᵀ (m × m) are kept, and gain one column with each pair.

An iteration costs 6 m n multiplications, and the memory is that of 2 m vectors.  More pairs mean fewer evaluations: up
to 10⁵ variables m is 30, and beyond it is 10, 160 MB for a million variables.

A pair without positive sᵀy, which only a rule other than a Wolfe search lets through, is passed over.

References
----------
Nocedal, Math. Comp. 35 (1980); Liu & Nocedal, Math. Programming 45 (1989).
Byrd, Nocedal & Schnabel, Math. Programming 63 (1994), theorem 2.2 and (3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import numpy as np

from .problem import Matrix, Point, Vector
from .ray import Ray, first_size

__all__ = ["FLAT", "LBFGS"]

#: The pairs kept up to so many variables, and beyond.
MANY, FEW = (30, 100_000), 10
#: The cosine between −∇f and d below which d is not trusted to fall.
FLAT = 1e-14
#: A pair is kept where sᵀy exceeds this part of ‖s‖ ‖y‖.
CURVED = 1e-10


@dataclass(eq=False)
class LBFGS:
    """The limited-memory quasi-Newton direction.

    Parameters
    ----------
    memory : int, optional
        m, the number of steps remembered; by the number of variables if None.
    kind : str
        What to call the direction.

    Attributes
    ----------
    S, Y : array (m, n)
        The pairs, each in its slot.
    R, YY : array (m, m)
        The triangle of S Yᵀ, and Y Yᵀ, in the order of age.
    slots : list of int
        The slots in use, oldest pair first.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x[0] ** 2 + 3 * x[1] ** 2, np.array([2, 6]) * x))
    >>> lbfgs = LBFGS(memory=5)
    >>> [lbfgs(bowl.at(x)).kind for x in ([1.0, 1.0], [0.5, -0.5], [0.1, 0.0])]
    ['steepest descent', 'L-BFGS', 'L-BFGS']
    """

    memory: int | None = None
    kind: str = "L-BFGS"
    S: Matrix | None = None
    Y: Matrix | None = None
    R: Matrix | None = None
    YY: Matrix | None = None
    slots: list[int] | None = None
    gamma: float = 1.0
    x: Vector | None = None
    gradient: Vector | None = None

    def __call__(self, point: Point) -> Ray:
        """Return the ray along −H ∇f, with the step that led here taken in."""
        g = point.gradient
        if self.x is not None and self.gradient is not None and point.x is not self.x:
            self._learn(point.x - self.x, g - self.gradient)
        if self.slots:
            d = self._times(g)
            slope = float(g.dot(d))
            if slope < -FLAT * sqrt(g.dot(g) * d.dot(d)):
                self.x, self.gradient = point.x, g
                return Ray(point, d, slope, 1.0, self.kind)
            self.forget()
        self.x, self.gradient = point.x, g
        return Ray(point, -g, -float(g.dot(g)), first_size(point), "steepest descent")

    def forget(self) -> bool:
        """Drop the pairs; False if there were none."""
        had, self.slots, self.x, self.gradient = bool(self.slots), None, None, None
        return had

    @property
    def pairs(self) -> list[tuple[Vector, Vector]]:
        """The pairs s, y, scaled to sᵀy = 1, oldest first."""
        S, Y = self.S, self.Y
        return [] if S is None or Y is None else [(S[slot], Y[slot]) for slot in self.slots or ()]

    def _learn(self, s: Vector, y: Vector) -> None:
        sy, yy = float(s.dot(y)), float(y.dot(y))
        if not CURVED * sqrt(s.dot(s) * yy) < sy < inf:
            return
        if self.S is None or self.Y is None or self.R is None or self.YY is None:
            m = self.memory or (MANY[0] if s.size <= MANY[1] else FEW)
            self.S, self.Y = np.zeros((m, s.size)), np.zeros((m, s.size))
            self.R, self.YY = np.zeros((m, m), order="F"), np.zeros((m, m))
        slots = self.slots = self.slots or []
        m, R, YY = len(self.S), self.R, self.YY
        if len(slots) == m:
            slots.append(slots.pop(0))
            R[:-1, :-1], YY[:-1, :-1] = R[1:, 1:].copy(), YY[1:, 1:].copy()
        else:
            slots.append(len(slots))
        k, slot, scale = len(slots), slots[-1], 1 / sqrt(sy)
        np.multiply(s, scale, out=self.S[slot])
        y = np.multiply(y, scale, out=self.Y[slot])
        R[:k, k - 1] = self.S[:k].dot(y)[slots]
        R[k - 1, :k] = 0.0
        R[k - 1, k - 1] = 1.0
        YY[:k, k - 1] = YY[k - 1, :k] = self.Y[:k].dot(y)[slots]
        self.gamma = sy / yy

    def _times(self, g: Vector) -> Vector:
        """−H g."""
        from scipy.linalg.blas import dtrsv

        assert self.S is not None and self.Y is not None and self.R is not None and self.YY is not None
        slots, gamma = self.slots or [], self.gamma
        k = len(slots)
        S, Y, R = self.S[:k], self.Y[:k], self.R[:k, :k]
        u = dtrsv(R, S.dot(g)[slots])
        w = dtrsv(R, u + gamma * (self.YY[:k, :k].dot(u) - Y.dot(g)[slots]), trans=1)
        by_slot = np.empty((2, k))
        by_slot[0, slots], by_slot[1, slots] = w, -gamma * u
        d = by_slot[0].dot(S)
        d += by_slot[1].dot(Y)
        d += gamma * g
        return np.negative(d, out=d)
