r"""L-BFGS between bounds: gradients only, for very many variables.

    minimize f(x)  subject to  xₗ ≤ x ≤ xᵤ.

At each point the model gᵀs + ½ sᵀBs with the compact L-BFGS matrix B (`compact_lbfgs`) is minimized over the box,
approximately (`box_step`): in the free variables by the formula of Sherman, Morrison and Woodbury, projected, or not
worse than the Cauchy step, and once more on the face that was met.  The point y that comes out gives a direction
d = y − x along which f falls, since B is positive definite.  A search along x + t d, 0 < t ≤ t_max, for the strong
Wolfe conditions takes t = 1 as a rule, and t_max, where the first bound is met, at most.  All evaluations are at points
of the box.

The residual of an iterate is ‖x − P(x − ∇f)‖∞, and z are the multipliers of the bounds (`projected`).

References
----------
Byrd, Lu, Nocedal & Zhu, *A limited memory algorithm for bound constrained optimization*, SIAM J. Sci. Comput. 16
(1995).
Morales & Nocedal, *Remark on Algorithm 778: L-BFGS-B*, ACM Trans. Math. Softw. 38 (2011): the projected subspace step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .box_step import minimize_in_box
from .bracket import Bracket, Trial
from .compact_lbfgs import CompactBFGS, CompactModel
from .composition import DROWNED, Stuck
from .engine import Iterate, Run
from .problem import Point, Vector
from .projected import Box, box_of

__all__ = ["ProjectedLBFGS"]

#: Faces that are tried for one step.
FACES = 1


@dataclass(eq=False)
class ProjectedLBFGS:
    """The engine of L-BFGS between bounds.

    Parameters
    ----------
    memory : int
        Number of pairs that are kept.
    sufficient, curvature : float
        c₁ and c₂ of the strong Wolfe conditions.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (0.5 * float(x @ x), x), lower=np.array([1.0, -1.0]))
    >>> engine, run = ProjectedLBFGS(), Run(bowl)
    >>> at = engine.begin(np.array([3.0, 3.0]), run)
    >>> while at.residual > 1e-9:
    ...     at = engine.advance(at, run)
    >>> np.round(at.point.x, 9) + 0.0, at.z
    (array([1., 0.]), array([-1., -0.]))
    """

    memory: int = 10
    sufficient: float = 1e-4
    curvature: float = 0.9
    max_trials: int = 50
    B: CompactBFGS | None = None

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Return the first iterate: the nearest point of the box."""
        self.B = None
        box = box_of(run.problem)
        point = run.evaluate(box.project(np.asarray(x, dtype=np.float64)))
        return _iterate(point, box)

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Return the next iterate; where the pairs lead nowhere they are dropped, once."""
        box = box_of(run.problem)
        outcome = self._advance(at.point, box, run)
        if isinstance(outcome, Stuck) and not outcome.not_finite and self.B is not None and self.B.pairs:
            self.B = None
            outcome = self._advance(at.point, box, run)
        return outcome

    def _advance(self, point: Point, box: Box, run: Run) -> Iterate | Stuck:
        x, g = point.x, point.gradient
        mask = box.free(x, g)
        free = None if mask.all() else np.flatnonzero(mask)
        if free is not None and not free.size:
            return Stuck("all variables are held by their bounds")
        if self.B is None:
            self.B = CompactBFGS(x.size, self.memory, _first_curvature(point, free))
        model = CompactModel(self.B, g)
        y = minimize_in_box(model, box, x, free, model.path(free, None, g), np.inf, FACES).x
        outcome = self._search(point, y, box, run)
        if isinstance(outcome, Stuck):
            return outcome
        there, t = outcome
        step = there.x - x
        if there.finite:
            self.B.learn(step, there.gradient - g)
        return _iterate(there, box, step, t, "L-BFGS" if self.B.pairs else "steepest descent")

    def _search(self, point: Point, y: Vector, box: Box, run: Run) -> tuple[Point, float] | Stuck:
        """Search between x and y, and beyond as far as the box reaches."""
        x, value = point.x, point.value
        d = y - x
        slope = float(point.gradient @ d)
        if not slope < 0:
            return Stuck("the function does not fall along the direction of this method in double precision")
        bracket = Bracket(Trial(0.0, value, slope, point), self.sufficient, DROWNED * abs(value))
        flat = -self.curvature * slope
        limit, t = -1.0, 1.0
        met_not_finite = None
        for _ in range(self.max_trials):
            place = y if t == 1.0 else box.project(x + t * d)
            if (place == x).all():
                break
            trial = run.evaluate(place)
            if trial.value == -np.inf:
                return trial, t
            ahead = float(trial.gradient @ d)
            if not (np.isfinite(trial.value) and np.isfinite(ahead)):
                met_not_finite = trial.x
                bracket.block(t)
            else:
                tried = Trial(t, trial.value, ahead, trial)
                if bracket.fell_enough(tried) and (abs(ahead) <= flat or (t == limit and ahead < 0)):
                    return trial, t
                bracket.add(tried)
            if limit < 0:
                limit = max(box.room(x, d), 1.0)
            t = min(bracket.next(), limit)
            if not bracket.a.t < t < bracket.upper or bracket.upper - bracket.a.t <= 1e-15 * bracket.upper:
                break
        a = bracket.a
        if a.t > 0 and a.value < value:
            return a.point, a.t
        if met_not_finite is not None:
            return Stuck(
                "no step along the descent direction stays where the function is finite", True, at=met_not_finite
            )
        return Stuck("no step along the descent direction lowers the value in double precision")

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Whether digits come cheaply: not by gradients alone."""
        return False


def _first_curvature(point: Point, free: np.ndarray | None) -> float:
    """θ with which the first step along the free part of −∇f moves x by its length (by one at the origin)."""
    g = point.gradient if free is None else point.gradient[free]
    steep, length = float(np.linalg.norm(g)), float(np.linalg.norm(point.x))
    return steep / (length or 1.0) if steep > 0 else 1.0


def _iterate(point: Point, box: Box, step: Vector | None = None, size: float = 0.0, kind: str = "") -> Iterate:
    residual, z = box.stationarity(point.x, point.gradient)
    return Iterate(point, residual, z=z, step=step, size=size, kind=kind)
