"""Where expectation–maximization begins: responsibilities, and the mixture that fits them.

Random choices of rows are made by their cumulated weights, so that a row with weight 2 and a row that is there twice
lead to the same start.  Where a value is missing, the mean of its feature stands in for it here, and only here.

References
----------
D. Arthur and S. Vassilvitskii (2007), "k-means++: the advantages of careful seeding", SODA.
"""

from __future__ import annotations

import numpy as np

from .blocks import Array, Rows, added, each_block, tile_rows
from .expectation import Moments
from .maximization import maximization
from .state import Mixture

__all__ = ["STARTS", "assigned", "fitting", "responsibilities"]

STARTS = ("kmeans", "k-means++", "random", "random_from_data")
_ROUNDS = 100  # of Lloyd's algorithm at most
_GAIN = 1e-4  # of the sum of squares: k-means ends where a round gains less


def responsibilities(rows: Rows, components: int, init: str, random: np.random.RandomState, threads: int = 1) -> Array:
    """Return which component each row belongs to at first: labels (n,), or for 'random' shares (n, K)."""
    if init == "random":
        shares = random.uniform(size=(rows.count, components))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))
    if init == "random_from_data":
        chosen = _distinct(rows, components, random)
        centres = np.concatenate([rows.filled(i, i + 1) for i in chosen])
    else:
        centres = _plus_plus(rows, components, random)
    return assigned(rows, centres, _ROUNDS if init == "kmeans" else 0, threads)


def assigned(rows: Rows, centres: Array, rounds: int, threads: int = 1) -> Array:
    """Return the nearest centre of each row, after so many rounds of Lloyd's algorithm at most."""
    K, d = centres.shape
    tile = tile_rows(max(K, d))
    labels = np.empty(rows.count, np.int32)
    before = np.inf
    for round_ in range(rounds + 1):
        norms = np.einsum("kd,kd->k", centres, centres)

        def block(start: int, stop: int, centres: Array = centres, norms: Array = norms) -> tuple[float, Array, Array]:
            squares, counts, sums = 0.0, np.zeros(K), np.zeros((K, d))
            for i in range(start, stop, tile):
                end = min(i + tile, stop)
                x = rows.filled(i, end)
                distance = norms - 2.0 * (x @ centres.T)
                own = distance.argmin(axis=1)
                labels[i:end] = own
                hot = np.zeros((K, end - i))
                w = rows.weights_of(i, end)
                hot[own, np.arange(end - i)] = 1.0 if w is None else w
                gap = distance[np.arange(end - i), own] + np.einsum("nd,nd->n", x, x)
                squares += float(np.sum(gap if w is None else gap * w))
                counts += hot.sum(axis=1)
                sums += hot @ x
            return squares, counts, sums

        squares, counts, sums = added(each_block(block, rows.count, tile, threads))
        if round_ == rounds or before - squares <= _GAIN * squares:
            break
        before = squares
        centres = np.where(counts[:, None] > 0, sums / np.where(counts > 0, counts, 1.0)[:, None], centres)
    return labels


def _picked(cumulated: Array, shares: Array) -> Array:
    """The rows at these shares of a cumulated weight."""
    at = np.searchsorted(cumulated, shares * cumulated[-1], side="right")
    return np.minimum(at, np.flatnonzero(np.diff(cumulated, prepend=0.0) > 0)[-1])


def _weights(rows: Rows) -> Array:
    return np.ones(rows.count) if rows.weights is None else np.asarray(rows.weights, np.float64)


def _distinct(rows: Rows, components: int, random: np.random.RandomState) -> list[int]:
    """Different rows, each by its weight among those that are left."""
    if rows.weights is None:
        return [int(i) for i in random.choice(rows.count, size=components, replace=False)]
    weights = _weights(rows).copy()
    chosen: list[int] = []
    for share in random.uniform(size=components):
        chosen.append(int(_picked(np.cumsum(weights), np.array([share]))[0]))
        weights[chosen[-1]] = 0.0
    return chosen


