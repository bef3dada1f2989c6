r"""What a point is between bounds when the Hessian is known by its products only.

Variables that a bound holds are fixed; over the others the problem has no constraints, and `classify_point` says what
the point is there (by Lanczos' method).  Together with the signs of the multipliers zⱼ = −∂f/∂xⱼ of the bounds that is
the table of `constrained`.  A variable at a bound with multiplier zero counts as free when a minimum is to be proved,
and as fixed when a saddle point is.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §16.7 (bounds), §12.5.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .active import Active, active_at
from .certificate import Certificate, Travel
from .classify import Classification, classify_point
from .degenerate import Way
from .patience import Check
from .problem import Point, Problem, Vector

__all__ = ["classify_between_bounds"]


def classify_between_bounds(
    point: Point, z: Vector | None, tol: float, travel: Travel, check: Check | None
) -> Classification:
    """Classify a feasible point of a problem with bounds only; the arguments are those of `classify_on`."""
    active = _active(point, z, tol)
    j = active.variables
    multipliers = np.zeros(point.problem.n)
    multipliers[j] = -point.gradient[j]
    pull = active.side * multipliers[j]
    small = tol * max(1.0, float(np.max(np.abs(point.gradient), initial=0.0)))
    strong = np.abs(pull) > small
    inner = _free(point, j[strong], tol, travel, check)
    if inner.kind not in ("strict minimum", "maximum", "not stationary") and not strong.all():
        narrow = _free(point, j, tol, travel, check)
        saddle = narrow.kind == "saddle" or narrow.kind == ("maximum" if np.any(pull[strong] > 0) else "")
        why = "constraints are active with multiplier zero, and only the directions along them were looked at"
        inner = narrow if saddle else replace(inner, kind="degenerate", why=why, falling=None, rising=None)
    inner = _with_signs(point, inner, active, np.where(strong, pull, 0.0))
    kept = inner.certificate
    sized = np.where(strong, np.abs(pull), 0.0)
    largest = float(np.max(np.abs(point.gradient), initial=0.0))
    certificate = Certificate(
        stationarity=kept.stationarity,
        feasibility=point.violation,
        eigenvalues=kept.eigenvalues,
        zero_below=kept.zero_below,
        condition=kept.condition,
        expected_error=kept.expected_error,
        expected_decrease=kept.expected_decrease,
        constraint_rank=j.size,
        number_active=j.size,
        complementarity=float(np.max(np.abs(pull * active.offset), initial=0.0)),
        multiplier_signs=float(np.max(-pull if inner.kind != "maximum" else pull, initial=0.0)) + 0.0,
        strict_complementarity=float(np.min(sized)) / (largest or 1.0) if j.size else None,
        mfcq=True,
    )
    return replace(
        inner,
        x=point.problem.unravel(point.x),
        value=point.value,
        certificate=certificate,
        y=np.zeros(0),
        z=multipliers,
    )


def _active(point: Point, z: Vector | None, tol: float) -> Active:
    near = active_at(point, tol)
    if z is None:
        return near
    wide = active_at(point, tol**0.5)
    mu = wide.collect(None, z)
    pulling = (wide.side * mu > tol) & (np.abs(mu * wide.offset) <= tol * max(1.0, abs(point.value)))
    return wide.only(np.isin(wide.variables, near.variables) | pulling)


def _free(point: Point, fixed: NDArray[np.intp], tol: float, travel: Travel, check: Check | None) -> Classification:
    """Classify over the variables that are not fixed."""
    problem = point.problem
    free = np.ones(problem.n, dtype=bool)
    free[fixed] = False

    def whole(v: Vector) -> Vector:
        x = point.x.copy()
        x[free] = v
        return x

    def f_and_gradient(v: Vector) -> tuple[float, Vector]:
        there = problem.at(whole(v))
        return there.value, there.gradient[free]

    def product(v: Vector, direction: Vector) -> Vector:
        spread = np.zeros(problem.n)
        spread[free] = direction
        return problem.hessian_product(whole(v), spread)[free]

    def embedded(way: Way | None) -> Way | None:
        if way is None:
            return None
        v = np.zeros(problem.n)
        v[free] = way.direction
        return replace(way, direction=v)

    if not free.any():
        certificate = Certificate(0.0)
        why = "the constraints leave no direction to move in: a vertex"
        return Classification("strict minimum", why, point.x, point.value, 0.0, certificate)
    assert problem.lower is not None and problem.upper is not None
    inner = Problem(
        int(np.sum(free)),
        f_and_gradient,
        f_hessian_product=product,
        lower=problem.lower[free],
        upper=problem.upper[free],
        convex=problem.convex,
    )
    at = Point(inner, point.x[free], point.value, point.gradient[free])
    found = classify_point(at, tol, Travel(travel.seen[free], travel.drop), check)
    return replace(found, falling=embedded(found.falling), rising=embedded(found.rising))


def _with_signs(point: Point, inner: Classification, active: Active, pull: Vector) -> Classification:
    """Put together what f does over the free variables and what it does where a bound is left."""
    right, wrong = bool(np.any(pull > 0)), bool(np.any(pull < 0))
    if inner.kind == "not stationary" or not (right or wrong):
        return inner
    falling = inner.falling or (_off(point, active, int(np.argmin(pull))) if wrong else None)
    rising = inner.rising or (_off(point, active, int(np.argmax(pull))) if right else None)
    corner = active.size == point.problem.n
    minimum = inner.kind in ("strict minimum", "minimum")
    if (right and wrong) or (wrong and minimum and not corner) or (right and inner.kind == "maximum"):
        why = "f falls where one bound is left, and rises where another is or along them"
        return replace(inner, kind="saddle", why=why, falling=falling, rising=rising)
    if wrong and corner:
        return replace(inner, kind="maximum", why="f falls at every bound that is left: a vertex", falling=falling)
    if inner.kind == "maximum":
        return replace(inner, falling=falling)
    return replace(inner, falling=None if minimum else falling, rising=rising)


def _off(point: Point, active: Active, place: int) -> Way:
    """The way that leaves one bound."""
    v = np.zeros(point.problem.n)
    j = int(active.variables[place])
    v[j] = -active.side[place]
    return Way(v, float(point.gradient[j] * v[j]), 1)
