r"""Leaving a stationary point that is no minimum, along a way on which the function is known to fall.

At a saddle point with negative curvature λ < 0 along v,

    f(x ± t v) ≈ f(x) ± t ∇fᵀv − ½ |λ| t²,

so both ±v lead down; where the curvature vanishes, a higher derivative may show a way (`degenerate`).  The first step
is a tenth of the length of x and is halved until the fall is a fair part of the promised one.  Both sides are tried
where both fall, and the lower is taken, so the outcome depends on the function alone and not on a seed.

On constraints v is a direction of their tangent space along which the Hessian of L has negative curvature, or one that
leaves a constraint whose multiplier pulls the wrong way.  The step is brought back to the constraints (`retraction`),
stays within the bounds, and must lower f by more than the constraints are off.

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
from .retraction import retracted, room_along

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
    sides = [side * _sense(way) for side in ((1, -1) if way.two_sided else (1,))]
    rooms = {side: room_along(point, side * way.direction) for side in sides}
    t = min(t, max(rooms.values()))
    met_not_finite = None
    for _ in range(60):
        best: Taken | None = None
        for side in sides:
            reached = min(t, rooms[side])
            promised = abs(way.rate) * reached**way.order
            step = way.step(side * reached)
            if unchanged(point, step):
                continue
            trial = _follow(point, way, step, evaluate)
            if trial is None:
                continue
            if trial.value == -np.inf:
                return Taken(trial, step, reached, "negative curvature")
            if not trial.finite:
                met_not_finite = trial.x
                continue
            step = trial.x - point.x
            fell = decrease(point, trial, Proposal(step, promised, reached, "")) - way.noise
            if fell > 0.1 * promised and (best is None or trial.value < best.point.value):
                best = Taken(trial, step, reached, "negative curvature")
        if best is not None:
            return best
        t *= 0.5
    return Stuck(
        "no step away from the saddle point lowers the value in double precision",
        not_finite=met_not_finite is not None,
        at=met_not_finite,
    )


def _follow(point: Point, way: Way, step: Vector, evaluate: Callable[[Vector], Point]) -> Point | None:
    """The point that a step along the way leads to, back on the constraints."""
    if not point.problem.constrained:
        return evaluate(point.x + step)
    trial = retracted(point.x + step, way.rows, evaluate, point.violation)
    if trial is None or not trial.finite or not point.problem.m:
        return trial
    astray = float(np.linalg.norm(trial.x - point.x - step))
    return trial if astray <= 0.5 * float(np.linalg.norm(step)) else None


def _sense(way: Way) -> float:
    """The first side to try: that on which the largest component grows; the given one where only that side falls."""
    v = way.direction
    return -1.0 if way.two_sided and v[int(np.argmax(np.abs(v)))] < 0 else 1.0
