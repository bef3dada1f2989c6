"""The E-step where values are missing and features depend on one another, exactly: a pattern at a time.

Let O be what is observed in a row and M the rest.  The row counts with the marginal density N(x_O | μ_O, Σ_OO), and
given x_O and the component, what is missing has

    E x_M = μ_M + Σ_MO Σ_OO⁻¹ (x_O − μ_O),        Cov x_M = Σ_MM − Σ_MO Σ_OO⁻¹ Σ_OM,

which complete the sums of the M-step.  Rows of one pattern share the factorizations.

References
----------
Z. Ghahramani and M. I. Jordan (1994), "Supervised learning from incomplete data via an EM approach", NIPS 6;
R. J. A. Little and D. B. Rubin (2002), *Statistical Analysis with Missing Data*, chapter 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .blocks import Array, Rows, tile_rows
from .state import Mixture

__all__ = ["incomplete_moments", "log_marginals"]


class Part(NamedTuple):
    """Rows of one pattern.

    Attributes
    ----------
    at : array of int
        Which rows.
    joint : array of shape (K, n)
        log πₖ N(x_O | μ_O, Σ_OO), with the regularization that the scales have.
    expected : array of shape (K, n, d)
        E x − μ, given x_O.
    spread : array of shape (K, d, d)
        Cov x, given x_O: zero but for M × M.
    """

    at: Array
    joint: Array
    expected: Array
    spread: Array


def log_marginals(rows: Rows, mixture: Mixture, scales: Array) -> Iterator[Part]:
    """Go through the rows, pattern by pattern, in pieces that stay in the cache."""
    K, d = mixture.means.shape
    covariances = np.broadcast_to(mixture.covariances(), (K, d, d))
    # log πₖ and the regularization: what is left of the scales without log det U and 2π of all features
    logarithms = np.log(np.diagonal(np.broadcast_to(mixture.factors, (K, d, d)), axis1=1, axis2=2)).sum(axis=1)
    rest = scales - logarithms + 0.5 * d * np.log(2 * np.pi)
    means = mixture.means - rows.centre
    observed, order, ends = rows.patterns
    size = tile_rows(K * d)
    for seen, start, end in zip(observed, [0, *ends[:-1]], ends, strict=True):
        O = np.flatnonzero(seen)
        L = np.linalg.cholesky(covariances[:, O[:, None], O])
        # Σ_:O Σ_OO⁻¹ = (L⁻ᵀ L⁻¹ Σ_O:)ᵀ, the identity on O
        half = np.linalg.solve(L, covariances[:, O, :])
        spread = covariances - np.swapaxes(half, 1, 2) @ half
        spread[:, O, :] = 0.0
        spread[:, :, O] = 0.0
        constant = rest - np.log(np.diagonal(L, axis1=1, axis2=2)).sum(axis=1) - 0.5 * len(O) * np.log(2 * np.pi)
        for i in range(start, end, size):
            at = order[i : min(i + size, end)]
            x = np.subtract(rows.X[at][:, O], rows.centre[O], dtype=np.float64)
            centred = x - means[:, None, O]
            y = np.linalg.solve(L, np.swapaxes(centred, 1, 2))
            joint = constant[:, None] - 0.5 * np.einsum("kdn,kdn->kn", y, y)
            expected = np.swapaxes(y, 1, 2) @ half
            expected[:, :, O] = centred
            yield Part(at, joint, expected, spread)


def incomplete_moments(
    rows: Rows, mixture: Mixture, scales: Array, about: Array | None = None
) -> tuple[float, Array, Array, Array]:
    """Return what `expectation` adds up."""
    from .expectation import softmax

    K, d = mixture.means.shape
    value, counts, first, second = 0.0, np.zeros(K), np.zeros((K, d)), np.zeros((K, d, d))
    for at, r, expected, spread in log_marginals(rows, mixture, scales):
        each = softmax(r)
        if rows.weights is not None:
            r *= rows.weights[at]
            each = each * rows.weights[at]
        value += float(np.sum(each))
        here = r.sum(axis=1)
        counts += here
        if about is not None:
            expected -= about[:, None, :]
        weighted = expected * r[:, :, None]
        first += weighted.sum(axis=1)
        second += np.swapaxes(weighted, 1, 2) @ expected + here[:, None, None] * spread
    return value / rows.total, counts, first, second if mixture.kind == "full" else second.sum(axis=0)
