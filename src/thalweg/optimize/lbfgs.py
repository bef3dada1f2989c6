r"""L-BFGS: the direction of BFGS from the last m steps only, for very many variables.

    d = −H ∇f,

where H is what the last m pairs s, y make of a multiple γ I of the identity by the BFGS update.  H is never formed: its
product with ∇f comes from two loops over the pairs,

    q ← ∇f;       newest to oldest:   α = ρ sᵀq,   q ← q − α y
    q ← γ q;      oldest to newest:   β = ρ yᵀq,   q ← q + (α − β) s,         ρ = 1 / sᵀy,   γ = sᵀy / yᵀy,

which costs 4 m n multiplications and the memory of 2 m vectors.  More pairs mean fewer evaluations: up to 10⁵ variables
m is 30, and beyond it is 10, 160 MB for a million variables.

A pair without positive sᵀy, which only a rule other than a Wolfe search lets through, is passed over.

References
----------
Nocedal, Math. Comp. 35 (1980); Liu & Nocedal, Math. Programming 45 (1989).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), algorithms 7.4 and 7.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

from .problem import Point, Vector
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

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x[0] ** 2 + 3 * x[1] ** 2, np.array([2, 6]) * x))
    >>> lbfgs = LBFGS(memory=5)
    >>> [lbfgs(bowl.at(x)).kind for x in ([1.0, 1.0], [0.5, -0.5], [0.1, 0.0])]
    ['steepest descent', 'L-BFGS', 'L-BFGS']
    """

    memory: int | None = None
    steps: list[Vector] = field(default_factory=list)
    changes: list[Vector] = field(default_factory=list)
    rho: list[float] = field(default_factory=list)
    gamma: float = 1.0
    kind: str = "L-BFGS"
    x: Vector | None = None
    gradient: Vector | None = None

    def __call__(self, point: Point) -> Ray:
        """Return the ray along −H ∇f, with the step that led here taken in."""
        g = point.gradient
        if self.x is not None and self.gradient is not None and point.x is not self.x:
            self._learn(point.x - self.x, g - self.gradient)
        self.x, self.gradient = point.x, g
        if self.rho:
            d = self._times(g)
            slope = float(g.dot(d))
            if slope < -FLAT * sqrt(g.dot(g) * d.dot(d)):
                return Ray(point, d, slope, 1.0, self.kind)
            self.forget()
            self.x, self.gradient = point.x, g
        return Ray(point, -g, -float(g.dot(g)), first_size(point), "steepest descent")

    def forget(self) -> bool:
        """Drop the pairs; False if there were none."""
        had = bool(self.rho)
        self.steps, self.changes, self.rho, self.x, self.gradient = [], [], [], None, None
        return had

    def _learn(self, s: Vector, y: Vector) -> None:
        sy, yy = float(s.dot(y)), float(y.dot(y))
        if not CURVED * sqrt(s.dot(s) * yy) < sy < float("inf"):
            return
        memory = self.memory or (MANY[0] if s.size <= MANY[1] else FEW)
        if len(self.rho) >= memory:
            del self.steps[0], self.changes[0], self.rho[0]
        self.steps.append(s)
        self.changes.append(y)
        self.rho.append(1 / sy)
        self.gamma = sy / yy

    def _times(self, g: Vector) -> Vector:
        """−H g by the two loops."""
        from scipy.linalg.blas import daxpy, ddot, dscal

        pairs = list(zip(self.steps, self.changes, self.rho))
        q = -g
        alphas = []
        for s, y, rho in reversed(pairs):
            alpha = rho * ddot(s, q)
            daxpy(y, q, a=-alpha)
            alphas.append(alpha)
        dscal(self.gamma, q)
        for (s, y, rho), alpha in zip(pairs, reversed(alphas)):
            daxpy(s, q, a=alpha - rho * ddot(y, q))
        return q
