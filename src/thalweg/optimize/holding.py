r"""What holds a point on its constraints: which of them, how strongly, and how far the exact stationary point is.

First those are taken as active that a change of x by a relative `tol` would put on their side (`active`).  If no
multipliers of these balance the gradient, the search is widened to √tol: an interior-point method may end that far from
a constraint whose multiplier is as small (the product is what it makes small).  Newton's step then tells

- which are *strongly* active: |μᵢ + δμᵢ| is more than 2 |δμᵢ| and what rounding makes of it;
- which of the others are active at all: those that the exact point, x + s by the strong ones alone, is not clear of.

So neither answer rests on the units of the variables or of the constraints.

References
----------
Facchinei, Fischer & Kanzow, *On the accurate identification of active constraints*, SIAM J. Optim. 9 (1998).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §12.3 (strongly and weakly active constraints).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .active import Active, active_at, balance
from .curvature import EPS
from .problem import Matrix, Point, Vector
from .tangent import Step, Tangent, scales, tangent_of

__all__ = ["Balanced", "Holding", "balanced", "holding_of"]


#: Where more of the gradient is left than this part, the constraints' curvature is no excuse: multipliers that grow
#: without bound, as at a cusp of the feasible set, would make any gradient small beside it.
LITTLE = 1e-3

#: Residuals larger than this part of what is allowed are worth another weighing of the components.
EVEN = 1e-6


@dataclass(frozen=True, eq=False)
class Balanced:
    """Active constraints, their multipliers, and what is left of the gradient."""

    active: Active
    A: Matrix
    mu: Vector
    rank: int
    residual: Vector
    W: Matrix
    stationary: bool

    @property
    def finite(self) -> bool:
        """Whether the Hessian of L is."""
        return bool(np.isfinite(self.W).all())


@dataclass(frozen=True, eq=False)
class Holding:
    """The constraints that hold a stationary point.

    Attributes
    ----------
    base : Balanced
        All active constraints.
    strong : array of bool
        Which of them hold the point: equalities, and inequalities with a multiplier that is not zero.
    everything, tangent : Tangent
        The geometry of all active gradients, and of the strong ones.
    step : Step
        Newton's step on all active constraints.
    """

    base: Balanced
    strong: NDArray[np.bool_]
    everything: Tangent
    tangent: Tangent
    step: Step

    @property
    def force(self) -> Vector:
        """σᵢ μᵢ ‖aᵢ‖ of the strong inequalities, zero for the others: positive where it is right for a minimum."""
        return np.where(self.strong, self.base.active.side * self.base.mu, 0.0) * self.everything.lengths


def balanced(point: Point, tol: float, y: Vector | None, z: Vector | None) -> Balanced:
    """Return the active constraints of a feasible point and their multipliers, from the hint y, z where these fit."""
    first = _balanced(point, active_at(point, tol), tol, y, z)
    if first.stationary or not first.finite:
        return first
    wide = active_at(point, tol**0.5)
    if wide.size == first.active.size:
        return first
    found = _balanced(point, wide, tol, y, z, look=False)
    near = np.isin(wide.rows, first.active.rows), np.isin(wide.variables, first.active.variables)
    held = np.concatenate(near) | (np.abs(found.mu * wide.offset) <= tol * max(1.0, abs(point.value)))
    sign = wide.side * found.mu
    for sense in (1.0, -1.0):
        keep = held & (np.concatenate(near) | (sense * sign > 0))
        again = _balanced(point, wide.only(keep), tol, y, z)
        if again.stationary:
            return again
    return first


def _balanced(
    point: Point, active: Active, tol: float, y: Vector | None, z: Vector | None, look: bool = True
) -> Balanced:
    problem = point.problem
    A = active.gradients(point.J, problem.n)
    hint = None if y is None and z is None else active.collect(y, z)
    found = balance(point.gradient, A, active.side, hint)
    residual = point.gradient + A.T @ found.mu
    if not look:
        return Balanced(active, A, found.mu, found.rank, residual, np.zeros((0, 0)), False)
    W = problem.lagrangian_hessian(point.x, active.spread(found.mu, problem.m, problem.n)[0])
    worst, stationary = _worst(point, W, residual, tol)
    if worst > EVEN and not found.even:
        # A column that is small because x is almost zero is no matter of units: then weigh all components alike.
        alike = balance(point.gradient, A, active.side, hint, as_given=True)
        left = point.gradient + A.T @ alike.mu
        again = problem.lagrangian_hessian(point.x, active.spread(alike.mu, problem.m, problem.n)[0])
        less, balances = _worst(point, again, left, tol)
        if alike.rank == found.rank and less < 0.5 * worst and balances >= stationary:
            found, residual, W, stationary = alike, left, again, balances
    return Balanced(active, A, found.mu, found.rank, residual, W, stationary)


def _worst(point: Point, W: Matrix, residual: Vector, tol: float) -> tuple[float, bool]:
    """How large the residual is beside what a change of x by a relative `tol` explains, and whether that is enough."""
    problem = point.problem
    with np.errstate(all="ignore"):
        allowed = tol * np.maximum(1.0, np.abs(W) @ np.abs(point.x) + np.abs(point.gradient))
        worst = float(np.max(np.abs(residual) / allowed, initial=0.0))
        stationary = bool(np.all(np.abs(residual) <= allowed))
        largest = float(np.max(np.abs(point.gradient), initial=0.0))
        if stationary and np.any(np.abs(residual) > LITTLE * largest):  # ∇²f alone must explain so much
            H = problem.lagrangian_hessian(point.x, np.zeros(problem.m))
            allowed = tol * np.maximum(1.0, np.abs(H) @ np.abs(point.x) + np.abs(point.gradient))
            stationary = bool(np.all(np.abs(residual) <= allowed))
    return worst, stationary


def holding_of(point: Point, base: Balanced, noise: Matrix | None = None) -> Holding:
    """Say which active constraints hold the point, and drop those that it is only near.

    Units of the variables are taken from what of the Hessian is above `noise`.
    """
    d = scales(base.W if noise is None else np.where(np.abs(base.W) <= noise, 0.0, base.W), base.A)
    T = tangent_of(base.A, d)
    step = _near(point, T.newton(base.W, base.residual, base.active.offset), base, T)
    strong = _strong(point, base, T, step)
    if strong.all():
        return Holding(base, strong, T, T, step)
    inner = tangent_of(base.A[strong], d)
    outer = base.A[strong]
    left = point.gradient + outer.T @ balance(point.gradient, outer, base.active.side[strong]).mu
    alone = inner.newton(base.W, left, base.active.offset[strong]).x
    apart = -base.active.side * (base.active.offset + base.A @ alone)
    size = np.abs(base.A)
    doubt = size @ np.abs(alone) + 10 * EPS * (size @ np.abs(point.x))
    keep = strong | (apart <= doubt)
    if not keep.all():
        active, A = base.active.only(keep), base.A[keep]
        found = balance(point.gradient, A, active.side, base.mu[keep])
        residual = point.gradient + A.T @ found.mu
        base = Balanced(active, A, found.mu, found.rank, residual, base.W, base.stationary)
        T = tangent_of(A, d)
        step = _near(point, T.newton(base.W, residual, active.offset), base, T)
        strong = strong[keep]
    return Holding(base, strong, T, inner, step)


def _near(point: Point, step: Step, base: Balanced, T: Tangent) -> Step:
    """The step, kept so close that derivatives at its end mean something."""
    reach = 0.1 * np.maximum(np.abs(point.x), 1.0)
    x = np.clip(step.x, -reach, reach)
    return step if np.array_equal(x, step.x) else Step(step.x, T.force(base.W @ x))


def _strong(point: Point, base: Balanced, T: Tangent, step: Step) -> NDArray[np.bool_]:
    side = base.active.side
    if not side.any():
        return np.ones(side.size, dtype=bool)
    rounding = (
        10 * EPS * (np.abs(base.W) @ np.abs(point.x) + np.abs(point.gradient) + np.abs(base.A).T @ np.abs(base.mu))
    )
    doubt = 2 * np.abs(step.mu) + T.force_error(rounding + np.abs(base.residual))
    return np.asarray((side == 0) | (np.abs(base.mu + step.mu) > doubt))
