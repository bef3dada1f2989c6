r"""Sequential quadratic programming with the exact Hessian of the Lagrangian, for small dense problems.

From x with multipliers y the step is that of the quadratic program

    minimize ∇fᵀd + ½ dᵀ∇²L(x, y)d    subject to    cₗ ≤ c + J d ≤ cᵤ,   xₗ ≤ x + d ≤ xᵤ,

whose multipliers are the next ones.  When the sides that hold the solution are known, this is Newton's method on the
Karush–Kuhn–Tucker equations, with its quadratic convergence.  Far from it, the length of the step is chosen by a line
search (`line_search`).

Where the program has no minimum with ∇²L as it is, a convex one takes its place (`step`); how far that may lead grows
with every full step and shrinks where steps are cut.  Rows that contradict one another give way at a price, which rises
until either they can all be met or no step makes their violation smaller: then the problem is infeasible, as far as can
be seen from there.  Bounds hold at every point where the functions are evaluated.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), chapter 18.
Fletcher, *Practical Methods of Optimization* (2nd ed.), chapters 12 and 14.
Gill & Wong, *Sequential quadratic programming methods* (2012); Gould & Robinson, SIAM J. Optim. 20 (2010) (exact H).
"""

from __future__ import annotations

import numpy as np

from ..composition import Stuck
from ..engine import Iterate, Run
from ..interior.start import inside
from ..kkt_error import kkt_error
from ..problem import Matrix, Point, Problem, Vector
from .line_search import Search, Sides, Taken
from .merit import Filter, Merit
from .step import Step, convex_step, newton_step
from .system import System

__all__ = ["SQP"]

