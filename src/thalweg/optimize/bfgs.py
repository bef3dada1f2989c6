r"""BFGS: Newton's direction with an inverse Hessian learnt from gradients.

    d = −H ∇f,

where H is symmetric, positive definite, and changed after each step s = x₊ − x, y = ∇f₊ − ∇f as little as possible
so that H₊ y = s, as the inverse of the mean Hessian along s does:

    H₊ = (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ,        ρ = 1 / sᵀy.

Near a strict minimum this converges superlinearly; with exact searches it ends after n steps on a quadratic.

- *Scaled start.*  H begins as γ I with γ = sᵀy / yᵀy, the scale of an inverse Hessian.  The first steps say little of
  that scale, so through the first 30 the pairs are kept and γ is that of the newest (which is `lbfgs`); then H is
  formed.  Over the problems of Moré, Garbow and Hillstrom it saves a tenth of the evaluations.
- *Damping.*  H₊ is positive definite if sᵀy > 0, which a Wolfe search makes sure of.  After other rules it may fail;
  then y is drawn towards B s = H⁻¹ s (Powell's damping), which is −t ∇f and so known without B.
- *Forgetting.*  Where rounding has spoilt H so that d no longer falls, H is dropped.

H is kept as one triangle and changed in place: 2 n² multiplications for an iteration, in two calls of BLAS.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §6.1, (6.17) and (6.20); procedure 18.2 for the damping.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, sqrt

import numpy as np

from .composition import Path
from .lbfgs import FLAT, LBFGS
from .problem import Matrix, Point, Vector
from .ray import Ray

__all__ = ["BFGS", "damped"]

#: The least part of sᵀBs that sᵀy must reach.  A strong Wolfe step with c₂ = 0.9 has at least 0.1.
LEAST = 0.05
#: So many pairs are kept before H is formed.
YOUNG = 30


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

    start: LBFGS = field(default_factory=lambda: LBFGS(memory=YOUNG, kind="BFGS"))
    H: Matrix | None = None
    x: Vector | None = None
    gradient: Vector | None = None
    d: Vector | None = None

    def __call__(self, point: Point) -> Path:
        """Return the ray along −H ∇f, with H brought up to date by the step that led here."""
        from scipy.linalg.blas import dsymv

        if self.H is not None:
            g = point.gradient
            if self.x is not None and point.x is not self.x:
                self._learn(point)
            d = dsymv(-1.0, self.H, g, lower=0)
            slope = float(g.dot(d))
            if slope < -FLAT * sqrt(g.dot(g) * d.dot(d)):
                self.x, self.gradient, self.d = point.x, g, d
                return Ray(point, d, slope, 1.0, "BFGS")
            self.forget()
        ray = self.start(point)
        if self.start.count == YOUNG:
            self._form()
            self.x, self.gradient, self.d = point.x, point.gradient, ray.d
        return ray

    def forget(self) -> bool:
        """Drop H; False if there was none."""
        had, self.H = self.H is not None, None
        return self.start.forget() or had

    def _form(self) -> None:
        """Form H from the pairs of the start."""
        pairs = self.start.pairs
        self.H = np.asfortranarray(np.diag(np.full(pairs[0][0].size, self.start.gamma)))
        for s, y in pairs:
            self._update(s, y, 1.0)
        self.start.forget()

    def _learn(self, point: Point) -> None:
        assert self.x is not None and self.gradient is not None and self.d is not None
        s, y = point.x - self.x, point.gradient - self.gradient
        sy = float(s.dot(y))
        Bs = self.gradient * (-float(s.dot(self.d)) / float(self.d.dot(self.d)))
        sBs = float(s.dot(Bs))
        if not (isfinite(sy) and sBs > 0):  # not a step along d
            return
        if sy < LEAST * sBs:
            y, sy = damped(y, sy, Bs, sBs)
        self._update(s, y, sy)

    def _update(self, s: Vector, y: Vector, sy: float) -> None:
        """H ← H + s wᵀ + w sᵀ, which is the formula above with w = −ρ H y + ½ ρ (1 + ρ yᵀH y) s."""
        from scipy.linalg.blas import dsymv, dsyr2

        rho = 1 / sy
        Hy = dsymv(1.0, self.H, y, lower=0)
        w = Hy * -rho
        w += (0.5 * rho * (1 + rho * float(y.dot(Hy)))) * s
        self.H = dsyr2(1.0, s, w, a=self.H, overwrite_a=1, lower=0)


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
