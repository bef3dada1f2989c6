r"""The primal–dual step at a position, with the barrier parameter that it is for.

The right side is linear in μ, and so is the step.  In free mode it is therefore solved for twice at once, without μ and
for the change with μ, and the quality function chooses (`barrier`).
"""

from __future__ import annotations

import numpy as np

from .barrier import TAU_LEAST, Barrier, longest, quality_sigma
from .line_search import Step
from .newton_system import NewtonSystem
from .position import Position

__all__ = ["direction"]


def direction(here: Position, system: NewtonSystem, barrier: Barrier) -> Step:
    """Return the step for the current factorization; in free mode, choose μ."""
    form, r, C = here.form, here.r, here.C
    none = np.zeros(0)
    if not form.bounds:
        dw, dy = system.solve(r, C)
        return Step(dw, dy, none, none, float(here.place.g @ dw[: form.n]), 1.0, 1.0, system.curvature(r, C, dw, dy))
    sign, B, v, ratio = form.sign, form.B, here.v, system.ratio
    inverse = 1.0 / here.d
    pull = inverse - form.damping if form.damped else inverse
    free = barrier.free
    if free:
        right = np.empty((2, form.size))
        np.add(r, form.gather(sign * v), out=right[0])
        np.negative(form.gather(sign * pull), out=right[1])
        excess = np.zeros((2, form.m))
        excess[0] = C
        dws, dys = system.solve(right, excess)
        dds = dws[:, B]
        dds *= sign
        dvs = -ratio * dds
        dvs[0] -= v
        dvs[1] += inverse
        average = here.average
        primal = float(C @ C) / form.m if form.m else 0.0
        sigma = quality_sigma(here.d, v, dds, dvs, average, TAU_LEAST, float(r @ r) / form.size, primal)
        barrier.mu = mu = max(barrier.least, sigma * average)
        dw, dy = dws[0] + mu * dws[1], dys[0] + mu * dys[1]
        dd, dv = dds[0] + mu * dds[1], dvs[0] + mu * dvs[1]
    else:
        mu = barrier.mu
        barrier_r = r + form.gather(sign * (v - mu * pull))
        dw, dy = system.solve(barrier_r, C)
        dd = sign * dw[B]
        dv = mu * inverse - v - ratio * dd
    slope = float(here.place.g @ dw[: form.n]) - mu * float(pull @ dd)
    tau = barrier.tau
    curvature = np.inf
    if not system.certain:
        barrier_r = r + form.gather(sign * (v - mu * pull))
        curvature = system.curvature(barrier_r, C, dw, dy)
    return Step(dw, dy, dd, dv, slope, longest(dd * inverse, tau), longest(dv / v, tau), curvature)
