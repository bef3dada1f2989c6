"""Colouring: which columns of a sparse derivative can be found by one product.

If no row has an entry in both of two columns, then one product with the sum of their unit vectors shows both (Curtis,
Powell & Reid 1974). To group all columns so is to colour a graph, and the fewest products are the fewest colours
(Gebremedhin, Manne & Pothen 2005, "What color is your Jacobian?", SIAM Review 47). Finding the fewest is NP-hard; the
greedy rule "the first colour that is free" is good if the order is.

For symmetric matrices a *star colouring* suffices: neighbours differ, and every path of four has three colours. Then of
each pair of entries H_ij = H_ji at least one is alone in its row and colour. A matrix with one full row and column (an
arrow), whose columns all meet, so takes 2 products and not n.

The sets of colours in use are integers, one bit a colour; a vertex costs as many operations as it has entries.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_ENDS = 3000  # rows of a sample
_TRIED = 50_000_000  # pairs of columns up to which lattices that fit the distances are tried on the sample
_SEVERAL_ORDERS = 2_000_000  # entries up to which a second order is tried
_SMALLEST_LAST = 100_000  # entries of the graph of meeting columns up to which it is formed


def column_coloring(pattern: Any) -> Array:
    """A colour for each column of a ``csr_array``, so that columns of one colour have no row in common.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> column_coloring(sp.csr_array(sp.diags_array([1.0, 1, 1], offsets=[-1, 0, 1], shape=(6, 6))))
    array([0, 1, 2, 0, 1, 2])
    """
    m, n = pattern.shape
    lengths = np.diff(pattern.indptr)
    fewest = int(lengths.max(initial=0))  # the columns of one row all differ
    if fewest <= 1:
        return np.zeros(n, dtype=np.int64)
    by_column = pattern.tocsc()
    used = np.flatnonzero(np.diff(by_column.indptr))
    if fewest == used.size:
        colors = np.zeros(n, dtype=np.int64)
        colors[used] = np.arange(fewest)
        return colors
    best = _lattice(pattern, fewest)
    if best is not None and best.max() + 1 == fewest:
        return best
    for order in _orders(pattern, by_column, lengths):
        found = _first_free(by_column, m, order)
        if best is None or found.max() < best.max():
            best = found
        if best.max() + 1 == fewest:
            break
    assert best is not None
    return best


def _lattice(pattern: Any, fewest: int) -> Array | None:
    """Colours of the form Σ aₖ jₖ mod p, jₖ the coordinates of column j on a grid: made without a loop over columns.

    Which columns meet shows in the distances between them. Bands and stencils have few; then p and the multipliers a
    are found by trying all on the distances alone, for every row length of the grid that is one of them. It is optimal
    for full bands (j mod p) and for the usual stencils (j₁ + 2 j₂ mod 5 for the cross of five points).
    """
    distances = _distances(pattern, fewest)
    if distances is None:
        return None
    lengths = [d for d in distances[::-1].tolist() if d > 1]
    columns, sample = _sample(pattern)
    tries = max(8, _TRIED // max(1, sample.nnz * fewest))
    for p in range(fewest, min(2 * fewest, pattern.shape[1])):
        for count in range(3):
            if p**count > 1024 or math.comb(len(lengths), count) > 512:
                break
            for radices in itertools.combinations(lengths, count):
                digits, rest = [], distances
                for radix in radices:
                    digit = np.rint(rest / radix).astype(np.int64)
                    rest = rest - digit * radix
                    digits.append(digit)
                factors = np.indices((p,) * count).reshape(count, p**count)
                values = rest[:, None] + sum((d[:, None] * f for d, f in zip(digits, factors, strict=True)), 0)
                good = np.flatnonzero((values % p != 0).all(axis=0))
                if good.size:
                    chosen = (radices, factors[:, good[0]], p)
                    if not count or _separates(sample, _on_lattice(columns, *chosen), fewest):
                        colors = _on_lattice(np.arange(pattern.shape[1]), *chosen)
                        if not count or _separates(pattern, colors, fewest):
                            return colors
                    tries -= 1
                    if not tries:
                        return None
    return None


def _sample(pattern: Any) -> tuple[Array, Any]:
    """Some rows, mostly from both ends, with only those columns that they have; and the numbers of these."""
    from scipy.sparse import csr_array

    m = pattern.shape[0]
    chosen = [np.arange(min(m, _ENDS)), np.arange(max(m - _ENDS, 0), m), np.linspace(0, m - 1, _ENDS).astype(int)]
    some = pattern[np.unique(np.concatenate(chosen))]
    columns, renumbered = np.unique(some.indices, return_inverse=True)
    return columns, csr_array((some.data, renumbered, some.indptr), shape=(some.shape[0], columns.size))


def _on_lattice(columns: Array, radices: Sequence[int], factors: Array, p: int) -> Array:
    rest = columns
    colors = np.zeros(columns.size, dtype=np.int64)
    for radix, factor in zip(radices, factors, strict=True):
        digit, rest = np.divmod(rest, radix)
        colors += factor * digit
    return (colors + rest) % p


def _distances(pattern: Any, fewest: int) -> Array | None:
    """The distances between columns that share a row, if they are few."""
    if fewest > 64 or fewest * pattern.nnz > 64_000_000:
        return None
    occurs = np.zeros(pattern.shape[1], dtype=bool)
    for one, other in _pairs(pattern, fewest):
        occurs[other - one] = True
        if np.count_nonzero(occurs) > max(24, 2 * fewest):
            return None
    return np.flatnonzero(occurs)


def _separates(pattern: Any, colors: Array, fewest: int) -> bool:
    """Whether columns that share a row differ in colour."""
    return all((colors[one] != colors[other]).all() for one, other in _pairs(pattern, fewest))


def _pairs(pattern: Any, fewest: int) -> Iterator[tuple[Array, Array]]:
    """All pairs of columns that share a row, those next to each other first."""
    row, indices = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr)), pattern.indices
    for s in range(1, fewest):
        same = row[s:] == row[:-s]
        yield indices[:-s][same], indices[s:][same]


def _orders(pattern: Any, by_column: Any, lengths: Array) -> Any:
    """Orders for the greedy rule: as they stand, those that meet most others first, and smallest last."""
    n = pattern.shape[1]
    yield np.arange(n)
    if pattern.nnz <= _SEVERAL_ORDERS:
        meetings = np.bincount(pattern.indices, np.repeat(lengths, lengths), minlength=n)
        yield np.argsort(-meetings, kind="stable")
    if float(np.sum(lengths.astype(np.float64) ** 2)) <= _SMALLEST_LAST:
        yield smallest_last((pattern.T @ pattern).tocsr())


def smallest_last(graph: Any) -> Array:
    """An order in which each vertex has as few neighbours as possible among those before it (Matula & Beck 1983)."""
    indptr, indices = graph.indptr.tolist(), graph.indices.tolist()
    n = len(indptr) - 1
    degree = [indptr[v + 1] - indptr[v] for v in range(n)]
    buckets: list[list[int]] = [[] for _ in range(max(degree, default=0) + 1)]
    for v in range(n - 1, -1, -1):
        buckets[degree[v]].append(v)
    removed = [False] * n
    order: list[int] = []
    least = 0
    while len(order) < n:
        while not buckets[least]:
            least += 1
        v = buckets[least].pop()
        if removed[v] or degree[v] != least:
            continue
        removed[v] = True
        order.append(v)
        for w in indices[indptr[v] : indptr[v + 1]]:
            if not removed[w]:
                degree[w] -= 1
                buckets[degree[w]].append(w)
        least = max(least - 1, 0)
    return np.array(order[::-1], dtype=np.int64)


def _first_free(by_column: Any, rows: int, order: Array) -> Array:
    """Each column in turn takes the first colour that none of its rows has seen."""
    indptr, indices = by_column.indptr.tolist(), by_column.indices.tolist()
    seen = [0] * rows
    colors = [0] * (len(indptr) - 1)
    for j in order.tolist():
        mine = indices[indptr[j] : indptr[j + 1]]
        taken = 0
        for i in mine:
            taken |= seen[i]
        free = ~taken & (taken + 1)
        for i in mine:
            seen[i] |= free
        colors[j] = free.bit_length() - 1
    return np.array(colors, dtype=np.int64)


def star_coloring(pattern: Any) -> Array:
    """A colour for each column of a symmetric ``csr_array``: neighbours differ, every path of four has three colours.

    Examples
    --------
    >>> import numpy as np, scipy.sparse as sp
    >>> arrow = np.eye(6)
    >>> arrow[0] = arrow[:, 0] = 1
    >>> star_coloring(sp.csr_array(arrow))
    array([0, 1, 1, 1, 1, 1])
    """
    n = pattern.shape[0]
    degree = np.diff(pattern.indptr)
    orders = [np.argsort(-degree, kind="stable")]
    if pattern.nnz <= _SEVERAL_ORDERS:
        orders.append(np.arange(n))
        orders.append(smallest_last(pattern))
    found = [_star_in_order(pattern, order) for order in orders]
    return min(found, key=lambda colors: int(colors.max(initial=0)))


def _star_in_order(pattern: Any, order: Array) -> Array:
    """The greedy rule for star colourings: of two vertices beside w, both may have one colour only if w's is smaller.

    (Powell & Toint 1979.) So a path a–b–a–b would need each of its inner colours to be smaller than the other.
    """
    indptr, indices = pattern.indptr.tolist(), pattern.indices.tolist()
    n = len(indptr) - 1
    mine = [0] * n  # the bit of a vertex's colour; 0: none yet
    around = [0] * n  # the colours of its neighbours
    for v in order.tolist():
        neighbors = indices[indptr[v] : indptr[v + 1]]
        taken = 0
        for w in neighbors:
            if w != v:
                bit = mine[w]
                taken |= bit | (around[w] & (bit - 1)) if bit else around[w]
        free = ~taken & (taken + 1)
        mine[v] = free
        for w in neighbors:
            if w != v:
                around[w] |= free
    return np.array([bit.bit_length() - 1 for bit in mine], dtype=np.int64)
