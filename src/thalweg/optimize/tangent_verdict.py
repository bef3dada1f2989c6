r"""The verdict on a stationary point that constraints hold: curvature of L on the critical cone, with ways out.

The Hessian of L is known up to an error that is measured by computing it a second time nearby (`curvature`); signs are
taken beyond that error only.  What is found is

    least, greatest     of vᵀ∇²L v over the critical cone,
    right, wrong        the numbers of multipliers of either sign,

and the table of `constrained` reads the kind off these.  Ways out come with it: to leave a constraint whose multiplier
has the sign for it (f changes with the first power of t), or along the cone (with the second).

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §12.5; Weyl's inequality as in `curvature`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .certificate import Travel
from .composition import Taken
from .critical_cone import Cone, Ends, cone_of
from .curvature import EPS, nearby
from .degenerate import Verdict, Way
from .escape import escape
from .flat import decide_where_flat
from .holding import Holding, holding_of
from .kinks import verdict_on_kink
from .other_multipliers import definite_for_some
from .patience import Check
from .problem import Evaluations, Matrix, Point, Vector
from .ways import leave, way

__all__ = ["Judged", "judge"]


#: A singular value of the active gradients of length one below which their multipliers are hardly determined.
NEARLY_DEPENDENT = 1e-5
#: A fall, beside |f|, that Newton's step to a stationary point at hand does not promise.
DEEP = 1e-6


@dataclass(frozen=True, eq=False)
class Judged:
    """The verdict, and the numbers for the certificate."""

    verdict: Verdict
    held: Holding
    eigenvalues: Vector
    zero_below: float
    condition: float
    fall: float


def judge(point: Point, held: Holding, travel: Travel, sense: str | None, check: Check | None) -> Judged:
    """Say what a stationary point is on the constraints that hold it."""
    base = held.base
    error = _error(point, held)
    drowned = np.all(np.abs(base.W) <= 2 * error, axis=1)
    if drowned.any() and base.W[drowned].any():
        held = holding_of(point, base, 2 * error)
        base = held.base
    cone = cone_of(held, error)
    fall = 0.5 * abs(float(base.residual @ held.step.x)) + abs(float(base.mu @ base.active.offset))
    shown = _eigenvalues(held)
    found = _verdict(point, held, cone, shown, sense, check)
    if travel.still_far(point.value, held.step.x, fall):
        move = float(np.max(np.abs(held.step.x)))
        found = Verdict("not stationary", f"by the curvature the stationary point is {move:.2g} away")
    elif fall > DEEP * max(1.0, abs(point.value)) and _is_pole(point, held):
        found = Verdict("not stationary", "the gradient is large, and does not vanish where the curvature says")
    return Judged(found, held, shown, cone.zero_below, _condition(held), fall)


def _is_pole(point: Point, held: Holding) -> bool:
    """Whether ∇L stays as large after Newton's step, as log x has it near zero: then no stationary point is near."""
    problem, base = point.problem, held.base
    x = point.x + held.step.x
    if problem.lower is not None and problem.upper is not None:
        x = np.clip(x, problem.lower, problem.upper)
    with np.errstate(all="ignore"):
        there = replace(problem, count=Evaluations()).at(x)
    if not there.finite:
        return True
    A = base.active.gradients(there.J, problem.n)
    left = there.gradient + A.T @ (base.mu + held.step.mu)
    return float(np.max(np.abs(left))) > 0.1 * float(np.max(np.abs(base.residual)))


def _error(point: Point, held: Holding) -> Matrix:
    """The size of the error of each entry of the Hessian of L, seen from a second place and with other digits of μ."""
    problem, base = point.problem, held.base
    there = nearby(point.x, held.step.x)
    if problem.lower is not None and problem.upper is not None:
        there = np.clip(there, problem.lower, problem.upper)
    if np.array_equal(there, point.x) and not base.active.rows.size:
        error = np.zeros_like(base.W)
    else:
        y = base.active.spread(base.mu * (1 + 16 * EPS) + 2 * held.step.mu, problem.m, problem.n)[0]
        with np.errstate(all="ignore"):
            error = np.abs(problem.lagrangian_hessian(there, y) - base.W)
        error = np.where(np.isfinite(error), error, 0.0)
    if not problem.exact_hessian:
        error = error + EPS**0.5 * np.max(np.abs(base.W), initial=0.0)
    return error


