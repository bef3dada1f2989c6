r"""Optimal control by collocation: a nonlinear oscillator is brought to rest.

    minimize ∫₀ᵀ (b² + u²) dt + a(T)² + b(T)²
    where a′ = b,   b′ = −a − ½ b (1 − a²) + a u,   (a, b)(0) = (2, 0),   |u| ≤ 2.

The optimal feedback is u = −a b and the optimal value is a(0)² + b(0)² = 4: V = a² + b² solves the Hamilton–Jacobi–
Bellman equation b² + u² + ∇V·(a′, b′) = 0, so it is the cost to go for every horizon T when it is also the cost at its
end (V. Nevistić, J. A. Primbs, *Constrained nonlinear optimal control: a converse HJB approach*, CDS Technical Memo
96-021, Caltech 1996). The bounds on u are not active.

The trapezoidal rule on N intervals makes 3 (N + 1) variables a, b, u and 2 N + 2 equations; its value is 4 + O(N⁻²).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.families.family import Family, LargeProblem

HORIZON = 10.0
START = (2.0, 0.0)
CONTROL = 2.0
#: Values of the discrete problem, by the number of variables: CasADi + IPOPT with a tolerance of 10⁻¹¹.
VALUES = {999: 4.0008516492403, 9999: 4.0000089133515, 99_999: 4.0000000917852}


def at(n: int) -> LargeProblem:
    """The problem with 3 ⌊n/3⌋ variables."""
    nodes = n // 3
    h = HORIZON / (nodes - 1)

    def parts(z: Any) -> tuple[Any, Any, Any]:
        return z[:nodes], z[nodes : 2 * nodes], z[2 * nodes :]

    def f(z):
        a, b, u = parts(z)
        cost = b**2 + u**2
        return h * (np.sum(cost) - 0.5 * (cost[0] + cost[-1])) + a[-1] ** 2 + b[-1] ** 2

    def eq(z):
        a, b, u = parts(z)
        rate = -a - 0.5 * b * (1 - a**2) + a * u
        return np.concatenate(
            [
                a[1:] - a[:-1] - 0.5 * h * (b[1:] + b[:-1]),
                b[1:] - b[:-1] - 0.5 * h * (rate[1:] + rate[:-1]),
                a[:1] - START[0],
                b[:1] - START[1],
            ]
        )

    def in_casadi(ca: Any, z: Any) -> tuple[Any, Any]:
        a, b, u = parts(z)
        cost = b**2 + u**2
        value = h * (ca.sum1(cost) - 0.5 * (cost[0] + cost[-1])) + a[-1] ** 2 + b[-1] ** 2
        rate = -a - 0.5 * b * (1 - a**2) + a * u
        rows = [
            a[1:] - a[:-1] - 0.5 * h * (b[1:] + b[:-1]),
            b[1:] - b[:-1] - 0.5 * h * (rate[1:] + rate[:-1]),
            a[0] - START[0],
            b[0] - START[1],
        ]
        return value, ca.vertcat(*rows)

    free = np.full(2 * nodes, np.inf)
    limit = np.concatenate([free, np.full(nodes, CONTROL)])
    x0 = np.concatenate([np.linspace(START[0], 0, nodes), np.zeros(2 * nodes)])
    name = f"optimal control, n={3 * nodes}"
    return LargeProblem(name, f, x0, in_casadi, eq=eq, lower=-limit, upper=limit, value=VALUES.get(3 * nodes))


FAMILY = Family("optimal control", "an oscillator to rest, trapezoidal collocation: equations and bounds", at)
