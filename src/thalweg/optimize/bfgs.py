r"""BFGS: Newton's direction with an inverse Hessian learnt from gradients.

    d = −H ∇f,

where H is symmetric, positive definite, and changed after each step s = x₊ − x, y = ∇f₊ − ∇f as little as possible
so that H₊ y = s, as the inverse of the mean Hessian along s does:

    H₊ = (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ,        ρ = 1 / sᵀy.

Near a strict minimum this converges superlinearly; with exact searches it ends after n steps on a quadratic.

- *Scaled start.*  H begins as γ I with γ = sᵀy / yᵀy, the scale of an inverse Hessian.  The first steps say little of
  that scale, so through the first 30 γ is made that of the newest step throughout: since the update is linear in H,
  H = γ P + Q with P and Q changed as above, P from I and without the last term, Q from 0.  Then γ P + Q is formed.
  It saved 8 % of the evaluations on 38 problems, most of Moré, Garbow and Hillstrom.
- *Damping.*  H₊ is positive definite if sᵀy > 0, which a Wolfe search makes sure of.  After other rules it may fail;
  then y is drawn towards B s = H⁻¹ s (Powell's damping), which is −t ∇f and so known without B.
- *Forgetting.*  Where rounding has spoilt H so that d no longer falls, H is dropped.

H is kept as one triangle and changed in place: 2 n² multiplications for an iteration, in two calls of BLAS.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §6.1, (6.17) and (6.20); procedure 18.2 for the damping.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np

from .problem import Matrix, Point, Vector
from .ray import Ray, first_size

__all__ = ["BFGS", "damped"]

#: The least part of sᵀBs that sᵀy must reach.  A strong Wolfe step with c₂ = 0.9 has at least 0.1.
LEAST = 0.05
#: So many steps are taken before γ P + Q is formed.
YOUNG = 30
#: A first step is learnt from where sᵀy exceeds this part of ‖s‖ ‖y‖.
CURVED = 1e-10
#: The cosine between −∇f and d below which d is not trusted to fall.
FLAT = 1e-14


@dataclass(eq=False)
class BFGS:
    """The quasi-Newton direction −H ∇f, with H in full.

    Attributes
    ----------
    P, Q : array (n, n) or None
        Upper triangles, so that H = γ P + Q; H = Q where P is None, H = I where both are.
    gamma : float
        γ.
    learnt : int
        Steps learnt from.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x[0] ** 2 + 3 * x[1] ** 2, np.array([2, 6]) * x))
    >>> bfgs = BFGS()
    >>> [bfgs(bowl.at(x)).kind for x in ([1.0, 1.0], [0.5, -0.5], [0.1, 0.0])]
    ['steepest descent', 'BFGS', 'BFGS']
    """

    P: Matrix | None = None
    Q: Any = None  # a matrix, or None: the stubs of SciPy ask for two axes in the type
    gamma: float = 1.0
    learnt: int = 0
    x: Vector | None = None
    gradient: Vector | None = None
    d: Vector | None = None

    def __call__(self, point: Point) -> Ray:
        """Return the ray along −H ∇f, with H brought up to date by the step that led here."""
        from scipy.linalg.blas import dsymv

        g = point.gradient
        if self.x is not None and point.x is not self.x:
            self._learn(point)
        self.x, self.gradient = point.x, g
        if self.Q is not None:
            d = dsymv(-1.0, self.Q, g)
            if self.P is not None:
                d = dsymv(-self.gamma, self.P, g, beta=1.0, y=d, overwrite_y=1)
            slope = float(g.dot(d))
            if slope < -FLAT * sqrt(g.dot(g) * d.dot(d)):
                self.d = d
                return Ray(point, d, slope, 1.0, "BFGS")
            self.forget()
            self.x, self.gradient = point.x, g
        self.d = -g
        return Ray(point, self.d, -float(g.dot(g)), first_size(point), "steepest descent")

    def forget(self) -> bool:
        """Drop H; False if there was none."""
        had = self.Q is not None
        self.P = self.Q = self.x = self.gradient = self.d = None
        self.learnt = 0
        return had

    def _learn(self, point: Point) -> None:
        """Take in the step from the last point to this one."""
        assert self.x is not None and self.gradient is not None and self.d is not None
        s, y = point.x - self.x, point.gradient - self.gradient
        sy, yy, ss = float(s.dot(y)), float(y.dot(y)), float(s.dot(s))
        if not (0 < ss and 0 < yy < inf):
            return
        if self.Q is None:
            if sy <= CURVED * sqrt(ss * yy):
                return
            n = s.size
            self.P, self.Q = np.asfortranarray(np.eye(n)), np.zeros((n, n), order="F")
        else:
            Bs = self.gradient * (-float(s.dot(self.d)) / float(self.d.dot(self.d)))
            sBs = float(s.dot(Bs))
            if not sBs > 0:  # not a step along d
                return
            if sy < LEAST * sBs:
                y, sy = damped(y, sy, Bs, sBs)
                yy = float(y.dot(y))
        self._update(s, y, sy, yy)

    def _update(self, s: Vector, y: Vector, sy: float, yy: float) -> None:
        """Change P and Q; the mean of both products with s yᵀ is a symmetric change of rank two along s and w."""
        from scipy.linalg.blas import dsymv, dsyr2

        rho = 1 / sy
        Qy = dsymv(-rho, self.Q, y)
        self.Q = dsyr2(1.0, s, Qy + 0.5 * rho * (1 - float(y.dot(Qy))) * s, a=self.Q, overwrite_a=1)
        self.learnt += 1
        if self.P is None:
            return
        Py = dsymv(-rho, self.P, y)
        self.P = dsyr2(1.0, s, Py - 0.5 * rho * float(y.dot(Py)) * s, a=self.P, overwrite_a=1)
        self.gamma = sy / yy
        if self.learnt == YOUNG:
            self.P *= self.gamma
            self.Q += self.P
            self.P = None


def damped(y: Vector, sy: float, Bs: Vector, sBs: float) -> tuple[Vector, float]:
    """Return y and sᵀy, drawn towards B s so far that sᵀy is LEAST of sᵀBs.

    Examples
    --------
    >>> s = np.array([1.0, 0.0])
    >>> y, sy = damped(np.array([-1.0, 2.0]), -1.0, s, 1.0)
    >>> round(sy, 12), round(float(s @ y), 12)
    (0.05, 0.05)
    """
    theta = (1 - LEAST) * sBs / (sBs - sy)
    return theta * y + (1 - theta) * Bs, LEAST * sBs
