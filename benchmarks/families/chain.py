r"""A chain hanging between two points, as a curve of given length.

    minimize ∫₀¹ x √(1 + u²) dt   subject to   x′ = u,   ∫₀¹ √(1 + u²) dt = 4,   x(0) = 1,   x(1) = 3

(E. D. Dolan, J. J. Moré, T. S. Munson, *Benchmarking optimization software with COPS 3.0*, 2004, problem 4). On
N intervals there are N + 1 heights x, N slopes u and N + 3 equations, of which the length reads half of the variables.
(COPS has slopes at the ends of the intervals and the trapezoidal rule, which leaves free that they alternate.) The
solution is the catenary x = c cosh((t − d)/c) + s; c and d follow from the length and the heights.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize

from benchmarks.families.family import Family, LargeProblem

LENGTH = 4.0
ENDS = (1.0, 3.0)
#: Values of the discrete problem, by the number of variables: CasADi + IPOPT with a tolerance of 10⁻¹¹.
VALUES = {1001: 5.0684811291304, 10_001: 5.0684801211748, 100_001: 5.0684801110952}


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
    """The chain with 2 ⌊n/2⌋ + 1 variables."""
    pieces = n // 2
    h = 1 / pieces

    def f(z):
        x, u = z[: pieces + 1], z[pieces + 1 :]
        return 0.5 * h * np.sum((x[1:] + x[:-1]) * np.sqrt(1 + u**2))

    def eq(z):
        x, u = z[: pieces + 1], z[pieces + 1 :]
        length = h * np.sum(np.sqrt(1 + u**2))
        return np.concatenate([x[1:] - x[:-1] - h * u, [x[0] - ENDS[0], x[-1] - ENDS[1], length - LENGTH]])

    def in_casadi(ca: Any, z: Any) -> tuple[Any, Any]:
        x, u = z[: pieces + 1], z[pieces + 1 :]
        arc = ca.sqrt(1 + u**2)
        value = 0.5 * h * ca.sum1((x[1:] + x[:-1]) * arc)
        return value, ca.vertcat(x[1:] - x[:-1] - h * u, x[0] - ENDS[0], x[-1] - ENDS[1], h * ca.sum1(arc) - LENGTH)

    t = np.linspace(0, 1, pieces + 1)
    sagging = ENDS[0] + (ENDS[1] - ENDS[0]) * t - 4.8 * t * (1 - t)
    x0 = np.concatenate([sagging, np.diff(sagging) / h])
    name = f"hanging chain, n={x0.size}"
    return LargeProblem(name, f, x0, in_casadi, eq=eq, value=VALUES.get(x0.size))


FAMILY = Family("hanging chain", "a curve of given length: equations, one of them with half of the variables", at)
