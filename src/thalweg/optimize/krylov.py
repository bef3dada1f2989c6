r"""Newton's path from Hessian products: conjugate gradients, and Lanczos where they meet the boundary.

    s(Δ) = argmin  gᵀs + ½ sᵀHs    over  ‖D s‖ ≤ Δ,

with H known by its products only, in the variables z = D s.  Conjugate gradients minimize the model over the growing
Krylov spaces span{g̃, H̃g̃, H̃²g̃, …}.  Their iterates grow in length, so as long as the curvature is positive and z
within the ball nothing else is needed (Steihaug, Toint).  When z leaves the ball, or a direction of negative curvature
is met, the minimum over the ball is on its boundary.  It is found in the same spaces: the residuals of conjugate
gradients are, up to length, the vectors of Lanczos, in which H̃ is a tridiagonal matrix T, so that

    minimize  ‖g̃‖ h₁ + ½ hᵀT h    over  ‖h‖ ≤ Δ

is a small problem, solved exactly (`subproblem`), and z = Q h.  This is the method GLTR.  The basis serves all radii,
so a step that is refused costs no new products.

The iteration ends when the gradient of the model (with its shift on the boundary) has fallen by a given factor.

References
----------
Gould, Lucidi, Roma & Toint, *Solving the trust-region subproblem using the Lanczos method*, SIAM J. Optim. 9 (1999).
Steihaug, SIAM J. Numer. Anal. 20 (1983); Toint (1981); Conn, Gould & Toint, *Trust-Region Methods* (2000), §7.5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .composition import NoDirection, Proposal
from .problem import Matrix, Vector
from .subproblem import minimize_in_ball

__all__ = ["KrylovPath"]

#: Numbers that the basis may hold; beyond, a step on the boundary is the best in what there is.
MEMORY = 20_000_000
#: Up to this many variables the basis is kept orthogonal to the last digit.
ORTHOGONAL = 2_000
#: How exactly a step on the boundary is found (part of the gradient that remains).
ROUGH = 0.1


class KrylovPath:
    """Minima of a quadratic model over balls ‖D s‖ ≤ Δ, by products with its matrix.

    Parameters
    ----------
    product : callable
        ``v -> H v``.
    g, d : array
        The gradient, and the diagonal of D.
    accuracy : float
        Factor by which the gradient of the model is to fall inside the ball.
    length_of_x : float
        ‖D x‖, for a first radius where the model has no minimum.

    Examples
    --------
    >>> H = np.diag([2.0, 8.0])
    >>> path = KrylovPath(lambda v: H @ v, np.array([2.0, 8.0]), np.ones(2), 1e-10)
    >>> np.round(path(10.0).step, 12), path(10.0).kind, path.products
    (array([-1., -1.]), 'Newton', 2)
    >>> path(0.5).kind, round(path(0.5).size, 12), path.products
    ('trust region', 0.5, 2)
    """

    def __init__(
        self, product: Callable[[Vector], Vector], g: Vector, d: Vector, accuracy: float, length_of_x: float = 0.0
    ) -> None:
        self.product, self.d, self.length_of_x = product, d, length_of_x
        self.accuracy = accuracy
        self.products = 0
        self.limit = max(2 * g.size, 10) if g.size < 500 else max(1000, min(g.size, 3000))
        self.gamma = g / d
        self.steep = float(np.linalg.norm(self.gamma))
        # conjugate gradients: z, residual, direction; alive until the curvature is not positive
        self.z, self.r, self.p = np.zeros(g.size), self.gamma, -self.gamma
        self.rr = self.steep**2
        self.decrease = 0.0
        self.curved = True  # only positive curvature so far
        self.lengths = [0.0]
        # Lanczos: rows of the basis, T by its diagonal and off-diagonal
        self.room = max(min(self.limit, MEMORY // max(g.size, 1)), 2)
        self.Q = np.empty((min(16, self.room), g.size))
        if self.steep > 0:
            self.Q[0] = self.gamma / self.steep
        self.diagonal: list[float] = []
        self.off: list[float] = []
        self.eliminated = 0.0  # what elimination takes from the next entry of the diagonal of T

    # ------------------------------------------------------------------ the path

    def __call__(self, size: float) -> Proposal:
        """Return the minimum of the model in the ball of radius `size`."""
        if not self.steep > 0:
            return Proposal(np.zeros_like(self.d), 0.0, 0.0, "Newton")
        while True:
            if self.curved and self.lengths[-1] <= size:
                if np.sqrt(self.rr) <= self.accuracy * self.steep or self.products >= self.limit:
                    return Proposal(self.z / self.d, self.decrease, self.lengths[-1], "Newton")
            else:
                found = self._on_boundary(size)
                if found is not None:
                    return found
            self._extend()

    def _on_boundary(self, radius: float) -> Proposal | None:
        """The minimum over the Krylov space so far on the boundary; None where it is not exact enough yet."""
        k = len(self.diagonal)
        full = self.products >= self.limit or k >= self.room or k >= self.d.size or self.off[k - 1] == 0.0
        if not full and k > 12 and k % (k // 6):
            return None
        from scipy.linalg import eigh_tridiagonal

        values, V = eigh_tridiagonal(np.array(self.diagonal), np.array(self.off[: k - 1]))
        best = minimize_in_ball(np.asarray(values, dtype=np.float64), self.steep * V[0], radius)
        h = V @ best.z
        if not full and self.off[k - 1] * abs(h[-1]) > ROUGH * self.steep:
            return None
        kind = "trust region" if best.kind == "Newton" else best.kind
        return Proposal((h @ self.Q[:k]) / self.d, best.decrease, float(np.linalg.norm(h)), kind)

    # ------------------------------------------------------------------ one product more

    def _extend(self) -> None:
        k = len(self.diagonal)
        if k > 0 and self.off[k - 1] == 0.0:
            self.limit = self.products  # the space is invariant: nothing more to be found in it
            return
        if k >= self.room:
            self._beyond()
            return
        q = self.Q[k]
        w = self._times(q)
        alpha = float(q @ w)
        w = w - alpha * q
        if k > 0:
            w -= self.off[k - 1] * self.Q[k - 1]
        if self.d.size <= ORTHOGONAL:
            w -= (self.Q[: k + 1] @ w) @ self.Q[: k + 1]
        beta = float(np.linalg.norm(w))
        scale = max(abs(alpha), self.off[k - 1] if k else 0.0, max(map(abs, self.diagonal), default=0.0))
        if beta <= 1e-14 * scale * max(k, 1) or k + 1 >= self.d.size:
            beta = 0.0
        self.diagonal.append(alpha)
        self.off.append(beta)
        if beta > 0 and k + 1 < self.room:
            self._hold(k + 1)
            self.Q[k + 1] = w / beta
        if self.curved:
            self._conjugate(k, alpha, beta, w)

    def _conjugate(self, k: int, alpha: float, beta: float, w: Vector) -> None:
        """The step of conjugate gradients that belongs to row k of T: a step of its Cholesky factorization."""
        pivot = alpha - self.eliminated  # pᵀH̃p / ‖r‖²
        if not pivot > 0:
            self.curved = False
            return
        step = 1.0 / pivot
        self.z = self.z + step * self.p
        self.decrease += 0.5 * step * self.rr
        self.eliminated = beta * beta * step
        ratio = (beta * step) ** 2  # ‖r₊‖²/‖r‖²
        if beta > 0:
            sign = 1.0 if k % 2 else -1.0  # the residuals are the Lanczos vectors with alternating signs
            self.r = (sign * np.sqrt(self.rr * ratio) / beta) * w
            self.p = -self.r + ratio * self.p
        self.rr *= ratio
        self.lengths.append(float(np.linalg.norm(self.z)))

    def _beyond(self) -> None:
        """Plain conjugate gradients when the basis is full."""
        Hp = self._times(self.p)
        bend = float(self.p @ Hp)
        if not bend > 0:
            self.curved = False
            return
        step = self.rr / bend
        self.z = self.z + step * self.p
        self.decrease += 0.5 * step * self.rr
        self.r = self.r + step * Hp
        following = float(self.r @ self.r)
        self.p = -self.r + (following / self.rr) * self.p
        self.rr = following
        self.lengths.append(float(np.linalg.norm(self.z)))

    def _times(self, v: Vector) -> Vector:
        self.products += 1
        w = np.asarray(self.product(v / self.d), dtype=np.float64) / self.d
        if not np.isfinite(w).all():
            raise NoDirection("the Hessian is not finite")
        return w

    def _hold(self, row: int) -> None:
        if row >= len(self.Q):
            grown: Matrix = np.empty((min(2 * len(self.Q), self.room), self.d.size))
            grown[: len(self.Q)] = self.Q
            self.Q = grown

    # ------------------------------------------------------------------ its units

    @property
    def natural(self) -> float:
        """The length of Newton's step where it leads to a minimum of the model, else a tenth of x."""
        if self.steep > 0:
            try:
                whole = self(np.inf) if self._convex_so_far() else None
            except NoDirection:
                whole = None
            if whole is not None and whole.kind == "Newton":
                return max(whole.size, float(np.finfo(float).tiny))
        return max(self.steep, 0.1 * self.length_of_x) or 1.0

    def _convex_so_far(self) -> bool:
        """Run conjugate gradients to their end without a boundary; whether all curvature was positive."""
        while self.curved and np.sqrt(self.rr) > self.accuracy * self.steep and self.products < self.limit:
            self._extend()
        return self.curved

    def measure(self, step: Vector) -> float:
        """Return ‖D s‖."""
        return float(np.linalg.norm(self.d * step))

    def steepness(self, gradient: Vector) -> float:
        """Return ‖D⁻¹ g‖."""
        return float(np.linalg.norm(gradient / self.d))
