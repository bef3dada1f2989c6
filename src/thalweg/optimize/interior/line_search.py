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

import numpy as np

from ..engine import Run
from ..problem import Vector
from .barrier import longest
from .filter import Filter
from .form import Form, Place
from .newton_system import NewtonSystem

__all__ = ["Found", "Here", "Step", "Trial", "barrier_value", "search"]

#: Second-order corrections at most, and how much each must lower the infeasibility.
CORRECTIONS, KAPPA_SOC = 4, 0.99
MOST_TRIALS = 60


@dataclass(slots=True, eq=False)
class Here:
    """The iterate that a search begins from."""

    place: Place
    w: Vector
    d: Vector
    C: Vector
    mu: float


@dataclass(slots=True, eq=False)
class Step:
    """A direction, its slope of the barrier function, and the longest lengths for d and for v."""

    dw: Vector
    dy: Vector
    dd: Vector
    dv: Vector
    slope: float
    alpha: float
    alpha_v: float


@dataclass(slots=True, eq=False)
class Found:
    """A trial point that was taken."""

    place: Place
    w: Vector
    d: Vector
    alpha: float
    kind: str


class Trial:
    """A trial point with its infeasibility and barrier function."""

    __slots__ = ("C", "d", "phi", "place", "theta", "w")

    def __init__(self, form: Form, here: Here, dw: Vector, dd: Vector, alpha: float, run: Run) -> None:
        n = form.n
        self.w = w = here.w + alpha * dw if alpha != 1.0 else here.w + dw
        self.d = here.d
        x = w[:n].copy() if form.slacks else w
        if form.x_lower is not None:
            x = np.minimum(np.maximum(x, form.x_lower), form.x_upper)
        point = run.evaluate(x)
        self.theta, self.phi = inf, inf
        total = point.value + float(point.gradient.sum())
        if not isfinite(total) and not point.finite:
            return
        self.place = form.place(point)
        if form.bounds:
            self.d = here.d + alpha * dd
        self.theta, self.phi = 0.0, barrier_value(form, self.place.f, self.d, here.mu)
        if form.m:
            self.C = form.excess(self.place, w)
            self.theta = float(np.abs(self.C).sum())
            if not point.finite:
                self.theta = inf


def barrier_value(form: Form, f: float, d: Vector, mu: float) -> float:
    """Return φ = f − μ Σ log d, with the damping of one-sided bounds."""
    if not form.bounds:
        return f
    phi = f - mu * float(np.log(d).sum())
    return phi + mu * float(form.damping @ d) if form.damped else phi


def search(
    form: Form, filter: Filter, system: NewtonSystem, here: Here, step: Step, r: Vector, run: Run
) -> Found | None:
    """Return the first trial that the filter accepts, or None."""
    theta = float(np.abs(here.C).sum()) if form.m else 0.0
    phi = barrier_value(form, here.place.f, here.d, here.mu)
    slope, alpha = step.slope, step.alpha
    if not isfinite(slope):
        return None
    shortest = filter.shortest(theta, slope)
    for trials in range(MOST_TRIALS):
        trial = Trial(form, here, step.dw, step.dd, alpha, run)
        if trial.theta < inf and filter.accepts(theta, phi, alpha, slope, trial.theta, trial.phi):
            filter.taken(theta, phi, alpha, slope, trial.phi)
            return Found(trial.place, trial.w, trial.d, alpha, "Newton")
        if trials == 0 and form.m and theta <= trial.theta < inf:
            corrected = _corrected(form, filter, system, here, step, trial, theta, phi, r, run)
            if corrected is not None:
                return corrected
        alpha *= 0.5
        if alpha < shortest or np.array_equal(here.w + alpha * step.dw, here.w):
            return None
    return None


def _corrected(
    form: Form,
    filter: Filter,
    system: NewtonSystem,
    here: Here,
    step: Step,
    trial: Trial,
    theta: float,
    phi: float,
    r: Vector,
    run: Run,
) -> Found | None:
    """Try second-order corrections of a first trial."""
    alpha, C, last = step.alpha, here.C, trial.theta
    barrier_r = r
    if form.bounds:
        pull = 1.0 / here.d - form.damping if form.damped else 1.0 / here.d
        v = system.ratio * here.d
        barrier_r = r + form.gather(form.sign * (v - here.mu * pull))
    for _ in range(CORRECTIONS):
        C = alpha * C + trial.C
        dw, _ = system.solve(barrier_r, C)
        dd = step.dd
        if form.bounds:
            dd = form.sign * dw[form.B]
            alpha = longest(dd / here.d, max(0.99, 1.0 - here.mu))
        trial = Trial(form, here, dw, dd, alpha, run)
        if trial.theta == inf:
            return None
        if filter.accepts(theta, phi, step.alpha, step.slope, trial.theta, trial.phi):
            filter.taken(theta, phi, step.alpha, step.slope, trial.phi)
            return Found(trial.place, trial.w, trial.d, alpha, "second-order correction")
        if trial.theta > KAPPA_SOC * last:
            return None
        last = trial.theta
    return None
