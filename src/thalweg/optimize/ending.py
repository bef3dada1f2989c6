r"""When a run ends, and in which words.

A run has *converged* when ‖∇f‖∞ ≤ tol at a point that is of the sought kind and not far from the stationary point of
its quadratic model (`certificate`).  The test is absolute, as the textbook's "until the gradient is small"; what an
absolute test misses is caught on both sides:

- a function of large scale whose gradient cannot reach tol in double precision: when no step makes progress any more,
  a point right to eight digits of x counts as converged "to working precision";
- a function of small scale whose gradient is below tol everywhere: the Newton step is still long, so the run goes on.

It is *unbounded* when the value reaches −∞, or falls below −10²⁰ times its scale, or x runs beyond 10²⁰ times its own
while the value still falls.  In the last case the value may only approach its infimum, as 1/log x does: the falls over
the last two factors of 10⁵ on the way from the start to x are compared.  They are equal for −log x, and in the ratio
0.71 for −log log x; for (log x)⁻ᵖ, p ≥ 1, and x⁻ᵖ the last one is at most half of the one before, and such a run has
*stalled*.  So has that of a sum of squares, which is never negative.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §3.2 and §17; Dennis & Schnabel (1983), §7.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .classify import Classification
from .composition import Stuck
from .engine import Iterate
from .problem import Point, Vector
from .relations import Relations
from .solution import Status

__all__ = [
    "Ending",
    "converged",
    "infeasible",
    "iteration_limit",
    "measure",
    "not_finite",
    "over",
    "runs_away",
    "standing_on",
    "stuck",
    "time_limit",
    "unbounded",
]

#: Growth of |f| or |x| over their scale at the start that no function with a minimum shows.
RUNAWAY = 1e20
#: A way from the start so long, beside |x| there, shows in which direction a function falls for ever; a pole is nearer.
FAR = 10.0
#: A part of the way to x, and twice as many decades less; a function whose last fall between them is less than this
#: share of the one before flattens out.
NEARER, FLATTER = 1e-5, 0.6


@dataclass(frozen=True)
class Ending:
    """Status, sentence and, where known, what the point is."""

    status: Status
    message: str
    classification: Classification | None = None
    ray: Vector | None = None


def measure(at: Iterate) -> str:
    """What the residual is, in words."""
    return "the residual of the optimality conditions" if at.point.problem.constrained else "the gradient norm"


def _still(at: Iterate) -> str:
    """How far an unfinished run is from its end."""
    if at.point.problem.sampled is not None and at.residual == np.inf:
        return f"the value over the last batch is {at.point.problem.sign * at.point.value:.4g}"
    text = f"{measure(at)} is {at.residual:.3g}"
    if at.point.violation > 0:
        text += f" and the constraints are violated by up to {at.point.violation:.3g}"
    return text


def converged(c: Classification, tol: float, convex: bool = False) -> Ending:
    """The gradient is small and the point is of the right kind."""
    constrained = c.multipliers is not None or c.y is not None
    if constrained and c.kind == "degenerate":
        message = (
            f"Converged, and the constraints hold to {c.certificate.feasibility:.3g}; but whether this is a minimum "
            f"could not be decided: {c.why}."
        )
        return Ending(Status.CONVERGED, message, c)
    if constrained:
        message = (
            f"Converged: the gradient of the Lagrangian is {c.certificate.stationarity:.3g}, "
            f"the constraints hold to {c.certificate.feasibility:.3g} (tol={tol:g})."
        )
    elif c.gradient_norm <= tol:
        message = f"Converged: the gradient norm {c.gradient_norm:.3g} is within tol={tol:g}."
    else:
        message = (
            f"Converged to working precision: the gradient norm {c.gradient_norm:.3g} cannot be made smaller in double "
            f"precision (tol={tol:g}); x is right to about {c.certificate.expected_error:.1g}."
        )
    if convex and c.kind in ("strict minimum", "minimum"):
        message += " The problem is convex, so this is the global minimum."
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


def infeasible(outcome: Stuck, point: Point, relations: Relations) -> Ending:
    """The constraints contradict one another, as far as can be seen from where the run came to."""
    message = (
        f"Infeasible: {outcome.reason}. The point given violates the constraints least, by up to {point.violation:.3g}."
    )
    found = conflicts(point, relations)
    if found:
        message += " Those that do not hold there: " + "; ".join(found) + "."
    against = opposing(point, relations)
    if against:
        message += " What keeps them from holding: " + "; ".join(against) + "."
    message += " Loosen one of them, or try another start if the functions are not convex."
    return Ending(Status.INFEASIBLE, message)


def conflicts(point: Point, relations: Relations, shown: int = 5) -> list[str]:
    """The violated constraints in the user's words, the worst first."""
    found: list[tuple[float, str]] = []
    constraints = point.problem.constraints
    if constraints is not None:
        over = np.maximum(constraints.lower - point.c, point.c - constraints.upper)
        worst = float(np.max(over, initial=0.0))
        for row in np.flatnonzero(over > max(1e-6, 1e-3 * worst)):
            name = constraints.names[int(row)] if len(constraints.names) > row else f"row {row}"
            place = relations.of_row(int(row))[0].place if relations.all else ""
            found.append((-float(over[row]), f"{name}{f' at {place}' if place else ''}, by {over[row]:.3g}"))
    found.sort()
    more = [f"and {len(found) - shown} more"] if len(found) > shown else []
    return [text for _, text in found[:shown]] + more


