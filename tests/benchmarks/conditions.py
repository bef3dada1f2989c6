"""What the tests of the problem collections share: derivatives and optimality, computed without Thalweg.

Derivatives come from the complex step, f'(x) = Im f(x + ih)/h with h = 10⁻³⁰, which is exact to rounding for functions
made of arithmetic and of analytic elementary functions (Squire & Trapp, SIAM Review 40, 1998).
"""

from __future__ import annotations

import numpy as np
from benchmarks.problem import TestProblem
from numpy.typing import NDArray
from scipy.optimize import lsq_linear


def complex_step(function, x) -> NDArray:
    """The Jacobian of a function that returns a list, or the gradient of one that returns a scalar."""
    columns = [np.imag(np.asarray(function(x + 1e-30j * e), dtype=complex)) / 1e-30 for e in np.eye(len(x))]
    return np.stack(columns, axis=-1)


def central(function, x) -> NDArray:
    """The same by central differences, for functions that compare their argument."""
    columns = []
    for e in np.eye(len(x)):
        h = 1e-6 * max(1.0, abs(float(x @ e)))
        columns.append((np.asarray(function(x + h * e)) - np.asarray(function(x - h * e))) / (2 * h))
    return np.stack(columns, axis=-1)


def constraints(problem: TestProblem, x) -> tuple[NDArray, NDArray]:
    """The values of the equations and of the inequalities."""
    equations = np.array(problem.eq(x) if problem.eq else [], dtype=float)
    return equations, np.array(problem.ineq(x) if problem.ineq else [], dtype=float)


def bounds(problem: TestProblem) -> tuple[NDArray, NDArray]:
    """The bounds, infinite where there is none."""
    lower = -np.inf if problem.lower is None else np.array(problem.lower)
    upper = np.inf if problem.upper is None else np.array(problem.upper)
    return np.broadcast_to(lower, problem.n), np.broadcast_to(upper, problem.n)


def violation(problem: TestProblem, x) -> float:
    """The largest amount by which a constraint or a bound is broken, relative to its sensitivity if large."""
    equations, inequalities = constraints(problem, x)
    lower, upper = bounds(problem)
    derivative = central if "casadi" in problem.peers_skip else complex_step
    scale = [
        np.maximum(1, np.abs(derivative(c, x)) @ np.maximum(1, np.abs(x))) if c else np.ones(0)
        for c in (problem.eq, problem.ineq)
    ]
    broken = [np.abs(equations) / scale[0], -inequalities / scale[1], lower - x, x - upper]
    return max(float(b.max(initial=0.0)) for b in broken)


def stationarity(problem: TestProblem, x, near: float = 1e-7) -> float:
    """min ‖∇f − Σ λ∇g − Σ μ∇h‖∞ over the multipliers with the right signs, relative to ‖∇f‖∞ where that is above 1.

    Multipliers are given to the equations, and to the inequalities and bounds that hold with equality to within near.
    """
    derivative = central if "casadi" in problem.peers_skip else complex_step
    gradient = derivative(problem.f, x) * np.ones(problem.n)
    _, inequalities = constraints(problem, x)
    lower, upper = bounds(problem)
    size = np.maximum(1, np.abs(x))
    rows, signed = [], []
    if problem.eq:
        rows += list(derivative(problem.eq, x))
        signed += [False] * len(rows)
    if problem.ineq:
        jacobian = derivative(problem.ineq, x)
        active = inequalities <= near * np.maximum(1, np.abs(jacobian) @ size)
        rows += list(jacobian[active])
        signed += [True] * int(active.sum())
    rows += [e for e, low, t, s in zip(np.eye(problem.n), lower, x, size) if t - low <= near * s]
    rows += [-e for e, high, t, s in zip(np.eye(problem.n), upper, x, size) if high - t <= near * s]
    signed += [True] * (len(rows) - len(signed))
    rest = gradient
    if rows:
        normals = np.array([row / (np.linalg.norm(row) or 1.0) for row in rows]).T
        least = np.where(signed, 0.0, -np.inf)
        rest = gradient - normals @ lsq_linear(normals, gradient, (least, np.inf), method="bvls", tol=1e-15).x
    return float(np.abs(rest).max() / max(1.0, np.abs(gradient).max()))
