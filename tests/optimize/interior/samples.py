"""Problems for the interior point method, written out by hand, and a loop without the services of `descend`."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import scipy.sparse as sp

from thalweg.optimize.composition import Stuck
from thalweg.optimize.engine import Run
from thalweg.optimize.interior import InteriorPoint
from thalweg.optimize.problem import Constraints, Problem


def solve(problem, x0, tol=1e-9, limit=200, engine=None):
    """Run until the residual is small; return the last iterate, why it ended early, and the iterations."""
    run, engine = Run(problem, tol=tol), engine or InteriorPoint()
    at, count = engine.begin(np.asarray(x0, dtype=float), run), 0
    while at.residual > tol and count < limit:
        found, count = engine.advance(at, run), count + 1
        if isinstance(found, Stuck):
            return at, found, count
        at = found
    return at, None, count


def quadratic(H, g, A=None, lower=(), upper=(), x_lower=None, x_upper=None):
    """½ xᵀHx + gᵀx on lower ≤ Ax ≤ upper and bounds."""
    H, g = np.asarray(H, dtype=float), np.asarray(g, dtype=float)
    rows = None
    if A is not None:
        A = np.atleast_2d(np.asarray(A, dtype=float))
        zero = np.zeros_like(H)
        rows = Constraints(np.asarray(lower, float), np.asarray(upper, float), lambda x: (A @ x, A), lambda x, y: zero)
    return Problem(
        g.size,
        lambda x: (0.5 * float(x @ H @ x) + float(g @ x), H @ x + g),
        lambda x: H,
        lower=None if x_lower is None else np.asarray(x_lower, float),
        upper=None if x_upper is None else np.asarray(x_upper, float),
        constraints=rows,
    )


def nonlinear(n, f, rows=None, lower=(), upper=(), x_lower=None, x_upper=None):
    """From f(x) → (value, gradient, Hessian) and rows(x) → (c, J, the Hessians of the rows)."""
    constraints = None
    if rows is not None:
        constraints = Constraints(
            np.asarray(lower, float),
            np.asarray(upper, float),
            lambda x: rows(x)[:2],
            lambda x, y: np.einsum("i,ijk", y, rows(x)[2]),
        )
    return Problem(
        n,
        lambda x: f(x)[:2],
        lambda x: f(x)[2],
        lower=None if x_lower is None else np.asarray(x_lower, float),
        upper=None if x_upper is None else np.asarray(x_upper, float),
        constraints=constraints,
    )


def hs71():
    """Hock & Schittkowski (1981), problem 71: the value is 17.0140173."""

    def f(x):
        a, b, c, d = x
        s = a + b + c
        g = np.array([d * s + a * d, a * d, a * d + 1, a * s])
        H = np.array([[2 * d, d, d, 2 * a + b + c], [d, 0, 0, a], [d, 0, 0, a], [2 * a + b + c, a, a, 0]])
        return a * d * s + c, g, H

    def rows(x):
        a, b, c, d = x
        product = np.array([b * c * d, a * c * d, a * b * d, a * b * c])
        pairs = np.zeros((4, 4))
        for i in range(4):
            for j in range(4):
                if i != j:
                    pairs[i, j] = np.prod([x[k] for k in range(4) if k not in (i, j)])
        return np.array([a * b * c * d, x @ x]), np.array([product, 2 * x]), np.array([pairs, 2 * np.eye(4)])

    return nonlinear(4, f, rows, [25, 40], [inf, 40], np.ones(4), np.full(4, 5.0))


def csr(M):
    """A matrix with all its entries stored, also those that are zero."""
    M = np.atleast_2d(M)
    rows, columns = M.shape
    indices = np.tile(np.arange(columns), rows)
    return sp.csr_array((M.ravel().copy(), indices, np.arange(0, rows * columns + 1, columns)), shape=M.shape)


def sparse(problem):
    """The same problem with sparse matrices."""
    rows = problem.constraints
    if rows is not None:
        both, hessian = rows.c_and_jacobian, rows.hessian
        rows = replace(
            rows,
            c_and_jacobian=lambda x: (lambda c, J: (c, csr(J)))(*both(x)),
            hessian=lambda x, y: csr(hessian(x, y)),
        )
    return replace(
        problem,
        constraints=rows,
        f_hessian=lambda x: csr(problem.f_hessian(x)),
        lagrangian=lambda x, factor, y: csr(problem.lagrangian_hessian(x, y, factor)),
        sparse=True,
    )


def kkt_residual(problem, at):
    """The optimality conditions in the units of the problem, written down anew."""
    p, x = problem, at.point.x
    z = at.z if at.z.size else np.zeros(p.n)
    J = at.point.J.toarray() if p.sparse else at.point.J
    parts = [np.abs(at.point.gradient + J.T @ at.y + z).max()]
    for value, lower, upper, u in (
        (x, np.full(p.n, -inf) if p.lower is None else p.lower, np.full(p.n, inf) if p.upper is None else p.upper, z),
        (at.point.c, *((p.constraints.lower, p.constraints.upper) if p.m else (np.zeros(0), np.zeros(0))), at.y),
    ):
        if value.size:
            parts.append(np.max(np.maximum(lower - value, value - upper)))
            with np.errstate(invalid="ignore"):
                above = np.where(u > 0, np.minimum(upper - value, 1e20), 0)
                below = np.where(u < 0, np.minimum(value - lower, 1e20), 0)
            parts.append(np.max(np.abs(u) * np.abs(above + below)))
    return max(parts)
