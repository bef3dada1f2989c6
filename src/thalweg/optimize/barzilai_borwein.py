r"""Barzilai and Borwein's sizes: steepest descent with the learning rate of a secant.

    θ ← θ − η ∇L(θ),      η = sᵀs / sᵀy   (long)    or    η = sᵀy / yᵀy   (short),      s, y of the last step,

the two multiples of the identity that come closest to the inverse Hessian along s.  Of the two the short one is taken
where they are far apart, sᵀy / yᵀy < ½ sᵀs / sᵀy.  The method costs what steepest descent costs and is many times
faster, but the values do not fall at every step, and must not be made to.  So a step is measured against an average of
the past values,

    f(x + s) ≤ C − c₁ η ‖∇f‖²,      C₊ = (ϱ Q C + f₊) / (ϱ Q + 1),   Q₊ = ϱ Q + 1,   ϱ = 0.85,

which nearly every first trial satisfies, and which makes the method converge for every function bounded below.

References
----------
Barzilai & Borwein, IMA J. Numer. Anal. 8 (1988).  Raydan, SIAM J. Optim. 7 (1997).
Zhou, Gao & Dai, Comput. Optim. Appl. 35 (2006), for the choice between the two sizes.
Zhang & Hager, SIAM J. Optim. 14 (2004), for the average.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from .composition import Path, Stuck, Taken, decrease, unchanged
from .problem import Point, Vector
from .ray import straight

__all__ = ["BarzilaiBorwein"]


@dataclass(eq=False)
class BarzilaiBorwein:
    """The size of the last step's secant, held by an average of the past values; for the ray of steepest descent.

    Parameters
    ----------
    sufficient : float
        c₁, the part of the promised decrease that must be had.
    memory : float
        ϱ, the weight of the past in the average: 0 asks every value to fall.
    alike : float
        The ratio of the short size to the long one below which the short one is taken.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.gradient_descent import steepest_descent
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (float(x @ x), 2 * x))
    >>> here, rule = bowl.at([3.0, 4.0]), BarzilaiBorwein()
    >>> for _ in range(2):
    ...     here = rule(here, steepest_descent(here), bowl.at).point
    >>> bool(here.gradient_norm < 1e-14)
    True
    """

    sufficient: float = 1e-4
    memory: float = 0.85
    alike: float = 0.5
    max_trials: int = 60
    x: Vector | None = None
    gradient: Vector | None = None
    average: float = 0.0
    weight: float = 0.0

    def __call__(self, point: Point, path: Path, evaluate: Callable[[Vector], Point]) -> Taken | Stuck:
        """Return the first step below the average of the past values."""
        ray = straight(path)
        if self.weight == 0:
            self.average, self.weight = point.value, 1.0
        spare = max(self.average - point.value, 0.0)
        size = self._secant(point) or ray.natural
        met_not_finite = None
        for _ in range(self.max_trials):
            proposal = ray(size)
            step = proposal.step
            if unchanged(point, step):
                break
            trial = evaluate(point.x + step)
            if trial.value == float("-inf"):
                return Taken(trial, step, size, ray.kind)
            if not trial.finite:
                met_not_finite = trial.x
                size *= 0.1
                continue
            fell = decrease(point, trial, proposal)
            if fell + spare >= self.sufficient * proposal.predicted:
                self.x, self.gradient = point.x, point.gradient
                heavier = self.memory * self.weight + 1
                self.average = (self.memory * self.weight * self.average + trial.value) / heavier
                self.weight = heavier
                return Taken(trial, step, size, ray.kind)
            parabola = 0.5 * proposal.predicted / (proposal.predicted - fell)
            size *= min(max(parabola, 0.1), 0.5)
        if met_not_finite is not None:
            return Stuck(
                "no step along the descent direction stays where the function is finite", True, at=met_not_finite
            )
        return Stuck("no step along the descent direction lowers the value in double precision")

    def _secant(self, point: Point) -> float:
        """The size by the last step; 0 where the function curved down along it."""
        if self.x is None or self.gradient is None:
            return 0.0
        s, y = point.x - self.x, point.gradient - self.gradient
        sy, yy = float(s.dot(y)), float(y.dot(y))
        if not (sy > 0 and yy > 0):
            return 0.0
        long, short = float(s.dot(s)) / sy, sy / yy
        size = short if short < self.alike * long else long
        return size if isfinite(size) else 0.0
