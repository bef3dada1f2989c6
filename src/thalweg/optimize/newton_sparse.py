r"""Newton's path from a sparse Hessian: the trust-region subproblem by factorizations.

    s(Δ) = argmin  gᵀs + ½ sᵀHs    over  ‖D s‖ ≤ Δ,

in the variables z = D s with H̃ = D⁻¹HD⁻¹.  First H̃ is factorized as it stands: where it is positive definite and
Newton's step short enough, that is all.  Otherwise the shift σ > max(0, −λ₁) is looked for with which
z(σ) = −(H̃ + σI)⁻¹ g̃ has length Δ, by Newton's method on 1/‖z‖ − 1/Δ, kept between a lower and an upper bound that
every factorization improves.  λ₁ is estimated by Lanczos (a few products, cheap beside a factorization); a Rayleigh
quotient is never below λ₁, so it gives a safe lower bound of σ.

In the *hard case*, g̃ without a part along the lowest eigenvector u, z stays short however close σ comes to −λ₁, and
τu is added to reach the boundary; it is accepted when τ² uᵀ(H̃ + σI)u is small beside the decrease of the model.

References
----------
Moré & Sorensen, *Computing a trust region step*, SIAM J. Sci. Stat. Comput. 4 (1983), §3.
Conn, Gould & Toint, *Trust-Region Methods* (2000), §7.3; Powell's dogleg: Nocedal & Wright (2nd ed.), §4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .composition import NoDirection, Path, Proposal
from .dense_path import DensePath
from .problem import Point, Vector
from .sparse_factor import ShiftedFactor

__all__ = ["NewtonSparse", "SparsePath", "sparse_path", "sparse_scales"]

#: Relative error of the length of a step that ends on the boundary: each digit more costs factorizations.
ROUGH = 0.1
#: Part of the decrease that may be lost in the hard case.
HARD = 0.02
#: Beyond this many variables factorizations are too dear to look for σ: a step shorter than Newton's is a dogleg's.
DOGLEG = 10_000
#: Up to this many variables a sparse matrix is better treated as a dense one.
SMALL = 60


class SparsePath:
    """Minima of a sparse quadratic model over balls ‖D s‖ ≤ Δ.

    Parameters
    ----------
    H : csr_array
        The symmetric matrix.
    g, d : array
        The gradient, and the diagonal of D.
    length_of_x : float
        ‖D x‖, for a first radius where the model has no minimum.
    factor : ShiftedFactor, optional
        That of a matrix before, whose order is used again if the pattern is the same.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> path = SparsePath(csr_array(np.diag([2.0, -8.0])), np.array([2.0, 8.0]), np.ones(2))
    >>> path(0.5).kind, path(0.5).step[1] < 0
    ('trust region', np.True_)
    """

    def __init__(
        self, H: Any, g: Vector, d: Vector, length_of_x: float = 0.0, factor: ShiftedFactor | None = None
    ) -> None:
        from scipy.sparse import csr_array

        self.d, self.g, self.length_of_x = d, g, length_of_x
        rows = np.repeat(np.arange(g.size), np.diff(H.indptr))
        self.scaled = csr_array((H.data / d[rows] / d[H.indices], H.indices, H.indptr), shape=H.shape)
        self.gamma = g / d
        if not self.scaled.has_canonical_format:
            self.scaled = self.scaled.copy()
            self.scaled.sum_duplicates()
        self.factor = factor if factor is not None and factor.renew(self.scaled) else ShiftedFactor(self.scaled)
        self.newton: Proposal | None = None
        if self.factor.factorize(0.0):
            z = -self.factor.solve(self.gamma)
            self.newton = self._proposal(z, float(np.linalg.norm(z)), "Newton")
            if not (np.isfinite(z).all() and self.newton.predicted >= 0):
                self.newton = None
        self._lowest: tuple[float, Vector] | None = None
        self._last: tuple[float, float] = (np.inf, 0.0)

    def _proposal(self, z: Vector, size: float, kind: str) -> Proposal:
        return Proposal(z / self.d, -float(self.gamma @ z + 0.5 * (z @ (self.scaled @ z))), size, kind)

    def __call__(self, size: float) -> Proposal:
        """Return the minimum of the model in the ball of radius `size`, up to a tenth of the radius."""
        if self.newton is not None and self.newton.size / (1 + ROUGH) <= size:
            return self.newton
        if self.newton is not None and self.g.size > DOGLEG:
            return self._dogleg(size)
        return self._on_boundary(size)

    def _dogleg(self, radius: float) -> Proposal:
        """The point at that distance on the way from 0 to the Cauchy point and on to Newton's: no factorization."""
        assert self.newton is not None
        g, newton = self.gamma, self.newton.step * self.d
        length = float(np.linalg.norm(g))
        bend = float(g @ (self.scaled @ g))
        cauchy = -(length**2 / bend) * g if bend > 0 else -radius / length * g
        if float(np.linalg.norm(cauchy)) >= radius:
            return self._proposal(-radius / length * g, radius, "trust region")
        way = newton - cauchy
        far = float(np.linalg.norm(way))
        return self._proposal(cauchy + _to_boundary(cauchy, way / far, radius) * way / far, radius, "trust region")

    def _on_boundary(self, radius: float) -> Proposal:
        steep = float(np.linalg.norm(self.gamma))
        norm = float(abs(self.scaled).sum(axis=1).max())
        low, high = max(0.0, steep / radius - norm), steep / radius + 1.1 * norm  # more than −λ₁, also for g = 0
        if self.newton is None:
            lowest, u = self._lowest_curvature()
            low = max(low, -lowest)
            guess = low + 1e-3 * max(norm, low) if low > 0 else 1e-10 * norm
        else:
            u, guess = None, 0.0
        if self._last[0] > radius:
            low = max(low, self._last[1]) if self._last[1] > 0 else low
            guess = max(guess, self._last[1] * self._last[0] / radius)
        sigma = min(max(guess, low), high)
        best: tuple[Vector, float, str] | None = None
        for _ in range(40):
            if not self.factor.factorize(sigma):
                low = max(low, sigma)
                sigma = max(np.sqrt(low * high), low + 0.01 * (high - low))
                continue
            z = -self.factor.solve(self.gamma)
            length = float(np.linalg.norm(z))
            if not np.isfinite(length):
                low = sigma
                sigma = 0.5 * (low + high)
                continue
            if abs(length - radius) <= ROUGH * radius:
                best = (z, sigma, "trust region")
                break
            correction = self._correction(z, length, radius)
            if length < radius:
                high = min(high, sigma)
                best = (z, sigma, "trust region")
                _, u = self._lowest_curvature() if u is None else (0.0, u)
                u = self._refined(u)
                bend = float(u @ (self.scaled @ u)) + sigma
                low = max(low, sigma - bend)
                tau = _to_boundary(z, u, radius)
                inner = -float(self.gamma @ z)  # zᵀ(H̃ + σI)z
                if tau**2 * bend <= HARD * (inner + sigma * radius**2):
                    best = (z + tau * u, sigma, "negative curvature")
                    break
            else:
                low = max(low, sigma)
            following = sigma + correction
            if not low < following < high:
                following = max(np.sqrt(low * high), low + 0.01 * (high - low))
            if abs(following - sigma) <= 1e-14 * max(sigma, norm):
                break
            sigma = following
        if best is None:
            raise NoDirection("the Hessian could not be factorized")
        self._last = (radius, best[1])
        return self._proposal(best[0], radius, best[2])

    def _correction(self, z: Vector, length: float, radius: float) -> float:
        """Newton's correction of σ for 1/‖z(σ)‖ = 1/Δ."""
        if length == 0:
            return -np.inf
        bend = float(z @ self.factor.solve(z))
        return (length**2 / bend) * (length - radius) / radius

    def _lowest_curvature(self) -> tuple[float, Vector]:
        """A Rayleigh quotient near the lowest eigenvalue of H̃, and its vector."""
        if self._lowest is None:
            from scipy.sparse.linalg import ArpackNoConvergence, eigsh

            n = self.g.size
            start = np.random.default_rng(0).standard_normal(n)
            try:
                found: Any = eigsh(self.scaled, k=1, which="SA", tol=0.05, maxiter=300, v0=start)[1]
            except ArpackNoConvergence as failure:
                found = failure.eigenvectors if failure.eigenvectors.size else start[:, None] / np.linalg.norm(start)
            u = np.asarray(found[:, 0], dtype=np.float64)
            u = u if u[np.abs(u).argmax()] >= 0 else -u
            self._lowest = (float(u @ (self.scaled @ u)), u)
        return self._lowest

    def _refined(self, u: Vector) -> Vector:
        """Two steps of inverse iteration with the factorization at hand."""
        for _ in range(2):
            v = self.factor.solve(u)
            length = float(np.linalg.norm(v))
            if not (np.isfinite(length) and length > 0):
                return u
            u = v / length
        return u

    @property
    def natural(self) -> float:
        """The length of Newton's step where it leads to a minimum of the model, else a tenth of x."""
        if self.newton is not None:
            return max(self.newton.size, float(np.finfo(float).tiny))
        return max(float(np.linalg.norm(self.gamma)), 0.1 * self.length_of_x) or 1.0

    def measure(self, step: Vector) -> float:
        """Return ‖D s‖."""
        return float(np.linalg.norm(self.d * step))

    def steepness(self, gradient: Vector) -> float:
        """Return ‖D⁻¹ g‖."""
        return float(np.linalg.norm(gradient / self.d))


