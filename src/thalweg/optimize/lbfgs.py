r"""L-BFGS: the direction of BFGS from the last m steps only, for very many variables.

    d = −H ∇f,

where H is what the last m pairs s = x₊ − x, y = ∇f₊ − ∇f make of a multiple γ I of the identity by the BFGS update,
γ = sᵀy / yᵀy of the newest pair.  H is never formed.  With the pairs as rows of S and Y, oldest first,

    H g = γ g + Sᵀw − γ Yᵀu,      R u = S g,      Rᵀ w = u + γ (Y Yᵀ u − Y g),

where R is the upper triangle of S Yᵀ and each pair is scaled to sᵀy = 1.  This is the well-known recursion of two loops
over the pairs, written as products of matrices: u holds the coefficients of its first loop and w those of its second.
R and Y Yᵀ (m × m) are kept, and gain one column with each pair: S y is the change of S g, which is needed anyway.

An iteration costs 4 m n multiplications, and the memory is that of 2 m vectors.  More pairs mean fewer evaluations: up
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
from typing import Any

import numpy as np

from .problem import Matrix, Point, Vector
from .ray import Ray, first_size

__all__ = ["LBFGS"]

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

    Attributes
    ----------
    S, Y : array (m, n)
        The pairs, each in its slot.
    R, YY : array (m, m)
        The triangle of S Yᵀ, and Y Yᵀ, in the order of age; as for pairs 0 with sᵀy = 1 where there are none yet.
    Sg, Yg : array (m,)
        S ∇f and Y ∇f at the last point, by slot.
    count, oldest : int
        How many pairs there are, and the slot of the oldest; the slots are a ring.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x[0] ** 2 + 3 * x[1] ** 2, np.array([2, 6]) * x))
    >>> lbfgs = LBFGS(memory=5)
    >>> [lbfgs(bowl.at(x)).kind for x in ([1.0, 1.0], [0.5, -0.5], [0.1, 0.0])]
    ['steepest descent', 'L-BFGS', 'L-BFGS']
    """

    memory: int | None = None
    S: Matrix | None = None
    Y: Matrix | None = None
    R: Any = None  # a matrix, or None: the stubs of SciPy ask for two axes in the type
    YY: Matrix | None = None
    count: int = 0
    oldest: int = 0
    gamma: float = 1.0
    Sg: Vector | None = None
    Yg: Vector | None = None
    x: Vector | None = None
    gradient: Vector | None = None

    def __call__(self, point: Point) -> Ray:
        """Return the ray along −H ∇f, with the step that led here taken in."""
        g = point.gradient
        if self.x is not None and self.gradient is not None and point.x is not self.x:
            self._learn(point.x - self.x, g - self.gradient, g)
        self.x, self.gradient = point.x, g
        if self.count:
            d = self._times(g)
            slope = float(g.dot(d))
            if slope < -FLAT * sqrt(g.dot(g) * d.dot(d)):
                return Ray(point, d, slope, 1.0, "L-BFGS")
            self.forget()
            self.x, self.gradient = point.x, g
        return Ray(point, -g, -float(g.dot(g)), first_size(point), "steepest descent")

    def forget(self) -> bool:
        """Drop the pairs; False if there were none."""
        had = self.count > 0
        self.S = self.Y = self.R = self.YY = self.Sg = self.Yg = self.x = self.gradient = None
        self.count = self.oldest = 0
        return had

    @property
    def pairs(self) -> list[tuple[Vector, Vector]]:
        """The pairs s, y, scaled to sᵀy = 1, oldest first."""
        S, Y = self.S, self.Y
        if S is None or Y is None:
            return []
        slots = [(self.oldest + age) % len(S) for age in range(self.count)]
        return [(S[slot], Y[slot]) for slot in slots]

    def _learn(self, s: Vector, y: Vector, g: Vector) -> None:
        """Take in a pair that led to gradient g, in the place of the oldest one where all are taken."""
        if self.S is None or self.Y is None or self.Sg is None or self.Yg is None:
            m = self.memory or (MANY[0] if s.size <= MANY[1] else FEW)
            self.S, self.Y, self.Sg, self.Yg = np.zeros((m, s.size)), np.zeros((m, s.size)), np.zeros(m), np.zeros(m)
            self.R, self.YY = np.asfortranarray(np.eye(m)), np.zeros((m, m))
        S, Y, R, YY = self.S, self.Y, self.R, self.YY
        assert R is not None and YY is not None
        Sg, Yg = (S.dot(g), Y.dot(g)) if self.count else (self.Sg, self.Yg)
        Sy, Yy = Sg - self.Sg, Yg - self.Yg
        self.Sg, self.Yg = Sg, Yg
        sy, yy = float(s.dot(y)), float(y.dot(y))
        if not CURVED * sqrt(s.dot(s) * yy) < sy < inf:
            return
        m, scale = len(S), 1 / sqrt(sy)
        if self.count < m:
            slot = age = self.count
            self.count += 1
        else:
            slot, age = self.oldest, m - 1
            self.oldest = (self.oldest + 1) % m
            R[:-1, :-1] = R[1:, 1:]
            YY[:-1, :-1] = YY[1:, 1:]
        s, y = np.multiply(s, scale, out=S[slot]), np.multiply(y, scale, out=Y[slot])
        Sg[slot], Yg[slot] = s.dot(g), y.dot(g)
        R[:, age] = scale * self._by_age(Sy)
        R[age, age] = 1.0
        YY[:, age] = YY[age] = scale * self._by_age(Yy)
        YY[age, age] = yy / sy
        self.gamma = sy / yy

    def _times(self, g: Vector) -> Vector:
        """−H g, for the gradient g of the last point."""
        from scipy.linalg.blas import dtrsv

        S, Y, R, YY, Sg, Yg, gamma = self.S, self.Y, self.R, self.YY, self.Sg, self.Yg, self.gamma
        assert S is not None and Y is not None and YY is not None and Sg is not None and Yg is not None
        u = dtrsv(R, self._by_age(Sg))
        w = YY.dot(u)
        w -= self._by_age(Yg)
        w *= gamma
        w += u
        w = dtrsv(R, w, trans=1)
        u *= -gamma
        d = self._by_slot(w).dot(S)
        d += self._by_slot(u).dot(Y)
        d += gamma * g
        return np.negative(d, out=d)

    def _by_age(self, numbers: Vector) -> Vector:
        """Numbers of the slots, in the order of age."""
        k = self.oldest
        return np.concatenate((numbers[k:], numbers[:k])) if k else numbers

    def _by_slot(self, numbers: Vector) -> Vector:
        """The reverse of `_by_age`."""
        k = numbers.size - self.oldest
        return np.concatenate((numbers[k:], numbers[:k])) if self.oldest else numbers