def _plus_plus(rows: Rows, components: int, random: np.random.RandomState) -> Array:
    """Greedy k-means++: of a few rows taken with probability ∝ squared distance, the one that lowers the sum most."""
    weights = _weights(rows)
    trials = 2 + int(np.log(components))
    first = int(_picked(np.cumsum(weights), random.uniform(size=1))[0])
    centres = [rows.filled(first, first + 1)[0]]
    nearest = _squared(rows, centres[0][None])[:, 0]
    for _ in range(1, components):
        mass = np.cumsum(weights * nearest)
        shares = random.uniform(size=trials)
        if mass[-1] <= 0:  # no rows differ any more
            mass = np.cumsum(weights)
        candidates = _picked(mass, shares)
        rows_of = np.concatenate([rows.filled(i, i + 1) for i in candidates])
        distance = np.minimum(_squared(rows, rows_of), nearest[:, None])
        best = int(np.argmin(weights @ distance))
        nearest = distance[:, best].copy()
        centres.append(rows_of[best])
    return np.stack(centres)


def _squared(rows: Rows, centres: Array) -> Array:
    """Squared distances, (n, centres)."""
    out = np.empty((rows.count, len(centres)))
    norms = np.einsum("kd,kd->k", centres, centres)
    step = tile_rows(max(centres.shape))
    for i in range(0, rows.count, step):
        x = rows.filled(i, i + step)
        out[i : i + step] = np.einsum("nd,nd->n", x, x)[:, None] - 2.0 * (x @ centres.T) + norms
    return np.maximum(out, 0.0, out=out)


def fitting(rows: Rows, shares: Array, components: int, kind: str, reg_covar: float, threads: int = 1) -> Mixture:
    """Return the mixture that fits labels, or shares of rows in components, best.

    Raises
    ------
    SingularError
        Where a covariance is singular.
    """
    K, d = components, rows.features
    tile = tile_rows(K * d)
    shape = {"full": (K, d, d), "tied": (d, d)}.get(kind, (K, d))

    def share(i: int, end: int) -> Array:
        if shares.ndim == 1:
            r = np.zeros((end - i, K))
            r[np.arange(end - i), shares[i:end]] = 1.0
        else:
            r = shares[i:end].copy()
        w = rows.weights_of(i, end)
        return r if w is None else r * w[:, None]

    def firsts(start: int, stop: int) -> tuple[Array, Array]:
        counts, first = np.zeros(K), np.zeros((K, d))
        for i in range(start, stop, tile):
            end = min(i + tile, stop)
            r = share(i, end)
            counts += r.sum(axis=0)
            first += r.T @ rows.filled(i, end)
        return counts, first

    counts, first = added(each_block(firsts, rows.count, tile, threads))
    means = first / np.where(counts > 0, counts, 1.0)[:, None]

    def seconds(start: int, stop: int) -> Array:
        second = np.zeros(shape)
        for i in range(start, stop, tile):
            end = min(i + tile, stop)
            r = share(i, end)
            y = rows.filled(i, end)[:, None, :] - means
            if kind in ("full", "tied"):
                ry = y * r[:, :, None]
                if kind == "full":
                    second += np.matmul(ry.transpose(1, 2, 0), y.transpose(1, 0, 2))
                else:
                    second += ry.reshape(-1, d).T @ y.reshape(-1, d)
            else:
                second += np.einsum("nk,nkd->kd", r, y * y)
        return second

    second = sum(each_block(seconds, rows.count, tile, threads))
    spherical = np.ones(K) / max(float(rows.variances().mean()), np.finfo(float).tiny) ** 0.5
    factors = {"full": spherical[:, None, None] * np.eye(d), "tied": spherical[0] * np.eye(d)}.get(
        kind, spherical if kind == "spherical" else np.repeat(spherical[:, None], d, axis=1)
    )
    whole = Mixture(kind, np.full(K, 1.0 / K), means + rows.centre, factors)  # for components without rows
    moments = Moments(-np.inf, counts, np.zeros((K, d)), np.asarray(second))
    return maximization(moments, whole, rows.total, reg_covar)
