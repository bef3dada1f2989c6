r"""The least curvature on a cone: is pᵀHp > 0 for all p ≠ 0 with B p ≤ 0?

Constraints that are active with multiplier zero let a point move inside, but not outside: the directions that matter
form a cone, not a space.  Over the directions of unit length in it, pᵀHp is least at some p that lies in the relative
interior of one face {B_T p = 0, B p ≤ 0}.  There p is a local minimum of the Rayleigh quotient on the whole subspace
{B_T p = 0}, and such local minima are global: p is an eigenvector for the *smallest* eigenvalue of H on that subspace.
So it is enough to look, for each set T of the rows of B, at one eigenvector (Kaplan's test of copositivity, for cones
of any polyhedral form); that are 2^k small problems for k rows, and exact.

References
----------
Kaplan, *A test for copositive matrices*, Linear Algebra Appl. 313 (2000).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), theorems 12.5 and 12.6 (critical cone).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .problem import Matrix, Vector

__all__ = ["Least", "least_on_cone"]

#: Up to so many rows all faces are looked at.
FACES = 8


@dataclass(frozen=True, eq=False)
class Least:
    """The least curvature on a cone.

    Attributes
    ----------
    value : float
        pᵀHp; ∞ where the cone is {0}.
    direction : array or None
        The p of unit length where it is taken.
    both : bool
        Whether −p is in the cone as well.
    exact : bool
        Whether all faces were looked at; if not, `value` is an upper bound.
    """

    value: float
    direction: Vector | None
    both: bool
    exact: bool


def least_on_cone(H: Matrix, B: Matrix) -> Least:
    """Return the least of pᵀHp over |p| = 1, B p ≤ 0.

    Examples
    --------
    x y is positive inside the first quadrant, and zero on its edges; x² − y² is not:

    >>> quadrant = -np.eye(2)
    >>> least_on_cone(np.array([[0.0, 0.5], [0.5, 0.0]]), quadrant).value
    0.0
    >>> least = least_on_cone(np.diag([1.0, -1.0]), quadrant)
    >>> least.value, least.direction, least.both
    (-1.0, array([0., 1.]), False)
    """
    k = len(B)
    lengths = np.linalg.norm(B, axis=1)
    B = B / np.where(lengths > 0, lengths, 1.0)[:, None]
    best = Least(np.inf, None, False, k <= FACES)
    sizes = range(k + 1) if k <= FACES else (0, 1, k - 1, k)
    for size in sizes:
        for T in combinations(range(k), size):
            found = _on_face(H, B, list(T))
            if found is not None and found.value < best.value:
                best = Least(found.value, found.direction, found.both, best.exact)
    return best


def _on_face(H: Matrix, B: Matrix, T: list[int]) -> Least | None:
    Z = _null(B[T], H.shape[0])
    if not Z.shape[1]:
        return None
    values, Q = np.linalg.eigh(Z.T @ H @ Z)
    spread = float(np.max(np.abs(values)))
    E = Z @ Q[:, values <= values[0] + 1e-10 * spread]
    p = _inside(E, np.delete(B, T, axis=0))
    if p is None:
        return None
    return Least(float(values[0]), p, bool(np.all(B @ -p <= 1e-9)), True)


def _inside(E: Matrix, B: Matrix) -> Vector | None:
    """Return a vector of unit length in the span of E with B p ≤ 0, or None."""
    if E.shape[1] == 1:
        for p in (E[:, 0], -E[:, 0]):
            if np.all(B @ p <= 1e-9):
                return np.asarray(p + 0.0)
        return None
    free = _null(B @ E, E.shape[1])
    if free.shape[1]:
        return np.asarray(E @ free[:, 0])
    from scipy.optimize import linprog

    for axis in range(E.shape[1]):
        for sign in (1.0, -1.0):
            cost = np.zeros(E.shape[1])
            cost[axis] = -sign
            found = linprog(cost, A_ub=B @ E, b_ub=np.zeros(len(B)), bounds=(-1.0, 1.0), method="highs")
            if found.x is not None and sign * found.x[axis] > 1e-6:
                p = E @ found.x
                return np.asarray(p / np.linalg.norm(p))
    return None


def _null(B: Matrix, n: int) -> Matrix:
    """An orthonormal basis of {p : B p = 0} as columns."""
    if not len(B):
        return np.eye(n)
    _, s, Vt = np.linalg.svd(B)
    return np.asarray(Vt[int(np.sum(s > 1e-10)) :].T)