def _to_boundary(z: Vector, u: Vector, radius: float) -> float:
    """The smaller τ in size with ‖z + τu‖ = radius, for ‖u‖ = 1."""
    b, c = float(z @ u), float(z @ z) - radius**2
    root = np.sqrt(max(b * b - c, 0.0))
    return float(-c / (b + root)) if b >= 0 else float(-c / (b - root))


def sparse_scales(H: Any, sweeps: int = 4) -> Vector:
    """Return d > 0 such that the rows of the csr_array H / (d dᵀ) have a largest entry near one (see `scaling`).

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> sparse_scales(csr_array(np.diag([4.0, 0.25])))
    array([2. , 0.5])
    """
    A, starts, columns = np.abs(H.data), H.indptr[:-1], H.indices
    rows = np.repeat(np.arange(H.shape[0]), np.diff(H.indptr))
    filled = np.diff(H.indptr) > 0
    d = np.sqrt(np.abs(H.diagonal()))
    d[d == 0] = 1.0
    for _ in range(sweeps):
        largest = np.zeros_like(d)
        if A.size:
            largest[filled] = np.maximum.reduceat(A / d[rows] / d[columns], starts[filled])
        d = np.where(largest > 0, d * np.sqrt(largest), d)
        if np.all((largest == 0) | (np.abs(largest - 1) < 0.1)):
            break
    used = largest > 0
    if used.any():
        d[~used] = d[used].min()
    return d


