r"""The augmented Lagrangian method: constraints of any kind with products of matrices and vectors alone.

The constrained problem becomes a sequence of problems with bounds only,

    minimize ψ(x; y, ρ) = f(x) + ½ρ ‖c + y/ρ − P(c + y/ρ)‖²    subject to    xₗ ≤ x ≤ xᵤ    (see `penalty`),

each solved to a growing accuracy by a trust-region method whose steps come from conjugate gradients (`bound_step`).
After each, with V the distance of the rows and multipliers from feasibility and complementarity,

    y ← ŷ = ρ t            the multipliers that the minimum itself suggests, kept within ±10¹⁰ ("safeguarded");
    ρ ← 10 ρ               unless V has become half of what it was.

The multipliers converge linearly, at a rate proportional to 1/ρ; ρ stays bounded where the constraints are regular.
Nothing is factorized: memory and time of a step are those of products with J, Jᵀ and ∇²L.

Where ρ has grown large, the violation does not fall any more and its own projected gradient is small, the problem is
infeasible as far as can be seen: the last iterate is a stationary point of the violation.

References
----------
Conn, Gould & Toint, SIAM J. Numer. Anal. 28 (1991) (LANCELOT).
Birgin & Martínez, *Practical Augmented Lagrangian Methods for Constrained Optimization* (2014) (Algencan), chapter 4.
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §17.3–17.4.
"""

from __future__ import annotations

import numpy as np

from ..composition import DROWNED, Stuck
from ..engine import Iterate, Run
from ..interior.start import inside
from ..kkt_error import kkt_error
from ..problem import Point, Problem, Vector
from .bound_step import bound_step
from .penalty import Penalized

__all__ = ["AugmentedLagrangian"]

#: Multipliers are kept within ± this.
SAFE = 1e10
#: Growth of the penalty, and the part to which V must fall for it to stay.
GROWTH, REQUIRED = 10.0, 0.5
#: A penalty beyond this, in units of the first one, does not make the problem more feasible.
HIGHEST = 1e14
#: How far a start is moved off its bounds where the functions are not finite on them.
PUSH = 1e-2
#: Below this value a problem is unbounded.
BOTTOM = -1e20
#: Where no step helps any more, a run that has come so far times its start, downhill all the way, has no end.
ENDLESS = 1e12

CONTRADICTION = Stuck(
    "the constraints contradict one another near here: no step makes their violation smaller", status="infeasible"
)


