"""The E-step and what the M-step needs of it, in one pass over the rows: responsibilities never leave the cache.

For a row x and a component k let y = Uₖᵀ(x − μₖ), so that log πₖ N(x | μₖ, Σₖ) = aₖ − ½ ‖y‖².  The responsibilities
rₖ(x) are these numbers' softmax, and the M-step needs Σ r, Σ r y and Σ r yyᵀ.  Taken about the present mean and in
units of the present covariance, these sums lose no digits wherever the data lie, and whatever their scales are.

That is the way for all data; where there are many rows, and it is known to be as good, `quadratic` is a faster one.

Independent features with missing values: what is missing has the expectations E y = 0 and E y² = 1.

References
----------
A. P. Dempster, N. M. Laird and D. B. Rubin (1977), "Maximum likelihood from incomplete data via the EM algorithm",
Journal of the Royal Statistical Society B 39.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .blocks import Array, Rows, added, each_block, tile_rows
from .missing import incomplete_moments, log_marginals
from .quadratic import quadratic_sums, safe
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
    if about is None and safe(rows, mixture):
        return Moments(*quadratic_sums(rows, mixture, scales, threads))
    K, d = mixture.means.shape
    matrices = mixture.kind in ("full", "tied")
    white = Whitening(mixture, rows.centre)
    offset = None if about is None else _white(about, mixture)[:, :, None]
    tile = tile_rows(K * d)

    def block(start: int, stop: int) -> tuple[float, Array, Array, Array]:
        value, counts, first = 0.0, np.zeros(K), np.zeros((K, d, 1))
        second = np.zeros((K, d, d) if matrices else (K, d, 1))
        held = np.empty((2, K * d * min(tile, stop - start)))
        for i in range(start, stop, tile):
            end = min(i + tile, stop)
            y, ry = (part[: K * d * (end - i)].reshape(K, d, end - i) for part in held)
            missing = white(rows.tile(i, end).T, y, rows.incomplete)
            r = log_joint_tile(y, scales, mixture, missing)
            each = softmax(r)
            w = rows.weights_of(i, end)
            if w is None:
                value += float(np.sum(each))
            else:
                value += float(w @ each)
                r *= w
            counts += r.sum(axis=1)
            if offset is not None:
                y -= offset
            first += np.matmul(y, r[:, :, None])
            if matrices:
                np.multiply(y, r[:, None, :], out=ry)
                second += np.matmul(ry, y.transpose(0, 2, 1))
            else:
                np.multiply(y, y, out=ry)
                second += np.matmul(ry, r[:, :, None])
                if missing is not None:
                    second += (r @ missing.T)[:, :, None]
        return value, counts, first, second

    value, counts, first, second = added(each_block(block, rows.count, tile, threads))
    if mixture.kind == "tied":
        second = second.sum(axis=0)
    elif not matrices:
        second = second[:, :, 0]
    return Moments(
        value / rows.total, counts, *coloured(first[:, :, 0], second, mixture), 0.0 if about is None else about
    )


def coloured(first: Array, second: Array, mixture: Mixture) -> tuple[Array, Array]:
    """Return the sums of y as those of x − μ = U⁻ᵀ y."""
    if mixture.kind in ("full", "tied"):
        L = mixture.unwhitened()
        first = (L @ first[:, :, None])[:, :, 0]
        return first, L @ second @ np.swapaxes(L, -1, -2)
    scale = mixture.factors if mixture.kind == "diag" else mixture.factors[:, None]
    return first / scale, second / scale**2


class Whitening:
    """y = Uₖᵀ(x − μₖ) of rows that are given from a centre on, (components, features, rows).

    Parameters
    ----------
    mixture : Mixture
    centre : array of shape (d,)
    """

    def __init__(self, mixture: Mixture, centre: Array) -> None:
        K, d = mixture.means.shape
        self.kind, self.shape = mixture.kind, (K, d)
        self.means = (mixture.means - centre)[:, :, None]
        if self.kind == "full":
            self.factors = np.ascontiguousarray(mixture.factors.transpose(0, 2, 1))
        elif self.kind == "tied":
            self.factors = np.ascontiguousarray(mixture.factors.T)
        else:
            self.factors = mixture.factors.reshape(K, -1)[:, :, None]
        if self.kind in ("full", "tied"):
            self.means = np.matmul(self.factors, self.means)

    def __call__(self, x: Array, out: Array, incomplete: bool = False) -> Array | None:
        """Fill y from x (features, rows), and return 1 where a value is missing, if any may be."""
        K, d = self.shape
        if self.kind == "full":
            np.matmul(self.factors.reshape(K * d, d), x, out=out.reshape(K * d, -1))
            out -= self.means
            return None
        if self.kind == "tied":
            np.subtract(self.factors @ x, self.means, out=out)
            return None
        np.subtract(x, self.means, out=out)
        out *= self.factors
        if not incomplete:
            return None
        missing = np.isnan(x)
        out[:, missing] = 0.0
        return missing.astype(float)


def log_joint_tile(y: Array, scales: Array, mixture: Mixture, missing: Array | None) -> Array:
    """Return log πₖ N(x | μₖ, Σₖ), (components, rows)."""
    joint: Array = np.einsum("kdn,kdn->kn", y, y)
    joint *= -0.5
    joint += scales[:, None]
    if missing is not None:  # independent features: those that are missing have no part in det U and 2π
        factors = mixture.factors if mixture.kind == "diag" else np.broadcast_to(mixture.factors[:, None], y.shape[:2])
        joint -= (np.log(factors) - 0.5 * np.log(2 * np.pi)) @ missing
    return joint


def softmax(joint: Array) -> Array:
    """Turn log πₖ N(x), (components, rows), into responsibilities, in place, and return log p(x)."""
    top = joint.max(axis=0)
    joint -= top
    np.exp(joint, out=joint)
    total = joint.sum(axis=0)
    joint /= total
    np.log(total, out=total)
    total += top
    return np.asarray(total)


def log_joint_rows(rows: Rows, mixture: Mixture, threads: int = 1) -> Array:
    """Return log πₖ N(xᵢ | μₖ, Σₖ) for all rows, (K, n), without regularization."""
    scales = mixture.log_scales()
    K, d = mixture.means.shape
    joint = np.empty((K, rows.count))
    if rows.incomplete and mixture.kind in ("full", "tied"):
        for part in log_marginals(rows, mixture, scales):
            joint[:, part.at] = part.joint
        return joint
    white = Whitening(mixture, rows.centre)
    tile = tile_rows(K * d)

    def block(start: int, stop: int) -> None:
        held = np.empty(K * d * min(tile, stop - start))
        for i in range(start, stop, tile):
            end = min(i + tile, stop)
            y = held[: K * d * (end - i)].reshape(K, d, end - i)
            missing = white(rows.tile(i, end).T, y, rows.incomplete)
            joint[:, i:end] = log_joint_tile(y, scales, mixture, missing)

    each_block(block, rows.count, tile, threads)
    return joint
