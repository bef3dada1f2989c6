r"""A chain between two points: links of equal length, the weight at the joints, as low as it can hang.

    minimize (1/N) Σ yₖ   subject to   (N/L)² ((xₖ₊₁ − xₖ)² + (yₖ₊₁ − yₖ)²) = 1,   k = 0 … N − 1,

over the N − 1 free joints, the ends held at (0, 0) and (1, ¼); L = 2 is the length of the chain.

The answer is known: every link pulls along itself, the horizontal pull H is the same for all, and the vertical one
grows from link to link by the weight of a joint. So link k points along (H, V + k/N), and H and V are the two numbers
for which the chain ends where it is held (J. Bernoulli's argument; in the limit N → ∞ the catenary).

The condition of these equations grows like N², and while the multipliers are near 0 the Hessian of the Lagrangian is
too: with 10⁵ variables MUMPS did not end one factorization in 500 s. So this is a family for two sizes only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize

from benchmarks.families.family import Array, Family, LargeProblem

LENGTH = 2.0
END = (1.0, 0.25)


def joints(links: int) -> tuple[Array, Array]:
    """The joints of the hanging chain, ends included, from the balance of forces."""
    weights = (np.arange(links) + 0.5) / links - 0.5

    def link(forces: Array) -> tuple[Array, Array]:
        across, up = np.exp(forces[0]), forces[1] + weights  # H > 0: the chain hangs, it does not stand
        pull = np.hypot(across, up)
        return LENGTH / links * across / pull, LENGTH / links * up / pull

    def gap(forces: Array) -> Array:
        dx, dy = link(forces)
        return np.array([np.sum(dx) - END[0], np.sum(dy) - END[1]])

    found = scipy.optimize.root(gap, [np.log(0.2), 0.0], tol=1e-14)
    assert np.max(np.abs(gap(found.x))) < 1e-11, found.message
    dx, dy = link(found.x)
    return np.concatenate([[0.0], np.cumsum(dx)]), np.concatenate([[0.0], np.cumsum(dy)])


def at(n: int) -> LargeProblem:
    """The chain with ⌊n/2⌋ free joints."""
    free = n // 2
    links = free + 1
    squared = (links / LENGTH) ** 2

    def f(z):
        return np.sum(z[free:]) / links

    def eq(z):
        x = np.concatenate([[0.0], z[:free], [END[0]]])
        y = np.concatenate([[0.0], z[free:], [END[1]]])
        return squared * ((x[1:] - x[:-1]) ** 2 + (y[1:] - y[:-1]) ** 2) - 1

    def in_casadi(ca: Any, z: Any) -> tuple[Any, Any]:
        x = ca.vertcat(0.0, z[:free], END[0])
        y = ca.vertcat(0.0, z[free:], END[1])
        rows = squared * ((x[1:] - x[:-1]) ** 2 + (y[1:] - y[:-1]) ** 2) - 1
        return ca.sum1(z[free:]) / links, rows

    s = np.arange(1, links) / links
    x0 = np.concatenate([END[0] * s, END[1] * s - 2.5 * s * (1 - s)])
    value = float(np.sum(joints(links)[1][1:-1]) / links)
    return LargeProblem(f"chain of links, n={2 * free}", f, x0, in_casadi, eq=eq, value=value)


FAMILY = Family(
    "chain of links", "links of equal length: nonlinear equations, ill-conditioned", at, sizes=(10**3, 10**4)
)
