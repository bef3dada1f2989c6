r"""A chain hanging between two points, as a curve of given length.

    minimize ∫₀¹ x √(1 + u²) dt   subject to   x′ = u,   ∫₀¹ √(1 + u²) dt = 4,   x(0) = 1,   x(1) = 3

(E. D. Dolan, J. J. Moré, T. S. Munson, *Benchmarking optimization software with COPS 3.0*, 2004, problem 4). The
trapezoidal rule on N intervals makes 2 (N + 1) variables and N + 3 equations, of which the length reads half of the
variables. The solution is the catenary x = c cosh((t − d)/c) + s; c and d follow from the length and the heights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize

from benchmarks.families.family import Family, LargeProblem

LENGTH = 4.0
ENDS = (1.0, 3.0)
#: Values of the discrete problem, by the number of variables: CasADi + IPOPT with a tolerance of 10⁻¹¹.
VALUES = {1000: 5.0685781177411, 10_000: 5.0684817384451, 100_000: 5.0684801294986}


def catenary() -> float:
    """The value of the continuous problem."""
    a, b = ENDS

    def gap(given):
        c, d = given
        length = c * (np.sinh((1 - d) / c) + np.sinh(d / c)) - LENGTH
        return [length, c * (np.cosh((1 - d) / c) - np.cosh(d / c)) - (b - a)]

    c, d = scipy.optimize.root(gap, [0.3, 0.4], tol=1e-14).x
    squared = c / 2 + c**2 / 4 * (np.sinh(2 * (1 - d) / c) + np.sinh(2 * d / c))  # ∫ c cosh² dt
    return float(squared + (a - c * np.cosh(d / c)) * LENGTH)


def at(n: int) -> LargeProblem:
    """The chain with 2 ⌊n/2⌋ variables."""
    nodes = n // 2
    h = 1 / (nodes - 1)

    def f(z):
        x, u = z[:nodes], z[nodes:]
        weight = x * np.sqrt(1 + u**2)
        return h * (np.sum(weight) - 0.5 * (weight[0] + weight[-1]))

    def eq(z):
        x, u = z[:nodes], z[nodes:]
        arc = np.sqrt(1 + u**2)
        length = h * (np.sum(arc) - 0.5 * (arc[0] + arc[-1]))
        slopes = x[1:] - x[:-1] - 0.5 * h * (u[1:] + u[:-1])
        return np.concatenate([slopes, [x[0] - ENDS[0], x[-1] - ENDS[1], length - LENGTH]])

    def in_casadi(ca: Any, z: Any) -> tuple[Any, Any]:
        x, u = z[:nodes], z[nodes:]
        arc = ca.sqrt(1 + u**2)
        weight = x * arc
        value = h * (ca.sum1(weight) - 0.5 * (weight[0] + weight[-1]))
        length = h * (ca.sum1(arc) - 0.5 * (arc[0] + arc[-1]))
        slopes = x[1:] - x[:-1] - 0.5 * h * (u[1:] + u[:-1])
        return value, ca.vertcat(slopes, x[0] - ENDS[0], x[-1] - ENDS[1], length - LENGTH)

    t = np.linspace(0, 1, nodes)
    rise = 4 * (ENDS[1] - ENDS[0])
    x0 = np.concatenate([ENDS[0] + rise * t * (0.5 * t - 0.25), rise * (t - 0.25)])  # the start of COPS
    return LargeProblem(f"hanging chain, n={2 * nodes}", f, x0, in_casadi, eq=eq, value=VALUES.get(2 * nodes))


FAMILY = Family("hanging chain", "a curve of given length: equations, one of them with half of the variables", at)
