r"""Block pivoting: guess what is held, solve, correct the whole guess at once.

From the basic solution of a choice of sides the next choice is read off,

    a held value whose dual has the wrong sign is let go;
    a value beyond its limit is held there,

until nothing changes, and then the solution is optimal.  This is Newton's method on the complementarity conditions
written as min(dual, slack) = 0 (Hintermüller, Ito & Kunisch), so from a good guess — the sides of the last iteration —
it ends after one or two factorizations however many sides change.  From a bad one it may cycle; that is seen, and
another method (`dual_steps`) takes over.

References
----------
Kunisch & Rendl, *An infeasible active set method for quadratic problems with simple bounds*, SIAM J. Optim. 14 (2003).
Hintermüller, Ito & Kunisch, *The primal-dual active set strategy as a semismooth Newton method*, ibid. 13 (2002).
Júdice & Pires (1994), block pivoting for linear complementarity problems.
"""

from __future__ import annotations

import numpy as np

from .system import SLACK, Basic, Sides, System

__all__ = ["block_pivots"]

#: A guess that has not settled after so many factorizations will not.
MOST = 12


def block_pivots(system: System, sides: Sides) -> tuple[Basic, Sides] | None:
    """Return the optimal basic solution and its sides, or None where the guesses run in a circle.

    Examples
    --------
    >>> system = System(2, 0)
    >>> system.load(np.eye(2), np.zeros((0, 2)), np.array([-3.0, -0.5]), np.zeros(2), np.ones(2))
    >>> basic, sides = block_pivots(system, np.zeros(2, dtype=np.int8))
    >>> basic.d, sides
    (array([1. , 0.5]), array([1, 0], dtype=int8))
    """
    lo, hi = system.lo, system.hi
    seen: set[bytes] = set()
    for _ in range(MOST):
        basic = system.solve(sides)
        if basic is None:
            return None
        value, dual = basic.value, basic.dual
        slack = SLACK + SLACK * np.abs(value)
        free = sides == 0
        above = (value > hi + slack) & free
        below = (value < lo - slack) & free
        wrong = (dual * sides < -1e-12 * np.abs(dual).max()) & ~system.fixed
        if not (above | below | wrong).any():
            return basic, sides
        seen.add(sides.tobytes())
        sides = sides.copy()
        sides[wrong] = 0
        sides[above] = 1
        sides[below] = -1
        if sides.tobytes() in seen:
            return None
    return None
