r"""Backtracking: try a size, and shorten it until the function has fallen enough.

A step s is taken when it satisfies Armijo's condition, a fixed part of the promised decrease:

    f(x) − f(x + s) ≥ c₁ · promised,         c₁ = 10⁻⁴.

If it does not, the next size is the minimum of the parabola through what is known (value and slope at 0, value at the
trial), kept between a tenth and a half of the last size.  A size that is accepted at once is doubled for the next step,
so the rate can grow where the function is flat.  Where differences of values drown in rounding, the gradients decide
(see `composition.decrease`).

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), algorithm 3.1 and §3.5.
Armijo, Pacific J. Math. 16 (1966).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .composition import Path, Stuck, Taken, decrease, unchanged
from .problem import Point, Vector

__all__ = ["Backtracking"]


@dataclass
class Backtracking:
    """Shorten each step until it satisfies Armijo's condition; lengthen the next when it did at once.

    Examples
    --------
    >>> from thalweg.optimize.gradient_descent import steepest_descent
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(1, lambda x: (float(x @ x), 2 * x))
    >>> here = bowl.at([1.0])
    >>> Backtracking(size=8.0)(here, steepest_descent(here), bowl.at).point.x
    array([-0.6])
    """

    size: float | None = None
    sufficient: float = 1e-4
    growth: float = 2.0
    max_trials: int = 100

    def __call__(self, point: Point, path: Path, evaluate: Callable[[Vector], Point]) -> Taken | Stuck:
        """Return the first step that falls enough."""
        size = path.natural if self.size is None else self.size
        met_not_finite = None
        for trials in range(self.max_trials):
            proposal = path(size)
            if unchanged(point, proposal.step):
                break
            trial = evaluate(point.x + proposal.step)
            if trial.value == float("-inf"):
                return Taken(trial, proposal.step, size, proposal.kind)
            if not trial.finite:
                met_not_finite = trial.x
                size *= 0.1
                continue
            fell = decrease(point, trial, proposal)
            if fell >= self.sufficient * proposal.predicted:
                first_try = trials == 0
                self.size = size * self.growth if first_try else size
                return Taken(trial, proposal.step, size, proposal.kind)
            parabola = 0.5 * proposal.predicted / (proposal.predicted - fell)
            size *= min(max(parabola, 0.1), 0.5)
        if met_not_finite is not None:
            return Stuck(
                "no step along the descent direction stays where the function is finite", True, at=met_not_finite
            )
        return Stuck("no step along the descent direction lowers the value in double precision")
