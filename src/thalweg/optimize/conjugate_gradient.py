r"""Conjugate gradients: directions that do not undo one another, in the memory of three vectors.

    d₀ = −g₀,      d₊ = −g₊ + β d,      β = (y − 2 d ‖y‖² / dᵀy)ᵀ g₊ / dᵀy,      y = g₊ − g,

with g = ∇f and Hager and Zhang's β.  On a quadratic with exact searches y ⊥ d₊ (the directions are conjugate) and the
minimum is reached after as many steps as the Hessian has distinct eigenvalues.  Without exact searches, on any f,

    g₊ᵀd₊ ≤ −⅞ ‖g₊‖²:

every direction falls, which Polak and Ribière's β does not make sure of.  β is kept above η = ζ gᵀd / ‖d‖², ζ = 0.4, so
that it may be negative but does not send the run back where it came from, and the method converges also where f is not
convex.

*Restarts.*  Conjugacy is lost where f is not quadratic.  The direction begins again with −g after 6 n steps, and where
successive gradients, which should be orthogonal, are far from it (Powell): |g₊ᵀg| ≥ ⅕ ‖g₊‖².

*First size.*  Directions have no natural scale here.  The search begins with the size that would bring the decrease of
the last step if f were a parabola along both, t = 2 (f − f₋) / φ'(0).

References
----------
Hager & Zhang, SIAM J. Optim. 16 (2005), (1.3)–(1.6); SIAM J. Optim. 23 (2013) for ζ.
Powell, Math. Programming 12 (1977), on restarts.  Nocedal & Wright (2nd ed.), §5.2 and (3.60).
"""

from __future__ import annotations

from dataclasses import dataclass

from .composition import Path
from .problem import Point, Vector
from .ray import Ray, first_size

__all__ = ["ConjugateGradient"]

#: Steps between restarts, in numbers of variables.
CYCLE = 6
#: Cosine-like measure of successive gradients beyond which they are not orthogonal.
ALIKE = 0.2
#: ζ, the bound of β from below.
BACKWARD = 0.4


@dataclass(eq=False)
class ConjugateGradient:
    """The direction of Hager and Zhang's conjugate gradients.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.exact_search import ExactSearch
    >>> from thalweg.optimize.problem import Problem
    >>> H = np.diag([1.0, 10.0])
    >>> bowl = Problem(2, lambda x: (0.5 * x @ H @ x, H @ x), lambda x: H)
    >>> here, cg, search = bowl.at([3.0, 1.0]), ConjugateGradient(), ExactSearch()
    >>> for _ in range(2):
    ...     here = search(here, cg(here), bowl.at).point
    >>> bool(here.gradient_norm < 1e-14)
    True
    """

    x: Vector | None = None
    gradient: Vector | None = None
    d: Vector | None = None
    value: float = 0.0
    slope: float = 0.0
    size: float = 0.0
    since: int = 0

    def __call__(self, point: Point) -> Path:
        """Return the ray along −g + β d."""
        g = point.gradient
        gg = float(g.dot(g))
        d, slope, natural = -g, -gg, 0.0
        if self.x is not None and self.d is not None and self.gradient is not None and point.x is not self.x:
            y = g - self.gradient
            dd, dy = float(self.d.dot(self.d)), float(self.d.dot(y))
            self.since += 1
            conjugate = abs(float(g.dot(self.gradient))) < ALIKE * gg
            if dy > 0 and conjugate and self.since < CYCLE * point.x.size:
                beta = (float(y.dot(g)) - 2 * float(y.dot(y)) * (float(self.d.dot(g)) / dy)) / dy
                beta = max(beta, BACKWARD * self.slope / dd)
                d = beta * self.d - g
                slope = float(g.dot(d))
            else:
                self.since = 0
            if not slope < 0:
                d, slope, self.since = -g, -gg, 0
            natural = 2 * (point.value - self.value) / slope
        if not 0 < natural < float("inf"):
            natural = first_size(point)
        self.x, self.gradient, self.d, self.value, self.slope = point.x, g, d, point.value, slope
        return Ray(point, d, slope, natural, "conjugate gradient" if self.since else "steepest descent")

    def forget(self) -> bool:
        """Begin again with −g; False if that was the last direction."""
        had, self.x, self.since = self.since > 0, None, 0
        return had