def opposing(point: Point, relations: Relations, shown: int = 5) -> list[str]:
    """What stands against the violated constraints, in the user's words, the strongest first.

    Where their violation is least, its gradient is balanced by multipliers of the active constraints and bounds:
    those with one that is not zero are in conflict with the violated ones.
    """
    from scipy.optimize import nnls

    problem, x = point.problem, point.x
    constraints = problem.constraints
    if constraints is None or not point.finite or problem.n + problem.m > 1000:
        return []
    J = point.J.toarray() if problem.sparse else point.J
    over = np.maximum(constraints.lower - point.c, point.c - constraints.upper)
    off = over > max(1e-6, 1e-3 * float(np.max(over, initial=0.0)))
    worse = np.where(off, np.where(point.c > constraints.upper, 1.0, -1.0) * np.maximum(over, 0.0), 0.0)
    columns, words = [], []
    almost = 1e-3 * float(np.max(over, initial=0.0))
    near = np.maximum(almost, 1e-5 * np.maximum(1.0, np.abs(point.c)))
    for side, values in ((1.0, constraints.upper), (-1.0, constraints.lower)):
        for row in np.flatnonzero(~off & (np.abs(point.c - values) <= near)):
            columns.append(side * J[row])
            name = constraints.names[int(row)] if len(constraints.names) > row else f"row {row}"
            place = relations.of_row(int(row))[0].place if relations.all else ""
            words.append(f"{name}{f' at {place}' if place else ''}")
    if problem.lower is not None and problem.upper is not None:
        for side, values, sign in ((1.0, problem.upper, "<="), (-1.0, problem.lower, ">=")):
            close = np.abs(x - values) <= np.maximum(almost, 1e-5 * np.maximum(1.0, np.abs(x)))
            for j in map(int, np.flatnonzero(close)):
                columns.append(side * np.eye(1, problem.n, j).ravel())
                words.append(f"{problem.names[j]} {sign} {values[j]:g}")
    slope = J.T @ worse
    size = float(np.max(np.abs(slope), initial=0.0))
    if not columns or size == 0.0:
        return []
    weights, _ = nnls(np.stack(columns, axis=1), -slope / size)
    order = [int(k) for k in np.argsort(-weights, kind="stable") if weights[k] > 1e-3]
    return list(dict.fromkeys(words[k] for k in order))[:shown]


