r"""The space along which constraints leave a point free, and Newton's step on them.

With the gradients of k active constraints as rows of A, of lengths one in good units of the variables, the singular
value decomposition A = U S Vᵀ parts the space in two: V₁ spans what the constraints fix, Z their *tangent space*
A Z = 0.  Then

    s = s_N + Z p,     A s_N = −offset,        Zᵀ W Z p = −Zᵀ (∇L + W s_N),
    δμ = −(Aᵀ)⁺ W s,

is the step of Newton's method on the conditions ∇f + Aᵀμ = 0, offset = 0, where W is the Hessian of L: how far the
exact solution is, and by how much its multipliers differ.  Units come from the equilibration of W; a variable that W
does not know of is measured by A.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §16.2 (null-space method), §18.1.
Golub & Van Loan, *Matrix Computations* (4th ed.), §5.5 (rank by singular values).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .active import DEPENDENT
from .curvature import EPS
from .problem import Matrix, Vector
from .scaling import equilibrate

__all__ = ["Step", "Tangent", "scales", "tangent_of"]


@dataclass(frozen=True, eq=False)
class Step:
    """Newton's step: of the variables (in the user's units), and of the multipliers."""

    x: Vector
    mu: Vector


@dataclass(frozen=True, eq=False)
class Tangent:
    """The active gradients, taken apart in the units d of the variables (x̃ = d x).

    `Z` are the tangent directions, orthonormal in those units, as columns; `lengths` those of the rows of A/d.
    """

    d: Vector
    lengths: Vector
    U: Matrix
    s: Vector
    V: Matrix
    Z: Matrix

    @property
    def rank(self) -> int:
        """Number of independent gradients."""
        return int(self.s.size)

    @property
    def directions(self) -> Matrix:
        """The tangent directions in the user's units, as columns."""
        return self.Z / self.d[:, None]

    def force(self, residual: Vector) -> Vector:
        """Return the change of multipliers that balances a residual of ∇L best."""
        if not self.rank:
            return np.zeros(self.lengths.size)
        return np.asarray(-(self.U @ ((self.V.T @ (residual / self.d)) / self.s)) / self.lengths)

    def force_error(self, error: Vector) -> Vector:
        """Return a bound of `force` for residuals of which only the size is known."""
        if not self.rank:
            return np.zeros(self.lengths.size)
        inverse = np.abs((self.U / self.s) @ self.V.T)
        return np.asarray((inverse @ (error / self.d)) / self.lengths)

    def leaving(self, amounts: Vector) -> Vector:
        """Return the least v, in these units, with A v = amounts."""
        if not self.rank:
            return np.zeros(self.d.size)
        return np.asarray((self.V @ ((self.U.T @ (amounts / self.lengths)) / self.s)) / self.d)

    def newton(self, W: Matrix, residual: Vector, offset: Vector) -> Step:
        """Return Newton's step for the Hessian W of L, its gradient, and how far the active ones are off."""
        normal = self.leaving(-offset) if offset.any() else np.zeros(self.d.size)
        across = W @ normal
        step = normal
        if self.Z.shape[1]:
            Z = self.directions
            values, Q = np.linalg.eigh(Z.T @ W @ Z)
            gamma = Q.T @ (Z.T @ (residual + across))
            usable = np.abs(values) > len(W) * EPS * np.max(np.abs(values))
            p = np.zeros_like(gamma)
            p[usable] = -gamma[usable] / values[usable]
            step = normal + Z @ (Q @ p)
        return Step(step, self.force(W @ step))


def scales(W: Matrix, A: Matrix) -> Vector:
    """Return units of the variables in which W has entries of size one; those that it does not know of come from A.

    Examples
    --------
    >>> scales(np.diag([4.0, 0.0]), np.array([[1.0, 10.0]]))
    array([ 2., 20.])
    """
    d = equilibrate(W)
    unknown = ~W.any(axis=1)
    if not unknown.any() or not len(A):
        return d
    size = np.abs(A)
    if unknown.all():
        units = _columns(size)
        return np.where(units > 0, units, 1.0)
    lengths = np.max(size[:, ~unknown] / d[~unknown], axis=1, initial=0.0)
    reached = lengths > 0
    if reached.any():
        d[unknown] = np.max(size[np.ix_(reached, unknown)] / lengths[reached, None], axis=0)
    return np.where(d > 0, d, 1.0)


def _columns(size: Matrix) -> Vector:
    """Sizes of the columns of a matrix when its rows are of one size too.

    At least 10⁻⁸ of the largest: what is smaller may be rounding.
    """
    units = np.ones(size.shape[1])
    for _ in range(3):
        lengths = np.max(size / units, axis=1)
        lengths[lengths == 0] = 1.0
        units = np.max(size / lengths[:, None], axis=0)
        units = np.maximum(units, 1e-8 * np.max(units))
        units[units == 0] = 1.0
    return units


def tangent_of(A: Matrix, d: Vector) -> Tangent:
    """Take active gradients apart in units d.

    Examples
    --------
    >>> t = tangent_of(np.array([[1.0, 1.0]]), np.ones(2))
    >>> t.rank, np.abs(t.Z).round(4).ravel()
    (1, array([0.7071, 0.7071]))
    """
    k, n = A.shape
    if not k:
        return Tangent(d, np.zeros(0), np.zeros((0, 0)), np.zeros(0), np.zeros((n, 0)), np.eye(n))
    scaled = A / d
    lengths = np.sqrt(np.sum(scaled * scaled, axis=1))
    lengths[lengths == 0] = 1.0
    U, s, Vt = np.linalg.svd(scaled / lengths[:, None])
    rank = int(np.sum(s > DEPENDENT))
    return Tangent(d, lengths, U[:, :rank], s[:rank], Vt[:rank].T, Vt[rank:].T)