#: How far the first convex model may lead, in units of the largest |x| (at least one).
REACH = 3.0
#: First multipliers beyond this, in units of the gradient, are not believed.
TRUSTED = 1e3
#: The price at which a row gives way, in units of the gradient: at first, and at last.
PRICES = (1e2, 1e10)
#: From this price on, a violation that no step makes smaller is one of the problem.
HIGH = 1e7
#: Multipliers so much larger than the gradient, for so many iterations, have no limit.
HUGE, PATIENCE = 1e5, 20
#: How far a start is moved off its bounds where the functions are not finite on them.
PUSH = 1e-2
#: Below this value, on the constraints, a problem is unbounded.
BOTTOM = -1e20


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
        nowhere = np.full(n, np.inf)
        low = -nowhere if problem.lower is None else problem.lower
        high = nowhere if problem.upper is None else problem.upper
        if problem.constraints is not None:
            low = np.concatenate((low, problem.constraints.lower))
            high = np.concatenate((high, problem.constraints.upper))
        self.sides = Sides(low, high, n)
        self.held = np.zeros(n + m, dtype=np.int8)
        self.search = Search(self.sides, Merit(np.zeros(m)), Filter(0.0))
        self.reach = 1.0
        self.turned = 1.0
        self.price = PRICES[0]
        self.huge = 0
        self._cached_system: System | None = None

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Return x, moved into the bounds, with multipliers that balance the gradient as well as they can."""
        sides, m = self.sides, run.problem.m
        point = run.evaluate(sides.inside(np.asarray(x, dtype=np.float64)))
        if not point.finite:
            point = run.evaluate(inside(point.x, sides.lower[: sides.n], sides.upper[: sides.n], PUSH))
        theta = float(sides.violation(point.c).sum()) if point.finite else 0.0
        size = max(1.0, theta)
        self.search = Search(sides, Merit(np.zeros(m)), Filter(1e-4 * size), wall=10.0 * size)
        self.held = (sides.lower == sides.upper).astype(np.int8)
        self.price = PRICES[0]
        self.huge = 0
        self.turned = 1.0
        self.reach = REACH * max(1.0, float(np.abs(point.x).max(initial=0.0)))
        y, z = np.zeros(m), np.zeros(sides.n)
        if not point.finite:
            return Iterate(point, float("inf"), y, z)
        if m:
            y, z = self._first_multipliers(point)
        return Iterate(point, kkt_error(point, y, z), y, z)

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Return the next iterate, or why there is none."""
        point, problem = at.point, run.problem
        if not point.finite:
            return Stuck("a function or a derivative is not finite here", True, at=point.x)
        H = problem.lagrangian_hessian(point.x, at.y)
        if not np.isfinite(H).all():
            H = np.zeros((problem.n, problem.n))  # the convex model then has the floor as its only curvature
        self.search.best = min(self.search.best, at.residual)
        if self._without_multipliers(at):
            return Stuck(
                "the multipliers grow without bound: where the run leads, the gradients of what is active are dependent"
            )
        system = self._load(H, point)
        step = newton_step(system, self.held)
        if step is not None:
            taken = self.search(at, step, system, run)
            if isinstance(taken, Taken):
                return self._arrive(at, step, taken)
            self._load(H, point)
        return self._convex(at, H, system, run)

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Whether one more step would give digits: no, convergence is quadratic."""
        return False

    def _without_multipliers(self, at: Iterate) -> bool:
        """Whether multipliers have been huge beside the gradient, in units of their rows, for many iterations."""
        if at.y.size:
            J, g = at.point.J, at.point.gradient
            if float(np.abs(at.y).max()) > HUGE:
                pull = float((np.abs(at.y) * np.abs(J).max(axis=1)).max())
                self.huge += pull > HUGE * max(1.0, float(np.abs(g).max()))
        return self.huge > PATIENCE

    def _load(self, H: Matrix, point: Point, lo: Vector | None = None, hi: Vector | None = None) -> System:
        if self._cached_system is None:
            self._cached_system = System(point.x.size, point.c.size)
        here = np.concatenate((point.x, point.c))
        lo = self.sides.lower - here if lo is None else lo
        hi = self.sides.upper - here if hi is None else hi
        self._cached_system.load(H, point.J, point.gradient, lo, hi)
        return self._cached_system

    def _first_multipliers(self, point: Point) -> tuple[Vector, Vector]:
        """Multipliers of a short step down the gradient that keeps to what is active or violated now."""
        n, m = point.x.size, point.c.size
        nothing = np.zeros(m), np.zeros(n)
        size = float(np.abs(point.gradient).max())
        if size == 0:
            return nothing
        here = np.concatenate((point.x, point.c))
        lo, hi = np.minimum(self.sides.lower - here, 0.0), np.maximum(self.sides.upper - here, 0.0)
        lo[self.sides.lower > here] = 0.0
        hi[self.sides.upper < here] = 0.0
        system = self._load(np.eye(n) * (1e3 * size / self.reach), point, lo, hi)
        step = newton_step(system, self.held)
        if step is None or float(np.abs(step.basic.y).max()) > TRUSTED * max(1.0, size):
            return nothing
        self.held = step.sides
        return step.basic.y, step.basic.dual[:n]

    def _convex(self, at: Iterate, H: Matrix, system: System, run: Run) -> Iterate | Stuck:
        """The step of the convex model, with rows that give way where they must."""
        point = at.point
        size = float(np.abs(point.gradient).max())
        floor = max(1e-8 * float(np.abs(H).max()), size / self.reach, 1e-300)
        unit = max(1.0, size)
        if self.price == PRICES[0]:
            unit = max(unit, float(np.abs(at.y).max(initial=0.0)))
        while True:
            step = convex_step(system, H, self.held, floor, self.turned, self.price * unit, run.check)
            if step is None:
                return Stuck("the quadratic model has no minimum in double precision")
            if step.elastic and self.price >= HIGH and self._in_vain(point, step):
                return self._contradiction(at, run)
            taken = self.search(at, step, system, run)
            if isinstance(taken, Taken) and not (step.elastic and taken.kind == "multipliers"):
                self.price = min(10.0 * self.price, PRICES[1]) if step.elastic else PRICES[0]
                return self._arrive(at, step, taken)
            if not step.elastic or self.price >= PRICES[1]:
                return taken if isinstance(taken, Stuck) else self._arrive(at, step, taken)
            self.price *= 10.0  # rows gave way too cheaply to leave this point
            self._load(H, point)

    def _in_vain(self, point: Point, step: Step) -> bool:
        """Whether the rows that give way are violated as much after the step as before, to first order."""
        violation = self.sides.violation(point.c)
        left = self.sides.violation(point.c + step.basic.value[self.sides.n :])
        total = float(violation.sum())
        return float(violation.max()) > 1e-7 and total - float(left.sum()) <= 1e-6 * total

    def _contradiction(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """To first order no step makes the violation θ smaller: one along negative curvature of θ may."""
        point, sides, n = at.point, self.sides, self.sides.n
        below, above = point.c < sides.lower[n:], point.c > sides.upper[n:]
        H = run.problem.lagrangian_hessian(point.x, above.astype(float) - below, 0.0)
        free = ((point.x > sides.lower[:n]) & (point.x < sides.upper[:n])).nonzero()[0]
        theta = float(sides.violation(point.c).sum())
        if free.size and np.isfinite(H).all():
            values, Q = np.linalg.eigh(H[np.ix_(free, free)])
            if values[0] < -1e-8 * float(np.abs(values).max()):
                v = np.zeros(n)
                v[free] = Q[:, 0] * (1.0 if Q[np.argmax(np.abs(Q[:, 0])), 0] > 0 else -1.0)
                length = max(1.0, float(np.abs(point.x).max()))
                for k in range(20):
                    for size in (length * 0.5**k, -length * 0.5**k):
                        trial = run.evaluate(sides.inside(point.x + size * v))
                        if trial.finite and float(sides.violation(trial.c).sum()) < 0.9999 * theta:
                            y, z = np.zeros(point.c.size), np.zeros(n)
                            moved = trial.x - point.x
                            self.search.wall = 0.999 * theta  # never back
                            return Iterate(trial, kkt_error(trial, y, z), y, z, moved, size, "negative curvature")
        return Stuck(
            "the constraints contradict one another near here: no step makes their violation smaller",
            status="infeasible",
        )

    def _arrive(self, at: Iterate, step: Step, taken: Taken) -> Iterate | Stuck:
        """The iterate at the point taken; adapts how far the next convex model may lead."""
        point, sides = taken.point, self.sides
        y, z = step.basic.y.copy(), step.basic.dual[: sides.n].copy()
        moved = point.x - at.point.x
        residual = kkt_error(point, y, z) if taken.residual is None else taken.residual
        if taken.kind == "multipliers" and residual >= at.residual:
            return Stuck("no step makes the residual smaller in double precision")
        self.held, self.search.merit = step.sides, taken.merit
        after = float(sides.violation(point.c).sum())
        if step.exact:
            self.price = PRICES[0]
        elif taken.alpha < 0.2:
            self.reach = min(self.reach, max(10.0 * float(np.abs(moved).max()), 1e-8))
            self.turned = min(10.0 * self.turned, 1.0)
        elif taken.alpha == 1.0 and after <= 2.0 * float(sides.violation(at.point.c).sum()) + 1e-8:
            self.reach *= 10.0
            self.turned = max(0.1 * self.turned, 1e-8)
        if point.value < BOTTOM and after <= 1e-6:
            return Stuck("the value falls without end while the constraints hold", status="unbounded", at=point.x)
        kind = taken.kind or ("Newton" if step.exact else "elastic" if step.elastic else "convexified")
        return Iterate(point, residual, y, z, moved, taken.alpha, kind)
