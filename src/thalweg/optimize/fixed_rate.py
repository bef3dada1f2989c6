r"""A fixed learning rate: every step has the size η that the user gave.

This is the textbook's rule.  It asks nothing of the function on the way, so it can also fail in the textbook's way:
with η > 2/M, M the largest curvature met, each step overshoots by more than the last and the values grow without end.
The rule watches for that and says which η would have been small enough where the run began: η = 1/M, M the largest
eigenvalue of the Hessian there (for very many variables, the curvature gᵀHg/gᵀg along the first step).

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §3.3; Bottou, Curtis & Nocedal, SIAM Review 60 (2018), §4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log10

import numpy as np

from .composition import Path, Stuck, Taken, unchanged
from .problem import Point, Vector
from .sizes import DENSE_LIMIT

__all__ = ["FixedRate"]

#: So many rises of value and gradient in a row are divergence, not an overshoot.
PATIENCE = 10


@dataclass
class FixedRate:
    """Take every step with the same learning rate.

    Examples
    --------
    >>> from thalweg.optimize.gradient_descent import steepest_descent
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(1, lambda x: (float(x @ x), 2 * x))
    >>> here = bowl.at([1.0])
    >>> FixedRate(0.25)(here, steepest_descent(here), bowl.at).point.x
    array([0.5])
    """

    rate: float
    start: Point | None = None
    rises: int = 0

    def __call__(self, point: Point, path: Path, evaluate: Callable[[Vector], Point]) -> Taken | Stuck:
        """Take the step of size η, or say that η is too large."""
        if self.start is None:
            self.start = point
        proposal = path(self.rate)
        s = proposal.step
        if unchanged(point, s):
            return Stuck(f"steps of learning rate {self.rate:g} no longer change x in double precision")
        trial = evaluate(point.x + s)
        if trial.value == float("-inf"):
            return Taken(trial, s, self.rate, proposal.kind)
        if not trial.finite:
            return Stuck(self._advice(point, trial), not_finite=True, at=trial.x)
        rising = trial.value > point.value and trial.gradient_norm > point.gradient_norm
        self.rises = self.rises + 1 if rising else 0
        explosion = trial.value - self.start.value > 1e6 * max(1.0, abs(self.start.value))
        if self.rises >= PATIENCE or (rising and explosion):
            return Stuck(self._advice(point, trial), too_far=True)
        return Taken(trial, s, self.rate, proposal.kind)

    def _advice(self, point: Point, trial: Point) -> str:
        start, sign = self.start or point, point.problem.sign
        if trial.finite:
            fact = f"the value went from {sign * start.value:.4g} to {sign * trial.value:.4g}"
        else:
            fact = f"from the value {sign * point.value:.4g} a step led to where the function is not finite"
        steepest = _curvature(start)
        if np.isfinite(steepest) and steepest > 0:
            advice = f"try learning_rate <= {_one_digit(min(1 / steepest, self.rate / 2)):g}"
        else:
            advice = f"try learning_rate = {_one_digit(self.rate / 10):g}"
        advice += ", or leave learning_rate out to have it chosen"
        return f"the learning rate {self.rate:g} is too large: {fact}; {advice}"


def _curvature(point: Point) -> float:
    """The largest curvature of the function at a point, or the one along its gradient."""
    if point.problem.n > DENSE_LIMIT:
        g = point.gradient
        return float(g @ point.problem.hessian_product(point.x, g)) / float(g @ g)
    H = point.hessian
    return float(np.linalg.eigvalsh(H)[-1]) if np.isfinite(H).all() else float("nan")


def _one_digit(number: float) -> float:
    """Round down to one significant digit."""
    unit = 10.0 ** floor(log10(number))
    return floor(number / unit) * unit
