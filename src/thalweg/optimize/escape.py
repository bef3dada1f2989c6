r"""Leaving a stationary point that is no minimum, along a way on which the function is known to fall.

At a saddle point with negative curvature λ < 0 along v,

    f(x ± t v) ≈ f(x) ± t ∇fᵀv − ½ |λ| t²,

so both ±v lead down; where the curvature vanishes, a higher derivative may show a way (`degenerate`).  The first step
is a tenth of the length of x and is halved until the fall is a fair part of the promised one.  Both sides are tried
where both fall, and the lower is taken, so the outcome depends on the function alone and not on a seed.

References
----------
Moré & Sorensen, *On the use of directions of negative curvature in a modified Newton method*, Math. Prog. 16 (1979).
Goldfarb, *Curvilinear path steplength algorithms…*, Math. Prog. 18 (1980).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .composition import Proposal, Stuck, Taken, decrease, unchanged
from .degenerate import Way
from .problem import Point, Vector

__all__ = ["escape"]


def escape(point: Point, way: Way, evaluate: Callable[[Vector], Point], reach: float = 0.0) -> Taken | Stuck:
    """Take a step along a way on which the function falls.

    Parameters
    ----------
    point, way
        Where, and which way out.
    evaluate : callable
        x → Point.
    reach : float
        The length of x that a first step is measured by, if that is more than the length of x here.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> f = Problem(2, lambda x: (x[0]**2 - x[1]**2, np.array([2 * x[0], -2 * x[1]])))
    >>> escape(f.at([0.0, 0.0]), Way(np.array([0.0, 1.0]), -1.0, 2), f.at).point.value
    -1.0
    """
    t = 0.1 * max(reach, float(np.linalg.norm(point.x))) or 1.0
    met_not_finite = None
    for _ in range(60):
        best: Taken | None = None
        promised = abs(way.rate) * t**way.order
        for side in (1, -1) if way.two_sided else (1,):
            step = way.step(side * _sense(way) * t)
            if unchanged(point, step):
                continue
            trial = evaluate(point.x + step)
            if trial.value == -np.inf:
                return Taken(trial, step, t, "negative curvature")
            if not trial.finite:
                met_not_finite = trial.x
                continue
            fell = decrease(point, trial, Proposal(step, promised, t, ""))
            if fell > 0.1 * promised and (best is None or trial.value < best.point.value):
                best = Taken(trial, step, t, "negative curvature")
        if best is not None:
            return best
        t *= 0.5
    return Stuck(
        "no step away from the saddle point lowers the value in double precision",
        not_finite=met_not_finite is not None,
        at=met_not_finite,
    )


def _sense(way: Way) -> float:
    """The first side to try: that on which the largest component grows; the given one where only that side falls."""
    v = way.direction
    return -1.0 if way.two_sided and v[int(np.argmax(np.abs(v)))] < 0 else 1.0
