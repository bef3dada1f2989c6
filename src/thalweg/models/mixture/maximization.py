"""The M-step, and components that have collapsed.

    πₖ = Nₖ/W,    μₖ ← μₖ + δₖ,    Σₖ = Sₖ/Nₖ − δₖδₖᵀ + ρI,    δₖ = Σ r (x − μₖ)/Nₖ

with the sums of `expectation`; a tied Σ is the mean of these, weighted by πₖ, a diagonal one the diagonal, a spherical
one its mean.  ρ is `reg_covar`.

A component *collapses* when its rows span fewer dimensions than the data, so that some direction has no variance: the
likelihood then has no bound, and all that is left of the variance is ρ.  Or no rows are left to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .blocks import Array
from .expectation import Moments
from .state import Mixture, factored

__all__ = ["Collapse", "SingularError", "collapses", "maximization"]

_NOTHING = 1e-12  # a share of the rows that is no row
_FLAT = 1e-12  # of the variance of a feature: nothing but rounding


class SingularError(Exception):
    """A covariance that is not positive definite; `component` is None where it is tied."""

    def __init__(self, component: int | None, rows: float) -> None:
        super().__init__(component, rows)
        self.component, self.rows = component, rows


def maximization(moments: Moments, mixture: Mixture, total: float, reg_covar: float) -> Mixture:
    """Return the mixture that fits the moments best.

    Raises
    ------
    SingularError
        Where a covariance is singular.
    """
    counts, kind = moments.counts, mixture.kind
    alive = counts > _NOTHING * total
    N = np.where(alive, counts, 1.0)
    shift = np.where(alive[:, None], moments.first / N[:, None], 0.0)
    weights = np.maximum(counts / np.sum(counts), np.finfo(np.float64).tiny)
    means = mixture.means + moments.about + shift
    if kind == "full":
        covariances = moments.second / N[:, None, None] - shift[:, :, None] * shift[:, None, :]
        covariances = 0.5 * (covariances + np.swapaxes(covariances, 1, 2)) + reg_covar * np.eye(means.shape[1])
    elif kind == "tied":
        covariances = (moments.second - (counts * shift.T) @ shift) / np.sum(counts)
        covariances = 0.5 * (covariances + covariances.T) + reg_covar * np.eye(means.shape[1])
    else:
        covariances = moments.second / N[:, None] - shift**2 + reg_covar
        if kind == "spherical":
            covariances = covariances.mean(axis=1)
    factors, bad = factored(covariances, kind)
    if kind != "tied":
        bad = bad[alive[bad]]
        keep = alive.reshape(-1, *([1] * (factors.ndim - 1)))
        factors = np.where(keep, factors, mixture.factors)  # no rows, no news
    if len(bad):
        first = None if kind == "tied" else int(bad[0])
        raise SingularError(first, float(total if first is None else counts[first]))
    return replace(mixture, weights=weights, means=means, factors=factors)


@dataclass(frozen=True)
class Collapse:
    """What is wrong with one component.

    Attributes
    ----------
    component : int or None
        None: the covariance that all share.
    rows : float
        How many rows it has, Σ r.
    feature : int or None
        The feature with the largest part in the direction without variance; None where it has no rows.
    """

    component: int | None
    rows: float
    feature: int | None


def collapses(mixture: Mixture, variances: Array, reg_covar: float, total: float) -> list[Collapse]:
    """Return the components whose least variance is what the regularization has put there, or that have no rows.

    Parameters
    ----------
    mixture : Mixture
    variances : array of shape (d,)
        Of the data.
    reg_covar, total : float
    """
    d = len(variances)
    covariances = mixture.covariances()
    scale = np.sqrt(np.where(variances > 0, variances, 1.0))
    found: list[Collapse] = []
    for k, weight in enumerate(mixture.weights):
        rows = float(weight * total)
        if weight <= 2 * _NOTHING:
            found.append(Collapse(k, rows, None))
            continue
        if mixture.kind == "tied":
            if k == 0:
                feature = _without_variance(covariances, scale, reg_covar)
                found += [] if feature is None else [Collapse(None, total, feature)]
            continue
        if mixture.kind == "full":
            feature = _without_variance(covariances[k], scale, reg_covar)
        else:
            own = np.broadcast_to(covariances[k], (d,)) - reg_covar
            flat = np.flatnonzero(own <= np.maximum(reg_covar, _FLAT * scale**2))
            feature = int(flat[0]) if len(flat) else None
        if feature is not None:
            found.append(Collapse(k, rows, feature))
    return found


def _without_variance(covariance: Array, scale: Array, reg_covar: float) -> int | None:
    """The feature that leads in a direction of no more variance than twice ρ, or than rounding leaves."""
    values, vectors = np.linalg.eigh(covariance)
    if values[0] <= 2 * reg_covar:
        return int(np.argmax(np.abs(vectors[:, 0])))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    return int(np.argmax(np.abs(vectors[:, 0]))) if values[0] <= _FLAT else None
