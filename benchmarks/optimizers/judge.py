r"""What an answer is worth, worked out from the statement of the problem alone.

*Solved*: the solver says success, no constraint is violated by more than 10⁻⁶ (divided by the largest component of its
gradient, where that is above 1: about the distance to where it holds), and the value is the known one, or a better one,
to 10⁻⁶ relative. *Inexact*: to 10⁻³ only. A success elsewhere is one of two things. It is *another
minimum* where the conditions of Karush, Kuhn and Tucker hold: multipliers of the right signs, found anew by least
squares, balance the gradient, and the Hessian of the Lagrangian has no negative curvature along the active constraints.
Otherwise, and where a constraint is violated, it is a *wrong success*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse

import thalweg as tw
from benchmarks.optimizers.solver import Array, array_of, bounds, large

VALUE, ROUGHLY = 1e-6, 1e-3
#: Where the known value is tiny, its relative error means less than rounding in the terms that cancel.
FINEST = 1e-9
VIOLATION = 1e-6
ACTIVE = 1e-5
STATIONARY = 1e-3
CURVATURE = 1e-4

SOLVED, INEXACT, ELSEWHERE, WRONG, FAILED = "solved", "inexact", "another minimum", "wrong success", "failed"


@dataclass(frozen=True)
class Judgement:
    """Of one answer."""

    verdict: str
    value: float
    violation: float
    error: float
    why: str = ""


def violation(problem: Any, x: Array) -> float:
    """The largest violation of any constraint or bound, over the slope of the constraint where that is above 1."""
    if not np.all(np.isfinite(x)):
        return np.inf
    low, high = bounds(problem)
    at_low, at_high = np.isfinite(low), np.isfinite(high)
    parts = [
        (low - x)[at_low] / np.maximum(1, np.abs(low[at_low])),
        (x - high)[at_high] / np.maximum(1, np.abs(high[at_high])),
    ]
    for c, measured in ((problem.eq, np.abs), (problem.ineq, np.negative)):
        if c is not None:
            broken = measured(np.asarray(c(x), float))
            if not np.all(broken <= VIOLATION):
                broken = broken / np.maximum(1, steepest(c, x))
            parts.append(broken)
    worst = float(np.max(np.concatenate(parts), initial=0.0))
    return worst if not np.isnan(worst) else np.inf


def steepest(c: Any, x: Array) -> Array:
    """The largest component of the gradient of each constraint."""
    J = abs(tw.jacobian(array_of(c), sparse=x.size > 200)(x))
    return np.asarray(J.max(axis=1).toarray()).ravel() if scipy.sparse.issparse(J) else np.max(J, axis=1)


def tolerance(value: float, relative: float = VALUE) -> float:
    """How far above ``value`` still counts as that value."""
    return relative if value == 0 else max(relative * abs(value), FINEST)


def judged(problem: Any, x: Array, success: bool, message: str = "", relative: float = VALUE) -> Judgement:
    """The judgement of a point that a solver returned."""
    x = np.asarray(x, float)
    with np.errstate(all="ignore"):
        value = float(problem.f(x))
    worst = violation(problem, x)
    known = [problem.value, *problem.better] if problem.value is not None else []
    feasible = worst <= VIOLATION
    nearest = min((value - v for v in known), key=abs, default=np.nan)
    error = nearest / max(abs(value - nearest), FINEST) if known else np.nan
    if not success:
        return Judgement(FAILED, value, worst, error, message)
    if not feasible:
        return Judgement(WRONG, value, worst, error, f"violation {worst:.1e}")
    if not known or _reached(value, known, relative):
        return Judgement(SOLVED, value, worst, error)
    found = f"{value:.9g} instead of {problem.value:.9g}"
    if not any(abs(value - v) <= tolerance(v) for v in problem.others) and _reached(value, known, ROUGHLY):
        return Judgement(INEXACT, value, worst, error, found)
    fault = "" if large(problem) else not_a_minimum(problem, x)
    if large(problem) or fault:
        return Judgement(WRONG, value, worst, error, f"{fault} {found}".strip())
    return Judgement(ELSEWHERE, value, worst, error, found)


def _reached(value: float, known: list[float], relative: float) -> bool:
    """Whether ``value`` is at most the first of the known ones, or equal to another."""
    return value <= known[0] + tolerance(known[0], relative) or any(
        abs(value - v) <= tolerance(v, relative) for v in known[1:]
    )


def not_a_minimum(problem: Any, x: Array) -> str:
    """What speaks against ``x`` as a local minimum, where it is feasible; nothing if nothing does."""
    gradient = np.asarray(tw.grad(problem.f)(x))
    low, high = bounds(problem)
    scale = 1 + np.abs(x)
    equations, others = np.zeros((0, x.size)), [np.zeros((0, x.size))]
    if problem.eq is not None:
        equations = np.asarray(tw.jacobian(array_of(problem.eq))(x))
    picked = np.zeros(0, int)
    if problem.ineq is not None:
        slack = np.asarray(problem.ineq(x), float)
        J = np.asarray(tw.jacobian(array_of(problem.ineq))(x))
        picked = np.flatnonzero(slack <= ACTIVE * (1 + np.max(np.abs(J), axis=1)))
        others.append(J[picked])
    at_low, at_high = x - low <= ACTIVE * scale, high - x <= ACTIVE * scale
    others += [np.eye(x.size)[at_low], -np.eye(x.size)[at_high]]
    J = np.concatenate([equations, *others])
    multipliers = np.zeros(len(J))
    if len(J):
        least = np.concatenate([np.full(len(equations), -np.inf), np.zeros(len(J) - len(equations))])
        size = np.maximum(np.linalg.norm(J, axis=1), 1e-12)
        found = scipy.optimize.lsq_linear((J / size[:, None]).T, gradient, bounds=(least, np.inf), tol=1e-14)
        multipliers = found.x / size
    rest = gradient - J.T @ multipliers
    weight = 1 + np.max(np.abs(gradient), initial=0) + np.max(np.abs(J.T * multipliers), initial=0)
    if np.max(np.abs(rest)) > STATIONARY * weight:
        return f"not stationary ({np.max(np.abs(rest)):.1e})"
    H = np.asarray(tw.hessian(problem.f)(x))
    if problem.eq is not None:
        count = len(equations)
        H = H - np.asarray(tw.hessian(lambda x, v: np.sum(v * array_of(problem.eq)(x)))(x, multipliers[:count]))
    if picked.size:
        weights = np.zeros(len(np.asarray(problem.ineq(x))))
        weights[picked] = multipliers[len(equations) : len(equations) + picked.size]
        H = H - np.asarray(tw.hessian(lambda x, v: np.sum(v * array_of(problem.ineq)(x)))(x, weights))
    tangent = scipy.linalg.null_space(J, rcond=1e-8) if len(J) else np.eye(x.size)
    if len(J) - (x.size - tangent.shape[1]) > 0:
        return ""  # dependent rows: there are other multipliers, with other curvatures
    if tangent.shape[1]:
        lowest = float(np.linalg.eigvalsh(tangent.T @ H @ tangent)[0])
        if lowest < -CURVATURE * (1 + np.max(np.abs(H))):
            return f"negative curvature ({lowest:.1e})"
    return ""
