r"""The obstacle problem: a membrane is spanned over a ball.

    minimize ½ ∫ |∇u|² over |x|, |y| ≤ 2,   u ≥ ψ = √(1 − r²) where r < 1,

with the edge held where the solution is known: for the ball, u = ψ where r ≤ a, and u = −a² log(r/2) / √(1 − a²)
beyond, where a solves a² (1 − log(a/2)) = 1 (E. Bueler, *PETSc for Partial Differential Equations*, SIAM 2021, §12.2).
Differences on a grid of m × m inner points make a convex quadratic objective with bounds only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize

from benchmarks.families import grid
from benchmarks.families.family import Array, Family, LargeProblem

#: The radius up to which the membrane lies on the ball.
CONTACT = float(scipy.optimize.brentq(lambda a: a**2 * (1 - np.log(a / 2)) - 1, 0.5, 0.9, xtol=1e-15))
#: Values of the discrete problem, by the number of variables: CasADi + IPOPT with a tolerance of 10⁻¹¹.
VALUES = {1024: 1.9606186126486, 10_000: 1.9708975931205, 99_856: 1.9732291417629}


def ball(r: Array) -> Array:
    """ψ, and −∞ where there is no ball."""
    return np.where(r < 1, np.sqrt(np.maximum(1 - r**2, 0)), -np.inf)


def membrane(r: Array) -> Array:
    """The solution of the continuous problem."""
    outside = -(CONTACT**2) * np.log(np.maximum(r, 1e-300) / 2) / np.sqrt(1 - CONTACT**2)
    return np.where(r <= CONTACT, np.sqrt(np.maximum(1 - r**2, 0)), outside)


def at(n: int) -> LargeProblem:
    """The problem on the square grid with about n inner points."""
    m = grid.side(n)
    x, y, _ = grid.points(m, 2.0)
    r = np.hypot(x, y)
    edge = grid.edge_of(membrane(r))
    lower = ball(r)[1:-1, 1:-1].ravel()

    def f(z):
        u = grid.whole(z, edge)
        return 0.5 * (np.sum((u[1:, 1:-1] - u[:-1, 1:-1]) ** 2) + np.sum((u[1:-1, 1:] - u[1:-1, :-1]) ** 2))

    def in_casadi(ca: Any, z: Any) -> tuple[Any, Any]:
        u = grid.whole_in_casadi(ca, z, edge)
        return 0.5 * (ca.sumsqr(u[1:, 1:-1] - u[:-1, 1:-1]) + ca.sumsqr(u[1:-1, 1:] - u[1:-1, :-1])), None

    upper = np.full(m * m, np.inf)
    start = np.maximum(lower, 0)
    return LargeProblem(f"obstacle, n={m * m}", f, start, in_casadi, lower=lower, upper=upper, value=VALUES.get(m * m))


FAMILY = Family("obstacle", "a membrane over a ball: convex quadratic with bounds", at)
