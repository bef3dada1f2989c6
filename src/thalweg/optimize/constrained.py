r"""What a point is on its constraints: the second-order conditions, with the numbers behind the answer.

At a feasible point with multipliers (`active`, `holding`)

    ∇f + Jᵀy + z = 0,      σᵢ μᵢ ≥ 0 for every active inequality,

what decides is the curvature of L = f + yᵀc + zᵀx, not of f, along the directions that the constraints leave free to
first order.  Let S be the equalities and the inequalities with μᵢ ≠ 0, and W the active inequalities with μᵢ = 0.
With a basis Z of the tangent space {v : aᵢ v = 0, i ∈ S}, H = Zᵀ∇²L Z, and the critical cone
C = {Z p : σᵢ aᵢ Z p ≤ 0, i ∈ W},

    all signs right, H > 0 on C          strict minimum (also where there is no such direction: a vertex)
    all signs wrong, H < 0 on C          maximum, a strict one
    right and wrong signs                saddle: f falls when one constraint is left, and rises when another is
    H takes the other sign on C          saddle
    H is zero somewhere on C             quadratic f on linear constraints, or a convex problem: minimum;
                                         on linear constraints the higher derivatives along them (`degenerate`), else
                                         along the constraints (`reduced`); if these do not tell: degenerate

Where W is empty the cone is the tangent space, and the signs are those of eigenvalues (`curvature`).  Else H > 0 on the
whole space is enough for a minimum, and otherwise the faces of the cone are looked at (`cone`).

Where the active gradients are dependent, the multipliers are not unique.  A definite H proves what it proves for any of
them; an indefinite one proves nothing then, and the point is called a saddle only if a step down is really found.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §12.5 (theorems 12.5 and 12.6), §16.2 (reduced Hessian).
Contesse, *Une caractérisation complète des minima locaux en programmation quadratique*, Numer. Math. 34 (1980).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .active import mangasarian_fromovitz, rooms
from .boxed import classify_between_bounds
from .certificate import Certificate, Travel
from .classify import TOLERANCE, Classification, classify_point
from .degenerate import Verdict
from .holding import Balanced, Holding, balanced, holding_of
from .large import densified, look
from .patience import Check
from .problem import Constraints, Matrix, Point, Vector
from .sizes import ALL_DENSE, DENSE_LIMIT
from .tangent_verdict import Judged, judge

__all__ = ["Equalities", "classify_on"]


@dataclass(frozen=True)
class Equalities:
    """Constraints g(x) = 0 over a flat vector, beside a problem that has none.

    Parameters
    ----------
    g_and_jacobian : callable
        ``x -> (g, J)`` of shapes (m,) and (m, n).
    g_hessian : callable
        ``(x, λ) -> Σ λᵢ ∇²gᵢ(x)``.
    unravel : callable
        λ as a vector → in the structure of the user's constraints.
    """

    g_and_jacobian: Callable[[Vector], tuple[Vector, Matrix]]
    g_hessian: Callable[[Vector, Vector], Matrix]
    unravel: Callable[[Vector], Any] = lambda multipliers: multipliers


def classify_on(
    point: Point,
    y: Vector | Equalities | None = None,
    z: Vector | None = None,
    tol: float = TOLERANCE,
    travel: Travel | None = None,
    *,
    sense: str | None = None,
    check: Check | None = None,
) -> Classification:
    """Say what a point is on the constraints and bounds of its problem.

    Parameters
    ----------
    point : Point
        Where; its `c` and `J` are the constraints.
    y, z : array, optional
        Multipliers of the rows and of the bounds that a method found (∇f + Jᵀy + z ≈ 0).  They are needed in sparse
        problems only for speed, and elsewhere where multipliers are not unique.
    tol : float
        To how many digits, relatively, x is known.
    travel : Travel, optional
        What a run has seen on its way here, a measure for what is near.
    sense : 'minimize', 'maximize' or None
        What is sought: it decides what a point is called that is alone in the feasible set, or among equals.
    check : callable, optional
        Raises `engine.OutOfTime` when there is no time left; nothing that takes long is begun then, and `why` says so.

    Returns
    -------
    Classification
        With `y` and `z`, and `multipliers` equal to `y`.

    Examples
    --------
    The point of x + y ≤ 1, x, y ≥ 0 nearest to (2, 1), with the force of the line and of the axis:

    >>> from thalweg.optimize.problem import Problem
    >>> line = Constraints(np.full(1, -np.inf), np.ones(1), lambda x: (x[:1] + x[1:], np.ones((1, 2))),
    ...                    lambda x, y: np.zeros((2, 2)))
    >>> to = np.array([2.0, 1.0])
    >>> p = Problem(2, lambda x: ((x - to) @ (x - to), 2 * (x - to)), lambda x: 2 * np.eye(2),
    ...             lower=np.zeros(2), upper=np.full(2, np.inf), constraints=line)
    >>> c = classify_on(p.at([1.0, 0.0]))
    >>> c.kind, c.y, c.certificate.number_active, c.certificate.strict_complementarity
    ('strict minimum', array([2.]), 2, 0.0)
    >>> classify_on(p.at([0.0, 0.0])).kind
    'maximum'
    """
    if isinstance(y, Equalities):
        return _on_equalities(point, y, tol, travel)
    problem = point.problem
    if not problem.constrained:
        return classify_point(point, tol, travel, check)
    if not point.finite:
        return _result(point, Verdict("not stationary", "the function or a constraint is not finite here"))
    if (beside := _violated(point, tol)) is not None:
        return _result(point, Verdict("not stationary", beside))
    travel = travel or Travel(np.abs(point.x))
    if problem.sparse and problem.n <= ALL_DENSE:
        return classify_on(densified(point), y, z, tol, travel, sense=sense, check=check)
    if problem.sparse:
        looked = look(point, y, z, tol, travel, sense, check)
        return _classification(point, looked.verdict, looked.certificate, looked.y, looked.z)
    if problem.n > DENSE_LIMIT and not problem.m and problem.f_hessian_product is not None:
        return classify_between_bounds(point, z, tol, travel, check)
    base = balanced(point, tol, y, z)
    if not base.finite:
        return _result(point, Verdict("degenerate", "a second derivative is not finite here"), base)
    if not base.stationary:
        return _result(point, _unbalanced(point, base), base)
    held = holding_of(point, base)
    judged = judge(point, held, travel, sense, check)
    return _result(point, judged.verdict, judged.held.base, judged)


def _violated(point: Point, tol: float) -> str | None:
    """Say which constraint the point is not on, if any."""
    problem = point.problem
    room, room_x = rooms(point, tol)
    if problem.constraints is not None and problem.m:
        k = problem.constraints
        off = np.maximum(k.lower - point.c, point.c - k.upper)
        room = np.maximum(np.maximum(room, tol), tol * np.abs(point.c))
        if np.any(off > room):
            worst = int(np.argmax(off - room))
            name = k.names[worst] if len(k.names) > worst else f"c[{worst}]"
            listed = ", ".join(f"{value:.4g}" for value in np.maximum(off, 0)[:5]) + (", …" if off.size > 5 else "")
            return f"the point is not on the constraints: they are off by {listed}, most of all {name}"
    if problem.lower is not None and problem.upper is not None:
        off = np.maximum(problem.lower - point.x, point.x - problem.upper)
        if np.any(off > room_x):
            worst = int(np.argmax(off - room_x))
            return f"the point is not within the bounds: {problem.names[worst]} is off by {off[worst]:.4g}"
    return None


def _unbalanced(point: Point, base: Balanced) -> Verdict:
    left = float(np.max(np.abs(base.residual)))
    if (
        base.rank < base.active.size
        and not _linear(point, base)
        and not mangasarian_fromovitz(base.A, base.active.side)
    ):
        return Verdict(
            "degenerate",
            "no multipliers balance the gradient, but the gradients of the active constraints are dependent, so that a "
            "minimum need not have any",
        )
    sentence = f"no multipliers balance the gradient: ∇f + Σ λᵢ∇gᵢ has a component of {left:.4g}"
    return Verdict("not stationary", sentence)


def _linear(point: Point, base: Balanced) -> bool:
    """Whether the active constraints are known to be linear: a minimum on such has multipliers, dependent or not."""
    constraints, rows = point.problem.constraints, base.active.rows
    if not rows.size or constraints is None:
        return True
    return constraints.linear is not None and bool(np.all(np.asarray(constraints.linear)[rows]))


def _on_equalities(point: Point, g: Equalities, tol: float, travel: Travel | None) -> Classification:
    """Classify on constraints that the problem does not know of."""
    with np.errstate(all="ignore"):
        c, J = g.g_and_jacobian(point.x)
    c, J = np.asarray(c, dtype=np.float64), np.asarray(J, dtype=np.float64)
    rows = Constraints(np.zeros(c.size), np.zeros(c.size), g.g_and_jacobian, g.g_hessian)
    problem = replace(point.problem, constraints=rows, first=None, lagrangian=None)
    there = Point(problem, point.x, point.value, point.gradient, c, J)
    if "hessian" in point.__dict__:
        there.__dict__["hessian"] = point.hessian
    found = classify_on(there, tol=tol, travel=travel)
    return replace(found, multipliers=None if found.y is None else g.unravel(found.y))


def _result(point: Point, v: Verdict, base: Balanced | None = None, judged: Judged | None = None) -> Classification:
    problem = point.problem
    if base is None:
        certificate = Certificate(point.gradient_norm, feasibility=point.violation)
        return _classification(point, v, certificate, None, None)
    y, z = base.active.spread(base.mu, problem.m, problem.n)
    stationarity = float(np.max(np.abs(base.residual), initial=0.0))
    certificate = Certificate(
        stationarity=stationarity,
        feasibility=point.violation,
        constraint_rank=base.rank,
        number_active=base.active.size,
        complementarity=float(np.max(np.abs(base.mu * base.active.offset), initial=0.0)),
    )
    if judged is not None:
        held = judged.held
        certificate = replace(
            certificate,
            eigenvalues=judged.eigenvalues,
            zero_below=judged.zero_below,
            condition=judged.condition,
            expected_error=float(np.max(np.abs(held.step.x), initial=0.0)),
            expected_decrease=judged.fall,
            multiplier_signs=_wrong_sign(base, v.kind),
            strict_complementarity=_strictness(point, held),
            mfcq=True if base.rank == base.active.size else mangasarian_fromovitz(base.A, base.active.side),
        )
    return _classification(point, v, certificate, y, z)


def _classification(
    point: Point, v: Verdict, certificate: Certificate, y: Vector | None, z: Vector | None
) -> Classification:
    return Classification(
        v.kind,
        v.why,
        point.problem.unravel(point.x),
        point.value,
        certificate.stationarity,
        certificate,
        y if point.problem.m else None,
        v.falling,
        v.rising,
        y,
        z,
    )


def _wrong_sign(base: Balanced, kind: str) -> float:
    signed = base.active.side * base.mu
    low, high = float(np.max(-signed, initial=0.0)), float(np.max(signed, initial=0.0))
    return {"maximum": high, "saddle": min(low, high)}.get(kind, low) + 0.0


def _strictness(point: Point, held: Holding) -> float | None:
    sided = held.base.active.side != 0
    if not sided.any():
        return None
    T = held.everything
    sizes = np.abs(held.base.mu) * T.lengths
    largest = max(float(np.max(sizes)), float(np.max(np.abs(point.gradient) / T.d)))
    return float(np.min(np.where(held.strong, sizes, 0.0)[sided])) / largest if largest > 0 else 0.0
