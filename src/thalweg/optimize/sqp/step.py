r"""The step of an SQP method: the quadratic program at a point, made solvable.

    minimize ∇fᵀd + ½ dᵀHd    subject to    cₗ ≤ c + J d ≤ cᵤ,   xₗ ≤ x + d ≤ xᵤ,      H = ∇²L(x, y).

Three attempts, the later the safer:

1. H as it is, from the sides held at the last iteration.  If they hold again and H is positive definite on the null
   space of what is held, this is one factorization: Newton's method on ∇L = 0, c = 0 (Lagrange–Newton).
2. |H| (see `convexify`) in place of H.
3. |H|, by the dual method with bounded multipliers: it always ends, and where the linearized rows contradict one
   another, the rows that cost most *give way* (elastic mode).

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §18.1–18.4.
Fletcher, *Practical Methods of Optimization* (2nd ed.), §12.4 (Lagrange–Newton) and §14.3–14.4 (Sℓ₁QP).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..problem import Matrix
from .convexify import convexified
from .dual_steps import dual_steps
from .pivoting import block_pivots
from .system import Basic, Sides, System

__all__ = ["Step", "convex_step", "newton_step"]


class Step(NamedTuple):
    """A step with the multipliers that its program has; `exact` where H was used as it is."""

    basic: Basic
    sides: Sides
    curvature: float
    exact: bool
    elastic: bool


def newton_step(system: System, sides: Sides) -> Step | None:
    """Return the step with H as loaded, or None where the program has none that is a minimum."""
    found = block_pivots(system, sides)
    if found is None:
        return None
    basic, sides = found
    d, n = basic.d, system.n
    return Step(basic, sides, float(d @ (system.K[:n, :n] @ d)), True, False)


def convex_step(
    system: System, H: Matrix, sides: Sides, floor: float, turned: float, cap: float, check: Callable[[], None]
) -> Step | None:
    """Return the step with |H|; rows give way where their multipliers would exceed `cap`."""
    n = system.n
    model = convexified(H, floor, turned)
    system.K[:n, :n] = model
    found = block_pivots(system, sides)
    if found is not None and not (np.abs(found[0].y) > cap).any():
        basic, sides = found
        return Step(basic, sides, float(basic.d @ (model @ basic.d)), False, False)
    caps = np.full(n + system.m, np.inf)
    caps[n:] = cap
    result = dual_steps(system, sides, caps, check)
    if result is None:
        return None
    d = result.basic.d
    return Step(result.basic, result.sides, float(d @ (model @ d)), False, bool(result.given.any()))
