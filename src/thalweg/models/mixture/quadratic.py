"""The pass over the rows for many rows and full covariances: all components at once, by two matrix products.

log πₖ N(x | μₖ, Σₖ) is linear in z = (1, xᵢ, xᵢxⱼ for i ≤ j), and what the M-step needs are the sums Σ rₖ z.  So a
tile of rows is turned into z once, C z gives all densities, and r zᵀ all sums: the work for a row and a component is
two products of the length of z, and nothing else is done by element.

Digits are lost where a component is narrow and far from the mean of the data, since large terms of the quadratic form
then cancel.  `safe` measures how large they are, and `expectation` goes about it the other way where it says no.
"""

from __future__ import annotations

import numpy as np

from .blocks import Array, Rows, added, each_block, tile_rows
from .state import Mixture

__all__ = ["quadratic_sums", "safe"]

_MANY = 1 << 22  # products of a pass, from which on it pays
_WIDEST = 32  # features
_TERMS = 1e5  # size of the terms that may cancel: five of sixteen digits


def safe(rows: Rows, mixture: Mixture) -> bool:
    """Whether this way is taken: sizes and shapes decide, and the mean of xᵀΣₖ⁻¹x over the data, from their mean on."""
    K, d = mixture.means.shape
    if mixture.kind != "full" or rows.incomplete or d > min(_WIDEST, 4 * K) or rows.count * K * d * d < _MANY:
        return False
    means = mixture.means - rows.centre
    own = np.square(np.matmul(means[:, None, :], mixture.factors)).sum(axis=(1, 2))
    all_rows = np.einsum("kij,im,kmj->k", mixture.factors, rows.scatter, mixture.factors)
    return bool(np.max(own) < _TERMS and np.max(all_rows) < _TERMS)


def quadratic_sums(rows: Rows, mixture: Mixture, scales: Array, threads: int) -> tuple[float, Array, Array, Array]:
    """Return what `expectation` adds up: the value, Σ r, Σ r (x − μ) and Σ r (x − μ)(x − μ)ᵀ."""
    from .expectation import softmax

    K, d = mixture.means.shape
    i, j = np.triu_indices(d)
    columns = 1 + d + len(i)
    means, P = mixture.means - rows.centre, mixture.precisions()
    towards = np.einsum("kij,kj->ki", P, means)
    coefficients = np.empty((K, columns))
    coefficients[:, 0] = scales - 0.5 * np.einsum("ki,ki->k", means, towards)
    coefficients[:, 1 : 1 + d] = towards
    coefficients[:, 1 + d :] = -P[:, i, j] * np.where(i == j, 0.5, 1.0)
    tile = 4 * tile_rows(columns)

    def block(start: int, stop: int) -> tuple[float, Array]:
        value, sums = 0.0, np.zeros((K, columns))
        held = np.empty((columns, min(tile, stop - start)))
        held[0] = 1.0
        for begin in range(start, stop, tile):
            end = min(begin + tile, stop)
            z = held[:, : end - begin]
            x = z[1 : 1 + d]
            np.subtract(rows.X[begin:end].T, rows.centre[:, None], out=x, dtype=np.float64)
            at = 1 + d
            for feature in range(d):
                np.multiply(x[feature:], x[feature], out=z[at : at + d - feature])
                at += d - feature
            r = coefficients @ z
            each = softmax(r)
            w = rows.weights_of(begin, end)
            if w is None:
                value += float(np.sum(each))
            else:
                value += float(w @ each)
                r *= w
            sums += r @ z.T
        return value, sums

    value, sums = added(each_block(block, rows.count, tile, threads))
    counts, about_centre = sums[:, 0], sums[:, 1 : 1 + d]
    second = np.empty((K, d, d))
    second[:, i, j] = second[:, j, i] = sums[:, 1 + d :]
    first = about_centre - counts[:, None] * means
    # Σ r (x − μ)(x − μ)ᵀ = Σ r xxᵀ − s μᵀ − μ sᵀ + N μμᵀ
    crossed = about_centre[:, :, None] * means[:, None, :]
    second -= crossed + np.swapaxes(crossed, 1, 2)
    second += counts[:, None, None] * means[:, :, None] * means[:, None, :]
    return value / rows.total, counts.copy(), first, second
