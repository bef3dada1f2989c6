r"""The form that the method works on: slacks for inequality rows, each bound a distance, units of size one.

    minimize f(x)   subject to   c_E(x) − b = 0,   c_I(x) − s = 0,   and bounds on w = (x, s).

Rows without sides are left out.  Each finite side of a component of w is one *bound*: with its index B, its sign
σ = +1 for a lower side and −1 for an upper one, and its *distance* d = σ (w_B − side) > 0, so that all bounds are
treated by the same few array operations, whichever way they point.  With a multiplier v ≥ 0 for each bound, the
stationarity of the Lagrangian in w is

    ∇f + J_xᵀ y − Σ σ v e_B = 0  in x,      −y_I − Σ σ v e_B = 0  in s.

f and the rows are divided by what brings gradients at the start below 100 (Wächter & Biegler 2006, §3.8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..problem import Point, Problem, Vector

__all__ = ["Form", "Place"]

Index = NDArray[np.intp]

#: Gradients longer than this at the start are scaled down to it.
LONGEST_GRADIENT = 100.0
#: No scale is smaller.
SMALLEST_SCALE = 1e-8
#: Weight of the term that keeps variables with a bound on one side only from running away (§3.7).
DAMPING = 1e-5


@dataclass(slots=True, eq=False)
class Place:
    """A point in the units of the method: f, ∇f, the rows that are kept, and their Jacobian."""

    point: Point
    f: float
    g: Vector
    c: Vector
    J: Any


def span(index: Index) -> Any:
    """Return the index as a slice where it is one: views are cheaper than copies.

    Examples
    --------
    >>> span(np.array([2, 3, 4])), span(np.array([0, 2]))
    (slice(2, 5, None), array([0, 2]))
    """
    if index.size and np.array_equal(index, np.arange(index[0], index[0] + index.size)):
        return slice(int(index[0]), int(index[0]) + index.size)
    return slice(0, 0) if not index.size else index


class Form:
    """A problem with slacks and distances.

    Parameters
    ----------
    problem : Problem
        What is to be minimized.

    Examples
    --------
    >>> from thalweg.optimize.problem import Constraints
    >>> rows = Constraints(np.array([1.0, 0.0]), np.array([1.0, np.inf]), lambda x: (x * x, np.diag(2 * x)),
    ...                    lambda x, y: np.diag(2 * y))
    >>> form = Form(Problem(2, lambda x: (x.sum(), np.ones(2)), lambda x: np.zeros((2, 2)), constraints=rows))
    >>> form.n, form.m, form.slacks, form.bounds, form.sign
    (2, 2, 1, 1, array([1.]))
    """

    def __init__(self, problem: Problem) -> None:
        self.n = n = problem.n
        self.sparse = problem.sparse
        rows = problem.constraints
        lower, upper = (np.zeros(0), np.zeros(0)) if rows is None else (rows.lower, rows.upper)
        held = np.isfinite(lower) | np.isfinite(upper)
        #: Which rows of the problem are kept; None for all of them.
        self.kept: Index | None = None if held.all() else np.flatnonzero(held)
        lower, upper = lower[held], upper[held]
        self.rows = held.size
        self.m = m = lower.size
        ranged = lower != upper
        self.ranged_rows = np.flatnonzero(ranged)
        self.inequality = span(self.ranged_rows)
        self.equality = span(np.flatnonzero(~ranged))
        self.slacks = self.ranged_rows.size
        self.equalities = m - self.slacks
        self.size = n + self.slacks
        free = np.full(n, np.inf)
        self.lower = np.concatenate([-free if problem.lower is None else problem.lower, lower[ranged]])
        self.upper = np.concatenate([free if problem.upper is None else problem.upper, upper[ranged]])
        self.x_lower, self.x_upper = problem.lower, problem.upper
        below, above = np.flatnonzero(np.isfinite(self.lower)), np.flatnonzero(np.isfinite(self.upper))
        #: The component of w that each bound belongs to, and the sign.
        self.B = np.concatenate([below, above])
        self.sign = np.concatenate([np.ones(below.size), -np.ones(above.size)])
        self.bounds = self.B.size
        self.lower_bounds = below.size
        one_sided = (np.isfinite(self.lower) != np.isfinite(self.upper))[self.B]
        self.damping = np.where(one_sided, DAMPING, 0.0)
        self.damped = bool(one_sided.any())
        self.fixed_sides = np.where(ranged, 0.0, lower)
        #: Signs that multipliers of the rows may have: none above 0 without an upper side, none below without a lower.
        self.y_least = np.where(np.isfinite(lower), -np.inf, 0.0)
        self.y_most = np.where(np.isfinite(upper), np.inf, 0.0)
        self.f_scale = 1.0
        self.row_scale: Vector | None = None
        self.row_of_entry: Index | None = None
        self.set_sides()

    def set_sides(self) -> None:
        """Compute what depends on the scale of the rows."""
        w_lower, w_upper, b = self.lower.copy(), self.upper.copy(), self.fixed_sides.copy()
        if self.row_scale is not None:
            of_slacks = self.row_scale[self.inequality]
            w_lower[self.n :] *= of_slacks
            w_upper[self.n :] *= of_slacks
            b *= self.row_scale
        self.w_lower, self.w_upper, self.b = w_lower, w_upper, b
        self.sides = np.concatenate([w_lower, w_upper])[
            np.concatenate([self.B[: self.lower_bounds], self.B[self.lower_bounds :] + self.size])
        ]
        self.signed_sides = self.sign * self.sides

    def relax(self, amount: float) -> Vector:
        """Move the sides of the rows outward, relatively, and return by how much each bound has been moved."""
        moved = np.where(self.B >= self.n, amount * np.maximum(1.0, np.abs(self.sides)), 0.0)
        self.sides = self.sides - self.sign * moved
        self.signed_sides = self.sign * self.sides
        return moved

    def rescale(self, point: Point) -> None:
        """Choose the scales of f and of the rows by the gradients at a point."""
        steepest = point.gradient_norm
        f_scale = max(SMALLEST_SCALE, LONGEST_GRADIENT / steepest) if steepest > LONGEST_GRADIENT else 1.0
        row_scale = None
        if self.m:
            J = self.place(point).J
            heights = np.asarray(abs(J).max(axis=1).toarray()).ravel() if self.sparse else np.abs(J).max(axis=1)
            if heights.max() > LONGEST_GRADIENT:
                row_scale = np.maximum(SMALLEST_SCALE, LONGEST_GRADIENT / np.maximum(heights, LONGEST_GRADIENT))
        self.set_scales(f_scale, row_scale, point)

    def set_scales(self, f_scale: float, row_scale: Vector | None, point: Point) -> None:
        """Take over scales; the point is for the pattern of its Jacobian."""
        if self.sparse and row_scale is not None:
            J = point.J if self.kept is None else point.J[self.kept]
            self.row_of_entry = np.repeat(np.arange(self.m), np.diff(J.indptr))
        self.f_scale, self.row_scale = f_scale, row_scale
        self.set_sides()

    def place(self, point: Point) -> Place:
        """Return the point in the units of the method."""
        f, g, c, J = point.value, point.gradient, point.c, point.J
        if self.f_scale != 1.0:
            f, g = self.f_scale * f, self.f_scale * g
        if self.kept is not None:
            c, J = c[self.kept], J[self.kept]
        scale = self.row_scale
        if scale is not None:
            c = scale * c
            if self.sparse:
                J = J.copy()
                J.data *= scale[self.row_of_entry]
            else:
                J = scale[:, None] * J
        return Place(point, f, g, c, J)

    def excess(self, place: Place, w: Vector) -> Vector:
        """Return c_E − b and c_I − s."""
        excess = place.c - self.b
        if self.slacks:
            excess[self.inequality] -= w[self.n :]
        return excess

    def gradient(self, place: Place, v: Vector) -> Vector:
        """Return ∇f − Σ σ v e_B, the part of the Lagrangian's gradient in w that has no rows in it."""
        r = np.zeros(self.size)
        r[: self.n] = place.g
        return r - self.gather(self.sign * v) if self.bounds else r

    def stationarity(self, place: Place, y: Vector, v: Vector) -> Vector:
        """Return the gradient of the Lagrangian in w."""
        r = np.empty(self.size)
        r[: self.n] = place.g
        if self.m:
            r[: self.n] += y @ place.J
            r[self.n :] = -y[self.inequality]
        if self.bounds:
            r -= np.bincount(self.B, self.sign * v, self.size)
        return r

    def distances(self, w: Vector) -> Vector:
        """Return how far w is from each bound."""
        return self.sign * w[self.B] - self.signed_sides

    def gather(self, v: Vector) -> Vector:
        """Return Σ v e_B: numbers of the bounds, added up for the components of w."""
        return np.bincount(self.B, v, self.size).astype(np.float64, copy=False)

    def user_y(self, y: Vector) -> Vector:
        """Return multipliers of all rows of the problem in its own units, with the signs that they may have."""
        y = np.minimum(np.maximum(y, self.y_least), self.y_most)
        if self.row_scale is not None:
            y = y * self.row_scale
        if self.f_scale != 1.0:
            y = y / self.f_scale
        if self.kept is not None:
            full = np.zeros(self.rows)
            full[self.kept] = y
            return full
        return y

    def user_z(self, v: Vector) -> Vector:
        """Return the signed multipliers of the bounds of x in the units of the problem; empty without bounds."""
        if self.x_lower is None:
            return np.zeros(0)
        return -self.gather(self.sign * v)[: self.n] / self.f_scale

    def own_y(self, y: Vector) -> Vector:
        """Return the multipliers of the kept rows in the units of the method."""
        y = np.asarray(y, dtype=np.float64)
        if self.kept is not None:
            y = y[self.kept]
        return y * self.f_scale / (1.0 if self.row_scale is None else self.row_scale)

    def hessian_y(self, y: Vector) -> Vector:
        """Return y as `Problem.lagrangian_hessian` wants it beside the factor `f_scale`."""
        if self.row_scale is not None:
            y = y * self.row_scale
        if self.kept is not None:
            full = np.zeros(self.rows)
            full[self.kept] = y
            return full
        return y
