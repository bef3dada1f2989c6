"""Problems between bounds, by hand: the obstacle problem, and how to run an engine without the loop."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array, eye_array, kron

from thalweg.optimize import Problem
from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Run


def laplacian(N):
    """The five-point Laplacian on an N × N grid of the unit square, times h²: so 4 on the diagonal."""
    one = np.ones(N)
    T = csr_array(np.diag(2 * one) - np.diag(one[1:], 1) - np.diag(one[1:], -1)) if N < 50 else _tridiagonal(N)
    return csr_array(kron(T, eye_array(N)) + kron(eye_array(N), T))


def _tridiagonal(N):
    i = np.arange(N)
    rows, columns = np.concatenate([i, i[1:], i[:-1]]), np.concatenate([i, i[:-1], i[1:]])
    return csr_array((np.concatenate([np.full(N, 2.0), np.full(2 * N - 2, -1.0)]), (rows, columns)), shape=(N, N))


def obstacle(N, form="sparse", force=-1.0):
    """A membrane over the unit square, held at 0 on its rim, pulled by a force onto an obstacle of two bumps.

    minimize ½ uᵀAu − h² Σ force·u  subject to  u ≥ ψ = max(0, sin 3πx · sin 3πy)³  and  u ≤ 2000  (Moré & Toraldo).
    """
    A = laplacian(N)
    h = 1 / (N + 1)
    x = np.arange(1, N + 1) * h
    psi = np.maximum(np.outer(np.sin(3 * np.pi * x), np.sin(3 * np.pi * x)).ravel(), 0.0) ** 3
    b = np.full(N * N, force * h * h)

    def f_and_gradient(u):
        Au = A @ u
        return float(0.5 * (u @ Au) - b @ u), Au - b

    dense = A.toarray() if form == "dense" else None
    hessian = {"sparse": lambda u: A, "dense": lambda u: dense, "products": None}[form]
    return Problem(
        N * N,
        f_and_gradient,
        hessian,
        f_hessian_product=(lambda u, v: A @ v) if form == "products" else None,
        lower=psi,
        upper=np.full(N * N, 2000.0),
        sparse=form == "sparse",
    )


def minimum(engine, problem, start, tol=1e-8, most=500):
    """Run an engine until its residual is small; return the iterates."""
    run = Run(problem)
    iterates = [engine.begin(np.asarray(start, dtype=float), run)]
    while iterates[-1].residual > tol and len(iterates) <= most:
        outcome = engine.advance(iterates[-1], run)
        if isinstance(outcome, Stuck):
            break
        iterates.append(outcome)
    return iterates


def ravine(n, form="sparse"):
    """Rosenbrock's valleys side by side, coupled; the minimum is at ones.

    Σ (x₂ᵢ − x₂ᵢ₋₁²)² + (1 − x₂ᵢ₋₁)² + ¼ Σ (xᵢ₊₁ − xᵢ)²
    """
    odd, even = np.arange(0, n, 2), np.arange(1, n, 2)
    ends = np.concatenate([[1.0], np.full(n - 2, 2.0), [1.0]])
    i = np.arange(n)
    coupling = csr_array(
        (
            np.concatenate([ends, np.full(2 * n - 2, -1.0)]),
            (np.concatenate([i, i[1:], i[:-1]]), np.concatenate([i, i[:-1], i[1:]])),
        ),
        shape=(n, n),
    )

    def f_and_gradient(x):
        a, b = x[odd], x[even]
        r, s = b - a * a, 1 - a
        g = 0.5 * (coupling @ x)
        value = r @ r + s @ s + 0.5 * (x @ g)
        g[odd] += -4 * a * r - 2 * s
        g[even] += 2 * r
        return float(value), g

    def hessian(x):
        a, b = x[odd], x[even]
        rows = np.concatenate([odd, even, odd, even])
        columns = np.concatenate([odd, even, even, odd])
        data = np.concatenate([12 * a * a - 4 * b + 2, np.full(even.size, 2.0), -4 * a, -4 * a])
        return csr_array(csr_array((data, (rows, columns)), shape=(n, n)) + 0.5 * coupling)

    sparse = form == "sparse"
    problem = Problem(
        n,
        f_and_gradient,
        hessian if sparse else None,
        f_hessian_product=None if sparse else (lambda x, v: hessian(x) @ v),
        sparse=sparse,
    )
    return problem, np.tile([-1.2, 1.0], n // 2)