def sparse_path(
    H: Any, g: Vector, d: Vector, length_of_x: float = 0.0, factor: ShiftedFactor | None = None
) -> SparsePath | DensePath:
    """Return the path of a sparse model; of a small one by the dense way, which is faster.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> sparse_path(csr_array(np.diag([2.0, 8.0])), np.array([2.0, 8.0]), np.ones(2))(np.inf).step
    array([-1., -1.])
    """
    if g.size <= SMALL:
        return DensePath(H.toarray(), g, d, length_of_x)
    return SparsePath(H, g, d, length_of_x, factor)


@dataclass
class NewtonSparse:
    """Newton's direction by factorizations of the sparse Hessian, whose pattern is analysed once.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from thalweg.optimize.problem import Problem
    >>> H = csr_array(np.array([[2.0, 1.0], [1.0, 3.0]]))
    >>> bowl = Problem(2, lambda x: (0.5 * x @ (H @ x), H @ x), lambda x: H, sparse=True)
    >>> here = bowl.at([1.0, 2.0])
    >>> np.round(here.x + NewtonSparse()(here)(np.inf).step, 12) + 0.0
    array([0., 0.])
    """

    _cached_factor: ShiftedFactor | None = None

    def __call__(self, point: Point) -> Path:
        """Return the path of trust-region steps from `point`."""
        H = point.hessian
        if not np.isfinite(H.data).all():
            raise NoDirection("the Hessian is not finite")
        d = sparse_scales(H)
        path = sparse_path(H, point.gradient, d, float(np.linalg.norm(d * point.x)), self._cached_factor)
        if isinstance(path, SparsePath):
            self._cached_factor = path.factor
        return path
