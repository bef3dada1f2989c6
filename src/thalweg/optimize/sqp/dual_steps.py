r"""A dual active-set method with bounded duals: it always ends, and takes contradictory rows as they are.

For positive definite H the dual of a quadratic program is concave in u = (z, y).  The method of Goldfarb and Idnani
climbs it: from the minimum over what is held, with duals of the right sign, take a value v_p beyond its limit and let
its dual u_p grow.  d moves so that everything held stays held, and v_p comes closer to its limit, until

    v_p reaches it: p is held now;
    the dual of something held reaches zero: it is let go, and u_p goes on growing.

Every full step raises the dual function, so no choice of sides comes twice and the method is finite; rows that depend
on those held are never added, so redundant rows do no harm.

Here the dual of row i may be bounded as well, |yᵢ| ≤ capᵢ.  That is exactly the program with an ℓ₁ penalty in place
of the row,

    minimize  gᵀd + ½ dᵀHd + Σ capᵢ · (violation of row i),

since the largest slope of the penalty is the largest multiplier the row can have: a row whose dual arrives at its cap
*gives way* and is violated, at that price.  So a program with contradictory rows has a solution too — the elastic mode
of an SQP method without a variable more.  A row that has given way is expected beyond its limit; where it falls back
inside, its dual comes down again by the same rules.

References
----------
Goldfarb & Idnani, *A numerically stable dual method for solving strictly convex quadratic programs*, Math. Prog. 27
(1983); Nocedal & Wright, *Numerical Optimization* (2nd ed.), §16.8; Fletcher, *Practical Methods of Optimization*
(2nd ed.), §14.3 (exact ℓ₁ penalties and bounded multipliers).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import lapack
from ..problem import Vector
from .system import SLACK, Basic, Sides, System

__all__ = ["DualResult", "dual_steps"]

#: A row whose part outside the span of those held is smaller than this (squared, relative) depends on them.
DEPENDENT = 1e-13


class DualResult(NamedTuple):
    """What the method ended with: 'optimal', 'infeasible' (no finite cap, contradictory) or 'limit'."""

    status: str
    basic: Basic
    sides: Sides
    given: Vector


def dual_steps(
    system: System, sides: Sides, cap: Vector, check: Callable[[], None] = lambda: None
) -> DualResult | None:
    """Return the solution of the program whose row duals are bounded by `cap`; None where H is not positive definite.

    Parameters
    ----------
    system : System
        The program; H positive definite.
    sides : array of int8
        A guess of what is held.
    cap : array (n + m,)
        The largest |dual| of each value; ∞ for those that must hold.
    check : callable
        Called now and then; raises where the time is up.

    Returns
    -------
    DualResult or None
        `given` has the duals of the rows that gave way, ±cap, and zeros elsewhere.

    Examples
    --------
    d ≥ 1 and d ≤ −1 as rows, at a price of 5 each; the cheapest way is to stay at the nearer one:

    >>> system = System(1, 2)
    >>> inf = np.inf
    >>> system.load(np.eye(1), np.ones((2, 1)), np.array([-6.0]), np.array([-inf, 1, -inf]), np.array([inf, inf, -1]))
    >>> found = dual_steps(system, np.zeros(3, dtype=np.int8), np.array([inf, 5, 5]))
    >>> found.status, found.basic.d, found.given
    ('optimal', array([1.]), array([0., 0., 5.]))
    """
    n, m, K = system.n, system.m, system.K
    factor, info = lapack.dpotrf(K[:n, :n])
    if info != 0:
        return None
    length = np.ones(n + m)
    if m:
        length[n:] = np.sqrt(np.einsum("ij,ij->i", K[n:, :n], K[n:, :n]))
        length[length == 0] = 1.0
    start = _dual_feasible(system, sides, cap)
    if start is None:
        return None
    basic, sides = start
    given = np.zeros(n + m)
    ignored = np.zeros(n + m, dtype=bool)
    status = "limit"
    for _ in range(10 * (n + m) + 50):
        check()
        excess = _excess(system, basic, sides, given, cap)
        excess[ignored] = 0.0
        p = int(np.argmax(np.abs(excess) / length))
        if excess[p] == 0:
            status = "optimal"
            break
        found = _raise(system, basic, sides, given, cap, p, float(excess[p]), factor)
        if found is None:
            status = "infeasible" if cap[p] == np.inf else "limit"
            break
        basic, sides, given, moved = found
        if not moved:
            ignored[p] = True
    return DualResult(status, basic, sides, given)


def _dual_feasible(system: System, sides: Sides, cap: Vector) -> tuple[Basic, Sides] | None:
    """Let go of what has a dual of the wrong sign, or one beyond its cap, until the rest has the right ones."""
    sides = sides.copy()
    basic = system.solve(sides)
    if basic is None:
        sides[:] = 0
        basic = system.solve(sides)
    while basic is not None:
        wrong = ((basic.dual * sides < 0) & ~system.fixed) | ((np.abs(basic.dual) > cap) & (sides != 0))
        if not wrong.any():
            return basic, sides
        sides[wrong] = 0
        basic = system.solve(sides)
    return None


def _excess(system: System, basic: Basic, sides: Sides, given: Vector, cap: Vector) -> Vector:
    """By how much each value that is not held is outside of where its dual says it is: 0 or inside, ±cap or beyond."""
    value = basic.value
    slack = SLACK * (1.0 + np.abs(value))
    low = np.where(given > 0, system.hi, np.where(given < 0, -np.inf, system.lo))
    high = np.where(given < 0, system.lo, np.where(given > 0, np.inf, system.hi))
    over, under = value - high, value - low
    out = np.where(over > slack, over, np.where(under < -slack, under, 0.0))
    out[sides != 0] = 0.0
    return out


def _raise(
    system: System, basic: Basic, sides: Sides, given: Vector, cap: Vector, p: int, excess: float, factor: Vector
) -> tuple[Basic, Sides, Vector, bool] | None:
    """Change the dual of p until its value is where it should be, or the dual at its cap; None where neither can be."""
    n, K = system.n, system.K
    s = 1.0 if excess > 0 else -1.0
    given, sides = given.copy(), sides.copy()
    u = float(given[p])
    if p < n:
        column = np.zeros(n + system.m)
        column[p] = 1.0
    else:
        column = K[p].copy()
    alone = column[:n] @ lapack.dpotrs(factor, column[:n])[0]
    target = float(system.hi[p] if u > 0 or (u == 0 and s > 0) else system.lo[p])
    moved = False
    for _ in range(2 * (n + system.m) + 20):
        w = system.again(basic, -s * column)
        Kw = K @ w
        rate = w[p] if p < n else Kw[p]
        dual_rate = np.where(sides != 0, w, 0.0)
        dual_rate[:n] = np.where(sides[:n] != 0, -(Kw[:n] + s * column[:n]), 0.0)
        gap = float(basic.value[p]) - target
        dependent = -s * rate <= DEPENDENT * alone
        full = np.inf if dependent else max(gap / -rate, 0.0)
        # The dual of p stops at the next of −cap, 0, cap; at 0 an inequality is inside its limits again.
        stop = 0.0 if s * u < 0 and not system.fixed[p] else s * float(cap[p])
        ahead = abs(stop - u)
        blocked, k, end = _block(basic.dual, dual_rate, sides, system.fixed, cap)
        if dependent and (ahead < blocked or blocked == np.inf):
            if abs(gap) <= 1e-7 * (1.0 + abs(target)) and not moved:
                return basic, sides, given, False  # depends on what is held, and is met but for rounding
            if ahead == np.inf:
                return None
        t = min(full, ahead, blocked)
        u += s * t
        moved = moved or t > 0
        if t == full and full <= blocked:
            given[p] = 0.0
            sides[p] = 1 if target == system.hi[p] else -1
            after = system.solve(sides, given, curvature=False)
            return None if after is None else (after, sides, given, True)
        if t == ahead and ahead < blocked:
            given[p] = stop
            after = system.solve(sides, given, curvature=False)
            return None if after is None else (after, sides, given, True)
        sides[k] = 0
        given[k] = end
        given[p] = u
        after = system.solve(sides, given, curvature=False)
        if after is None:
            return None
        basic = after
    return None


def _block(dual: Vector, rate: Vector, sides: Sides, fixed: NDArray[np.bool_], cap: Vector) -> tuple[float, int, float]:
    """Return how far the duals of what is held can go, which one stops first, and where it stops (0 or ±cap)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        to_zero = np.where((dual * rate < 0) & ~fixed, -dual / rate, np.inf)
        to_zero = np.where((dual == 0) & (rate * sides < 0) & ~fixed, 0.0, to_zero)
        to_cap = np.where(rate != 0, (cap - dual * np.sign(rate)) / np.abs(rate), np.inf)
    to_cap = np.where(sides != 0, np.maximum(to_cap, 0.0), np.inf)
    first, second = int(np.argmin(to_zero)), int(np.argmin(to_cap))
    if to_zero[first] <= to_cap[second]:
        return float(to_zero[first]), first, 0.0
    return float(to_cap[second]), second, float(np.sign(rate[second]) * cap[second])
