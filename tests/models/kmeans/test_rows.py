"""Rows and their squares against NumPy's."""

import numpy as np
import pytest
import scipy.sparse

from thalweg.models.kmeans.rows import Rows, squared_norms


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("n", [5, 40_000])
def test_squares(n, sparse, weighted):
    random = np.random.default_rng(n)
    X = random.standard_normal((n, 4)) + 3
    w = random.random(n) if weighted else None
    rows = Rows.centred(scipy.sparse.csr_array(X) if sparse else X, w)
    about = X if sparse else X - X.mean(axis=0)
    norms = (about**2).sum(axis=1)
    weighted_squares, variance, greatest = rows.squares
    np.testing.assert_allclose(weighted_squares, np.sum(norms if w is None else w * norms))
    np.testing.assert_allclose(variance, np.mean(np.var(X, axis=0)))
    np.testing.assert_allclose(greatest, norms.max())
    assert rows.sparse == sparse
    assert rows.count == n
    np.testing.assert_allclose(rows.total_weight, n if w is None else w.sum())


def test_blocks_are_all_rows_once_in_order():
    rows = Rows.centred(np.ones((10_007, 300)))
    np.testing.assert_array_equal(np.concatenate([np.arange(10_007)[b] for b in rows.blocks(40)]), np.arange(10_007))


def test_parts_do_not_touch_the_data():
    X = np.arange(12.0).reshape(4, 3)
    kept = X.copy()
    rows = Rows.centred(X)
    np.testing.assert_array_equal(rows.part(slice(0, 2)), kept[:2] - kept.mean(axis=0))
    np.testing.assert_array_equal(
        squared_norms(rows.part(slice(0, 2))), ((kept[:2] - kept.mean(axis=0)) ** 2).sum(axis=1)
    )
    np.testing.assert_array_equal(X, kept)
    assert rows.X is X
