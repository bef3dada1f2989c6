r"""The linear system of a primal–dual step, with slacks and bounds eliminated.

Newton's method on the perturbed conditions d v = μ gives, for the step (Δw, Δy) and with Σ = Σ (v/d) e_B e_Bᵀ,

    (W + Σ + δ) Δw + Cᵀ Δy = −r,      C Δw = −c,      Δv = μ/d − v − (v/d) Δd,   Δd = σ Δw_B.

The rows of s are diagonal, H_s = Σ_s + δ, so that Δs = (Δy_I − r_s)/H_s leaves a matrix of size n + m only,

    [ W + Σ_x + δ    J_xᵀ      ] [Δx]     [ r_x            ]
    [ J_x           −D         ] [Δy] = − [ c + r_s / H_s  ],     D = 1/H_s in rows with a slack, δ_c in the others.

Its inertia is (n, m) if and only if that of the whole system is (n + slacks, m).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Vector
from .form import Form
from .inertia import ROW_REGULARIZATION, Inertia
from .kkt_dense import DenseKKT

__all__ = ["NewtonSystem"]


#: Ratio of curvatures from which a shift is measured in their units.
SPREAD = 1e6


class NewtonSystem:
    """The system at one point after the other.

    Examples
    --------
    >>> from thalweg.optimize.problem import Constraints, Problem
    >>> line = Constraints(np.ones(1), np.ones(1), lambda x: (x[:1] + x[1:], np.ones((1, 2))), lambda x, y: 0.0)
    >>> system = NewtonSystem(Form(Problem(2, lambda x: (x @ x, 2 * x), constraints=line)))
    >>> system.load(2 * np.eye(2), np.ones((1, 2)), np.zeros(0), np.zeros(0))
    >>> system.factorize(Inertia())
    0.0
    >>> step, y = system.solve(np.zeros(2), np.array([-1.0]))
    >>> step, y
    (array([0.5, 0.5]), array([-1.]))
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.kkt: Any = _sparse(form) if form.sparse else DenseKKT(form.n, form.m)
        self.row_diagonal = np.full(form.m, ROW_REGULARIZATION)
        self.shifted = np.zeros(form.size)
        self.ratio = np.zeros(0)
        self.sigma = np.zeros(form.size)
        self.units: Vector | float = 1.0

    def load(self, W: Any, J: Any, d: Vector, v: Vector) -> None:
        """Take over the Hessian of the Lagrangian, the Jacobian, and distances and multipliers of the bounds."""
        self.kkt.load(W, J)
        self.units = units_of(np.asarray(W.diagonal()))
        if self.form.bounds:
            self.ratio = v / d
            self.sigma = self.form.gather(self.ratio)
        else:
            self.sigma = np.zeros(self.form.size)

    def analyse(self, W: Any, J: Any) -> None:
        """Learn the pattern of a sparse problem before anything has to be solved."""
        self.kkt.load(W, J)

    def multipliers(self, J: Any, r: Vector) -> Vector:
        """Return the y for which ‖r + Cᵀy‖ is least, C the Jacobian with slacks."""
        self.kkt.load(None, J)
        self.sigma = np.ones(self.form.size)
        return self.solve(r, np.zeros(self.form.m))[1] if self._factorize(0.0) == 0 else np.zeros(self.form.m)

    def factorize(self, inertia: Inertia, more_than: float | None = None) -> float:
        """Factorize with the smallest shift tried that gives the right inertia, and return it; infinite if none does.

        A shift that has been tried already and was not enough may be given.
        """
        shift = 0.0 if more_than is None else self._next(inertia, more_than)
        while shift < np.inf and self._factorize(shift) != 0:
            shift = self._next(inertia, shift)
        if shift < np.inf:
            inertia.succeeded(shift)
        return shift

    @staticmethod
    def _next(inertia: Inertia, shift: float) -> float:
        return inertia.first() if shift == 0.0 else inertia.larger(shift)

    @property
    def certain(self) -> bool:
        """Whether the inertia is known; else the curvature along a direction has to be looked at."""
        return bool(self.kkt.certain)

    def curvature(self, r: Vector, c: Vector, dw: Vector, dy: Vector) -> float:
        """Return Δwᵀ(W + Σ + δ)Δw + max(0, −Δwᵀ CᵀΔy) where the inertia is not known, else infinity.

        Both are had from the right side: (W + Σ + δ)Δw = −r − CᵀΔy and C Δw = −c.
        """
        if self.kkt.certain:
            return float("inf")
        across = float(c @ dy)
        return -float(r @ dw) + across + max(0.0, -across)

    def _factorize(self, shift: float) -> int:
        form, n = self.form, self.form.n
        self.shifted = self.sigma
        if shift:
            self.shifted = self.sigma.copy()
            self.shifted[:n] += shift * self.units
            self.shifted[n:] += min(shift, 1.0)  # rows are scaled to size one: more would only shorten the step
        if form.slacks:
            self.row_diagonal[form.inequality] = 1.0 / self.shifted[n:]
        return int(self.kkt.factorize(self.shifted[:n], self.row_diagonal))

    def solve(self, r: Vector, c: Vector) -> tuple[Vector, Vector]:
        """Return (Δw, Δy) for the residuals r and c; matrices are taken row by row."""
        form, n = self.form, self.form.n
        right = np.empty((*r.shape[:-1], n + form.m))
        np.negative(r[..., :n], out=right[..., :n])
        if not form.m:
            return self.kkt.solve(right), c
        rows = right[..., n:]
        np.negative(c, out=rows)
        if not form.slacks:
            solution = self.kkt.solve(right)
            return solution[..., :n], solution[..., n:]
        r_s, H_s = r[..., n:], self.shifted[n:]
        rows[..., form.inequality] -= r_s / H_s
        solution = self.kkt.solve(right)
        dy = solution[..., n:]
        dw = np.empty(r.shape)
        dw[..., :n] = solution[..., :n]
        dw[..., n:] = (dy[..., form.inequality] - r_s) / H_s
        return dw, dy


def units_of(curvature: Vector) -> Vector | float:
    """Units of the shift: those of the curvatures, where they differ by so much that one shift cannot serve all.

    Examples
    --------
    >>> units_of(np.array([2.0, -50.0, 0.0]))
    1.0
    >>> units_of(np.array([1e6, -1e-6]))
    array([1.e+06, 1.e-06])
    """
    size = np.abs(curvature)
    seen = size[size > 0]
    if not seen.size or seen.max() <= SPREAD * seen.min():
        return 1.0
    middle = float(np.exp(np.mean(np.log(seen))))
    return np.where(size > 0, size / middle, 1.0)


def _sparse(form: Form) -> Any:
    """The sparse factorization, imported when it is needed."""
    from .kkt_sparse import SparseKKT

    return SparseKKT(form.n, form.m)
