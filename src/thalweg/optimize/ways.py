r"""Ways out of a stationary point that constraints hold: along them, or off one of them.

Where the multiplier μᵢ of an inequality pulls the wrong way, f falls to first order when that constraint is left and
all others are held: aᵢ v = −σᵢ and aⱼ v = 0 give ∇fᵀv = −μᵀA v = σᵢ μᵢ < 0.  Along the critical cone f changes with the
second power of the distance, by ½ t² vᵀ∇²L v, on the curve that the constraints bend (`retraction`).

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §12.3 (sensitivity), §16.5 (leaving an active set).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .degenerate import Way
from .holding import Holding
from .problem import Point, Vector

__all__ = ["along", "leave", "way"]


def leave(point: Point, held: Holding, sign: int) -> Way | None:
    """The way that leaves the constraint with the largest multiplier that lets f fall (−1) or rise (+1)."""
    base, T = held.base, held.everything
    force = sign * held.force
    if not np.any(force > 0):
        return None
    place = int(np.argmax(force))
    amounts = np.zeros(base.active.size)
    amounts[place] = -base.active.side[place]
    v = T.leaving(amounts)
    moved = base.A @ v
    if base.rank < base.active.size and np.any(np.abs(moved - amounts) > 1e-8 * np.abs(base.A) @ np.abs(v)):
        steepest = _steepest(point, held, sign)
        if steepest is None:
            return None
        v = steepest
        moved = base.A @ v
    still = np.abs(moved) <= 1e-9 * (np.abs(base.A) @ np.abs(v))
    length = float(np.linalg.norm(v))
    return way(held, v / length, float(point.gradient @ v) / length, 1, still)


def _steepest(point: Point, held: Holding, sign: int) -> Vector | None:
    """The direction in which f falls or rises most, to first order within all active constraints: a linear program."""
    from scipy.optimize import linprog

    base, d = held.base, held.tangent.d
    side = base.active.side
    A = base.A / d
    found = linprog(
        -sign * point.gradient / d,
        A_ub=side[side != 0, None] * A[side != 0],
        b_ub=np.zeros(int(np.sum(side != 0))),
        A_eq=A[side == 0] if np.any(side == 0) else None,
        b_eq=np.zeros(int(np.sum(side == 0))) if np.any(side == 0) else None,
        bounds=(-1.0, 1.0),
        method="highs",
    )
    if found.x is None:
        return None
    v = np.asarray(found.x / d)
    return v if sign * float(point.gradient @ v) > 1e-9 * float(np.sum(np.abs(point.gradient) / d)) else None


def along(held: Holding, v: Vector, rate: float, both: bool) -> Way:
    """The way along the critical cone."""
    moved = np.abs(held.base.A @ v)
    still = moved <= 1e-9 * (np.abs(held.base.A) @ np.abs(v))
    return replace(way(held, v, rate, 2, still), one_sided=not both)


def way(held: Holding, v: Vector, rate: float, order: int, still: NDArray[np.bool_]) -> Way:
    """The way along v, on the active constraints that `still` marks: v leaves these alone."""
    active = held.base.active
    k = active.rows.size
    if held.base.rank < active.size:
        still = still & (active.side == 0)  # the others may not be held all at once; they are seen to when violated
    v = v.copy()
    v[active.variables[still[k:]]] = 0.0
    noise = 2 * float(np.sum(np.abs(held.base.mu * active.offset)))
    return Way(v, rate, order, None, active.rows[still[:k]], False, noise)
