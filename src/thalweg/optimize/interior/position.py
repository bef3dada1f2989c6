r"""Where the method stands: variables, slacks, distances, multipliers, and how far from a solution all that is.

The error of the barrier problem for μ is

    E_μ = max( ‖∇f + Cᵀy − Σ σ v e_B‖∞ / s_d,   ‖c‖∞,   ‖d v − μ‖∞ / s_c ),

s_d and s_c being the average size of the multipliers in units of 100, if that is more than one.  The residual that a
run ends by is E_0, and besides in the units of the problem: the violation, the stationarity relative to ‖∇f‖, and the
products d v, which are the error of the value, relative to |f|.

References
----------
Wächter & Biegler, Math. Program. 106 (2006), equations 5–6.
"""

from __future__ import annotations

import numpy as np

from ..problem import Vector
from .form import Form, Place

__all__ = ["Position"]

#: Average size of multipliers above which residuals are measured relative to it.
LARGE_MULTIPLIERS = 100.0
#: Weight of the stationarity in the units of the problem.
UNSCALED = 1e-2


class Position:
    """A point with multipliers.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> problem = Problem(1, lambda x: (x @ x, 2 * x), lower=np.ones(1))
    >>> form = Form(problem)
    >>> w = np.array([1.5])
    >>> here = Position(form, form.place(problem.at(w)), w, form.distances(w), np.zeros(0), np.array([2.0]))
    >>> here.error(1.0), here.residual()
    (1.0, 1.0)
    """

    __slots__ = ("C", "_residual", "d", "form", "place", "products", "r", "v", "w", "y")

    def __init__(self, form: Form, place: Place, w: Vector, d: Vector, y: Vector, v: Vector) -> None:
        self.form, self.place, self.w, self.d, self.y, self.v = form, place, w, d, y, v
        self.r = form.stationarity(place, y, v)
        self.C = form.excess(place, w)
        self.products = d * v
        self._residual = -1.0

    @property
    def theta(self) -> float:
        """The infeasibility ‖c‖₁."""
        return float(np.abs(self.C).sum()) if self.form.m else 0.0

    @property
    def average(self) -> float:
        """The average of d v."""
        return float(self.products.sum()) / self.form.bounds

    def error(self, mu: float) -> float:
        """Return E_μ."""
        form = self.form
        error = float(np.abs(self.r).max())
        count = form.m + form.bounds
        if not count:
            return error
        multipliers, products = 0.0, 0.0
        if form.bounds:
            multipliers = float(self.v.sum())
            products = float(np.abs(self.products - mu).max())
            products /= max(1.0, multipliers / (form.bounds * LARGE_MULTIPLIERS))
        if form.m:
            multipliers += float(np.abs(self.y).sum())
            products = max(products, float(np.abs(self.C).max()))
        return max(error / max(1.0, multipliers / (count * LARGE_MULTIPLIERS)), products)

    def residual(self) -> float:
        """Return how far this is from a solution; computed once."""
        if self._residual < 0:
            self._residual = self._far()
        return self._residual

    def _far(self) -> float:
        form, point = self.form, self.place.point
        residual = self.error(0.0)
        if form.f_scale != 1.0:
            stationarity = float(np.abs(self.r[: form.n]).max()) / form.f_scale
            residual = max(residual, UNSCALED * stationarity / max(1.0, point.gradient_norm))
            if form.bounds:
                gap = float(self.products.max()) / form.f_scale
                residual = max(residual, gap / max(1.0, abs(point.value)))
        if form.row_scale is not None:
            residual = max(residual, float(np.abs(self.C / form.row_scale).max()))
        return residual

    def average_error(self) -> float:
        """Return the average size of all residuals: what progress is measured by in free mode."""
        form = self.form
        error = float(np.abs(self.r).sum()) / form.size
        if form.bounds:
            error += self.average
        if form.m:
            error += float(np.abs(self.C).sum()) / form.m
        return error
