r"""Strong Wolfe search: a step that falls enough and turns the slope, mostly at the first trial.

Along a ray, φ(t) = f(x + t d), a size t is accepted when

    φ(t) ≤ φ(0) + c₁ t φ'(0)     it falls enough (Armijo),          c₁ = 10⁻⁴,
    |φ'(t)| ≤ c₂ |φ'(0)|         the slope has flattened,            c₂ = 0.9.

The second makes sᵀy = (∇f₊ − ∇f)ᵀs positive, which quasi-Newton directions live on.  The interval of trials is that of
`bracket`.

Near a minimum φ(t) − φ(0) drowns in rounding long before the slopes do, and the first condition fails or holds by
chance.  So it is relaxed by the rounding of φ(0).  Where values are equal within that, the second condition decides
alone: it implies Hager and Zhang's *approximate Wolfe* condition (2 c₁ − 1) φ'(0) ≥ φ'(t) ≥ c₂ φ'(0), which is the
first one for a parabola, said in slopes; and so x is found to all its digits.

References
----------
Wolfe, SIAM Review 11 (1969).  Moré & Thuente, ACM TOMS 20 (1994).
Hager & Zhang, SIAM J. Optim. 16 (2005), §4, and ACM TOMS 32 (2006), §3: the approximate conditions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from .bracket import Bracket, Trial
from .composition import DROWNED, Path, Stuck, Taken, unchanged
from .problem import Point, Vector
from .ray import Ray, straight

__all__ = ["Wolfe"]

#: Sizes that differ by a smaller part are the same but for rounding.
SAME = 1e-14


@dataclass
class Wolfe:
    """Search along a ray for a step that satisfies the strong Wolfe conditions.

    Parameters
    ----------
    sufficient : float
        c₁, the part of the promised decrease that must be had.
    curvature : float
        c₂ > c₁, the part of the slope that may remain; smaller is a more exact search.
    max_trials : int
        So many evaluations at most; then the best step that fell enough is taken.
    margin : float
        The nearest that a trial comes to an end of the interval, as a part of its length.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.gradient_descent import steepest_descent
    >>> from thalweg.optimize.problem import Problem
    >>> valley = Problem(1, lambda x: (float(x[0] ** 4), 4 * x**3))
    >>> here = valley.at([1.0])
    >>> there = Wolfe(curvature=0.1)(here, steepest_descent(here), valley.at)
    >>> bool(abs(there.point.gradient[0]) <= 0.1 * 4)
    True
    """

    sufficient: float = 1e-4
    curvature: float = 0.9
    max_trials: int = 50
    margin: float = 0.05

    def __call__(self, point: Point, path: Path, evaluate: Callable[[Vector], Point]) -> Taken | Stuck:
        """Return a step that satisfies the conditions, or the best that falls enough, or why there is none."""
        ray = straight(path)
        d, slope0, value0 = ray.d, ray.slope, point.value
        if not slope0 < 0:
            return Stuck("the function does not fall along the direction of this method in double precision")
        bracket = Bracket(Trial(0.0, value0, slope0, point), self.sufficient, DROWNED * abs(value0), self.margin)
        best, flat = bracket.a, -self.curvature * slope0
        t = self.first(point, ray)
        met_not_finite = None
        for _ in range(self.max_trials):
            step = t * d
            there = evaluate(point.x + step)
            if there.value == float("-inf"):
                return Taken(there, step, t, ray.kind)
            trial = Trial(t, there.value, float(there.gradient.dot(d)), there)
            if not (isfinite(trial.value) and isfinite(trial.slope)):
                met_not_finite = there.x
                bracket.block(t)
            else:
                if bracket.fell_enough(trial):
                    if abs(trial.slope) <= flat:
                        return Taken(there, step, t, ray.kind)
                    if best.t == 0 or bracket.better(trial, best):
                        best = trial
                if trial.value == value0 and unchanged(point, step):
                    break
                bracket.add(trial)
            t = bracket.next()
            if not bracket.a.t < t < bracket.upper or abs(t - best.t) <= SAME * t:  # no inside left
                break
        if best.value < value0 or (best.t > 0 and abs(best.slope) < 0.9 * abs(slope0)):
            return Taken(best.point, best.t * d, best.t, ray.kind)
        if met_not_finite is not None:
            return Stuck(
                "no step along the descent direction stays where the function is finite", True, at=met_not_finite
            )
        return Stuck("no step along the descent direction lowers the value in double precision")

    def first(self, point: Point, ray: Ray) -> float:
        """Return the size to try first."""
        return ray.natural