def unbounded(outcome: Stuck, start: Point, point: Point, sense: str) -> Ending:
    """The method has found a way along which the function falls for ever."""
    side = "below" if sense == "minimize" else "above"
    shown = point.problem.sign * point.value
    message = f"Unbounded {side}: {outcome.reason}; the value reached {shown:.3g}."
    message += " Check the sign of the function, or add what keeps it bounded."
    return Ending(Status.UNBOUNDED, message, None, _ray(start.x, point.x if outcome.at is None else outcome.at))


def _ray(start: Vector, x: Vector) -> Vector | None:
    """The way from the start to x, its largest component 1, where it is long enough to show where the run went."""
    way = x - start
    length = float(np.max(np.abs(way), initial=0.0))
    return way / length if FAR * max(1.0, float(np.max(np.abs(start), initial=0.0))) < length < np.inf else None


def stuck(outcome: Stuck, at: Iterate, c: Classification | None) -> Ending:
    """The step rule found no step."""
    point = at.point
    reason = outcome.reason[0].upper() + outcome.reason[1:]
    if outcome.not_finite:
        return Ending(Status.NOT_FINITE, f"{reason}.{_blame(point, outcome)}", c)
    if outcome.too_far:
        return Ending(Status.STALLED, reason + ".", c)
    message = f"Stalled: {outcome.reason}, although {measure(at)} is still {at.residual:.3g}."
    if point.violation > 0:
        message += f" The constraints are violated by up to {point.violation:.3g}."
    message += " The function may have a kink or be noisy here; try another start, or scale the variables."
    return Ending(Status.STALLED, message, c)


def standstill(at: Iterate, method: str, rate: float | None) -> Ending:
    """Many steps, no progress."""
    what = measure(at).removeprefix("the ")
    message = f"Stalled: the last 100 iterations lowered neither the value nor the {what} {at.residual:.3g}."
    if isinstance(rate, (int, float)):
        message += (
            f" Steps of learning rate {rate:g} jump to and fro; try learning_rate={rate / 2:.2g}, or leave it out."
        )
    else:
        other = "another start" if method == "newton" else "method='newton'"
        message += f" The function may have a kink here, or be badly conditioned for this method; try {other}."
    return Ending(Status.STALLED, message)


def not_finite(point: Point) -> Ending:
    """The starting point itself is outside the function's domain."""
    unknown = np.flatnonzero(~np.isfinite(point.x))
    if unknown.size:
        names = point.problem.names
        j = int(unknown[0])
        name = names[j] if len(names) > j else f"x[{j}]"
        message = f"The starting point is no point: {name} is {point.x[j]}. Give a start of finite numbers."
        return Ending(Status.NOT_FINITE, message)
    if not np.isfinite(point.value):
        what = f"the value is {point.problem.sign * point.value}"
    elif not np.isfinite(point.c).all():
        row = int(np.argmin(np.isfinite(point.c)))
        constraints = point.problem.constraints
        name = constraints.names[row] if constraints is not None and len(constraints.names) > row else f"row {row}"
        what = f"the constraint {name} is {point.c[row]}"
    else:
        what = "the gradient is not finite" if not np.isfinite(point.gradient).all() else "the Jacobian is not finite"
    message = f"The function cannot be followed from the start: {what} there. Try a start inside its domain."
    return Ending(Status.NOT_FINITE, message + _blame(point, None))


def no_direction(reason: str, at: Iterate) -> Ending:
    """A derivative that the method needs is not finite where the function itself still is."""
    point = at.point
    message = f"The run cannot go on from here: {reason}, while {_still(at)}."
    advice = " Try method='gradient-descent', or another start."
    return Ending(Status.NOT_FINITE, message + advice + _blame(point, None))


