r"""Sequential quadratic programming with the exact Hessian of the Lagrangian, for small dense problems.

From x with multipliers y the step is that of the quadratic program

    minimize ∇fᵀd + ½ dᵀ∇²L(x, y)d    subject to    cₗ ≤ c + J d ≤ cᵤ,   xₗ ≤ x + d ≤ xᵤ,

whose multipliers are the next ones.  When the sides that hold the solution are known, this is Newton's method on the
Karush–Kuhn–Tucker equations, with its quadratic convergence.

Far from it: the length of the step is chosen by the ℓ₁ merit function (`merit`).  A full step that makes the KKT error
half of the smallest one so far is taken at once, which the merit function might refuse (the effect that Maratos found);
and where the violation grows by the curvature of the constraints, a second-order correction is tried before the step is
shortened.  Bounds hold at every point where the functions are evaluated.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), chapter 18.
Fletcher, *Practical Methods of Optimization* (2nd ed.), chapters 12 and 14.
Gill & Wong, *Sequential quadratic programming methods* (2012); Gould & Robinson, SIAM J. Optim. 20 (2010) (exact H).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composition import Stuck
from ..engine import Iterate, Run
from ..kkt_error import kkt_error
from ..problem import Point, Problem, Vector
from .merit import follow, raised
from .step import Step, convex_step, newton_step
from .system import System

__all__ = ["SQP"]

#: Part of the slope of the merit function that a step must realize.
SUFFICIENT = 1e-4
#: A full step whose KKT error is below this fraction of the smallest so far is taken at once.
CONTRACTION = 0.5
#: Where the decrease promised is below this fraction of the merit function, its differences are rounding.
DROWNED = 1e-11
#: First multipliers beyond this are not believed.
TRUSTED = 1e3
#: Largest multiplier before a row gives way, in units of the gradient: from, to.
CAPS = (1e2, 1e10)
MOST_TRIALS = 40


class SQP:
    """Lagrange–Newton steps on what holds the solution, globalized.

    Parameters
    ----------
    problem : Problem
        Dense, with second derivatives.

    Examples
    --------
    x² + y² on x + y = 1:

    >>> from thalweg.optimize.problem import Constraints
    >>> line = Constraints(np.ones(1), np.ones(1), lambda x: (x[:1] + x[1:], np.ones((1, 2))),
    ...                    lambda x, y: np.zeros((2, 2)))
    >>> problem = Problem(2, lambda x: (x @ x, 2 * x), lambda x: 2 * np.eye(2), constraints=line)
    >>> run = Run(problem)
    >>> engine = SQP(problem)
    >>> at = engine.advance(engine.begin(np.array([3.0, -1.0]), run), run)
    >>> at.point.x, at.y, at.residual
    (array([0.5, 0.5]), array([-1.]), 0.0)
    """

    def __init__(self, problem: Problem) -> None:
        n, m = problem.n, problem.m
        infinite = np.full(n, np.inf)
        self.low = -infinite if problem.lower is None else problem.lower
        self.high = infinite if problem.upper is None else problem.upper
        self.LO, self.HI = self.low, self.high
        if problem.constraints is not None:
            self.LO = np.concatenate((self.low, problem.constraints.lower))
            self.HI = np.concatenate((self.high, problem.constraints.upper))
        self._cached_system = System(n, m)
        self.sides = np.zeros(n + m, dtype=np.int8)
        self.weights = np.zeros(m)
        self.reach = 1.0
        self.cap = CAPS[0]
        self.best = np.inf

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Return x, moved into the bounds, with multipliers that balance the gradient as well as they can."""
        x = np.minimum(np.maximum(x, self.low), self.high)
        point = run.evaluate(x)
        n, m = x.size, run.problem.m
        self.sides = (self.LO == self.HI).astype(np.int8)
        self.weights = np.zeros(m)
        self.cap = CAPS[0]
        self.reach = 10.0 * max(1.0, float(np.abs(x).max(initial=0.0)))
        y, z = np.zeros(m), np.zeros(n)
        if point.finite:
            y, z = self._first_multipliers(point)
        self.best = np.inf
        residual = kkt_error(point, y, z) if point.finite else float("inf")
        return Iterate(point, residual, y, z)

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Return the next iterate, or why there is none."""
        point, problem = at.point, run.problem
        if not point.finite:
            return Stuck("the start is not finite", True, at=point.x)
        n = problem.n
        H = problem.lagrangian_hessian(point.x, at.y)
        if not np.isfinite(H).all():
            H = np.zeros((n, n))
        here = np.concatenate((point.x, point.c))
        lo, hi = self.LO - here, self.HI - here
        system = self._system(problem)
        system.load(H, point.J, point.gradient, lo, hi)
        self.best = min(self.best, at.residual)
        step = newton_step(system, self.sides)
        if step is not None:
            taken = self._search(at, step, lo, hi, run)
            if isinstance(taken, Iterate):
                return taken
        size = float(np.abs(point.gradient).max(initial=0.0))
        floor = max(1e-8 * float(np.abs(H).max()), size / self.reach, 1e-300)
        cap = self.cap * max(1.0, size, float(np.abs(at.y).max(initial=0.0)) if self.cap == CAPS[0] else 1.0)
        system.load(H, point.J, point.gradient, lo, hi)
        step = convex_step(system, H, self.sides, floor, cap, run.check)
        if step is None:
            return Stuck("the quadratic model has no minimum in double precision")
        if step.elastic:
            verdict = self._contradiction(at, step, lo, hi, cap)
            if verdict is not None:
                return verdict
            self.cap = min(10.0 * self.cap, CAPS[1])
        return self._search(at, step, lo, hi, run)

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Whether one more step would give digits: no, convergence is quadratic."""
        return False

    def _system(self, problem: Problem) -> System:
        if self._cached_system is None:
            self._cached_system = System(problem.n, problem.m)
        return self._cached_system

    def _first_multipliers(self, point: Point) -> tuple[Vector, Vector]:
        """Multipliers of the shortest step down the gradient that keeps to what is active or violated now."""
        n, m = point.x.size, point.c.size
        system = self._system(point.problem)
        here = np.concatenate((point.x, point.c))
        lo, hi = np.minimum(self.LO - here, 0.0), np.maximum(self.HI - here, 0.0)
        size = float(np.abs(point.gradient).max(initial=0.0))
        if size == 0:
            return np.zeros(m), np.zeros(n)
        lo[self.LO > here] = 0.0
        hi[self.HI < here] = 0.0
        system.load(np.eye(n) * (1e3 * size / self.reach), point.J, point.gradient, lo, hi)
        step = newton_step(system, self.sides)
        if step is None or np.abs(step.basic.y).max(initial=0.0) > TRUSTED * max(1.0, size):
            return np.zeros(m), np.zeros(n)
        self.sides = step.sides
        return step.basic.y, step.basic.dual[:n]

    def _contradiction(self, at: Iterate, step: Step, lo: Vector, hi: Vector, cap: float) -> Stuck | None:
        n = at.point.x.size
        violation = np.maximum(np.maximum(lo, -hi)[n:], 0.0)
        value = step.basic.value
        left = np.maximum(np.maximum(lo - value, value - hi)[n:], 0.0)
        total = float(violation.sum())
        if self.cap >= 1e7 and total - float(left.sum()) <= 1e-6 * total and violation.max() > 1e-7:
            return Stuck(
                "the constraints contradict one another near here: no step makes their violation smaller",
                status="infeasible",
            )
        return None

    def _search(self, at: Iterate, step: Step, lo: Vector, hi: Vector, run: Run) -> Iterate | Stuck:
        point = at.point
        n = point.x.size
        basic = step.basic
        d, value = basic.d, basic.value
        violation = np.maximum(np.maximum(lo, -hi)[n:], 0.0)
        left = np.maximum(np.maximum(lo - value, value - hi)[n:], 0.0) if step.elastic else 0.0
        slope = float(point.gradient @ d)
        weights, D = slope * self.weights, slope
        y, z = basic.y, basic.dual[:n]
        weights = self.weights
        if violation.size:
            weights, D = raised(follow(self.weights, y), slope, step.curvature, violation - left)
        merit = point.value + float(weights @ violation)
        noise = DROWNED * (abs(point.value) + float(weights @ violation))
        if not (D < 0 or -D <= noise):
            return Stuck("the quadratic model has no direction of descent")
        alpha, not_finite = 1.0, None
        for trial_number in range(MOST_TRIALS):
            x = np.minimum(np.maximum(point.x + alpha * d, self.low), self.high)
            if (x == point.x).all():
                break
            trial = run.evaluate(x)
            if trial.value == -np.inf:
                return Stuck("the function is −∞", status="unbounded")
            if not trial.finite:
                not_finite = x
                alpha *= 0.2
                continue
            out = self._violation(trial)
            after = trial.value + float(weights @ out)
            if after <= merit + SUFFICIENT * alpha * D:
                return self._take(at, step, trial, alpha, weights, "")
            if alpha == 1.0:
                residual = kkt_error(trial, y, z)
                drowned = -D <= noise and abs(after - merit) <= noise
                if step.exact and residual <= CONTRACTION * self.best or drowned and residual < at.residual:
                    return self._take(at, step, trial, alpha, weights, "", residual)
                if drowned:
                    return Stuck("no step makes the residual smaller in double precision")
                if out.size and float(weights @ out) > 0.1 * (after - merit):
                    corrected = self._correct(at, step, trial, run)
                    if (
                        corrected is not None
                        and corrected.value + float(weights @ self._violation(corrected)) <= merit + SUFFICIENT * D
                    ):
                        return self._take(at, step, corrected, alpha, weights, "second-order correction")
            parabola = 0.5 * -D * alpha / (after - merit - alpha * D)
            alpha *= min(max(parabola, 0.1), 0.5)
        if not_finite is not None:
            return Stuck("no step, however short, stays where the function is finite", True, at=not_finite)
        return Stuck("no step lowers the merit function in double precision")

    def _violation(self, point: Point) -> Vector:
        n = point.x.size
        if not point.c.size:
            return point.c
        return np.maximum(np.maximum(self.LO[n:] - point.c, point.c - self.HI[n:]), 0.0)

    def _correct(self, at: Iterate, step: Step, trial: Point, run: Run) -> Point | None:
        """Solve once more with the rows as they are at the trial point, instead of their linear models."""
        point = at.point
        n = point.x.size
        right = np.zeros(n + trial.c.size)
        right[n:] = -(trial.c - point.c - step.basic.value[n:])
        d = step.basic.d + self._system(run.problem).again(step.basic, right)[:n]
        x = np.minimum(np.maximum(point.x + d, self.low), self.high)
        corrected = run.evaluate(x)
        return corrected if corrected.finite else None

    def _take(
        self,
        at: Iterate,
        step: Step,
        trial: Point,
        alpha: float,
        weights: Any,
        kind: str,
        residual: float | None = None,
    ) -> Iterate | Stuck:
        n = trial.x.size
        y, z = step.basic.y.copy(), step.basic.dual[:n].copy()
        self.sides, self.weights = step.sides, weights
        taken = trial.x - at.point.x
        if not step.exact:
            length = float(np.abs(taken).max(initial=0.0))
            if alpha == 1.0:
                self.reach = max(self.reach, 10.0 * length)
            elif alpha < 0.2:
                self.reach = max(10.0 * length, 1e-8)
        if not step.elastic:
            self.cap = CAPS[0]
        if residual is None:
            residual = kkt_error(trial, y, z)
        name = kind or ("Newton" if step.exact else "elastic" if step.elastic else "convexified")
        if trial.value < -1e20 and self._violation(trial).max(initial=0.0) <= 1e-6:
            return Stuck("the value falls below −1e20 while the constraints hold", status="unbounded")
        return Iterate(trial, residual, y, z, taken, alpha, name)
