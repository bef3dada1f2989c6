r"""A primal–dual interior point method with a filter line search.

For the problem with slacks (`form`), each iteration takes a step of Newton's method on

    ∇f + Cᵀy − Σ σ v e_B = 0,     c(w) = 0,     d v = μ,

keeps d and v positive, and drives μ to zero (`barrier`).  The direction is corrected until it goes downhill (`inertia`);
its length is found by backtracking until infeasibility or barrier function have fallen enough (`line_search`, `filter`).
Where no length will do, the violation of the constraints is minimized for a while (`restoration`).

References
----------
Wächter & Biegler, *On the implementation of an interior-point filter line-search algorithm for large-scale nonlinear
programming*, Math. Program. 106 (2006).
Nocedal, Wächter & Waltz, SIAM J. Optim. 19 (2009), for the choice of μ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..composition import Stuck
from ..engine import Iterate, Run
from ..problem import Point, Vector
from .barrier import LEAST_MU, Barrier, longest, quality_sigma
from .filter import Filter
from .form import Form, Place
from .inertia import Inertia
from .line_search import Found, Here, Step, Trial, barrier_value, search
from .newton_system import NewtonSystem
from .restoration import PROXIMAL, Restoration
from .start import inside, least_squares_multipliers

__all__ = ["InteriorPoint"]

#: Bounds of v d / μ, so that the primal–dual step is not far from the primal one.
KAPPA_SIGMA = 1e10
#: Residuals below which their decrease is enough for a full step.
LOCAL = 1e-3
#: Average size of multipliers above which residuals are measured relative to it.
LARGE_MULTIPLIERS = 100.0
#: Below this value, at a feasible point, the objective is taken for unbounded.
UNBOUNDED = -1e20
#: Multipliers of the bounds are at most so large after restoration.
LARGEST_RESET = 1e3
#: Iterates larger than this have run away.
TOO_FAR = 1e20


@dataclass(eq=False)
class Feasible:
    """Restoration in progress: its problem, its engine, and where it is."""

    problem: Restoration
    engine: InteriorPoint
    run: Run
    at: Iterate
    stuck: Stuck | None = None


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
            raise ValueError(f"mu_strategy is 'adaptive' or 'monotone', not {mu_strategy!r}")
        self.mu_strategy, self.mu_start = mu_strategy, mu
        self.y_start, self.z_start, self.restore = y, z, restore
        warm = y is not None or z is not None
        self.push = push if push is not None else (1e-9 if warm else 1e-2)

    # ------------------------------------------------------------------------------------------------------ beginning

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Return the iterate at the point inside the bounds that belongs to x."""
        self._cached_form = form = Form(run.problem)
        self.filter, self.inertia = Filter(), Inertia()
        self.barrier = Barrier(self.mu_start, adaptive=self.mu_strategy == "adaptive" and form.bounds > 0)
        self.restoring = False
        self.begun_at = np.array(x, dtype=np.float64)
        point = self._first_point(run)
        if not point.finite:
            self.w = self.d = self.y = self.v = np.zeros(0)
            return Iterate(point, float("inf"), np.zeros(form.rows), form.user_z(np.zeros(form.bounds)))
        form.rescale(point)
        self.f_scale, self.row_scale = form.f_scale, form.row_scale
        self._cached_place = place = form.place(point)
        slacks = inside(place.c[form.inequality], form.w_lower[form.n :], form.w_upper[form.n :], self.push)
        self.w = np.concatenate([point.x, slacks])
        self.d = form.distances(self.w)
        self._cached_system = NewtonSystem(form)
        if form.sparse:
            self._cached_system.analyse(run.problem.lagrangian_hessian(point.x, np.zeros(form.rows), 1.0), place.J)
        self._first_multipliers(place)
        self._measure(place)
        theta = float(np.abs(self.C).sum())
        self.filter = Filter(theta_most=1e4 * max(1.0, theta), theta_least=1e-4 * max(1.0, theta))
        return self._iterate(None, 0.0, "")

    def _first_point(self, run: Run) -> Point:
        """Evaluate inside the bounds; nearer to them where the function is not finite."""
        form, push = self._cached_form, self.push
        while True:
            x = self.begun_at
            if form.x_lower is not None and form.x_upper is not None:
                x = inside(x, form.x_lower, form.x_upper, push)
            point = run.evaluate(x)
            push *= 0.1
            if point.finite or form.x_lower is None or push < 1e-9:
                return point

    def _first_multipliers(self, place: Place) -> None:
        form = self._cached_form
        self.v = np.ones(form.bounds)
        if self.z_start is not None:
            z = np.concatenate([np.asarray(self.z_start, dtype=np.float64), np.zeros(form.slacks)]) * form.f_scale
            if self.y_start is not None and form.slacks:
                z[form.n :] = form.own_y(self.y_start)[form.inequality]
            self.v = np.maximum(-form.sign * z[form.B], 1e-9)
            self.barrier.mu = max(LEAST_MU, min(self.mu_start, float(self.d @ self.v) / max(1, form.bounds)))
        if self.y_start is not None:
            self.y = form.own_y(self.y_start)
        else:
            self.y = least_squares_multipliers(form, self._cached_system, place, self.v)

    # ------------------------------------------------------------------------------------------------------ measuring

    def _measure(self, place: Place) -> None:
        """Compute the residuals of the optimality conditions here."""
        form = self._cached_form
        self._cached_place = place
        self.r = form.stationarity(place, self.y, self.v)
        self.C = form.excess(place, self.w)
        self.products = self.d * self.v

    def _error(self, mu: float) -> float:
        """Return E_μ, the scaled residual of the barrier problem (Wächter & Biegler, equation 5)."""
        form = self._cached_form
        stationarity = float(np.abs(self.r).max())
        multipliers = float(np.abs(self.y).sum())
        error = 0.0
        if form.bounds:
            of_bounds = float(self.v.sum())
            products = float(np.abs(self.products - mu).max())
            error = products / max(1.0, of_bounds / (form.bounds * LARGE_MULTIPLIERS))
            multipliers += of_bounds
        if form.m:
            error = max(error, float(np.abs(self.C).max()))
        count = form.m + form.bounds
        return max(error, stationarity / max(1.0, multipliers / (count * LARGE_MULTIPLIERS)) if count else stationarity)

    def _residual(self) -> float:
        """Return E_0, together with the violation and the stationarity in the units of the problem."""
        form, place = self._cached_form, self._cached_place
        residual = self._error(0.0)
        if form.f_scale != 1.0:
            relative = float(np.abs(self.r[: form.n]).max()) / (form.f_scale * max(1.0, place.point.gradient_norm))
            residual = max(residual, 1e-2 * relative)
        if form.row_scale is not None:
            residual = max(residual, float(np.abs(self.C / form.row_scale).max()))
        return residual

    def _iterate(self, step: Vector | None, size: float, kind: str) -> Iterate:
        form = self._cached_form
        return Iterate(
            self._cached_place.point,
            self._residual(),
            form.user_y(self.y),
            form.user_z(self.v),
            step,
            size,
            kind,
        )

    # ------------------------------------------------------------------------------------------------------ advancing

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Return the next iterate."""
        run.check()
        if not self.w.size:
            return Stuck("the function is not finite at the start", True, at=at.point.x)
        self._restore_caches(at, run)
        if self.restoring:
            return self._restoring(at, run)
        form, place, barrier, system = self._cached_form, self._cached_place, self.barrier, self._cached_system
        if form.bounds:
            self._choose_mode()
        W = run.problem.lagrangian_hessian(place.point.x, form.hessian_y(self.y), form.f_scale)
        if not np.isfinite(W.sum()) and not np.isfinite(W.data if form.sparse else W).all():
            return Stuck("a second derivative is not finite", True, at=place.point.x)
        system.load(W, place.J, self.d, self.v)
        shift = system.factorize(self.inertia)
        if shift == np.inf:
            return self._leave(at, run, "no shift of the Hessian makes the system of the step regular")
        while True:
            step = self._step(system)
            here = Here(place, self.w, self.d, self.C, barrier.mu)
            found = search(form, self.filter, system, here, step, self.r, run)
            if found is None and shift == 0.0:
                found = self._by_residual(here, step, run)
            if found is not None:
                break
            if not barrier.free:
                return self._leave(at, run, "no step improves the value or the constraints in double precision")
            barrier.hold(0.8 * float(self.products.sum()) / form.bounds)
            self.filter.clear()
        self._take(found, step)
        x = found.place.point.x
        if found.place.point.value < UNBOUNDED and found.place.point.violation <= 1e-6 * max(1.0, np.abs(x).max()):
            far = x - self.begun_at
            return Stuck("the objective falls without end", status="unbounded", at=far / np.abs(far).max())
        if not np.abs(x).max(initial=0.0) < TOO_FAR:
            return Stuck("the iterates grow without end", too_far=True, at=x)
        kind = found.kind if not shift else f"{found.kind}, shifted"
        return self._iterate(x - place.point.x, found.alpha, kind)

    def _take(self, found: Found, step: Step) -> None:
        """Make a trial point the current one, with its multipliers."""
        self.w, self.d = found.w, found.d
        self.y, self.v = self._multipliers(found, step)
        self._measure(found.place)

    def _multipliers(self, found: Found, step: Step) -> tuple[Vector, Vector]:
        y = self.y + found.alpha * step.dy
        if not self._cached_form.bounds:
            return y, self.v
        mu_by_d = self.barrier.mu / found.d
        v = np.minimum(np.maximum(self.v + step.alpha_v * step.dv, mu_by_d / KAPPA_SIGMA), mu_by_d * KAPPA_SIGMA)
        return y, v

    def _by_residual(self, here: Here, step: Step, run: Run) -> Found | None:
        """Take the longest step where it lowers the residuals close to a solution: values may differ by rounding only."""
        before = self._error(self.barrier.mu)
        if before > LOCAL or not np.isfinite(step.slope):
            return None
        form = self._cached_form
        trial = Trial(form, here, step.dw, step.dd, step.alpha, run)
        if trial.theta == np.inf:
            return None
        found = Found(trial.place, trial.w, trial.d, step.alpha, "Newton")
        kept = self.w, self.d, self.y, self.v
        self._take(found, step)
        lower = self._error(self.barrier.mu) <= 0.9 * before
        self.w, self.d, self.y, self.v = kept
        self._measure(here.place)
        return found if lower else None

    def _leave(self, at: Iterate, run: Run, reason: str) -> Iterate | Stuck:
        """Begin restoration, or give up where there is nothing to restore."""
        violation = at.point.violation
        if not self.restore or violation <= 1e-2 * run.tol:
            return Stuck(reason)
        self._cached_feasible = self._begin_restoration(at, run)
        return self._restoring(at, run)

    def _choose_mode(self) -> None:
        """Go on in free or monotone mode, and lower μ in the latter."""
        form, barrier = self._cached_form, self.barrier
        residual = float(np.abs(self.r).sum()) / form.size + float(self.products.sum()) / form.bounds
        if form.m:
            residual += float(np.abs(self.C).sum()) / form.m
        if barrier.observe(residual):
            barrier.free = True
        elif barrier.free:
            barrier.hold(0.8 * float(self.products.sum()) / form.bounds)
            self.filter.clear()
        if barrier.free:
            self.filter.clear()
        elif barrier.lower(self._error):
            self.filter.clear()

    def _step(self, system: NewtonSystem) -> Step:
        """Solve for the direction; in free mode, choose μ."""
        form, barrier, r = self._cached_form, self.barrier, self.r
        if not form.bounds:
            dw, dy = system.solve(r, self.C)
            return Step(dw, dy, np.zeros(0), np.zeros(0), float(self._cached_place.g @ dw[: form.n]), 1.0, 1.0)
        sign, B, d, v, ratio = form.sign, form.B, self.d, self.v, system.ratio
        inverse = 1.0 / d
        pull = inverse - form.damping if form.damped else inverse
        if barrier.free:
            both = np.empty((2, form.size))
            both[0] = r + form.gather(sign * v)
            np.negative(form.gather(sign * pull), out=both[1])
            excess = np.zeros((2, form.m))
            excess[0] = self.C
            dws, dys = system.solve(both, excess)
            dds = sign * dws[:, B]
            dvs = -ratio * dds
            dvs[0] -= v
            dvs[1] += inverse
            average = float(self.products.sum()) / form.bounds
            dual = float(r @ r) / form.size
            primal = float(self.C @ self.C) / form.m if form.m else 0.0
            sigma = quality_sigma(d, v, dds, dvs, average, 0.99, dual, primal)
            barrier.mu = mu = max(LEAST_MU, sigma * average)
            dw, dy, dd, dv = dws[0] + mu * dws[1], dys[0] + mu * dys[1], dds[0] + mu * dds[1], dvs[0] + mu * dvs[1]
            slope = float(self._cached_place.g @ dw[: form.n]) - mu * float(pull @ dd)
        else:
            mu = barrier.mu
            dw, dy = system.solve(r + form.gather(sign * (v - mu * pull)), self.C)
            dd = sign * dw[B]
            dv = mu * inverse - v - ratio * dd
            slope = float(self._cached_place.g @ dw[: form.n]) - mu * float(pull @ dd)
        tau = barrier.tau
        return Step(dw, dy, dd, dv, slope, longest(dd * inverse, tau), longest(dv / v, tau))

    # ---------------------------------------------------------------------------------------------------- restoration

    def _begin_restoration(self, at: Iterate, run: Run) -> Feasible:
        form, place = self._cached_form, self._cached_place
        self.restoring, self.theta_left = True, float(np.abs(self.C).sum())
        self.filter.add(self.theta_left, barrier_value(form, place.f, self.d, self.barrier.mu))
        problem = Restoration(form, run, at.point.x)
        mu = max(self.barrier.mu, float(np.abs(self.C).max()))
        engine = InteriorPoint(mu_strategy=self.mu_strategy, mu=mu, push=1e-8, restore=False)
        inner = Run(problem.problem, run.tol)
        return Feasible(problem, engine, inner, engine.begin(problem.start(place.c, mu), inner))

    def _restoring(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Take a step towards a point of least violation, and return to the original problem where possible."""
        feasible, form = self._cached_feasible, self._cached_form
        inner = feasible.at
        violation = at.point.violation
        if inner.residual <= 0.1 * run.tol or isinstance(feasible.stuck, Stuck):
            if inner.residual <= 1e-4 and violation > 10 * run.tol:
                return Stuck(
                    "the constraints cannot be met: their violation is least here", status="infeasible", at=at.point.x
                )
            return Stuck("the violation of the constraints cannot be lowered in double precision")
        feasible.problem.zeta = PROXIMAL * feasible.engine.barrier.mu**0.5
        found = feasible.engine.advance(inner, feasible.run)
        if isinstance(found, Stuck):
            feasible.stuck = found
            return self._restoring(at, run)
        feasible.at = found
        point = feasible.problem.original(found.point.x)
        if self._acceptable(point):
            self.restoring = False
            return self._iterate(point.x - at.point.x, found.size, "restoration")
        residual = max(point.violation, found.residual, 10 * run.tol)
        y = form.user_y(np.zeros(form.m))
        return Iterate(
            point, residual, y, form.user_z(np.zeros(form.bounds)), point.x - at.point.x, found.size, "restoration"
        )

    def _acceptable(self, point: Point) -> bool:
        """Whether the method can go on from a point that restoration has found; then it stands there."""
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
        self.w, self.d = w, d
        self.v = np.minimum(self.barrier.mu / d, LARGEST_RESET)
        self.y = least_squares_multipliers(form, self._cached_system, place, self.v)
        self.barrier.hold(self.barrier.mu)
        self._measure(place)
        return True

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Whether another iteration is likely to give digits."""
        return False

    def _restore_caches(self, at: Iterate, run: Run) -> None:
        """Make anew what is not part of a saved state."""
