r"""When a run ends, and in which words.

A run has *converged* when ‖∇f‖∞ ≤ tol at a point that is of the sought kind and not far from the stationary point of
its quadratic model (`certificate`).  The test is absolute, as the textbook's "until the gradient is small"; what an
absolute test misses is caught on both sides:

- a function of large scale whose gradient cannot reach tol in double precision: when no step makes progress any more,
  a point right to eight digits of x counts as converged "to working precision";
- a function of small scale whose gradient is below tol everywhere: the Newton step is still long, so the run goes on.

It is *unbounded* when the value reaches −∞, or falls below −10²⁰ times its scale, or x runs beyond 10²⁰ times its own
while the value still falls.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §3.2 and §17; Dennis & Schnabel (1983), §7.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .classify import Classification
from .composition import Stuck
from .problem import Point
from .solution import Status

__all__ = ["Ending", "converged", "iteration_limit", "not_finite", "runs_away", "standing_on", "stuck", "time_limit"]

#: Growth of |f| or |x| over their scale at the start that no function with a minimum shows.
RUNAWAY = 1e20


@dataclass(frozen=True)
class Ending:
    """Status, sentence and, where known, what the point is."""

    status: Status
    message: str
    classification: Classification | None = None


def converged(c: Classification, tol: float) -> Ending:
    """The gradient is small and the point is of the right kind."""
    if c.gradient_norm <= tol:
        message = f"Converged: the gradient norm {c.gradient_norm:.3g} is within tol={tol:g}."
    else:
        message = (
            f"Converged to working precision: the gradient norm {c.gradient_norm:.3g} cannot be made smaller in double "
            f"precision (tol={tol:g}); x is right to about {c.certificate.expected_error:.1g}."
        )
    if c.kind == "degenerate":
        message += " The gradient is zero, but the second derivatives do not decide whether this is a minimum."
    return Ending(Status.CONVERGED, message, c)


def standing_on(c: Classification, sense: str, escaping: bool) -> Ending:
    """A stationary point of the wrong kind that the run did not leave."""
    sought = "minimum" if sense == "minimize" else "maximum"
    place = "degenerate point" if c.kind == "degenerate" else c.kind
    message = f"Stalled on a {place}: the gradient is zero here, but this is no {sought}. "
    if escaping:
        message += "No step that leads away from it could be found; try another start."
    else:
        message += "Leave escape_saddles at True to go on from here."
    return Ending(Status.STALLED, message, c)


def stuck(outcome: Stuck, point: Point, c: Classification | None) -> Ending:
    """The step rule found no step."""
    reason = outcome.reason[0].upper() + outcome.reason[1:]
    if outcome.not_finite:
        return Ending(Status.NOT_FINITE, f"{reason}.{_blame(point, outcome)}", c)
    if outcome.too_far:
        return Ending(Status.STALLED, reason + ".", c)
    message = f"Stalled: {outcome.reason}, although the gradient norm is still {point.gradient_norm:.3g}."
    message += " The function may have a kink or be noisy here; try another start, or scale the variables."
    return Ending(Status.STALLED, message, c)


def standstill(point: Point, method: str, rate: float | None) -> Ending:
    """Many steps, no progress."""
    message = (
        f"Stalled: the last 100 iterations lowered neither the value nor the gradient norm {point.gradient_norm:.3g}."
    )
    if rate is not None:
        message += (
            f" Steps of learning rate {rate:g} jump to and fro; try learning_rate={rate / 2:.2g}, or leave it out."
        )
    else:
        other = "another start" if method == "newton" else "method='newton'"
        message += f" The function may have a kink here, or be badly conditioned for this method; try {other}."
    return Ending(Status.STALLED, message)


def not_finite(point: Point) -> Ending:
    """The starting point itself is outside the function's domain."""
    what = f"the value is {point.value}" if not np.isfinite(point.value) else "the gradient is not finite"
    message = f"The function cannot be followed from the start: {what} there. Try a start inside its domain."
    return Ending(Status.NOT_FINITE, message + _blame(point, None))


def no_direction(reason: str, point: Point) -> Ending:
    """A derivative that the method needs is not finite where the function itself still is."""
    message = f"The run cannot go on from here: {reason}, while the gradient norm is {point.gradient_norm:.3g}."
    advice = " Try method='gradient-descent', or another start."
    return Ending(Status.NOT_FINITE, message + advice + _blame(point, None))


def runs_away(start: Point, point: Point, sense: str) -> Ending | None:
    """Whether the run follows the function down without end."""
    scale = RUNAWAY * max(1.0, abs(start.value))
    size = float(np.max(np.abs(point.x), initial=0.0))
    home = RUNAWAY * max(1.0, float(np.max(np.abs(start.x), initial=0.0)))
    if not (point.value < -scale or (size > home and point.value < start.value)):
        return None
    side = "below" if sense == "minimize" else "above"
    shown = point.problem.sign * point.value
    message = (
        f"The function seems to be unbounded {side}: the value reached {shown:.3g} at |x| = {size:.3g}, and goes on."
    )
    return Ending(Status.UNBOUNDED, message + " Check the sign of the function, or add what keeps it bounded.")


def iteration_limit(limit: int, point: Point, method: str, rate: float | None) -> Ending:
    """Out of iterations."""
    message = (
        f"Not converged after {limit} iteration{'s' * (limit != 1)}: the gradient norm is {point.gradient_norm:.3g}. "
    )
    if rate is not None:
        message += "Raise max_iterations, leave learning_rate out to have it chosen, or try method='newton'."
    elif method == "newton":
        message += "Raise max_iterations, or try another start."
    else:
        message += "Raise max_iterations, or try method='newton'."
    return Ending(Status.ITERATION_LIMIT, message)


def time_limit(limit: float, point: Point) -> Ending:
    """Out of time."""
    message = f"Not converged within {limit:g} s: the gradient norm is {point.gradient_norm:.3g}. "
    return Ending(Status.TIME_LIMIT, message + "Raise time_limit, or start again from this x.")


def _blame(point: Point, outcome: Stuck | None) -> str:
    """The line of the user's code that is not finite, where it can be told."""
    explain = point.problem.explain
    where = outcome.at if outcome is not None and outcome.at is not None else point.x
    found = explain(where) if explain is not None else None
    return f" {found}" if found else ""
