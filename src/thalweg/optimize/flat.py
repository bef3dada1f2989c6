r"""Where the curvature on the constraints is zero in some direction: what else tells what a stationary point is.

In turn, as far as each applies:

1. f quadratic, constraints linear: the second-order conditions are then exact.  Curvature nowhere negative on the
   critical cone, and zero somewhere, is a minimum among equals (Contesse 1980).
2. A convex problem: each of its stationary points is a minimum.
3. Linear constraints: x + Z p with a basis Z of the tangent space meets them for all p, so p ↦ f(x + Z p) is a
   function without constraints, and its higher derivatives decide (`degenerate`).
4. Constraints that bend, and one direction of zero curvature: the least value on them at distance t in that direction
   is a function of t, and how it begins decides (`reduced`).

References
----------
Contesse, *Une caractérisation complète des minima locaux en programmation quadratique*, Numer. Math. 34 (1980).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §16.2.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .critical_cone import Cone, Ends
from .curvature import Curvature
from .degenerate import Verdict, Way, decide_by_higher_order, places_far_from
from .holding import Holding
from .patience import Check, time_left
from .problem import Evaluations, Matrix, Point, Problem, Vector
from .reduced import decide_along, decide_on_one_side

__all__ = ["decide_where_flat"]


def decide_where_flat(point: Point, held: Holding, ends: Ends, sense: str | None, check: Check | None) -> Verdict:
    """Say what a stationary point is whose curvature on the critical cone is zero somewhere, and of one sign.

    Parameters
    ----------
    point, held
        Where, and what holds it.
    ends : Ends
        Whether a minimum, a maximum are still possible, and the ways out that are known already.
    sense, check
        As in `classify_on`.
    """
    if not (ends.minimum or ends.maximum):
        return Verdict(
            "degenerate", "too many constraints with multiplier zero to look at all their sides", ends.falling
        )
    up = ends.minimum and not (ends.maximum and sense == "maximize")
    kind = "minimum" if up else "maximum"
    null = "an eigenvalue of the Hessian of L on the tangent space cannot be told from zero"
    if not ends.exact:
        null = "there are too many constraints with multiplier zero to look at all the directions that they allow"
    if time_left(check) <= 0:
        return Verdict("degenerate", f"{null}, and no time was left to look further", ends.falling, ends.rising)
    bent = _bent_rows(point, held)
    if not bent and ends.exact and _quadratic(point):
        why = f"{null}, f is quadratic and the constraints are linear: one of many {kind[:-2]}a"
        return Verdict(kind, why, ends.falling, ends.rising)
    if ends.minimum and point.problem.convex:
        return Verdict(
            "minimum", f"{null}, but the problem is convex: a minimum, perhaps one of many", None, ends.rising
        )
    if held.tangent.Z.shape[1] == 1 and ends.cone.null.shape[1] == 1 and not held.strong.all():
        return _with_sides(decide_on_one_side(point, held, ends.cone.null, null, check), ends)
    if not held.strong.all() or not ends.exact:
        return Verdict(
            "degenerate", f"{null}, and constraints are active with multiplier zero", ends.falling, ends.rising
        )
    if bent:
        found = decide_along(point, held, ends.cone.null, ends.cone.sign, null, check)
    else:
        found = _without_constraints(point, held, ends.cone, null, check)
    return _with_sides(found, ends)


def _with_sides(found: Verdict, ends: Ends) -> Verdict:
    """Put together what f does along the constraints and what it does where one is left."""
    least, most = found.kind in ("strict minimum", "minimum"), found.kind == "maximum"
    if (least and not ends.minimum) or (most and not ends.maximum):
        tendency = ("rises", "falls") if least else ("falls", "rises")
        why = f"along the constraints f {tendency[0]} with a higher power, but it {tendency[1]} where one is left"
        return Verdict("saddle", why, ends.falling or found.falling, ends.rising or found.rising)
    return replace(found, falling=found.falling or ends.falling, rising=found.rising or ends.rising)


def _bent_rows(point: Point, held: Holding) -> bool:
    """Whether an active row is not linear: known, or seen from its gradient far away."""
    rows, constraints = held.base.active.rows, point.problem.constraints
    if not rows.size or constraints is None:
        return False
    if constraints.linear is not None:
        return not bool(np.all(np.asarray(constraints.linear)[rows]))
    here = point.J[rows]
    bound = 1e-12 * float(np.max(np.abs(here), initial=0.0))
    with np.errstate(all="ignore"):
        places = places_far_from(point.x)
        return not all(np.all(np.abs(constraints.c_and_jacobian(p)[1][rows] - here) <= bound) for p in places)


def _quadratic(point: Point) -> bool:
    """Whether the Hessian of f is the same at places far away."""
    H = point.hessian
    bound = 1e-12 * float(np.max(np.abs(H), initial=0.0))
    return all(bool(np.all(np.abs(point.problem.hessian(p) - H) <= bound)) for p in places_far_from(point.x))


def _without_constraints(point: Point, held: Holding, cone: Cone, null: str, check: Check | None) -> Verdict:
    """Decide by the higher derivatives of p ↦ f(x + Z (p − p₀)), where p₀ is as large as x in these directions."""
    problem, Z = point.problem, cone.basis
    there: Vector = np.linalg.lstsq(Z, point.x)[0].astype(np.float64, copy=False)

    def f_and_gradient(p: Vector) -> tuple[float, Vector]:
        at = problem.at(point.x + Z @ (p - there))
        return at.value, Z.T @ at.gradient

    def line(p: Vector, v: Vector, order: int) -> Vector:
        found = problem.line(point.x + Z @ (p - there), Z @ v, order)
        assert found is not None
        return found

    problem = replace(problem, count=Evaluations())
    inner = Problem(
        Z.shape[1],
        f_and_gradient,
        lambda p: Z.T @ problem.hessian(point.x + Z @ (p - there)) @ Z,
        f_line=None if problem.f_line is None else line,
    )
    origin = Point(inner, there, point.value, Z.T @ point.gradient)
    gamma = cone.eigenvectors.T @ origin.gradient
    clear = np.abs(cone.values) > cone.zero_below
    step = -cone.eigenvectors[:, clear] @ (gamma[clear] / cone.values[clear])
    curvature = Curvature(cone.values, cone.values, cone.zero_below, cone.eigenvectors, step, 0.0)
    found = decide_by_higher_order(origin, curvature, check)
    return replace(
        found,
        why=f"on the constraints: {found.why}",
        falling=_mapped(found.falling, Z, held),
        rising=_mapped(found.rising, Z, held),
    )


def _mapped(way: Way | None, Z: Matrix, held: Holding) -> Way | None:
    """A way in the coordinates p as one of x."""
    if way is None:
        return None
    v = Z @ way.direction
    bend = None if way.bend is None else Z @ way.bend
    fixed = held.base.active.variables
    v[fixed] = 0.0
    if bend is not None:
        bend[fixed] = 0.0
    return replace(way, direction=v, bend=bend, rows=held.base.active.rows)
