r"""BFGS: Newton's direction with an inverse Hessian learnt from gradients.

    d = −H ∇f,

where H is symmetric, positive definite, and changed after each step s = x₊ − x, y = ∇f₊ − ∇f as little as possible
so that H₊ y = s, as the inverse of the mean Hessian along s does:

    H₊ = (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ,        ρ = 1 / sᵀy.

Near a strict minimum this converges superlinearly; with exact searches it ends after n steps on a quadratic.

- *Scaled start.*  The first step goes along −∇f; before the first update H = (sᵀy / yᵀy) I, which has the scale of an
  inverse Hessian.
- *Damping.*  H₊ is positive definite if sᵀy > 0, which a Wolfe search makes sure of.  After other rules it may fail;
  then y is drawn towards B s (Powell's damping), which is −t ∇f and so known without B.
- *Forgetting.*  Where rounding has spoilt H so that d no longer falls, H is dropped.

H is kept as one triangle and changed in place: 2 n² multiplications for an iteration, in two calls of BLAS.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §6.1, (6.17) and (6.20); procedure 18.2 for the damping.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .composition import Path
from .problem import Matrix, Point, Vector
from .ray import Ray, first_size

__all__ = ["BFGS", "FLAT", "STRIDE", "damped"]

#: The least part of sᵀBs that sᵀy must reach.  A strong Wolfe step with c₂ = 0.9 has at least 0.1.
LEAST = 0.05
#: The length of a first step along −∇f, in lengths of x.
STRIDE = 0.1
#: The cosine between −∇f and d below which d is not trusted to fall.
FLAT = 1e-14


def damped(s: Vector, y: Vector, sy: float, sBs: float, Bs: Vector) -> tuple[Vector, float]:
    """Return y and sᵀy, drawn towards B s so far that sᵀy is LEAST of sᵀBs.

    Examples
    --------
    >>> s = np.array([1.0, 0.0])
    >>> y, sy = damped(s, np.array([-1.0, 2.0]), -1.0, 1.0, s)
    >>> round(sy, 12), round(float(s @ y), 12)
    (0.05, 0.05)
    """
    theta = (1 - LEAST) * sBs / (sBs - sy)
    return theta * y + (1 - theta) * Bs, LEAST * sBs


@dataclass(eq=False)
class BFGS:
    """The quasi-Newton direction −H ∇f, with H in full.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x[0] ** 2 + 3 * x[1] ** 2, np.array([2, 6]) * x))
    >>> bfgs = BFGS()
    >>> [bfgs(bowl.at(x)).kind for x in ([1.0, 1.0], [0.5, -0.5], [0.1, 0.0])]
    ['steepest descent', 'BFGS', 'BFGS']
    """

    H: Matrix | None = None
    x: Vector | None = None
    gradient: Vector | None = None
    d: Vector | None = None

    def __call__(self, point: Point) -> Path:
        """Return the ray along −H ∇f, with H brought up to date by the step that led here."""
        from scipy.linalg.blas import dsymv

        g = point.gradient
        if self.x is not None and point.x is not self.x:
            self._learn(point)
        self.x, self.gradient = point.x, g
        if self.H is not None:
            d = dsymv(-1.0, self.H, g, lower=0)
            slope = float(g.dot(d))
            if slope < -FLAT * sqrt(g.dot(g) * d.dot(d)):
                self.d = d
                return Ray(point, d, slope, 1.0, "BFGS")
            self.H = None
        self.d = -g
        return Ray(point, self.d, -float(g.dot(g)), first_size(point, STRIDE), "steepest descent")

    def forget(self) -> bool:
        """Drop H; False if there was none."""
        had, self.H, self.x = self.H is not None, None, None
        return had

    def _learn(self, point: Point) -> None:
        from scipy.linalg.blas import dsymv, dsyr2

        assert self.x is not None and self.gradient is not None and self.d is not None
        s, y = point.x - self.x, point.gradient - self.gradient
        sy, yy, dd = float(s.dot(y)), float(y.dot(y)), float(self.d.dot(self.d))
        if not (0 < yy < np.inf and dd > 0):
            return
        t = float(s.dot(self.d)) / dd
        Bs = -t * self.gradient if self.H is not None else self.gradient
        sBs = float(s.dot(Bs))
        if self.H is None:
            if sy <= 1e-10 * sqrt(yy * s.dot(s)):
                return
            self.H = np.asfortranarray(np.diag(np.full(point.x.size, sy / yy)))
        elif sy < LEAST * sBs:
            y, sy = damped(s, y, sy, sBs, Bs)
        elif sBs <= 0:
            return
        Hy = dsymv(1.0, self.H, y, lower=0)
        rho = 1 / sy
        w = Hy * -rho
        w += (0.5 * rho * (1 + rho * float(y.dot(Hy)))) * s
        self.H = dsyr2(1.0, s, w, a=self.H, overwrite_a=1, lower=0)
