"""Rows cut by sizes alone, and BLAS given back as it was."""

import itertools
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from thalweg.models.mixture.blocks import Rows, each_block, own_threads, tile_rows


@pytest.mark.parametrize("count", [1, 7, 64, 1000, 12345])
@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_cover_all_rows_in_order(count, threads):
    blocks = each_block(lambda start, stop: (start, stop), count, 16, threads)
    assert blocks[0][0] == 0 and blocks[-1][1] == count and len(blocks) <= 64
    assert all(a[1] == b[0] and b[0] % 16 == 0 for a, b in itertools.pairwise(blocks))


def test_tiles():
    assert [tile_rows(w) for w in (1, 160, 10**6)] == [2048, 204, 16]


def test_mean_and_variance():
    rng = np.random.default_rng(0)
    X = rng.normal(5, 2, size=(5000, 3)).astype(np.float32)
    w = rng.uniform(size=5000)
    X[rng.random(X.shape) < 0.2] = np.nan
    rows = Rows.of(X, w)
    masked = np.ma.masked_invalid(X.astype(float))
    mean = np.ma.average(masked, axis=0, weights=np.repeat(w[:, None], 3, axis=1))
    variance = np.ma.average((masked - mean) ** 2, axis=0, weights=np.repeat(w[:, None], 3, axis=1))
    np.testing.assert_allclose(rows.centre, mean, rtol=1e-13)
    np.testing.assert_allclose(rows.variances(), variance, rtol=1e-12)
    assert rows.tile(0, 10).dtype == np.float64 and not np.any(np.isnan(rows.filled(0, 5000)))


def counts():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_is_held_and_given_back():
    with threadpool_limits(2, user_api="blas"):
        before = counts()
        barrier = threading.Barrier(2)

        def fit(wait):
            with own_threads(1 << 30):
                barrier.wait()
                assert set(counts()) == {1}
                if wait:
                    barrier.wait()

        other = threading.Thread(target=fit, args=(True,))
        other.start()
        fit(False)  # the one that came first may leave first
        assert set(counts()) == {1}
        barrier.wait()
        other.join()
        assert counts() == before
    with own_threads(10) as threads:
        assert threads == 1
