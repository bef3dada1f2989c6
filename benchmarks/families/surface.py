r"""A minimal surface: a soap film through the edge of Scherk's surface.

    minimize the area of the graph of u over |x|, |y| ≤ 1,   u = log(cos y / cos x) on the edge,

for which the film is Scherk's surface itself (H. F. Scherk, 1835). Every square of the grid carries two triangles whose
areas are added (E. D. Dolan, J. J. Moré, T. S. Munson, *Benchmarking optimization software with COPS 3.0*, 2004,
problem 17, without its obstacle). The area is a strictly convex function of the m × m inner values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.families import grid
from benchmarks.families.family import Array, Family, LargeProblem

#: Values of the discrete problem, by the number of variables: CasADi + IPOPT with a tolerance of 10⁻¹¹.
VALUES = {1024: 5.6960540977838, 10_000: 5.6973565430645, 99_856: 5.6974964090208}


def scherk(x: Array, y: Array) -> Array:
    """The solution of the continuous problem."""
    return np.log(np.cos(y) / np.cos(x))


def at(n: int) -> LargeProblem:
    """The problem on the square grid with about n inner points."""
    m = grid.side(n)
    x, y, h = grid.points(m, 1.0)
    edge = grid.edge_of(scherk(x, y))

    def f(z):
        u = grid.whole(z, edge)
        across, up = (u[1:, :] - u[:-1, :]) / h, (u[:, 1:] - u[:, :-1]) / h
        lower = np.sqrt(1 + across[:, :-1] ** 2 + up[:-1, :] ** 2)
        upper = np.sqrt(1 + across[:, 1:] ** 2 + up[1:, :] ** 2)
        return 0.5 * h**2 * np.sum(lower + upper)

    def in_casadi(ca: Any, z: Any) -> tuple[Any, Any]:
        u = grid.whole_in_casadi(ca, z, edge)
        across, up = (u[1:, :] - u[:-1, :]) / h, (u[:, 1:] - u[:, :-1]) / h
        lower = ca.sqrt(1 + across[:, :-1] ** 2 + up[:-1, :] ** 2)
        upper = ca.sqrt(1 + across[:, 1:] ** 2 + up[1:, :] ** 2)
        return 0.5 * h**2 * ca.sum1(ca.vec(lower + upper)), None

    return LargeProblem(f"minimal surface, n={m * m}", f, np.zeros(m * m), in_casadi, value=VALUES.get(m * m))


FAMILY = Family("minimal surface", "a soap film through Scherk's edge: convex, no constraints", at)