def runs_away(start: Point, point: Point, sense: str) -> Ending | None:
    """Whether the run follows the function down without end."""
    scale = RUNAWAY * max(1.0, abs(start.value))
    size = float(np.max(np.abs(point.x), initial=0.0))
    home = RUNAWAY * max(1.0, float(np.max(np.abs(start.x), initial=0.0)))
    if not (point.value < -scale or (size > home and point.value < start.value)):
        return None
    if point.violation > 1e-6 * max(1.0, size):
        return None  # that low only because the constraints do not hold
    side = "below" if sense == "minimize" else "above"
    shown = point.problem.sign * point.value
    advice = " Check the sign of the function, or add what keeps it bounded."
    if point.value >= -scale and _flattens(start, point):
        word = "lowest" if sense == "minimize" else "highest"
        message = (
            f"Stalled: x runs away, and the value flattens out at {shown:.6g} (|x| = {size:.3g}): its {word} value "
            "seems to be approached at infinity, and reached nowhere. Keep x within bounds, or add to f a "
            f"small multiple of x²{'' if sense == 'minimize' else ', with a minus'}."
        )
        return Ending(Status.STALLED, message)
    if not np.isfinite(point.value):
        message = f"The function is unbounded {side}: the value is {shown} at |x| = {size:.3g}."
        return Ending(Status.UNBOUNDED, message + advice, None, _ray(start.x, point.x))
    message = (
        f"The function seems to be unbounded {side}: the value reached {shown:.3g} at |x| = {size:.3g}, and goes on."
    )
    return Ending(Status.UNBOUNDED, message + advice, None, _ray(start.x, point.x))


def _flattens(start: Point, point: Point) -> bool:
    """Whether f only approaches a limit where the run went, as far as its falls on the way there show."""
    problem = point.problem
    if problem.sign > 0 and (problem.residuals is not None or problem.structure.startswith("sum of squares")):
        return True
    if problem.sampled is not None:
        return False
    way = point.x - start.x
    far = np.abs(way) > NEARER**2 * np.max(
        np.abs(way)
    )  # the variables that run away; the others have found their place
    near, nearer = (problem.at(np.where(far, start.x + part * way, point.x)).value for part in (NEARER, NEARER**2))
    return bool(0.0 <= near - point.value < FLATTER * (nearer - near) < np.inf)


def iteration_limit(limit: int, at: Iterate, method: str, rate: float | None) -> Ending:
    """Out of iterations."""
    message = f"Not converged after {limit} iteration{'s' * (limit != 1)}: {_still(at)}. "
    if at.point.problem.sampled is not None:
        message += "Raise max_iterations, or go on from this x with all data: args= in place of batches=."
    elif at.point.problem.constrained:
        message += "Raise max_iterations, or try another start."
    elif isinstance(rate, (int, float)):
        message += "Raise max_iterations, leave learning_rate out to have it chosen, or try method='newton'."
    elif method == "newton":
        message += "Raise max_iterations, or try another start."
    else:
        message += "Raise max_iterations, or try method='newton'."
    return Ending(Status.ITERATION_LIMIT, message)


def over(outcome: Stuck, at: Iterate) -> Ending:
    """The method has done what it was asked to do, whatever the residual."""
    reason = outcome.reason[0].upper() + outcome.reason[1:]
    return Ending(Status.ITERATION_LIMIT, f"{reason}: {_still(at)}. Give more epochs to go on.")


def time_limit(limit: float, at: Iterate) -> Ending:
    """Out of time."""
    if not at.point.finite and at.step is None and np.isnan(at.point.value):
        message = f"The function and its derivatives could not be computed once within {limit:g} s. Raise time_limit."
        return Ending(Status.TIME_LIMIT, message)
    message = f"Not converged within {limit:g} s: {_still(at)}. "
    return Ending(Status.TIME_LIMIT, message + "Raise time_limit, or start again from this x.")


def _blame(point: Point, outcome: Stuck | None) -> str:
    """The line of the user's code that is not finite, where it can be told."""
    explain = point.problem.explain
    where = outcome.at if outcome is not None and outcome.at is not None else point.x
    found = explain(where) if explain is not None else None
    return f" {found}" if found else ""
