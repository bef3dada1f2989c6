r"""The curvature of L on the critical cone of a point, and its extremes.

The critical cone is what the strong constraints leave free, v = Z p, and the weak ones allow, B p ≤ 0 (`constrained`).
The coordinates p are such that H = Zᵀ∇²L Z has entries of size one; eigenvalues count beyond their error only
(`curvature`), which Z carries over from the entries of ∇²L.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §12.5; Golub & Van Loan, *Matrix Computations*, §8.1 (Weyl).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cone import least_on_cone
from .curvature import EPS, inertia
from .degenerate import Way
from .holding import Holding
from .problem import Matrix, Vector
from .ways import along

__all__ = ["Cone", "Ends", "Extreme", "cone_of"]


@dataclass(frozen=True, eq=False)
class Extreme:
    """The least (or greatest) curvature over the critical cone, its sign beyond errors, and where it is taken."""

    sign: int
    direction: Vector | None
    rate: float
    both: bool
    exact: bool

    def way(self, held: Holding) -> Way | None:
        """The way along it."""
        return None if self.direction is None else along(held, self.direction, self.rate, self.both)


@dataclass(frozen=True, eq=False)
class Cone:
    """The Hessian of L on the tangent space of the strong constraints, in coordinates p of size one: v = basis p."""

    values: Vector
    zero_below: float
    basis: Matrix
    H: Matrix
    eigenvectors: Matrix
    B: Matrix

    @property
    def null(self) -> Matrix:
        """The directions of zero curvature in the tangent space, as columns."""
        return self.basis @ self.eigenvectors[:, np.abs(self.values) <= self.zero_below]

    @property
    def sign(self) -> int:
        """The sign of the curvature in the other directions, 0 where there are none or of both signs."""
        return int(np.any(self.values > self.zero_below)) - int(np.any(self.values < -self.zero_below))

    def extreme(self, sense: int) -> Extreme:
        """The least curvature for sense 1, the greatest for −1."""
        r = self.values.size
        if not r:
            return Extreme(sense, None, 0.0, True, True)
        place = 0 if sense > 0 else r - 1
        value, p, both, exact = float(self.values[place]), self.eigenvectors[:, place], True, True
        inside = sense * value > self.zero_below  # then on any part of the space too
        if len(self.B) and not inside:
            least = least_on_cone(sense * self.H, self.B)
            if least.direction is None:
                return Extreme(sense, None, 0.0, True, least.exact)
            value, p, both, exact = sense * least.value, least.direction, least.both, least.exact
        v = self.basis @ p
        length = float(np.linalg.norm(v))
        sign = int(value > self.zero_below) - int(value < -self.zero_below)
        return Extreme(sign, v / length, 0.5 * value / length**2, both, exact)


@dataclass(frozen=True, eq=False)
class Ends:
    """What is still possible where the curvature is zero somewhere, and the ways out that are known.

    `exact` where the whole critical cone was looked at.
    """

    minimum: bool
    maximum: bool
    exact: bool
    falling: Way | None
    rising: Way | None
    cone: Cone


def cone_of(held: Holding, error: Matrix) -> Cone:
    """Return the curvature of L on the tangent space of what holds a point, the Hessian known up to `error`."""
    T, base = held.tangent, held.base
    Z = T.directions
    n, r = Z.shape
    size = np.abs(Z)
    scaled = float(np.max(np.abs(base.W) / T.d / T.d[:, None], initial=0.0))
    reduced = Z.T @ base.W @ Z
    if not r:
        nothing = np.zeros((0, 0))
        return Cone(np.zeros(0), 0.0, Z, nothing, nothing, np.zeros((0, 0)))
    values, zero_below, V = inertia(reduced, size.T @ error @ size + n * EPS * scaled)
    units = 1 / np.sqrt(np.sum(V * V, axis=1))  # those in which `inertia` took the eigenvalues
    weak = ~held.strong
    B = (base.active.side[weak, None] * base.A[weak]) @ Z / units if weak.any() else np.zeros((0, r))
    return Cone(values, zero_below, Z / units, reduced / units / units[:, None], V * units[:, None], B)
