"""The E-step and what the M-step needs of it, in one pass over the rows: responsibilities never leave the cache.

For a row x and a component k let y = Uₖᵀ(x − μₖ), so that log πₖ N(x | μₖ, Σₖ) = aₖ − ½ ‖y‖².  The responsibilities
rₖ(x) are these numbers' softmax, and the M-step needs Σ r, Σ r y and Σ r yyᵀ.  Taken about the present mean and in units
of the present covariance, these sums lose no digits wherever the data lie, and however different their scales are.

Independent features with missing values: what is missing has the expectations E y = 0 and E y² = 1.

References
----------
A. P. Dempster, N. M. Laird and D. B. Rubin (1977), "Maximum likelihood from incomplete data via the EM algorithm",
Journal of the Royal Statistical Society B 39.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .blocks import Array, Rows, each_block, tile_rows
from .missing import incomplete_moments, log_marginals
from .state import Mixture

_FAR = 1e6  # squared, in units of the present covariance: what is lost then are six of sixteen digits

__all__ = ["Moments", "expectation", "log_joint_rows", "softmax"]


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over rows, weighted by responsibilities, about the means that the responsibilities belong to.

    Attributes
    ----------
    value : float
        The weighted mean of log Σₖ πₖ exp(−ρ/2 tr Σₖ⁻¹) N(x | μₖ, Σₖ).
    counts : array of shape (K,)
        Σ r.
    first : array of shape (K, d)
        Σ r (x − μₖ).
    second : array
        Σ r (x − μₖ)(x − μₖ)ᵀ: (K, d, d), summed over the components for tied covariances (d, d), else its diagonal.
    about : array of shape (K, d) or float
        How far from μₖ the point lies that `first` and `second` are really about; 0 at first.
    """

    value: float
    counts: Array
    first: Array
    second: Array
    about: Array | float = 0.0


def expectation(rows: Rows, mixture: Mixture, reg_covar: float = 0.0, threads: int = 1) -> Moments:
    """Do the E-step, and add up what the M-step needs."""
    moments = _sums(rows, mixture, reg_covar, threads)
    N = np.where(moments.counts > 0, moments.counts, 1.0)
    about = moments.first / N[:, None]
    if np.max(np.sum(_white(about, mixture) ** 2, axis=1)) < _FAR:
        return moments
    return _sums(rows, mixture, reg_covar, threads, about)  # the means were far from their rows: much would cancel


def _white(shift: Array, mixture: Mixture) -> Array:
    """Uᵀδ, a shift in units of the present covariances."""
    if mixture.kind in ("full", "tied"):
        return np.asarray(np.matmul(shift[:, None, :], mixture.factors)[:, 0])
    return np.asarray(shift * (mixture.factors if mixture.kind == "diag" else mixture.factors[:, None]))


def _sums(rows: Rows, mixture: Mixture, reg_covar: float, threads: int, about: Array | None = None) -> Moments:
    scales = mixture.log_scales() - 0.5 * reg_covar * mixture.squares()
    if rows.incomplete and mixture.kind in ("full", "tied"):
        return Moments(*incomplete_moments(rows, mixture, scales, about), 0.0 if about is None else about)
    means = mixture.means - rows.centre
    K, d = means.shape
    tile = tile_rows(K * d)
    offset = None if about is None else _white(about, mixture)
    shape = {"full": (K, d, d), "tied": (d, d)}.get(mixture.kind, (K, d))

    def block(start: int, stop: int) -> tuple[float, Array, Array, Array]:
        value, counts, first, second = 0.0, np.zeros(K), np.zeros((K, d)), np.zeros(shape)
        for i in range(start, stop, tile):
            end = min(i + tile, stop)
            x = rows.tile(i, end)
            y, missing = whitened(x, means, mixture, rows.incomplete)
            r = log_joint_tile(y, scales, mixture, missing)
            each = softmax(r)
            w = rows.weights_of(i, end)
            if w is None:
                value += float(np.sum(each))
            else:
                value += float(w @ each)
                r *= w[:, None]
            counts += r.sum(axis=0)
            if offset is not None:
                y -= offset
            if mixture.kind in ("full", "tied"):
                ry = y * r[:, :, None]
                first += ry.sum(axis=0)
                if mixture.kind == "full":
                    second += np.matmul(ry.transpose(1, 2, 0), y.transpose(1, 0, 2))
                else:
                    second += ry.reshape(-1, d).T @ y.reshape(-1, d)
            else:
                first += np.einsum("nk,nkd->kd", r, y)
                np.multiply(y, y, out=y)
                second += np.einsum("nk,nkd->kd", r, y)
                if missing is not None:
                    second += r.T @ missing
        return value, counts, first, second

    value, counts, first, second = map(sum, zip(*each_block(block, rows.count, tile, threads), strict=True))
    return Moments(value / rows.total, counts, *coloured(first, second, mixture), 0.0 if about is None else about)