class AugmentedLagrangian:
    """Multipliers and a penalty outside, a trust region between bounds inside.

    Parameters
    ----------
    problem : Problem
        Any size; sparse or dense.
    products : int, optional
        Most products with the Hessian in one step; by default 10 n, but at least 50 and at most 2000.

    Examples
    --------
    >>> from thalweg.optimize.problem import Constraints
    >>> line = Constraints(np.ones(1), np.ones(1), lambda x: (x[:1] + x[1:], np.ones((1, 2))),
    ...                    lambda x, y: np.zeros((2, 2)))
    >>> problem = Problem(2, lambda x: (x @ x, 2 * x), lambda x: 2 * np.eye(2), constraints=line)
    >>> run, engine = Run(problem), AugmentedLagrangian(problem)
    >>> at = engine.begin(np.array([3.0, -1.0]), run)
    >>> while at.residual > 1e-8:
    ...     at = engine.advance(at, run)
    >>> np.round(at.point.x, 7), np.round(at.y, 6)
    (array([0.5, 0.5]), array([-1.]))
    """

    def __init__(self, problem: Problem, products: int | None = None) -> None:
        n, m = problem.n, problem.m
        nowhere = np.full(n, np.inf)
        self.lower = -nowhere if problem.lower is None else problem.lower
        self.upper = nowhere if problem.upper is None else problem.upper
        self.products = products or min(max(50, 10 * n), 2000)
        self.y = np.zeros(m)
        self.rho = self.first_rho = 1.0
        self.accuracy = 0.1
        self.before = np.inf
        self.radius = 1.0
        self.alpha = 1.0
        self.outer = 0
        self.idle = 0
        self.least = np.inf
        self.start = np.zeros(n)
        self.returned = False
        self._cached: Penalized | None = None

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Return x, moved into the bounds."""
        point = run.evaluate(np.clip(np.asarray(x, dtype=np.float64), self.lower, self.upper))
        if not point.finite:
            point = run.evaluate(inside(point.x, self.lower, self.upper, PUSH))
        self.start, self.returned = point.x, False
        self.y = np.zeros(run.problem.m)
        self.before = np.inf
        self.outer = self.idle = 0
        self.least = np.inf
        if not point.finite:
            return Iterate(point, float("inf"), self.y, np.zeros(point.x.size))
        violation = self._violation(point)
        squares = 0.5 * float(violation @ violation)
        self.rho = 10.0 if squares == 0 else max(1e-6, min(10.0, 2.0 * abs(point.value) / squares))
        self.rho = max(self.rho, 1e-2)
        self.first_rho = self.rho
        psi = self._at(point)
        self.accuracy = max(0.1 * self._criticality(psi), run.tol)
        self.radius = 0.0
        self.alpha = 1.0
        return self._iterate(psi)

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """One step of the trust region; before it a new multiplier or penalty, where the last problem is solved."""
        if not at.point.finite:
            return Stuck("a function or a derivative is not finite here", True, at=at.point.x)
        psi = self._at(at.point)
        for _ in range(60):
            if self._criticality(psi) > self.accuracy:
                break
            verdict = self._outside(psi, run)
            if verdict is not None:
                return verdict
            psi = self._at(at.point)
        return self._inside(psi, at, run)

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Digits are not cheap here."""
        return False

    def _at(self, point: Point) -> Penalized:
        cached = self._cached
        if cached is None or cached.point is not point or cached.rho != self.rho:
            self._cached = cached = Penalized(point, self.y, self.rho)
        return cached

    def _violation(self, point: Point) -> Vector:
        constraints = point.problem.constraints
        if constraints is None:
            return np.zeros(0)
        return np.asarray(point.c - np.clip(point.c, constraints.lower, constraints.upper))

    def _criticality(self, psi: Penalized) -> float:
        """‖P(x − ∇ψ) − x‖∞."""
        x = psi.point.x
        return float(np.abs(np.clip(x - psi.gradient, self.lower, self.upper) - x).max(initial=0.0))

    def _outside(self, psi: Penalized, run: Run) -> Iterate | Stuck | None:
        """The problem with bounds is solved: new multipliers, perhaps a new penalty, a higher accuracy."""
        point = psi.point
        constraints = point.problem.constraints
        self.outer += 1
        if constraints is None:
            self.accuracy = 0.1 * self.accuracy
            return None
        shifted = point.c + self.y / self.rho
        gap = float(np.abs(point.c - np.clip(shifted, constraints.lower, constraints.upper)).max(initial=0.0))
        violation = self._violation(point)
        if self.rho > HIGHEST * self.first_rho and float(np.abs(violation).max(initial=0.0)) > max(run.tol, 1e-8):
            if not self.returned:  # the first penalty may have been too small to hold x where the rows have slopes
                return self._return(run)
            if self._contradicts(point):
                return CONTRADICTION
            if self._endless(point):
                return Stuck("the value falls without end", status="unbounded", at=point.x)
            return Stuck("the penalty has grown without end, and the constraints are still violated")
        self.y = np.clip(psi.multipliers, -SAFE, SAFE)
        if gap > REQUIRED * self.before:
            self.rho *= GROWTH
        self.before = gap
        self.accuracy = max(0.1 * self.accuracy, 0.1 * run.tol)
        if gap <= 0.1 * run.tol:
            self.accuracy = min(self.accuracy, 0.5 * run.tol)
        self._cached = None
        return None

    def _contradicts(self, point: Point) -> bool:
        """Whether the rows are violated, and no step between the bounds makes ½ ‖violation‖² smaller to first order."""
        violation = self._violation(point)
        worst = float(np.abs(violation).max(initial=0.0))
        x = point.x
        if worst <= 1e-6 * max(1.0, float(np.abs(x).max())):  # rounding, where a run has gone far
            return False
        down = point.J.T @ violation
        slope = float(np.abs(np.clip(x - down, self.lower, self.upper) - x).max(initial=0.0))
        return slope <= 1e-4 * worst * max(1.0, float(np.abs(point.J).max()))

    def _endless(self, point: Point) -> bool:
        """Whether the run has gone so far that the rows hold no better, and the value fell with the distance."""
        size = float(np.abs(point.x).max())
        violation = float(np.abs(self._violation(point)).max(initial=0.0))
        home = max(1.0, float(np.abs(self.start).max()))
        return size > ENDLESS * home and point.value < -1e-3 * size and violation <= 1e-6 * size

    def _return(self, run: Run) -> Iterate | Stuck:
        """Go back to the start, with a larger penalty from the first."""
        self.returned = True
        self.y = np.zeros(self.y.size)
        self.rho = 1e4 * self.first_rho
        self.before, self.radius, self.accuracy = np.inf, 0.0, 1.0
        psi = self._at(run.evaluate(self.start))
        self.accuracy = max(0.1 * self._criticality(psi), run.tol)
        return self._iterate(psi, kind="from the start again")

    def _inside(self, psi: Penalized, at: Iterate, run: Run) -> Iterate | Stuck:
        """One step of the trust region on ψ."""
        point, g = psi.point, psi.gradient
        x = point.x
        d = self._scale(psi)
        binding = ((x <= self.lower) & (g > 0)) | ((x >= self.upper) & (g < 0))
        steepness = float(np.linalg.norm(np.where(binding, 0.0, g) / d))
        if self.radius <= 0:
            self.radius = max(steepness, 0.1 * float(np.linalg.norm(d * x))) or 1.0
        critical = self._criticality(psi)
        accuracy = min(0.1, np.sqrt(steepness)) if steepness < 1 else 0.1
        not_finite = None
        for _ in range(60):
            run.check()
            step = bound_step(
                np.where(binding, 0.0, g),
                psi.product,
                np.where(binding, 0.0, self.lower - x),
                np.where(binding, 0.0, self.upper - x),
                d,
                self.radius,
                accuracy,
                self.products,
                self.alpha,
            )
            new = np.clip(x + step.s, self.lower, self.upper)
            if not step.predicted > 0 or np.array_equal(new, x):
                break
            trial = run.evaluate(new)
            if not trial.finite:
                if trial.value == -np.inf:
                    return Stuck("the value is −∞ at a point that was tried", status="unbounded", at=new)
                not_finite = new
                self.radius = 0.25 * step.length
                continue
            there = Penalized(trial, self.y, self.rho)
            fell = psi.value - there.value
            noise = DROWNED * max(abs(psi.value), abs(point.value))
            drowned = step.predicted <= noise and abs(fell) <= noise
            if drowned:
                fell = -0.5 * float((g + there.gradient) @ step.s)
            ratio = fell / step.predicted
            if drowned and self._criticality(there) >= critical:
                return self._rounding(at, psi)
            if ratio < 0.25:
                self.radius = 0.25 * step.length
            elif ratio > 0.75 and step.length > 0.8 * self.radius:
                self.radius *= 3.0
            if ratio > 1e-4:
                if trial.value < BOTTOM:
                    if float(np.abs(self._violation(trial)).max(initial=0.0)) <= 1e-6 * (1.0 + np.abs(new).max()):
                        return Stuck("the value falls without end", status="unbounded", at=new)
                    self.rho *= GROWTH**2
                    self._cached = None
                    return self._inside(self._at(point), at, run)
                self._cached = there
                return self._iterate(there, step.s, self.radius, "trust region")
        if not_finite is not None:
            return Stuck("no step, however short, stays where the function is finite", True, at=not_finite)
        return self._rounding(at, psi)

    def _rounding(self, at: Iterate, psi: Penalized) -> Iterate | Stuck:
        """ψ cannot be made smaller in double precision: take that as its minimum, while that leads anywhere."""
        reached = self._criticality(psi)
        size = max(1.0, float(np.abs(psi.point.gradient).max(initial=0.0)))
        self.idle = self.idle + 1 if at.residual >= 0.5 * self.least else 0
        self.least = min(self.least, at.residual)
        if self.accuracy >= reached or reached > 1e-4 * size or self.idle > 3:
            if self._endless(psi.point):
                return Stuck("the value falls without end", status="unbounded", at=psi.point.x)
            if self.rho >= 1e3 * self.first_rho and self._contradicts(psi.point):
                return CONTRADICTION
            return Stuck("no step lowers the augmented Lagrangian in double precision")
        self.accuracy = reached
        return self._iterate(psi, np.zeros(psi.point.x.size), 0.0, "multipliers")

    def _scale(self, psi: Penalized) -> Vector:
        """D: square roots of the diagonal of ∇²ψ where it is positive, kept within six orders of magnitude."""
        diagonal = psi.diagonal()
        if diagonal is None or not np.isfinite(diagonal).all():
            return np.ones(psi.point.x.size)
        size = np.abs(diagonal)
        largest = float(size.max(initial=0.0))
        if largest == 0:
            return np.ones(size.size)
        return np.sqrt(np.maximum(size, 1e-6 * largest))

    def _iterate(self, psi: Penalized, step: Vector | None = None, size: float = 0.0, kind: str = "") -> Iterate:
        """The iterate with the multipliers that x suggests; bounds that hold take up what is left of the gradient."""
        x, g = psi.point.x, psi.gradient
        z = np.zeros(x.size)
        low, high = x <= self.lower, x >= self.upper
        z[low] = np.minimum(-g[low], 0.0)
        z[high] = np.maximum(-g[high], 0.0)
        y = psi.multipliers
        return Iterate(psi.point, kkt_error(psi.point, y, z), y, z, step, size, kind)
