r"""Along constraints that bend: how f changes in the one direction in which the curvature of L is zero.

Let v be that direction.  The least (or, where the other curvatures are negative, greatest) value of f on the
constraints at the distance t,

    φ(t) = f(x(t)),      x(t) stationary for f   on   c_S(x) = 0,  vᵀ(x − x*) = t,

is a function of one variable: the *reduced function* of Lyapunov and Schmidt.  Since the curvature is of one sign in
all other directions, x* is what 0 is for φ (the splitting lemma): with φ(t) − φ(0) ≈ r± |t|^p on the two sides,

    r₊ and r₋ of different signs      saddle
    both of the sign of the others    strict minimum, or strict maximum
    both of the other sign            saddle

x(t) is found by Newton's method on the Lagrange conditions, which are regular with the condition on t.  The power p is
read off φ(t)/φ(t/2) = 2^p at several t; without a clear power the point stays degenerate.

References
----------
Golubitsky & Schaeffer, *Singularities and Groups in Bifurcation Theory* I (1985), §I.3 (Lyapunov–Schmidt).
Poston & Stewart, *Catastrophe Theory and its Applications* (1978), §4.5 (splitting lemma).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .curvature import EPS
from .degenerate import Verdict, Way
from .holding import Holding
from .patience import Check, time_left
from .problem import Evaluations, Matrix, Point, Problem, Vector

__all__ = ["decide_along", "decide_on_one_side"]

#: The distances at which the reduced function is looked at, beside the first.
HALVINGS = 6
#: The powers that are told apart.
_POWERS = {3: "third", 4: "fourth", 5: "fifth", 6: "sixth"}


@dataclass(frozen=True, eq=False)
class _Term:
    """φ(t) − φ(0) ≈ rate · t^order on one side, and the place on the curve where that was seen."""

    rate: float
    order: int
    t: float
    x: Vector


def decide_along(point: Point, held: Holding, directions: Matrix, sign: int, null: str, check: Check | None) -> Verdict:
    """Say what a point is whose curvature of L is zero in one direction and of one sign in all others.

    Parameters
    ----------
    point, held
        Where, and what holds it.
    directions : array (n, k)
        The directions of zero curvature, as columns.
    sign : int
        The sign of the other curvatures, 0 where there are none.
    null : str
        The sentence that says so.
    check : callable, optional
        Raises `OutOfTime` when there is no time left.
    """
    if directions.shape[1] != 1:
        return Verdict("degenerate", f"{null}, and there are {directions.shape[1]} of them on constraints that bend")
    v = directions[:, 0] / np.linalg.norm(directions[:, 0])
    curve = _Curve(replace(point.problem, count=Evaluations()), point, held, v)
    ahead, behind = (_leading_term(curve, side, check) for side in (1.0, -1.0))
    if ahead is None or behind is None or ahead.order != behind.order:
        return Verdict("degenerate", f"{null}, and no higher power of the distance rules f along the constraints")
    power = _POWERS[ahead.order]
    bend = 0.5 * (_bend(ahead, point.x, v) + _bend(behind, point.x, -v))
    ways = [_way(held, s * v, term.rate, term.order, bend) for term, s in ((ahead, 1.0), (behind, -1.0))]
    falling = next((w for w in ways if w.rate < 0), None)
    rising = next((w for w in ways if w.rate > 0), None)
    where = f"{null}, and along the constraints f "
    if falling and rising:
        return Verdict(
            "saddle", f"{where}changes with the {power} power: down on one side, up on the other", falling, rising
        )
    if rising and sign >= 0:
        return Verdict("strict minimum", f"{where}rises with the {power} power", None, rising)
    if falling and sign <= 0:
        return Verdict("maximum", f"{where}falls with the {power} power: a strict maximum", falling)
    tendency = "falls" if falling else "rises"
    return Verdict("saddle", f"{where}{tendency} with the {power} power, against the other directions", falling, rising)


def _bend(term: _Term, x: Vector, v: Vector) -> Vector:
    return np.asarray((term.x - x - term.t * v) / term.t**2)


def decide_on_one_side(point: Point, held: Holding, directions: Matrix, null: str, check: Check | None) -> Verdict:
    """Say what a point is that can be left in one direction only, and that with curvature zero.

    All others are fixed by the strong constraints, and the weak ones allow v but not −v.
    """
    v = directions[:, 0] / np.linalg.norm(directions[:, 0])
    weak = ~held.strong
    inward = held.base.active.side[weak] * (held.base.A[weak] @ v)
    if not (np.all(inward <= 0) or np.all(inward >= 0)):
        return Verdict("degenerate", null)
    v = v if np.all(inward <= 0) else -v
    term = _leading_term(_Curve(replace(point.problem, count=Evaluations()), point, held, v), 1.0, check)
    if term is None:
        return Verdict("degenerate", f"{null}, and no higher power of the distance rules f along it")
    way = _way(held, v, term.rate, term.order, _bend(term, point.x, v))
    where = f"{null}, and in the one direction that is left f "
    if term.rate > 0:
        return Verdict("strict minimum", f"{where}rises with the {_POWERS[term.order]} power", None, way)
    return Verdict("maximum", f"{where}falls with the {_POWERS[term.order]} power: a strict maximum", way)


def _way(held: Holding, v: Vector, rate: float, order: int, bend: Vector) -> Way:
    active = held.base.active.only(held.strong)
    noise = 2 * float(np.sum(np.abs(held.base.mu * active.offset)))
    return Way(v, rate, order, bend, active.rows, True, noise)


@dataclass(eq=False)
class _Curve:
    """t ↦ x(t), by Newton's method."""

    problem: Problem
    point: Point
    held: Holding
    v: Vector

    def __post_init__(self) -> None:
        active, n = self.held.base.active.only(self.held.strong), self.problem.n
        self.free = np.ones(n, dtype=bool)
        self.free[active.variables] = False
        self.rows = active.rows
        self.y = self.held.base.mu[self.held.strong][: self.rows.size]
        self.offset = active.offset[: self.rows.size]
        size = abs(self.point.value)
        if self.rows.size:
            size += float(np.abs(self.y) @ (np.abs(self.point.J[self.rows]) @ np.abs(self.point.x)))
        self.noise = 100 * EPS * size

    def at(self, t: float) -> tuple[float, Vector] | None:
        """Return φ(t) − φ(0) and x(t)."""
        x, y, nu, F = self.point.x + t * self.v, self.y, 0.0, self.free
        m, k = self.rows.size, int(np.sum(self.free))
        v = self.v[F]
        for _ in range(12):
            there = self.problem.at(x)
            if not there.finite:
                return None
            J = there.J[self.rows][:, F] if m else np.zeros((0, k))
            whole = np.zeros(self.problem.m)
            whole[self.rows] = y
            W = self.problem.lagrangian_hessian(x, whole)[np.ix_(F, F)]
            off = there.c[self.rows] - self.point.c[self.rows] if m else np.zeros(0)
            astray = float(self.v @ (x - self.point.x)) - t
            r = np.concatenate([there.gradient[F] + J.T @ y + nu * v, off, [astray]])
            K = np.zeros((k + m + 1, k + m + 1))
            K[:k, :k] = W
            K[:k, k : k + m], K[k : k + m, :k] = J.T, J
            K[:k, -1] = K[-1, :k] = v
            if not np.isfinite(K).all():
                return None
            s = -np.linalg.lstsq(K, r, rcond=1e-13)[0]
            x = x.copy()
            x[F] += s[:k]
            y, nu = y + s[k : k + m], nu + float(s[-1])
            if np.all(np.abs(s[:k]) <= 1e-12 * (np.abs(x[F]) + np.abs(t * v))):
                break
        else:
            return None
        there = self.problem.at(x)
        if not there.finite:
            return None
        left = float(y @ (there.c[self.rows] - self.point.c[self.rows])) if m else 0.0
        return there.value + left - self.point.value, x


def _leading_term(curve: _Curve, side: float, check: Check | None) -> _Term | None:
    """Return the term that rules φ on one side: the power seen twice in a row."""
    reach = np.maximum(np.abs(curve.point.x), 1.0)
    t = 0.2 / float(np.max(np.abs(curve.v) / reach))
    seen: list[tuple[float, float, Vector]] = []
    for _ in range(HALVINGS + 1):
        if time_left(check) <= 0:
            return None
        found = curve.at(side * t)
        if found is not None:
            if abs(found[0]) <= 10 * curve.noise:
                return None
            seen.append((t, *found))
            if len(seen) >= 3 and (order := _power(seen[-3:])):
                return _Term(seen[-1][1] / t**order, order, t, seen[-1][2])
        t *= 0.5
    return None


def _power(seen: list[tuple[float, float, Vector]]) -> int:
    """The power that three values at t, t/2, t/4 show, or 0."""
    values = [value for _, value, _ in seen]
    for p in _POWERS:
        if all(abs(a / b / 2**p - 1) < 0.15 for a, b in pairwise(values)):
            return p
    return 0
