r"""Feasibility restoration: where no step will do, the violation of the constraints is minimized for a while.

    minimize  Σ pᵢ + Σ nᵢ + ½ ζ ‖D (x − x_R)‖²
    subject to   cₗ ≤ c(x) − p + n ≤ cᵤ,   p ≥ 0,  n ≥ 0,  and the bounds of x,

with p where a row has an upper side and n where it has a lower one.  This problem always has feasible points and its
rows are never dependent, and it is solved by the same method.  D = diag(1/max(1, |x_R|)) and ζ, which goes to zero with
√μ, make the way back the shortest one.  As soon as a point is acceptable to the filter of the original problem, with a
violation noticeably smaller than at x_R, the method goes on from there.  If a minimum of the violation is found first,
the problem is infeasible as far as can be seen from here.

References
----------
Wächter & Biegler, Math. Program. 106 (2006), §3.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ..engine import Run
from ..problem import Constraints, Point, Problem, Vector
from .form import Form

__all__ = ["Restoration"]

#: ζ = PROXIMAL √μ.
PROXIMAL = 1e-3


class Restoration:
    """The problem of least violation, beside the original one.

    Parameters
    ----------
    form : Form
        The original problem; rows are taken in its units.
    run : Run
        Evaluates and counts.
    x : array
        x_R, the point to stay close to.

    Examples
    --------
    >>> rows = Constraints(np.array([1.0]), np.array([1.0]), lambda x: (x * x, np.diag(2 * x)),
    ...                    lambda x, y: np.diag(2 * y))
    >>> problem = Problem(1, lambda x: (0.0, np.zeros(1)), lambda x: np.zeros((1, 1)), constraints=rows)
    >>> restoration = Restoration(Form(problem), Run(problem), np.array([3.0]))
    >>> point = restoration.problem.at([3.0, 8.0, 0.0])
    >>> point.value, point.c, point.J
    (8.0, array([1.]), array([[ 6., -1.,  1.]]))
    """

    def __init__(self, form: Form, run: Run, x: Vector) -> None:
        self.form, self.run = form, run
        n, m = form.n, form.m
        lower, upper = form.b.copy(), form.b.copy()
        lower[form.inequality], upper[form.inequality] = form.w_lower[n:], form.w_upper[n:]
        self.over, self.under = np.flatnonzero(np.isfinite(upper)), np.flatnonzero(np.isfinite(lower))
        self.lower, self.upper = lower, upper
        self.x, self.weight = x, 1.0 / np.maximum(1.0, np.abs(x)) ** 2
        self.zeta = 0.0
        self.elastic = self.over.size + self.under.size
        p, q = np.arange(self.over.size), np.arange(self.over.size, self.elastic)
        data = np.concatenate([-np.ones(p.size), np.ones(q.size)])
        E = sp.csr_array((data, (np.concatenate([self.over, self.under]), np.concatenate([p, q]))), (m, self.elastic))
        self.E: Any = E if form.sparse else E.toarray()
        self.latest: list[Point] = []
        free, zero = np.full(n, np.inf), np.zeros(self.elastic)
        self.problem = Problem(
            n + self.elastic,
            lambda x: self._evaluate(x)[:2],
            lower=np.concatenate([-free if form.x_lower is None else form.x_lower, zero]),
            upper=np.concatenate([free if form.x_upper is None else form.x_upper, zero + np.inf]),
            constraints=Constraints(lower, upper, lambda x: self._evaluate(x)[2:], lambda x, y: None),
            first=self._evaluate,
            lagrangian=self._hessian,
            sparse=form.sparse,
        )

    def start(self, c: Vector, mu: float) -> Vector:
        """Return (x_R, p, n) with the p and n that are best for the barrier problem at x_R."""
        return np.concatenate([self.x, balance(c - self.upper, mu)[self.over], balance(self.lower - c, mu)[self.under]])

    def original(self, x: Vector) -> Point:
        """Return the point of the original problem at the first components of x."""
        for point in self.latest:
            if np.array_equal(point.x, x[: self.form.n]):
                return point
        return self.run.evaluate(x[: self.form.n])

    def _evaluate(self, v: Vector) -> tuple[float, Vector, Vector, Any]:
        n = self.form.n
        x, elastic = v[:n], v[n:]
        point = self.run.evaluate(x)
        self.latest = [*self.latest[-1:], point]
        place = self.form.place(point)
        away = self.weight * (x - self.x)
        value = float(elastic.sum()) + 0.5 * self.zeta * float(away @ (x - self.x))
        gradient = np.ones(v.size)
        gradient[:n] = self.zeta * away
        c = place.c + self.E @ elastic
        if self.form.sparse:
            return value, gradient, c, sp.hstack([place.J, self.E], format="csr")
        return value, gradient, c, np.hstack([place.J, self.E])

    def _hessian(self, v: Vector, factor: float, y: Vector) -> Any:
        n = self.form.n
        W = self.run.problem.lagrangian_hessian(v[:n], self.form.hessian_y(y), 0.0)
        if self.form.sparse:
            W = W + sp.diags_array(factor * self.zeta * self.weight, format="csr")
            return sp.block_diag([W, sp.csr_array((self.elastic, self.elastic))], format="csr")
        full = np.zeros((v.size, v.size))
        full[:n, :n] = W
        full.reshape(-1)[: n * v.size : v.size + 1] += factor * self.zeta * self.weight
        return full


def balance(excess: Vector, mu: float) -> Vector:
    """Return t > 0 that minimizes t − μ log t − μ log (t − excess): elastic enough for a row that exceeds its side.

    Examples
    --------
    >>> balance(np.array([0.0, 5.0]), 0.1).round(3)
    array([0.2  , 5.102])
    """
    with np.errstate(invalid="ignore"):
        a = mu + 0.5 * excess
        t = a + np.sqrt(a * a - mu * excess)
    return np.asarray(t)
