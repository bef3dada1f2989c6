"""Colourings: valid always, and against the counts that are known to be the fewest."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from thalweg.transforms.coloring import column_coloring, smallest_last, star_coloring


def csr(matrix):
    found = sp.csr_array(matrix).astype(bool)
    found.sort_indices()
    return found


def band(n, below, above=None):
    offsets = range(-below, (below if above is None else above) + 1)
    return csr(sp.diags_array([1.0] * len(offsets), offsets=list(offsets), shape=(n, n)))


def cross(*lengths):
    """The stencil of a point and its neighbours on a grid: Laplace's."""
    size = int(np.prod(lengths))
    total = sp.eye_array(size)
    for axis, n in enumerate(lengths):
        line = sp.diags_array([1.0, 1.0], offsets=[-1, 1], shape=(n, n))
        before, after = int(np.prod(lengths[:axis])), int(np.prod(lengths[axis + 1 :]))
        total = total + sp.kron(sp.kron(sp.eye_array(before), line), sp.eye_array(after))
    return csr(total)


def square(n):
    """The stencil of nine points."""
    line = sp.diags_array([1.0, 1.0, 1.0], offsets=[-1, 0, 1], shape=(n, n))
    return csr(sp.kron(line, line))


def arrow(n, tip):
    a = np.eye(n)
    a[tip] = a[:, tip] = 1
    return csr(a)


def ring(n):
    a = np.eye(n) + np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)
    return csr(a)


def count(colors):
    return int(colors.max(initial=-1)) + 1


def assert_columns_apart(pattern, colors):
    for row in pattern.toarray():
        mine = colors[row]
        assert len(set(mine.tolist())) == mine.size


def is_star(adjacent, colors):
    """By the definition, edge by edge and path by path."""
    n = len(colors)
    neighbors = [[w for w in range(n) if adjacent[v, w] and w != v] for v in range(n)]
    for b in range(n):
        for c in neighbors[b]:
            if colors[b] == colors[c]:
                return False
            for a, d in itertools.product(neighbors[b], neighbors[c]):
                if len({a, b, c, d}) == 4 and colors[a] == colors[c] and colors[b] == colors[d]:
                    return False
    return True


# The fewest colours: the longest row is a lower bound for columns, and each of these reaches it.
@pytest.mark.parametrize(
    ("pattern", "fewest"),
    [
        (band(40, 0), 1),
        (band(40, 1), 3),
        (band(40, 2), 5),
        (band(100, 5), 11),
        (band(60, 0, 1), 2),
        (band(60, 3, 1), 5),
        (cross(10, 10), 5),
        (cross(17, 23), 5),
        (cross(6, 7, 8), 7),
        (square(12), 9),
        (csr(np.ones((7, 7))), 7),
        (csr(np.ones((3, 9))), 9),
        (arrow(20, 0), 20),
        (csr(sp.block_diag([np.ones((3, 3))] * 6)), 3),
        (csr(sp.kron(np.ones((1, 4)), np.eye(25))), 4),
        (csr((5, 8)), 1),
        (ring(9), 3),
    ],
)
def test_columns_with_the_fewest_colors(pattern, fewest):
    colors = column_coloring(pattern)
    assert_columns_apart(pattern, colors)
    assert count(colors) == fewest


# Star chromatic numbers: paths 3, stars 2, complete graphs n, rings 3, but 4 for five (Fertin, Raspaud & Reed 2004)
@pytest.mark.parametrize(
    ("pattern", "fewest"),
    [
        (band(30, 0), 1),
        (band(2, 1), 2),
        (band(3, 1), 2),
        (band(30, 1), 3),
        (arrow(20, 0), 2),
        (arrow(20, 19), 2),
        (arrow(20, 7), 2),
        (csr(np.ones((6, 6))), 6),
        (csr(sp.block_diag([np.ones((4, 4))] * 5)), 4),
        (ring(9), 3),
        (ring(12), 3),
        (ring(5), 4),
    ],
)
def test_stars_with_the_fewest_colors(pattern, fewest):
    colors = star_coloring(pattern)
    assert is_star(pattern.toarray(), colors)
    assert count(colors) == fewest


def test_a_band_with_an_arrow_takes_one_color_more_than_the_band():
    a = band(50, 1).toarray()
    a[0] = a[:, 0] = True
    assert count(star_coloring(csr(a))) == 4


@st.composite
def patterns(draw, symmetric=False):
    m = draw(st.integers(1, 9))
    n = m if symmetric else draw(st.integers(1, 9))
    a = np.array(draw(st.lists(st.booleans(), min_size=m * n, max_size=m * n))).reshape(m, n)
    if draw(st.booleans()):
        a &= np.array(draw(st.lists(st.booleans(), min_size=m * n, max_size=m * n))).reshape(m, n)
    return csr(a | a.T | np.eye(m, dtype=bool) if symmetric else a)


def fewest_colors(n, valid):
    """By trying all colourings of few vertices."""
    for k in range(1, n + 1):
        for rest in itertools.product(range(k), repeat=n - 1):
            if valid(np.array((0, *rest))):
                return k
    raise AssertionError


@settings(max_examples=150, deadline=None)
@given(patterns())
def test_columns_of_one_color_never_meet(pattern):
    colors = column_coloring(pattern)
    assert_columns_apart(pattern, colors)
    assert np.diff(pattern.indptr).max() <= count(colors) <= pattern.shape[1]


@settings(max_examples=150, deadline=None)
@given(patterns(symmetric=True))
def test_stars_are_stars(pattern):
    assert is_star(pattern.toarray(), star_coloring(pattern))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**15 - 1))
@example(23285)  # one of a thousand: two stars more than needed
def test_close_to_the_fewest_on_small_graphs(bits):
    n = 6
    a = np.eye(n, dtype=bool)
    for k, (i, j) in enumerate(itertools.combinations(range(n), 2)):
        a[i, j] = a[j, i] = bits >> k & 1
    meet = (a.astype(int).T @ a.astype(int)) > 0

    def apart(colors):
        return all(colors[i] != colors[j] for i, j in itertools.combinations(range(n), 2) if meet[i, j])

    assert count(column_coloring(csr(a))) <= fewest_colors(n, apart) + 1
    assert count(star_coloring(csr(a))) <= fewest_colors(n, lambda colors: is_star(a, colors)) + 2


def test_smallest_last_colors_a_tree_with_two_colors():
    """Greedy in that order takes at most degeneracy + 1 colours: 2 for trees, whatever their degrees."""
    rng = np.random.default_rng(0)
    n = 60
    a = np.zeros((n, n), dtype=bool)
    for v in range(1, n):
        parent = rng.integers(v)
        a[v, parent] = a[parent, v] = True
    colors = np.full(n, -1)
    for v in smallest_last(csr(a)):
        taken = set(colors[np.flatnonzero(a[v])].tolist())
        colors[v] = next(c for c in range(n) if c not in taken)
    assert count(colors) == 2


def test_large_bands_and_grids():
    assert count(column_coloring(band(100_000, 1))) == 3
    assert count(column_coloring(cross(300, 301))) == 5
    assert count(star_coloring(band(100_000, 1))) == 3


def test_large_and_irregular():
    rng = np.random.default_rng(1)
    pattern = csr(sp.random_array((20_000, 20_000), density=3 / 20_000, rng=rng))
    colors = column_coloring(pattern)
    row = np.repeat(np.arange(20_000), np.diff(pattern.indptr))
    seen = row * (count(colors) + 1) + colors[pattern.indices]
    assert np.unique(seen).size == seen.size
    assert count(colors) <= 2 * np.diff(pattern.indptr).max()
