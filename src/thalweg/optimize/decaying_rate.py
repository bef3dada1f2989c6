r"""A learning rate by schedule: step k has the size η_k.

    θ ← θ − η_k ∇L(θ),        η_k from `schedules`.

Like a fixed rate it asks nothing of the function on the way and does not even need the values; unlike it, it may begin
larger than 2/M, M the largest curvature, if it falls below in time.  Divergence is told as by `fixed_rate`.

References
----------
Bottou, Curtis & Nocedal, SIAM Review 60 (2018), §4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .composition import Path, Stuck, Taken
from .fixed_rate import FixedRate
from .problem import Point, Vector
from .schedules import Schedule

__all__ = ["DecayingRate"]


@dataclass
class DecayingRate:
    """Take step k with the learning rate that a schedule gives it.

    Examples
    --------
    >>> from thalweg.optimize.gradient_descent import steepest_descent
    >>> from thalweg.optimize.problem import Problem
    >>> from thalweg.optimize.schedules import InverseTime
    >>> bowl = Problem(1, lambda x: (float(x @ x), 2 * x))
    >>> rule, here = DecayingRate(InverseTime(0.25, decay=1.0)), bowl.at([8.0])
    >>> for _ in range(2):
    ...     here = rule(here, steepest_descent(here), bowl.at).point
    ...     print(here.x)
    [4.]
    [3.]
    """

    schedule: Schedule
    steps: int = 0
    fixed: FixedRate | None = None

    def __call__(self, point: Point, path: Path, evaluate: Callable[[Vector], Point]) -> Taken | Stuck:
        """Take the step of size η_k, or say that it is too large, or too small to change x."""
        rate = self.schedule(self.steps)
        if self.fixed is None:
            self.fixed = FixedRate(rate)
        self.fixed.rate = rate
        self.steps += 1
        return self.fixed(point, path, evaluate)