def _verdict(point: Point, held: Holding, cone: Cone, shown: Vector, sense: str | None, check: Check | None) -> Verdict:
    force = held.force
    right, wrong = int(np.sum(force > 0)), int(np.sum(force < 0))
    if right and wrong:
        why = "some active constraints push f down and others up: it falls where one is left, and rises at another"
        return Verdict("saddle", why, leave(point, held, -1), leave(point, held, +1))
    rough = _rough(point, held) if cone.values.size else None
    if rough is not None:
        return rough
    up = not wrong and (bool(right) or sense != "maximize")
    if not cone.values.size:
        return _corner(point, held, up)
    low = cone.extreme(+1) if not wrong else None
    high = cone.extreme(-1) if not right else None
    where = _where(held)
    if low is not None and low.sign > 0 and low.exact:
        rising = low.way(held)
        return Verdict("strict minimum", _definite(where, shown, "positive", held), None, rising)
    if high is not None and high.sign < 0 and high.exact:
        falling = leave(point, held, -1) or high.way(held)
        return Verdict("maximum", _definite(where, shown, "negative", held) + ": a strict maximum", falling)
    down = low is not None and low.sign < 0
    rises = high is not None and high.sign > 0
    falling = low.way(held) if low is not None and down else leave(point, held, -1)
    rising = high.way(held) if high is not None and rises else leave(point, held, +1)
    if (down or wrong) and (rises or right):
        return _saddle(point, held, Verdict("saddle", _mixed(where, shown, right, wrong), falling, rising))
    minimum, maximum = low is not None and not down, high is not None and not rises
    exact = all(e is None or e.exact for e in (low, high))
    if (definite := _definite_for_others(point, held)) is not None:
        return definite
    ends = Ends(minimum, maximum, exact, falling, rising, cone)
    return decide_where_flat(point, held, ends, sense, check)


def _saddle(point: Point, held: Holding, found: Verdict) -> Verdict:
    """Where multipliers are not unique, or nearly so, the curvature of L proves nothing: take the step it promises."""
    if held.base.rank == held.base.active.size and np.min(held.everything.s, initial=1.0) > NEARLY_DEPENDENT:
        return found
    if (definite := _definite_for_others(point, held)) is not None:
        return definite
    problem = replace(point.problem, count=Evaluations())
    down = found.falling is not None and isinstance(escape(point, found.falling, problem.at), Taken)
    if down and _rises(point, found.rising):
        return found
    why = "the curvature of L is not of one sign, but the multipliers are not unique and it may be for others"
    return Verdict("degenerate", why, found.falling if down else None)


def _definite_for_others(point: Point, held: Holding) -> Verdict | None:
    """The verdict that other multipliers of right sign allow, where they are not unique."""
    if held.base.rank == held.base.active.size:
        return None
    for sense, kind in ((1, "strict minimum"), (-1, "maximum")):
        if not np.any(sense * held.force < 0) and definite_for_some(point, held, sense):
            where = "for some the Hessian of L is definite on the tangent space"
            return Verdict(kind, f"the multipliers are not unique, and {where}")
    return None


def _rises(point: Point, way: Way | None) -> bool:
    if way is None:
        return False
    turned = point.problem.negated()
    turned = replace(turned, count=Evaluations())
    there = Point(turned, point.x, -point.value, -point.gradient, point.c, point.J)
    return isinstance(escape(there, replace(way, rate=-way.rate), turned.at), Taken)


