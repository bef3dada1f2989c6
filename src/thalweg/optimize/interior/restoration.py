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

from ..composition import Stuck
from ..engine import Run
from ..problem import Constraints, Point, Problem, Vector
from .form import Form

__all__ = ["Recovery", "Restoration"]

#: Residual below which a point is one of least violation.
STATIONARY = 1e-4
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
        entries = np.repeat([-1.0, 1.0], [self.over.size, self.under.size])
        rows, columns = np.concatenate([self.over, self.under]), np.arange(self.elastic)
        if form.sparse:
            self.E: Any = _csr(entries, rows, columns, (m, self.elastic))
        else:
            self.E = np.zeros((m, self.elastic))
            self.E[rows, columns] = entries
        self._pattern: Any = None
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
            from scipy.sparse import hstack

            return value, gradient, c, hstack([place.J, self.E], format="csr")
        return value, gradient, c, np.hstack([place.J, self.E])

    def _hessian(self, v: Vector, factor: float, y: Vector) -> Any:
        n = self.form.n
        W = self.run.problem.lagrangian_hessian(v[:n], self.form.hessian_y(y), 0.0)
        diagonal = factor * self.zeta * self.weight
        if self.form.sparse:
            return self._with_diagonal(W, diagonal)
        full = np.zeros((v.size, v.size))
        full[:n, :n] = W
        full.reshape(-1)[: n * v.size : v.size + 1] += diagonal
        return full

    def _with_diagonal(self, W: Any, diagonal: Vector) -> Any:
        """W plus a diagonal, padded with zeros for p and n, in a pattern that stays the same whatever the values."""
        from scipy.sparse import csr_array

        n, size = self.form.n, self.form.n + self.elastic
        if self._pattern is None:
            rows = np.repeat(np.arange(n), np.diff(W.indptr))
            off = np.flatnonzero(W.indices != rows)
            rows, columns = np.concatenate([rows[off], np.arange(n)]), np.concatenate([W.indices[off], np.arange(n)])
            places = _csr(np.arange(1.0, rows.size + 1), rows, columns, (size, size))
            self._pattern = off, places.data.astype(np.intp) - 1, places.indices, places.indptr
        off, order, indices, indptr = self._pattern
        data = np.concatenate([W.data[off], W.diagonal() + diagonal])[order]
        return csr_array((data, indices, indptr), shape=(size, size))


class Recovery:
    """Restoration in progress: its problem, the engine that solves it, and where that is.

    Parameters
    ----------
    problem : Restoration
        What is solved.
    run : Run
        Of the original problem.
    engine : Engine
        An engine with a barrier parameter.
    """

    def __init__(self, problem: Restoration, run: Run, engine: Any) -> None:
        self.problem, self.engine = problem, engine
        self.run = Run(problem.problem, run.tol)
        self.at: Any = None
        self.ended: Stuck | None = None

    @classmethod
    def begun(cls, form: Form, run: Run, engine: Any, point: Point, mu: float) -> Recovery:
        """Begin with an engine where the method could not go on, with a barrier parameter."""
        problem = Restoration(form, run, point.x)
        problem.zeta = PROXIMAL * mu**0.5
        made = cls(problem, run, engine)
        made.at = engine.begin(problem.start(form.place(point).c, mu), made.run)
        return made

    @classmethod
    def resumed(cls, form: Form, run: Run, engine: Any, x: Vector, zeta: float) -> Recovery:
        """Go on with an engine that has begun already."""
        problem = Restoration(form, run, x)
        problem.zeta = zeta
        return cls(problem, run, engine)

    def advance(self, violation: float) -> tuple[Point, float] | Stuck:
        """Return the next point and how far from least violation it is, or why there is none."""
        tol = self.run.tol
        if self.ended is None and self.at.residual > 0.1 * tol:
            self.problem.zeta = PROXIMAL * self.engine.barrier.mu**0.5
            found = self.engine.advance(self.at, self.run)
            if not isinstance(found, Stuck):
                self.at = found
                point = self.problem.original(found.point.x)
                return point, max(found.residual, point.violation)
            self.ended = found
        if self.at.residual <= STATIONARY and violation > 10 * tol:
            reason = "the constraints cannot be met: their violation is least here"
            return Stuck(reason, status="infeasible", at=self.at.point.x[: self.problem.form.n])
        return Stuck("the violation of the constraints cannot be lowered in double precision")


def _csr(data: Vector, rows: Any, columns: Any, shape: tuple[int, int]) -> Any:
    from scipy.sparse import csr_array

    made = csr_array((data, (rows, columns)), shape=shape)
    made.sort_indices()
    return made


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
