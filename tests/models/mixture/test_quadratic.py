"""The fast pass against the careful one, and that it is not taken where digits would be lost."""

import numpy as np
import pytest

from thalweg.models.mixture import expectation as module
from thalweg.models.mixture.blocks import Rows
from thalweg.models.mixture.expectation import expectation
from thalweg.models.mixture.quadratic import safe
from thalweg.models.mixture.state import Mixture


def data(n=30000, d=6, K=5, spread=3.0, seed=0):
    rng = np.random.default_rng(seed)
    means = spread * rng.normal(size=(K, d)) + 100
    X = means[rng.integers(0, K, n)] + rng.normal(size=(n, d))
    factors = np.stack([np.triu(0.2 * rng.normal(size=(d, d)), 1) + np.diag(rng.uniform(0.5, 2, d)) for _ in means])
    return X, Mixture("full", np.full(K, 1 / K), means + 0.1, factors)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_ways_agree(weighted, dtype, monkeypatch):
    X, mixture = data()
    weights = np.random.default_rng(1).uniform(size=len(X)) if weighted else None
    rows = Rows.of(X.astype(dtype), weights)
    assert safe(rows, mixture)
    fast = expectation(rows, mixture, 1e-3)
    assert np.array_equal(expectation(rows, mixture, 1e-3, threads=3).second, fast.second)
    monkeypatch.setattr(module, "safe", lambda *_: False)
    careful = expectation(rows, mixture, 1e-3)
    assert fast.value == pytest.approx(careful.value, rel=1e-13)
    scale = careful.counts[:, None] * np.sqrt(np.diagonal(careful.second, 0, 1, 2) / careful.counts[:, None])
    np.testing.assert_allclose(fast.counts, careful.counts, rtol=1e-11)
    np.testing.assert_allclose(fast.first / scale, careful.first / scale, atol=1e-10)
    np.testing.assert_allclose(fast.second, careful.second, atol=1e-10 * np.abs(careful.second).max())


def test_narrow_components_far_apart_are_not_safe():
    X, mixture = data(spread=1e4)
    assert not safe(Rows.of(X), mixture)
    X, mixture = data()
    narrow = Mixture("full", mixture.weights, mixture.means, mixture.factors * 1e3)
    assert not safe(Rows.of(X), narrow)


def test_small_wide_or_incomplete_data_are_done_the_other_way():
    X, mixture = data()
    assert not safe(Rows.of(X[:1000]), mixture)
    holes = X.copy()
    holes[0, 0] = np.nan
    assert not safe(Rows.of(holes), mixture)
    X, mixture = data(d=21)
    assert not safe(Rows.of(X), mixture)