def _corner(point: Point, held: Holding, up: bool) -> Verdict:
    alone = "the constraints leave no direction to move in"
    if not np.any(held.base.active.side):
        return Verdict("strict minimum" if up else "maximum", f"{alone}: the point is alone in its neighbourhood")
    if up:
        return Verdict("strict minimum", f"{alone} without pushing against one of them: a vertex", None, None)
    return Verdict("maximum", f"{alone} without f falling: a vertex, a strict maximum", leave(point, held, -1))


def _rough(point: Point, held: Holding) -> Verdict | None:
    """Look for kinks of L along the directions that the constraints leave free."""
    problem, base = point.problem, held.base
    if problem.smooth:
        return None
    y, z = base.active.spread(base.mu, problem.m, problem.n)

    first, f_and_gradient, constraints = problem.first, problem.f_and_gradient, problem.constraints

    def L(x: Vector) -> float:
        if first is not None:
            value, _, c, _ = first(x)
            return float(value) + float(y @ c) + float(z @ x)
        of_rows = 0.0 if constraints is None else float(y @ constraints.c_and_jacobian(x)[0])
        return float(f_and_gradient(x)[0]) + of_rows + float(z @ x)

    at = point.value + float(y @ point.c) + float(z @ point.x)
    size = abs(point.value) + float(np.abs(z) @ np.abs(point.x))
    if problem.m:
        size += float(np.abs(y) @ (np.abs(point.J) @ np.abs(point.x) + np.abs(point.c)))
    here = Point(problem, point.x, at, base.residual)
    v = verdict_on_kink(here, base.W, held.tangent.directions, size, L)
    if v is None:
        return None
    still = held.strong
    falling, rising = (
        None if w is None else way(held, w.direction, w.rate, w.order, still) for w in (v.falling, v.rising)
    )
    return Verdict(v.kind, v.why, falling, rising)


def _eigenvalues(held: Holding) -> Vector:
    """Those of the Hessian of L on the tangent space, in the user's units."""
    Z, W = held.tangent.directions, held.base.W
    n, r = Z.shape
    if r == 0:
        return np.zeros(0)
    if r == 1:
        v = Z[:, 0]
        return np.array([float(v @ W @ v) / float(v @ v)])
    if r == n:
        return np.asarray(np.linalg.eigvalsh(W), dtype=np.float64)
    Z = np.linalg.qr(Z)[0]
    return np.asarray(np.linalg.eigvalsh(Z.T @ W @ Z), dtype=np.float64)


def _condition(held: Holding) -> float:
    """That of the Karush–Kuhn–Tucker matrix [W Aᵀ; A 0] in good units, with A as far as it is independent."""
    T = held.everything
    n, r = T.d.size, T.rank
    K = np.zeros((n + r, n + r))
    K[:n, :n] = held.base.W / T.d / T.d[:, None]
    if r:
        K[n:, :n] = T.s[:, None] * T.V.T
        K[:n, n:] = K[n:, :n].T
    sizes = np.abs(np.linalg.eigvalsh(K))
    least = float(np.min(sizes))
    return float(np.max(sizes)) / least if least > 0 else float("inf")


def _where(held: Holding) -> str:
    if np.any(held.strong) or held.base.active.size:
        return "the Hessian of L on the tangent space"
    return "the Hessian"


def _definite(where: str, shown: Vector, word: str, held: Holding) -> str:
    if np.all(shown > 0) if word == "positive" else np.all(shown < 0):
        nearest = shown[np.argmin(np.abs(shown))]
        return f"all eigenvalues of {where} are {word} (nearest to zero: {nearest:.4g})"
    return f"{where} is {word} in all directions that the constraints with multiplier zero allow"


def _mixed(where: str, shown: Vector, right: int, wrong: int) -> str:
    if right or wrong:
        first = "rises" if right else "falls"
        span = f"({shown[0]:.4g} to {shown[-1]:.4g})"
        return f"f {first} where a constraint is left, but {where} has curvature of the other sign {span}"
    return f"{where} has eigenvalues of both signs ({shown[0]:.4g} to {shown[-1]:.4g})"
