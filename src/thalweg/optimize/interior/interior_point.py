r"""A primal–dual interior point method with a filter line search.

For the problem with slacks (`form`), each iteration takes a step of Newton's method on

    ∇f + Cᵀy − Σ σ v e_B = 0,     c(w) = 0,     d v = μ,

keeps d and v positive, and drives μ to zero (`barrier`).  The direction is corrected until it goes downhill
(`inertia`); its length is found by backtracking until infeasibility or barrier function have fallen enough
(`line_search`, `filter`).  Where no length will do, the violation of the constraints is minimized for a while
(`restoration`).

References
----------
Wächter & Biegler, *On the implementation of an interior-point filter line-search algorithm for large-scale nonlinear
programming*, Math. Program. 106 (2006).
Nocedal, Wächter & Waltz, SIAM J. Optim. 19 (2009), for the choice of μ.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from ..composition import Stuck
from ..engine import Iterate, Run
from ..problem import Point, Vector
from .barrier import LEAST_MU, TINIEST_MU, Barrier
from .direction import direction
from .filter import Filter
from .form import Form, Place
from .inertia import Inertia
from .line_search import Found, Step, barrier_value, search, trial
from .newton_system import NewtonSystem
from .position import Position
from .restoration import Recovery
from .resumed import made_anew, state_of
from .start import inside, least_squares_multipliers

__all__ = ["InteriorPoint"]

#: Bounds of v d / μ, so that the primal–dual step is not far from the primal one.
KAPPA_SIGMA = 1e10
#: Residuals below which their decrease is enough for a full step.
LOCAL = 1e-3
#: Least curvature along a direction, relative to its length squared, where the inertia is not known.
CURVED = 1e-11
#: Where a shifted step makes the residual of stationarity grow by this factor, multipliers are estimated anew.
GROWN = 10.0
#: An estimate this much smaller than the multipliers themselves is not used.
TELLING = 1e-3
#: So often a larger shift is tried for the sake of a direction.
MOST_TRIES = 12
#: Relative lengths of steps that are noticed: those below the first cost patience when nothing is gained, those below
#: the second cost four times as much.
SHORT, ROUNDING, PATIENCE = 1e-8, 1e-14, 12
#: Multipliers beyond this have no limit: μ does not wait for them, not longer than so many iterations.
ENDLESS_MULTIPLIERS, LONGEST_WAIT = 1e18, 8
#: Multipliers of the bounds are at most so large after restoration.
LARGEST_RESET = 1e3
#: How far the sides of rows are moved outward where they seem to have no inside: less than `tol`.
RELAXATION = 1e-9
EPS = 2.220446049250313e-16
#: Below this value, at a feasible point, the objective is taken for unbounded.
UNBOUNDED = -1e20
#: Iterates larger than this have run away.
TOO_FAR = 1e20


class InteriorPoint:
    """An engine for equalities, ranges, inequalities and bounds.

    Parameters
    ----------
    mu_strategy : 'adaptive' or 'monotone'
        How the barrier parameter is chosen.
    mu : float
        Its first value.
    y, z : array, optional
        Signed multipliers to begin with, of the rows and of the bounds: a warm start.
    push : float, optional
        How far the start is moved inside its bounds, relatively.
    restore : bool
        Whether the violation of the constraints may be minimized where no step will do.

    Examples
    --------
    The point of x + y ≥ 1, x ≥ 0, y ≥ 0 that is nearest to the origin:

    >>> from thalweg.optimize.problem import Constraints, Problem
    >>> half = Constraints(np.ones(1), np.array([np.inf]), lambda x: (x[:1] + x[1:], np.ones((1, 2))),
    ...                    lambda x, y: np.zeros((2, 2)))
    >>> problem = Problem(2, lambda x: (x @ x, 2 * x), lambda x: 2 * np.eye(2), lower=np.zeros(2),
    ...                   upper=np.full(2, np.inf), constraints=half)
    >>> engine, run = InteriorPoint(), Run(problem)
    >>> at = engine.begin(np.array([3.0, 1.0]), run)
    >>> while at.residual > 1e-9:
    ...     at = engine.advance(at, run)
    >>> at.point.x.round(8), at.y.round(6)
    (array([0.5, 0.5]), array([-1.]))
    """

    _cached_form: Any = None
    _cached_system: Any = None
    _cached_here: Any = None
    _cached_recovery: Any = None
    #: A restoration in progress, from a saved state.
    _kept: Any = None

    def __init__(
        self,
        *,
        mu_strategy: str = "adaptive",
        mu: float = 0.1,
        y: Vector | None = None,
        z: Vector | None = None,
        push: float | None = None,
        restore: bool = True,
    ) -> None:
        if mu_strategy not in ("adaptive", "monotone"):
            raise ArgumentError(f"mu_strategy is 'adaptive' or 'monotone', not {mu_strategy!r}.")
        if not 0 < mu < np.inf:
            raise ArgumentError(f"mu must be a positive number, not {mu!r}.")
        self.mu_strategy, self.mu_start = mu_strategy, mu
        self.y_start, self.z_start, self.restore = y, z, restore
        warm = y is not None or z is not None
        self.push = push if push is not None else (1e-9 if warm else 1e-2)

    # ------------------------------------------------------------------------------------------------------ beginning

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Return the iterate at the point inside the bounds that belongs to x."""
        self._cached_form = form = Form(run.problem)
        self._cached_recovery = None
        self.filter, self.inertia = Filter(), Inertia()
        self.barrier = Barrier(self.mu_start, adaptive=self.mu_strategy == "adaptive" and form.bounds > 0)
        self.restoring, self.idle, self.waited, self.least_residual = False, 0, 0, float("inf")
        self.relaxed = 0.0
        self.begun_at = np.array(x, dtype=np.float64)
        point = self._first_point(run)
        if not point.finite:
            self.w = self.d = self.y = self.v = np.zeros(0)
            return Iterate(point, float("inf"), np.zeros(form.rows), form.user_z(np.zeros(form.bounds)))
        form.rescale(point)
        self.f_scale, self.row_scale = form.f_scale, form.row_scale
        self.barrier.least = max(TINIEST_MU, LEAST_MU * form.f_scale)
        place = form.place(point)
        slacks = inside(place.c[form.inequality], form.w_lower[form.n :], form.w_upper[form.n :], self.push)
        w = np.concatenate([point.x, slacks])
        d = form.distances(w)
        self._cached_system = NewtonSystem(form)
        if form.sparse:
            self._cached_system.analyse(run.problem.lagrangian_hessian(point.x, np.zeros(form.rows), 1.0), place.J)
        y, v = self._first_multipliers(place, d)
        here = self._stand(place, w, d, y, v)
        theta = here.theta
        self.filter = Filter(theta_most=1e4 * max(1.0, theta), theta_least=1e-4 * max(1.0, theta))
        return self._iterate(None, 0.0, "")

    def _inside(self, x: Vector, push: float) -> Vector:
        form = self._cached_form
        return x if form.x_lower is None else inside(x, form.x_lower, form.x_upper, push)

    def _first_point(self, run: Run) -> Point:
        """Evaluate inside the bounds; nearer to them where the function is not finite."""
        push = self.push
        while True:
            point = run.evaluate(self._inside(self.begun_at, push))
            push *= 0.1
            if point.finite or self._cached_form.x_lower is None or push < 1e-9:
                return point

    def _first_multipliers(self, place: Place, d: Vector) -> tuple[Vector, Vector]:
        form = self._cached_form
        v = np.ones(form.bounds)
        if self.z_start is not None or self.y_start is not None:
            z = np.zeros(form.size)
            if self.z_start is not None and np.size(self.z_start):
                z[: form.n] = form.f_scale * np.asarray(self.z_start, dtype=np.float64)
            if self.y_start is not None and form.slacks:
                z[form.n :] = form.own_y(self.y_start)[form.inequality]
            v = np.maximum(-form.sign * z[form.B], 1e-9)
            if form.bounds:
                self.barrier.mu = max(self.barrier.least, min(self.mu_start, float(d @ v) / form.bounds))
        if self.y_start is not None:
            return form.own_y(self.y_start), v
        return least_squares_multipliers(form, self._cached_system, place, v), v

    def _stand(self, place: Place, w: Vector, d: Vector, y: Vector, v: Vector) -> Position:
        """Let the method stand there."""
        self.w, self.d, self.y, self.v = w, d, y, v
        self._cached_here = here = Position(self._cached_form, place, w, d, y, v)
        return here

    def _iterate(self, step: Vector | None, size: float, kind: str) -> Iterate:
        form, here = self._cached_form, self._cached_here
        y, z = form.user_y(self.y), form.user_z(self.v)
        return Iterate(here.place.point, here.residual(), y, z, step, size, kind)

    # ------------------------------------------------------------------------------------------------------ advancing

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Return the next iterate."""
        run.check()
        if not self.w.size:
            return Stuck("the function is not finite at the start", True, at=at.point.x)
        here = self._cached_here or made_anew(self, at, run)
        if self.restoring:
            return self._restore(at, run)
        form, barrier, system, point = self._cached_form, self.barrier, self._cached_system, here.place.point
        if form.bounds:
            self._choose_mode(here)
        W = run.problem.lagrangian_hessian(point.x, form.hessian_y(self.y), form.f_scale)
        if not np.isfinite(W.sum()) and not np.isfinite(W.data if form.sparse else W).all():
            return Stuck("a second derivative is not finite", True, at=point.x)
        system.load(W, here.place.J, self.d, self.v)
        shift = system.factorize(self.inertia)
        tries = 0
        while True:
            if shift == np.inf or tries > MOST_TRIES:
                return self._leave(at, run, "no shift of the Hessian makes the system of the step regular")
            step = direction(here, system, barrier)
            if not step.curvature > CURVED * float(step.dw @ step.dw):
                shift, tries = system.factorize(self.inertia, more_than=shift), tries + 1
                continue
            found = search(here, self.filter, system, step, barrier.mu, run)
            if found is None and shift == 0.0:
                found = self._by_residual(here, step, run)
            if found is not None:
                break
            if not barrier.free:
                return self._leave(at, run, "no step improves the value or the constraints in double precision")
            barrier.hold(0.8 * here.average)
            self.filter.clear()
        y, v = self._multipliers(found, step)
        new = self._stand(found.place, found.w, found.d, y, v)
        if shift and form.m and np.abs(new.r).max() > max(GROWN * np.abs(here.r).max(), LOCAL):
            self._estimate(new)
        if self._idle(found.alpha * step.dw):
            return self._relax(at, run, "the steps are lost in rounding, and the residual does not fall any more")
        stuck = self._nowhere(found.place.point)
        kind = found.kind if not shift else f"{found.kind}, shifted"
        return stuck or self._iterate(found.place.point.x - point.x, found.alpha, kind)

    def _choose_mode(self, here: Position) -> None:
        """Go on in free or monotone mode, and lower μ in the latter."""
        barrier = self.barrier
        if barrier.observe(here.average_error()):
            barrier.free = True
        elif barrier.free:
            barrier.hold(0.8 * here.average)
            self.filter.clear()
        if barrier.free:
            self.filter.clear()
            return
        lowered = barrier.lower(here.error)
        self.waited = 0 if lowered else self.waited + 1
        if self.waited > LONGEST_WAIT and here.v.max() > ENDLESS_MULTIPLIERS:
            lowered = barrier.lower(lambda mu: 0.0, once=True)
            self.waited = 0
        if lowered:
            self.filter.clear()

    def _multipliers(self, found: Found, step: Step) -> tuple[Vector, Vector]:
        """Return the multipliers after a step."""
        y = self.y + found.alpha * step.dy
        if not self._cached_form.bounds:
            return y, self.v
        v = self.v + step.alpha_v * step.dv
        mu_by_d = self.barrier.mu / found.d
        return y, np.minimum(np.maximum(v, mu_by_d / KAPPA_SIGMA), mu_by_d * KAPPA_SIGMA)

    def _estimate(self, here: Position) -> None:
        """Estimate multipliers anew, after a shifted step that has spoilt them."""
        y = least_squares_multipliers(here.form, self._cached_system, here.place, here.v)
        if np.abs(y).max() < TELLING * np.abs(here.y).max():
            return  # without multipliers, nothing would be known of the curvature of the rows
        new = Position(here.form, here.place, here.w, here.d, y, here.v)
        if np.abs(new.r).max() < np.abs(here.r).max():
            self._stand(here.place, here.w, here.d, y, here.v)

    def _by_residual(self, here: Position, step: Step, run: Run) -> Found | None:
        """Take the longest step where it lowers the residuals near a solution: values may differ by rounding only."""
        mu = self.barrier.mu
        before = here.error(mu)
        if before > LOCAL or not np.isfinite(step.slope):
            return None
        tried = trial(here, step.dw, step.dd, step.alpha, mu, run)
        if not np.isfinite(tried.theta):
            return None
        found = Found(tried.place, tried.w, tried.d, step.alpha, "Newton")
        y, v = self._multipliers(found, step)
        after = Position(self._cached_form, tried.place, tried.w, tried.d, y, v)
        return found if after.error(mu) <= 0.9 * before else None

    def _idle(self, moved: Vector) -> bool:
        """Whether steps have been too short to matter, without any gain in the residual, for a while."""
        residual = self._cached_here.residual()
        gained = residual < 0.9 * self.least_residual
        self.least_residual = min(residual, self.least_residual)
        size = float((np.abs(moved) / (1.0 + np.abs(self.w))).max())
        self.idle = 0 if gained or size > SHORT else self.idle + (1 if size > ROUNDING else 4)
        return self.idle > PATIENCE

    def _nowhere(self, point: Point) -> Stuck | None:
        """Say whether the run goes on without end."""
        longest = float(np.abs(point.x).max())
        if point.value < UNBOUNDED and point.violation <= 1e-6 * max(1.0, longest):
            return Stuck("the objective falls without end", status="unbounded", at=point.x)
        if not longest < TOO_FAR:
            return Stuck("the iterates grow without end", too_far=True, at=point.x)
        return None

    def _relax(self, at: Iterate, run: Run, reason: str) -> Iterate | Stuck:
        """Give the rows an inside, once, if they may have none; or give up."""
        form, here = self._cached_form, self._cached_here
        if self.relaxed or not form.slacks or at.point.violation > run.tol:
            return Stuck(reason)
        self.relaxed = RELAXATION
        point = run.evaluate(self._inside(here.w[: form.n], RELAXATION))
        place = form.place(point)
        moved = form.relax(RELAXATION)
        slacks = inside(place.c[form.inequality], form.w_lower[form.n :], form.w_upper[form.n :], EPS)
        w = np.concatenate([point.x, slacks])
        d = np.maximum(form.distances(w), np.maximum(RELAXATION, moved))
        self.barrier.hold(RELAXATION)
        self.filter.clear()
        self.idle, self.waited, self.least_residual = 0, 0, float("inf")
        v = np.minimum(self.barrier.mu / d, LARGEST_RESET)
        y = least_squares_multipliers(form, self._cached_system, place, v)
        self._stand(place, w, d, y, v)
        return self._iterate(point.x - here.place.point.x, 0.0, "relaxation")

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Return False: the last digits come cheaper from Newton's method on the active constraints."""
        return False

    # ---------------------------------------------------------------------------------------------------- restoration

    def _leave(self, at: Iterate, run: Run, reason: str) -> Iterate | Stuck:
        """Begin restoration, or give up where there is nothing to restore."""
        if not self.restore or at.point.violation <= 1e-2 * run.tol:
            return self._relax(at, run, reason)
        here = self._cached_here
        self.restoring, self.theta_left = True, here.theta
        self.filter.add(here.theta, barrier_value(here.form, here.place.f, here.d, self.barrier.mu))
        return self._restore(at, run)

    def _restore(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Take a step towards a point of least violation, and return to the original problem where possible."""
        form, here = self._cached_form, self._cached_here
        recovery = self._cached_recovery
        if recovery is None:
            mu = max(self.barrier.mu, float(np.abs(here.C).max()))
            engine = InteriorPoint(mu_strategy=self.mu_strategy, mu=mu, push=1e-8, restore=False)
            self._cached_recovery = recovery = Recovery.begun(form, run, engine, at.point, mu)
        found = recovery.advance(at.point.violation)
        if isinstance(found, Stuck):
            self._cached_recovery = None
            return found
        point, residual = found
        step = point.x - at.point.x
        if self._stand_at(point):
            self.restoring = False
            self._cached_recovery = None
            return self._iterate(step, 1.0, "restoration")
        y, z = form.user_y(np.zeros(form.m)), form.user_z(np.zeros(form.bounds))
        return Iterate(point, max(residual, 10 * run.tol), y, z, step, 1.0, "restoration")

    def _stand_at(self, point: Point) -> bool:
        """Stand at a point that restoration has found, if the filter accepts it and it is feasible enough."""
        form, n = self._cached_form, self._cached_form.n
        place = form.place(point)
        push = min(1e-2, 0.1 * self.theta_left)
        w = np.concatenate([point.x, inside(place.c[form.inequality], form.w_lower[n:], form.w_upper[n:], push)])
        theta = float(np.abs(form.excess(place, w)).sum())
        if theta > 0.9 * self.theta_left:
            return False
        d = np.maximum(form.distances(w), 1e-14 * np.maximum(1.0, np.abs(form.sides)))
        if self.filter.forbids(theta, barrier_value(form, place.f, d, self.barrier.mu)):
            return False
        v = np.minimum(self.barrier.mu / d, LARGEST_RESET)
        y = least_squares_multipliers(form, self._cached_system, place, v)
        self.barrier.hold(self.barrier.mu)
        self._stand(place, w, d, y, v)
        return True

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self)
