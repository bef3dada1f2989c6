r"""Newton's method between bounds: a trust region whose steps are projected.

    minimize f(x)  subject to  xₗ ≤ x ≤ xᵤ.

At each point the quadratic model is minimized over the box and the region of trust (`box_step`), with the exact Hessian
in the form in which it is at hand: dense, sparse and factorized, or by products.  The step is taken when f falls as the
model promises.  All evaluations are at points of the box.  The bounds that hold at a nondegenerate solution are found
after finitely many steps, and from there on it is Newton's method in the other variables: it converges quadratically.

For a sum of squares the model of Gauss and Newton takes the place of the Hessian, for as long as it serves
(`levenberg_marquardt`): the method is then that of Levenberg and Marquardt between bounds.

The residual of an iterate is ‖x − P(x − ∇f)‖∞, and z are the multipliers of the bounds (`projected`).

References
----------
Lin & Moré, *Newton's method for large bound-constrained optimization problems*, SIAM J. Optim. 9 (1999).
Conn, Gould & Toint, *Global convergence of a class of trust region algorithms for optimization with simple bounds*,
SIAM J. Numer. Anal. 25 (1988).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .box_step import QuadraticModel, minimize_by_exploring, minimize_in_box
from .composition import DROWNED, NoDirection, Path, Stuck, decrease
from .engine import Iterate, Run
from .gauss_newton import linearized, units
from .levenberg_marquardt import SecondTerm, second_order_at_hand
from .newton_products import forcing
from .problem import Point, Vector
from .projected import Box, box_of
from .quadratic_model import LeastSquaresModel, SparseModel, newton_model
from .sparse_factor import ShiftedFactor
from .trust_region import SHORT, WHOLE

__all__ = ["ProjectedNewton"]


@dataclass(eq=False)
class ProjectedNewton:
    """The engine of Newton's method between bounds.

    Parameters
    ----------
    squares : bool
        Whether to use the residuals of a sum of squares, where the problem has them.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (0.5 * (x @ x), x), lambda x: np.eye(2), lower=np.array([1.0, -1.0]))
    >>> engine, run = ProjectedNewton(), Run(bowl)
    >>> at = engine.advance(engine.begin(np.array([3.0, 3.0]), run), run)
    >>> at.point.x, at.z, at.residual
    (array([1., 0.]), array([-1., -0.]), 0.0)
    """

    squares: bool = False
    radius: float | None = None
    last_step: Vector | None = None
    last_size: float = 1.0
    steepest: float = 0.0
    previous: float = np.inf
    in_vain: int = 0
    settled: bool = False
    relative: float = np.inf
    second: SecondTerm = field(default_factory=SecondTerm)
    d: Vector | None = None
    method: str = "projected-newton"
    _cached_factor: ShiftedFactor | None = None
    max_trials: int = 100

    def begin(self, x: Vector, run: Run) -> Iterate:
        """Return the first iterate: the nearest point of the box."""
        self.radius, self.last_step, self.d = None, None, None
        self.previous, self.in_vain, self.relative = np.inf, 0, np.inf
        self.settled = run.problem.lower is None
        self.second = SecondTerm()
        self.method = "levenberg-marquardt" if self.squares else "projected-newton"
        box = box_of(run.problem)
        at = _iterate(run.evaluate(box.project(np.asarray(x, dtype=np.float64))), box)
        self.steepest = at.residual
        return at

    def advance(self, at: Iterate, run: Run) -> Iterate | Stuck:
        """Return the first step whose decrease agrees with the model."""
        point, box = at.point, box_of(run.problem)
        try:
            return self._advance(at, point, box, run)
        except NoDirection as problem:
            return Stuck(str(problem), not_finite=True, at=point.x)

    def _advance(self, at: Iterate, point: Point, box: Box, run: Run) -> Iterate | Stuck:
        x = point.x
        model = self._model(at, run)
        mask = box.free(x, point.gradient)
        free = None if mask.all() else np.flatnonzero(mask)
        if free is not None and not free.size:
            return Stuck("all variables are held by their bounds")
        path: Path | None = None
        exploring = 0 if self.settled else model.exploring
        radius = self._radius(model)
        met_not_finite = None
        for _ in range(self.max_trials):
            found = minimize_by_exploring(model, box, x, free, radius, exploring) if exploring else None
            if found is None:
                exploring = 0
                if path is None:
                    path = model.path(free, None, point.gradient)
                    radius = radius if radius < np.inf else path.natural
                found = minimize_in_box(model, box, x, free, path, radius)
            y, proposal = found
            radius = radius if radius < np.inf else proposal.size
            run.check()
            if not proposal.predicted > 0 or (y == x).all():
                break
            trial = run.evaluate(y)
            if trial.value == -np.inf:
                return _iterate(trial, box, proposal.step, proposal.size, proposal.kind)
            if not trial.finite:
                met_not_finite = trial.x
                radius = 0.25 * min(proposal.size, radius)
                continue
            ratio = decrease(point, trial, proposal) / proposal.predicted
            there = _iterate(trial, box, proposal.step, proposal.size, proposal.kind)
            if (
                proposal.predicted <= DROWNED * abs(point.value)
                and proposal.size <= SHORT * float(np.linalg.norm(model.d * x))
                and there.residual >= at.residual
            ):
                return Stuck("a step no longer brings the point nearer to stationarity in double precision")
            if ratio < 0.25:
                radius = 0.25 * proposal.size
            elif ratio > 0.75 and proposal.size > 0.99 * radius:
                radius = 3.0 * radius
            if ratio > 1e-4:
                self.radius, self.last_step, self.last_size = radius, proposal.step, proposal.size
                self.settled = proposal.kind in WHOLE
                if isinstance(model, SparseModel):
                    self._cached_factor = model.factor
                self.relative = proposal.size / max(float(np.linalg.norm(model.d * x)), 1e-300)
                return there
        if met_not_finite is not None:
            return Stuck("no step, however short, stays where the function is finite", True, at=met_not_finite)
        return Stuck("no step within the trust region lowers the value in double precision")

    def worth_polishing(self, at: Iterate, run: Run) -> bool:
        """Whether another Newton step may gain digits: until the third that does not divide the residual by ten."""
        if at.residual == 0 or at.kind not in WHOLE:
            return False
        if self.relative <= (1e-9 if at.kind == "Newton" else 1e-14):  # Newton's next step would not change x
            return False
        gained = at.residual <= 0.1 * self.previous
        self.previous = at.residual
        if not gained:
            self.in_vain += 1
        return gained or self.in_vain <= 2

    def _model(self, at: Iterate, run: Run) -> QuadraticModel:
        point = at.point
        problem = point.problem
        if self.squares and problem.residuals is not None:
            r, J = linearized(point, self.method)
            self.d = units(J, self.d)
            if not (self.second.wanted(point.value, at.residual) and second_order_at_hand(problem)):
                if problem.sparse:
                    return SparseModel((J.T @ J).tocsr(), point, self.d, self._cached_factor)
                return LeastSquaresModel(r, J, self.d, point)
        return newton_model(
            point, forcing(at.residual, self.steepest), self.method, run.check, self.d, self._cached_factor
        )

    def _radius(self, model: QuadraticModel) -> float:
        """The radius in the units of this model, which may differ from those of the last one; at first none."""
        if self.radius is None or self.last_step is None or self.last_size == 0:
            return np.inf
        change = float(np.linalg.norm(model.d * self.last_step)) / self.last_size
        return self.radius * change if np.isfinite(change) and change > 0 else np.inf


def _iterate(point: Point, box: Box, step: Vector | None = None, size: float = 0.0, kind: str = "") -> Iterate:
    residual, z = box.stationarity(point.x, point.gradient)
    return Iterate(point, residual, z=z, step=step, size=size, kind=kind)
