r"""A learning rate from the curvature met: η ≈ 1/L, with L measured along the steps.

Methods with momentum overshoot on purpose; a rule that asks for decrease at each step would take their momentum away.
What their theory asks for is a rate below 1/L, where L bounds the curvature.  So a step s(η) is taken when

    sᵀ(∇f(x + s) − ∇f(x)) ≤ ‖s‖² / η,

that is when the curvature along it is at most 1/η.  If it is more, η becomes the reciprocal of what was met (at most
half of what it was).  After each step η grows by a tenth, so that it follows the function into flatter places.

References
----------
Beck & Teboulle, SIAM J. Imaging Sci. 2 (2009), §4: backtracking on 1/L.
Becker, Candès & Grant, Math. Prog. Comp. 3 (2011), §5.3: the test by gradients, and letting η grow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .composition import Path, Stuck, Taken, unchanged
from .problem import Point, Vector

__all__ = ["LocalRate"]

#: By how much η grows after a step.
GROWTH = 1.1


@dataclass
class LocalRate:
    """Keep the learning rate below the reciprocal of the curvature along the steps.

    Examples
    --------
    >>> from thalweg.optimize.gradient_descent import steepest_descent
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(1, lambda x: (float(5 * x @ x), 10 * x))
    >>> here = bowl.at([1.0])
    >>> LocalRate(size=1.0)(here, steepest_descent(here), bowl.at).size
    0.1
    """

    size: float | None = None
    max_trials: int = 100

    def __call__(self, point: Point, path: Path, evaluate: Callable[[Vector], Point]) -> Taken | Stuck:
        """Return the first step along which the curvature is at most the reciprocal of its rate."""
        size = path.natural if self.size is None else self.size
        met_not_finite = None
        for _ in range(self.max_trials):
            proposal = path(size)
            s = proposal.step
            if unchanged(point, s):
                break
            trial = evaluate(point.x + s)
            if trial.value == float("-inf"):
                return Taken(trial, s, size, proposal.kind)
            if not trial.finite:
                met_not_finite = trial.x
                size *= 0.1
                continue
            ss = float(s.dot(s))
            if ss == 0:  # it underflows
                break
            curvature = float(s.dot(trial.gradient - point.gradient)) / ss
            if not size * curvature > 1 + 1e-10:
                self.size = size * GROWTH
                return Taken(trial, s, size, proposal.kind)
            size = max(min(1 / curvature, 0.5 * size), 1e-3 * size)
        if met_not_finite is not None:
            return Stuck("no step, however short, stays where the function is finite", True, at=met_not_finite)
        return Stuck("steps of the learning rate that the curvature allows no longer change x in double precision")
