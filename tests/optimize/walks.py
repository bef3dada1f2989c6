"""A run of direction × step rule without the loop, for tests of methods."""

from __future__ import annotations

import numpy as np

from thalweg.optimize import Problem
from thalweg.optimize.composition import Stuck
from thalweg.optimize.directed import Directed
from thalweg.optimize.engine import Run


def walk(problem, start, direction, rule, tol=1e-8, limit=10_000):
    """Return the iterates, and `Stuck` or None."""
    engine, run = Directed(direction, rule), Run(problem)
    iterates = [engine.begin(np.array(start, float), run)]
    while iterates[-1].residual > tol and len(iterates) <= limit:
        after = engine.advance(iterates[-1], run)
        if isinstance(after, Stuck):
            return iterates, after
        iterates.append(after)
    return iterates, None


def spread(condition, n, seed=0):
    """½ xᵀHx − bᵀx with eigenvalues from 1 to `condition` along random axes, and its minimum."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    H = (Q * np.geomspace(1, condition, n)) @ Q.T
    H = 0.5 * (H + H.T)
    b = rng.standard_normal(n)
    return Problem(n, lambda x: (0.5 * x @ H @ x - b @ x, H @ x - b), lambda x: H), np.linalg.solve(H, b)


def rosenbrock(n=2):
    """Σ 100 (x₂ᵢ₊₁ − x₂ᵢ²)² + (1 − x₂ᵢ)², by hand."""

    def f_and_gradient(x):
        a, b = x[1::2] - x[::2] ** 2, 1 - x[::2]
        g = np.empty_like(x)
        g[::2], g[1::2] = -400 * a * x[::2] - 2 * b, 200 * a
        return float(100 * a @ a + b @ b), g

    return Problem(n, f_and_gradient), np.array([-1.2, 1.0] * (n // 2))
