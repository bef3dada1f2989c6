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

import numpy as np

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
    natural: float = 0.0
    since: int = 0

    def __call__(self, point: Point) -> Ray:
        """Return the ray along −g + β d."""
        if not (self.value == point.value and self.x is not None and np.array_equal(self.x, point.x)):
            self._turn(point)
        assert self.d is not None
        return Ray(point, self.d, self.slope, self.natural, "conjugate gradient" if self.since else "steepest descent")

    def forget(self) -> bool:
        """Begin again with −g; False if that was the last direction."""
        had, self.x, self.since = self.since > 0, None, 0
        return had

    def _turn(self, point: Point) -> None:
        """Make the direction from a new point."""
        g = point.gradient
        gg = float(g.dot(g))
        d, slope, natural = -g, -gg, 0.0
        if self.x is not None and self.d is not None and self.gradient is not None:
            beta = self._beta(g, gg)
            self.since += 1
            if beta is None:
                self.since = 0
            else:
                conjugate = beta * self.d - g
                fall = float(g.dot(conjugate))
                if fall < 0:
                    d, slope = conjugate, fall
                else:
                    self.since = 0
            natural = 2 * (point.value - self.value) / slope if slope < 0 else 0.0
        if not 0 < natural < float("inf"):
            natural = first_size(point)
        self.x, self.gradient, self.d, self.value = point.x, g, d, point.value
        self.slope, self.natural = slope, natural

    def _beta(self, g: Vector, gg: float) -> float | None:
        """Hager and Zhang's β, or None where the directions begin anew."""
        assert self.d is not None and self.gradient is not None
        y = g - self.gradient
        dy = float(self.d.dot(y))
        if not dy > 0 or self.since >= CYCLE * g.size or abs(float(g.dot(self.gradient))) >= ALIKE * gg:
            return None
        beta = (float(y.dot(g)) - 2 * float(y.dot(y)) * (float(self.d.dot(g)) / dy)) / dy
        return max(beta, BACKWARD * self.slope / float(self.d.dot(self.d)))