def coloured(first: Array, second: Array, mixture: Mixture) -> tuple[Array, Array]:
    """Return the sums of y as those of x − μ = U⁻ᵀ y."""
    if mixture.kind in ("full", "tied"):
        L = mixture.unwhitened()
        first = (L @ first[:, :, None])[:, :, 0]
        return first, L @ second @ np.swapaxes(L, -1, -2)
    scale = mixture.factors if mixture.kind == "diag" else mixture.factors[:, None]
    return first / scale, second / scale**2


def whitened(x: Array, means: Array, mixture: Mixture, incomplete: bool = False) -> tuple[Array, Array | None]:
    """Return y of rows x as (rows, components, features), and 1 where a value is missing."""
    n, d = x.shape
    K = len(means)
    if mixture.kind == "full":
        U = mixture.factors
        y = x @ U.transpose(1, 0, 2).reshape(d, K * d)
        y -= np.matmul(means[:, None, :], U).reshape(K * d)
        return y.reshape(n, K, d), None
    if mixture.kind == "tied":
        return (x @ mixture.factors)[:, None, :] - means @ mixture.factors, None
    y = x[:, None, :] - means
    y *= mixture.factors if mixture.kind == "diag" else mixture.factors[:, None]
    if not incomplete:
        return y, None
    missing = np.isnan(x)
    y[np.broadcast_to(missing[:, None, :], y.shape)] = 0.0
    return y, missing.astype(float)


def log_joint_tile(y: Array, scales: Array, mixture: Mixture, missing: Array | None) -> Array:
    """Return log πₖ N(x | μₖ, Σₖ), (rows, components)."""
    joint: Array = np.einsum("nkd,nkd->nk", y, y)
    joint *= -0.5
    joint += scales
    if missing is not None:  # independent features: those that are missing have no part in det U and 2π
        factors = mixture.factors if mixture.kind == "diag" else np.broadcast_to(mixture.factors[:, None], y.shape[1:])
        joint -= missing @ (np.log(factors) - 0.5 * np.log(2 * np.pi)).T
    return joint


def softmax(joint: Array) -> Array:
    """Turn log πₖ N(x) into responsibilities, in place, and return log p(x)."""
    top = joint.max(axis=1, keepdims=True)
    joint -= top
    np.exp(joint, out=joint)
    total = joint.sum(axis=1, keepdims=True)
    joint /= total
    np.log(total, out=total)
    total += top
    return total[:, 0]


def log_joint_rows(rows: Rows, mixture: Mixture, threads: int = 1) -> Array:
    """Return log πₖ N(xᵢ | μₖ, Σₖ) for all rows, (n, K), without regularization."""
    scales = mixture.log_scales()
    out = np.empty((rows.count, len(scales)))
    if rows.incomplete and mixture.kind in ("full", "tied"):
        for at, joint, *_ in log_marginals(rows, mixture, scales):
            out[at] = joint
        return out
    means = mixture.means - rows.centre
    tile = tile_rows(means.size)

    def block(start: int, stop: int) -> None:
        for i in range(start, stop, tile):
            end = min(i + tile, stop)
            y, missing = whitened(rows.tile(i, end), means, mixture, rows.incomplete)
            out[i:end] = log_joint_tile(y, scales, mixture, missing)

    each_block(block, rows.count, tile, threads)
    return out
