"""Direct maximum likelihood: `objective` is minimized as it stands, by `thalweg.minimize`.

Where components overlap, expectation–maximization gains little in an iteration and takes thousands of them to the end;
Newton's method takes a few, and ends where the gradient vanishes to the last digits.  The data are brought to mean 0
and variance 1 meanwhile, which changes f by a constant and makes its parameters comparable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thalweg.optimize.minimize import minimize
from thalweg.optimize.solution import Solution

from .blocks import Array, Rows
from .objective import objective
from .state import Mixture, from_parameters, to_parameters

__all__ = ["Units", "direct"]


@dataclass(frozen=True, eq=False)
class Units:
    """Where the data are put to, and how far they are stretched: z = (x − centre)/scale."""

    centre: Array
    scale: Array

    @classmethod
    def of(cls, rows: Rows, kind: str) -> Units:
        """Return the units of these data; spherical covariances allow but one scale for all features."""
        variances = rows.variances()
        if kind == "spherical":
            variances = np.full(len(variances), variances.mean())
        return cls(rows.centre, np.sqrt(np.where(variances > 0, variances, 1.0)))

    def enter(self, mixture: Mixture) -> Mixture:
        """Return a mixture in these units."""
        means = (mixture.means - self.centre) / self.scale
        return replace(mixture, means=means, factors=mixture.factors * self._stretch(mixture.kind))

    def leave(self, mixture: Mixture) -> Mixture:
        """Return a mixture in the units of the data."""
        means = mixture.means * self.scale + self.centre
        return replace(mixture, means=means, factors=mixture.factors / self._stretch(mixture.kind))

    def _stretch(self, kind: str) -> Any:
        if kind == "spherical":
            return self.scale[0]
        return self.scale[:, None] if kind in ("full", "tied") else self.scale


def direct(
    rows: Rows,
    mixture: Mixture,
    *,
    reg_covar: float,
    max_iter: int | None,
    step: Callable[[Mixture, float], bool] | None = None,
) -> tuple[Mixture, list[float], Solution]:
    """Minimize from a mixture.

    Parameters
    ----------
    rows : Rows
    mixture : Mixture
        The start.
    reg_covar : float
    max_iter : int or None
        Iterations of the method that `minimize` takes.
    step : callable, optional
        ``step(mixture, value)`` after each iteration, with the mean log-likelihood; True stops the run.

    Returns
    -------
    mixture, curve, solution
        The curve is that of the mean log-likelihood; the solution is in units of the direct method.
    """
    units = Units.of(rows, mixture.kind)
    Z = (rows.X - units.centre) / units.scale
    weights = rows.weights
    noise = reg_covar / units.scale**2
    # Σ of the log scales that a value misses counts with that value
    seen = 1.0 if not rows.incomplete else _shares(rows)
    constant = float(np.sum(np.log(units.scale) * seen))

    def f(parameters: Any) -> Any:
        return objective(parameters, Z, weights, reg_covar=noise)

    curve: list[float] = []

    def seen_by(state: Any) -> bool:
        if state.iteration == 0:
            return False
        curve.append(-float(state.value) - constant)
        return step is not None and step(units.leave(from_parameters(state.x, mixture.kind)), curve[-1])

    start = to_parameters(units.enter(mixture))
    solution = minimize(f, start, max_iterations=max_iter, callback=seen_by, escape_saddles=False)
    return units.leave(from_parameters(solution.x, mixture.kind)), curve, solution


def _shares(rows: Rows) -> Array:
    """The share of the rows, by weight, that have a value of each feature."""
    observed = ~np.isnan(rows.X)
    w = np.ones(rows.count) if rows.weights is None else rows.weights
    return np.asarray(w @ observed / rows.total)
