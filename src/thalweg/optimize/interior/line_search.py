r"""The line search: how far to go along a direction, by the filter.

The step length is halved from the longest one that keeps the bounds.  If the first trial makes the constraints worse, a
*second-order correction* is tried before: the linear system is solved again with the constraints as they are at the
trial point, so that curved constraints do not force short steps (the Maratos effect).

References
----------
Wächter & Biegler, Math. Program. 106 (2006), algorithm A, steps 5 and §2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np

from ..engine import Run
from ..problem import Vector
from .barrier import TAU_LEAST, longest
from .filter import Filter
from .form import Form, Place
from .newton_system import NewtonSystem
from .position import Position

__all__ = ["Found", "Step", "Trial", "barrier_value", "search", "trial"]

#: Second-order corrections at most, and how much each must lower the infeasibility.
CORRECTIONS, KAPPA_SOC = 4, 0.99
#: No search goes below this length, nor beyond so many trials.
SHORTEST, MOST_TRIALS = 1e-12, 60


@dataclass(slots=True, eq=False)
class Step:
    """A direction, its slope of the barrier function, and the longest lengths for d and for v.

    The curvature of the model along it is infinite where it need not be looked at.
    """

    dw: Vector
    dy: Vector
    dd: Vector
    dv: Vector
    slope: float
    alpha: float
    alpha_v: float
    curvature: float = inf


@dataclass(slots=True, eq=False)
class Found:
    """A trial point that was taken."""

    place: Place
    w: Vector
    d: Vector
    alpha: float
    kind: str


@dataclass(slots=True, eq=False)
class Trial:
    """A trial point with its infeasibility and barrier function, infinite where it cannot be evaluated."""

    w: Vector
    d: Vector
    place: Any = None
    C: Any = None
    theta: float = inf
    phi: float = inf


def barrier_value(form: Form, f: float, d: Vector, mu: float) -> float:
    """Return φ = f − μ Σ log d, with the damping of one-sided bounds."""
    if not form.bounds:
        return f
    phi = f - mu * float(np.log(d).sum())
    return phi + mu * float(form.damping @ d) if form.damped else phi


def trial(here: Position, dw: Vector, dd: Vector, alpha: float, mu: float, run: Run) -> Trial:
    """Evaluate at w + α Δw."""
    form = here.form
    w = here.w + alpha * dw
    x = w[: form.n]
    if form.x_lower is not None and form.x_upper is not None:
        x = np.minimum(np.maximum(x, form.x_lower), form.x_upper)
    elif form.slacks:
        x = x.copy()
    point = run.evaluate(x)
    tried = Trial(w, here.d + alpha * dd if form.bounds else here.d)
    total = point.value + float(point.gradient.sum())
    if form.m:
        total += float(point.c.sum())
    if not isfinite(total) and not point.finite:
        return tried
    tried.place = place = form.place(point)
    if form.m:
        if not isfinite(float(place.J.sum())) and not point.finite:
            return tried
        tried.C = form.excess(place, w)
        tried.theta = float(np.abs(tried.C).sum())
    else:
        tried.theta = 0.0
    tried.phi = barrier_value(form, place.f, tried.d, mu)
    return tried


def search(here: Position, filter: Filter, system: NewtonSystem, step: Step, mu: float, run: Run) -> Found | None:
    """Return the first trial that the filter accepts, or None."""
    theta = here.theta
    phi = barrier_value(here.form, here.place.f, here.d, mu)
    slope, alpha = step.slope, step.alpha
    if not isfinite(slope):
        return None
    shortest = max(filter.shortest(theta, slope), SHORTEST)
    for trials in range(MOST_TRIALS):
        tried = trial(here, step.dw, step.dd, alpha, mu, run)
        if tried.theta < inf and filter.accepts(theta, phi, alpha, slope, tried.theta, tried.phi):
            filter.taken(theta, phi, alpha, slope, tried.phi)
            return Found(tried.place, tried.w, tried.d, alpha, "Newton")
        if trials == 0 and theta <= tried.theta < inf and here.form.m:
            corrected = _corrected(here, filter, system, step, tried, phi, mu, run)
            if corrected is not None:
                return corrected
        alpha *= 0.5
        if alpha < shortest or np.array_equal(here.w + alpha * step.dw, here.w):
            return None
    return None


def _corrected(
    here: Position, filter: Filter, system: NewtonSystem, step: Step, first: Trial, phi: float, mu: float, run: Run
) -> Found | None:
    """Try second-order corrections of a first trial."""
    form, theta = here.form, here.theta
    alpha, C, r, last = step.alpha, here.C, here.r, first.theta
    if form.bounds:
        inverse = 1.0 / here.d
        r = r + form.gather(form.sign * (here.v - mu * (inverse - form.damping)))
    tried, dd = first, step.dd
    for _ in range(CORRECTIONS):
        C = alpha * C + tried.C
        dw, _ = system.solve(r, C)
        if form.bounds:
            dd = form.sign * dw[form.B]
            alpha = longest(dd * inverse, max(TAU_LEAST, 1.0 - mu))
        tried = trial(here, dw, dd, alpha, mu, run)
        if tried.theta == inf:
            return None
        if filter.accepts(theta, phi, step.alpha, step.slope, tried.theta, tried.phi):
            filter.taken(theta, phi, step.alpha, step.slope, tried.phi)
            return Found(tried.place, tried.w, tried.d, alpha, "second-order correction")
        if tried.theta > KAPPA_SOC * last:
            return None
        last = tried.theta
    return None
