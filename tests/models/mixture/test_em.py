"""EM against scikit-learn's from the same start, what it promises by itself, and hard data."""

import numpy as np
import pytest
import sklearn.mixture
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning

import thalweg as tw
from thalweg.models.mixture.blocks import Rows
from thalweg.models.mixture.em import em
from thalweg.models.mixture.expectation import expectation
from thalweg.models.mixture.maximization import maximization
from thalweg.models.mixture.objective import objective
from thalweg.models.mixture.start import fitting, responsibilities
from thalweg.models.mixture.state import TYPES, Mixture, to_parameters

IRIS = load_iris().data


def started(rows, K, kind, reg_covar=0.0, init="random", seed=3):
    shares = responsibilities(rows, K, init, np.random.RandomState(seed))
    return fitting(rows, shares, K, kind, reg_covar)


@pytest.mark.parametrize("kind", TYPES)
def test_as_scikit_learn(kind):
    """The same iterations: 'random' draws the same shares from the same seed."""
    peer = sklearn.mixture.GaussianMixture(
        3, covariance_type=kind, init_params="random", random_state=3, reg_covar=0, tol=0, max_iter=30
    )
    with pytest.warns(ConvergenceWarning):
        peer.fit(IRIS)
    rows = Rows.of(IRIS)
    run = em(rows, started(rows, 3, kind), reg_covar=0.0, tol=0.0, max_iter=30)
    np.testing.assert_allclose(run.curve, peer.lower_bounds_, rtol=1e-11)
    np.testing.assert_allclose(run.mixture.means, peer.means_, rtol=1e-9)
    np.testing.assert_allclose(run.mixture.weights, peer.weights_, rtol=1e-9)
    np.testing.assert_allclose(run.mixture.covariances(), peer.covariances_, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("kind", TYPES)
def test_never_falls_and_ends_where_the_gradient_vanishes(kind):
    for X in (IRIS, np.where(np.random.default_rng(0).random(IRIS.shape) < [0.2, 0.2, 0, 0], np.nan, IRIS)):
        rows = Rows.of(X, np.random.default_rng(1).uniform(0.5, 2, 150))
        run = em(rows, started(rows, 2, kind, 1e-3, "kmeans"), reg_covar=1e-3, tol=0.0, max_iter=400)
        assert np.min(np.diff(run.curve)) > -1e-13
        value, slope = tw.value_and_grad(lambda p, r=rows: objective(p, r.X, r.weights, reg_covar=1e-3))(
            to_parameters(run.mixture)
        )
        assert value == pytest.approx(-run.value, rel=1e-13)
        assert max(np.abs(s).max() for s in slope.values()) < 1e-9


@pytest.mark.parametrize("kind", TYPES)
def test_weights_are_repetitions(kind):
    times = np.random.default_rng(0).integers(1, 4, 150)
    once, often = Rows.of(IRIS, times.astype(float)), Rows.of(np.repeat(IRIS, times, axis=0))
    start = started(once, 3, kind, init="kmeans")
    again = started(often, 3, kind, init="kmeans")
    np.testing.assert_allclose(start.means, again.means, rtol=1e-12)
    one = em(once, start, reg_covar=0.0, tol=0.0, max_iter=20)
    other = em(often, again, reg_covar=0.0, tol=0.0, max_iter=20)
    np.testing.assert_allclose(one.curve, other.curve, rtol=1e-12)
    np.testing.assert_allclose(one.mixture.factors, other.mixture.factors, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kind", TYPES)
def test_the_number_of_threads_changes_nothing(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9000, 5)) + rng.integers(0, 3, 9000)[:, None] * 3
    rows = Rows.of(X)
    start = started(rows, 3, kind)
    one, two = (expectation(rows, start, 1e-6, threads) for threads in (1, 3))
    for a, b in zip((one.value, one.counts, one.first, one.second), (two.value, two.counts, two.first, two.second),
                    strict=True):  # fmt: skip
        assert np.array_equal(a, b)


@pytest.mark.parametrize("kind", TYPES)
def test_data_far_from_zero_and_of_any_scale(kind):
    """Shifts and scales of the data shift and scale what is found, without loss of digits."""
    shift, scale = 2.0**30, 2.0**-8
    X = np.round(IRIS * 16) / 16
    rows, moved = Rows.of(X), Rows.of(X * scale + shift)
    start = started(rows, 2, kind)
    there = Mixture(kind, start.weights, start.means * scale + shift, start.factors / scale)
    one = em(rows, start, reg_covar=0.0, tol=0.0, max_iter=25).mixture
    other = em(moved, there, reg_covar=0.0, tol=0.0, max_iter=25).mixture
    np.testing.assert_allclose((other.means - shift) / scale, one.means, rtol=1e-4)  # 2³⁰ leaves seven digits
    np.testing.assert_allclose(other.covariances() / scale**2, one.covariances(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("missing", [False, True])
def test_means_far_from_their_rows(kind, missing):
    """A start 10⁹ standard deviations away: the moments are taken again about where the rows are."""
    X = IRIS.copy()
    X[::7, 1] = np.nan if missing else X[::7, 1]
    rows = Rows.of(X)
    near = started(rows, 1, kind)
    far = Mixture(kind, near.weights, near.means + 1e9, near.factors)
    for mixture in (near, far):
        moments = expectation(rows, mixture)
        if mixture is far and not missing:
            assert np.all(np.abs(moments.about) > 1e8)
        fitted = maximization(moments, mixture, rows.total, 0.0)
        if not missing:  # one component is fitted at once, from anywhere
            np.testing.assert_allclose(fitted.means[0], IRIS.mean(axis=0), rtol=1e-6)
            diagonal = {"spherical": IRIS.var(axis=0).mean(), "diag": IRIS.var(axis=0)}
            want = diagonal.get(kind, np.cov(IRIS.T, bias=True))
            np.testing.assert_allclose(fitted.covariances().reshape(np.shape(want)), want, rtol=1e-5)


def test_one_component_with_missing_values_has_the_known_estimate():
    """A monotone pattern has a closed form, by regression on what is complete (Little and Rubin 2002, section 7.4)."""
    X = load_wine().data[:, :2].copy()
    X[100:, 1] = np.nan
    rows = Rows.of(X)
    run = em(rows, started(rows, 1, "full"), reg_covar=0.0, tol=0.0, max_iter=200)
    x, seen = X[:, 0], X[:100]
    slope, level = np.polyfit(seen[:, 0], seen[:, 1], 1)
    rest = np.mean((seen[:, 1] - slope * seen[:, 0] - level) ** 2)
    np.testing.assert_allclose(run.mixture.means[0], [x.mean(), level + slope * x.mean()], rtol=1e-10)
    want = [[x.var(), slope * x.var()], [slope * x.var(), rest + slope**2 * x.var()]]
    np.testing.assert_allclose(run.mixture.covariances()[0], want, rtol=1e-8)


def test_interrupted():
    rows = Rows.of(IRIS)

    def step(mixture, value, change):
        if step.calls == 5:
            raise KeyboardInterrupt
        step.calls += 1
        return False

    step.calls = 0
    start = started(rows, 3, "full")
    run = em(rows, start, reg_covar=0.0, tol=0.0, max_iter=30, step=step)
    whole = em(rows, start, reg_covar=0.0, tol=0.0, max_iter=6)
    assert run.stopped == "interrupted" and not run.converged
    assert np.array_equal(run.mixture.means, whole.mixture.means)
