r"""Which constraints hold a point, and with what force: the active set and its multipliers.

A row cᵢ or a variable xⱼ is *active* where it stands on one of its sides, an equality always.  The point is stationary
on the constraints when the gradients aᵢ of the active ones balance that of f,

    ∇f + Σ μᵢ aᵢ = 0,

and it can be a minimum only if every inequality pushes inwards: μᵢ ≥ 0 where the upper side is active, μᵢ ≤ 0 where the
lower one is (at a maximum the other way round).  With a side σᵢ = ±1 that is σᵢ μᵢ ≥ 0.

The μ are found by least squares.  Where the active gradients are dependent they are not unique: μ = μ₀ + N q.  Then
those are taken that a method found, if they fit; else a linear program looks for the μ with right signs of which as
many as possible are not zero, since an inequality to which any choice gives a multiplier confines the critical cone.

Two conditions on the gradients keep multipliers well behaved: they are independent (LICQ: μ is unique), or at least no
combination with right signs of them vanishes (Mangasarian–Fromovitz, MFCQ: the μ are bounded).  Without either, a
minimum may have no multipliers at all: x on x² ≤ 0.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §12.1–12.6.
Gauvin, *A necessary and sufficient regularity condition…*, Math. Prog. 12 (1977), on MFCQ and bounded multipliers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .problem import Matrix, Point, Vector

__all__ = ["Active", "Balance", "active_at", "balance", "mangasarian_fromovitz", "rooms"]

#: A singular value of the active gradients, brought to length one, below which they are dependent.
DEPENDENT = 1e-10


@dataclass(frozen=True, eq=False)
class Active:
    """The active constraints of a point: first rows of c, then bounds.

    Attributes
    ----------
    rows, variables : array of int
        Which rows of c, and which variables at a bound.
    side : array
        0 for an equality, +1 where the upper side is active, −1 where the lower is.
    offset : array
        How far beyond that side the point is: c − cᵤ, xⱼ − xₗ …; zero when exactly on it.
    """

    rows: NDArray[np.intp]
    variables: NDArray[np.intp]
    side: Vector
    offset: Vector

    @property
    def size(self) -> int:
        """Number of active constraints."""
        return int(self.side.size)

    def gradients(self, J: Any, n: int) -> Matrix:
        """Return the gradients of the active constraints as rows of a dense matrix."""
        A = np.zeros((self.size, n))
        k = self.rows.size
        if k:
            A[:k] = J[self.rows]
        A[np.arange(k, self.size), self.variables] = 1.0
        return A

    def only(self, keep: NDArray[np.bool_]) -> Active:
        """Return the part of the active set that `keep` marks."""
        k = self.rows.size
        return Active(self.rows[keep[:k]], self.variables[keep[k:]], self.side[keep], self.offset[keep])

    def spread(self, mu: Vector, m: int, n: int) -> tuple[Vector, Vector]:
        """Return multipliers y of all rows and z of all bounds, zero where they are not active."""
        y, z = np.zeros(m), np.zeros(n)
        y[self.rows] = mu[: self.rows.size]
        z[self.variables] = mu[self.rows.size :]
        return y, z

    def collect(self, y: Vector | None, z: Vector | None) -> Vector:
        """Return the multipliers of the active ones from those of all."""
        rows = np.zeros(self.rows.size) if y is None else np.asarray(y, dtype=np.float64)[self.rows]
        bounds = np.zeros(self.variables.size) if z is None else np.asarray(z, dtype=np.float64)[self.variables]
        return np.concatenate([rows, bounds])


@dataclass(frozen=True, eq=False)
class Balance:
    """Multipliers of the active constraints, and how many of these have independent gradients."""

    mu: Vector
    rank: int
    even: bool = True  #: whether all components of the gradient were weighed alike

    @property
    def unique(self) -> bool:
        """Whether the multipliers are (LICQ)."""
        return self.rank == self.mu.size


def rooms(point: Point, tol: float) -> tuple[Vector, Vector]:
    """Return how far a change of x by a relative `tol` (by `tol` where |x| < 1) moves each row and each variable."""
    x = tol * np.maximum(1.0, np.abs(point.x))
    return (abs(point.J) @ x if point.problem.m else np.zeros(0)), x


def active_at(point: Point, tol: float) -> Active:
    """Return the constraints that are active at `point`: equalities, what is violated, and what is within its room.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> f = Problem(2, lambda x: (x @ x, 2 * x), lower=np.zeros(2), upper=np.array([np.inf, 1.0]))
    >>> a = active_at(f.at([0.5, 1.0 - 1e-9]), 1e-6)
    >>> a.variables, a.side
    (array([1]), array([1.]))
    """
    problem = point.problem
    room, room_x = rooms(point, tol)
    none = np.zeros(0, dtype=np.intp)
    rows, side, offset = none, np.zeros(0), np.zeros(0)
    if problem.constraints is not None and problem.m:
        k = problem.constraints
        rows, side, offset = _sides(point.c, k.lower, k.upper, room)
    variables, side_x, offset_x = none, np.zeros(0), np.zeros(0)
    if problem.lower is not None and problem.upper is not None:
        variables, side_x, offset_x = _sides(point.x, problem.lower, problem.upper, room_x)
    return Active(rows, variables, np.concatenate([side, side_x]), np.concatenate([offset, offset_x]))


def _sides(value: Vector, lower: Vector, upper: Vector, room: Vector) -> tuple[NDArray[np.intp], Vector, Vector]:
    above, below = value - upper, lower - value
    places = np.flatnonzero((np.maximum(above, below) >= -room) | (lower == upper))
    above, below = above[places], below[places]
    top = above >= below
    side = np.where(top, 1.0, -1.0)
    side[lower[places] == upper[places]] = 0.0
    return places, side, np.where(top, above, -below)


def balance(
    gradient: Vector, A: Matrix, side: Vector, hint: Vector | None = None, *, as_given: bool = False
) -> Balance:
    """Return multipliers μ with ∇f + Aᵀμ ≈ 0, of right sign where there is a choice.

    Parameters
    ----------
    gradient : array (n,)
        ∇f.
    A : array (k, n)
        The gradients of the active constraints.
    side : array (k,)
        0 for equalities, ±1 for inequalities (`Active`).
    hint : array (k,), optional
        Multipliers that a method found; they decide where μ is not unique, if their signs are right.
    as_given : bool
        Weigh all components of ∇f alike, instead of each in the units of its column of A.

    Examples
    --------
    >>> twice = np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> b = balance(np.array([-2.0, 0.0]), twice, np.ones(2))
    >>> b.mu, b.rank
    (array([1., 1.]), 1)
    """
    k = len(A)
    if not k:
        return Balance(np.zeros(0), 0)
    lengths, units = _sizes(A)
    if as_given:
        lengths, units = np.linalg.norm(A, axis=1) + ~A.any(axis=1), np.ones(A.shape[1])
    even = bool(np.all(units == 1.0))
    U, s, Vt = np.linalg.svd(A / lengths[:, None] / units, full_matrices=False)
    rank = int(np.sum(s > DEPENDENT))
    U, s, Vt = U[:, :rank], s[:rank], Vt[:rank]

    def fitted(residual: Vector) -> Vector:
        return np.asarray(-(U @ ((Vt @ (residual / units)) / s)) / lengths + 0.0)

    mu = fitted(gradient)
    if rank == k or not side.any():
        return Balance(mu, rank, even)
    if hint is not None and np.isfinite(hint).all():
        guess = hint + fitted(gradient + A.T @ hint)
        if _signs_fit(guess * lengths, side) or _signs_fit(-guess * lengths, side):
            return Balance(guess, rank, even)
    null = np.linalg.svd(U.T)[2][rank:].T
    scaled = mu * lengths
    for sense in (1.0, -1.0):
        if (found := _with_signs(scaled, null, sense * side)) is not None:
            return Balance(found / lengths, rank, even)
    return Balance(mu, rank, even)


def _sizes(A: Matrix) -> tuple[Vector, Vector]:
    """Lengths of the rows in units of the variables in which the columns are of one size.

    Columns are brought up by at most 10⁸: what is smaller may be rounding.
    """
    size = np.abs(A)
    columns = size.max(axis=0)
    least = columns[columns > 0].min(initial=np.inf)
    if columns.max(initial=0.0) <= 1e3 * least:
        lengths = np.sqrt(np.sum(A * A, axis=1))
        return lengths + (lengths == 0), np.ones(A.shape[1])
    lengths = np.max(size, axis=1)
    lengths[lengths == 0] = 1.0
    for _ in range(2):
        units = np.max(size / lengths[:, None], axis=0)
        units = np.maximum(units, 1e-8 * np.max(units))
        units[units == 0] = 1.0
        lengths = np.max(size / units, axis=1)
        lengths[lengths == 0] = 1.0
    return np.linalg.norm(A / units, axis=1) + (np.max(size, axis=1) == 0), units


def _signs_fit(mu: Vector, side: Vector) -> bool:
    return bool(np.all(side * mu >= -1e-9 * np.max(np.abs(mu), initial=0.0)))


def _with_signs(mu: Vector, null: Matrix, side: Vector) -> Vector | None:
    """Return μ + N q with σμ ≥ 0 and as many as possible not zero, or None where no q does it.

    maximize Σ tᵢ over q, t with σᵢ(μ + N q)ᵢ ≥ tᵢ, 0 ≤ tᵢ ≤ 1 (in units of the largest μ), and a small price on Σ σᵢμᵢ,
    which may be without bound.
    """
    if _signs_fit(mu, side) and np.all(np.abs(mu[side != 0]) > 1e-3 * np.max(np.abs(mu), initial=0.0)):
        return mu
    from scipy.optimize import linprog

    scale = float(np.max(np.abs(mu), initial=0.0)) or 1.0
    sided = np.flatnonzero(side)
    N, sigma = null[sided], side[sided]
    q, t = null.shape[1], sided.size
    found = linprog(
        np.concatenate([1e-3 * (sigma @ N), -np.ones(t)]),
        A_ub=np.hstack([-sigma[:, None] * N, np.eye(t)]),
        b_ub=sigma * mu[sided] / scale + 1e-9,
        bounds=[(-1e6, 1e6)] * q + [(0.0, 1.0)] * t,
        method="highs",
    )
    return mu + scale * (null @ found.x[:q]) if found.x is not None else None


def mangasarian_fromovitz(A: Matrix, side: Vector) -> bool:
    """Whether the equalities are independent and some direction leads strictly inside of all active inequalities.

    Examples
    --------
    >>> opposite = np.array([[1.0, 0.0], [-1.0, 0.0]])
    >>> mangasarian_fromovitz(opposite, np.ones(2)), mangasarian_fromovitz(opposite, np.array([1.0, -1.0]))
    (False, True)
    """
    lengths, units = _sizes(A)
    A = A / lengths[:, None] / units
    equal = side == 0
    k = int(np.sum(equal))
    if k and int(np.sum(np.linalg.svd(A[equal], compute_uv=False) > DEPENDENT)) < k:
        return False
    if k == len(A):
        return True
    from scipy.optimize import linprog

    n = A.shape[1]
    inward = side[~equal, None] * A[~equal]
    found = linprog(
        np.concatenate([np.zeros(n), [-1.0]]),
        A_ub=np.hstack([inward, np.ones((len(inward), 1))]),
        b_ub=np.zeros(len(inward)),
        A_eq=np.hstack([A[equal], np.zeros((k, 1))]) if k else None,
        b_eq=np.zeros(k) if k else None,
        bounds=[(-1.0, 1.0)] * n + [(0.0, 1.0)],
        method="highs",
    )
    return bool(found.x is not None and found.x[-1] > 1e-7)
