"""Standard errors against closed forms, and against a bootstrap."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from thalweg.errors import ArgumentError
from thalweg.models import GaussianMixture

IRIS = load_iris().data


def test_one_component_has_the_known_ones():
    """√(Σᵢᵢ/n) for means and √((Σᵢᵢ Σⱼⱼ + Σᵢⱼ²)/n) for covariances, at the maximum (Mardia, Kent and Bibby 1979)."""
    n = len(IRIS)
    X = IRIS * [1, 1e3, 1e-2, 1]
    S = np.cov(X.T, bias=True)
    v = np.diag(S)
    model = GaussianMixture(reg_covar=0).fit(X)
    errors = model.standard_errors(X)
    np.testing.assert_allclose(errors.means[0], np.sqrt(v / n), rtol=1e-9)
    np.testing.assert_allclose(errors.covariances[0], np.sqrt((np.outer(v, v) + S**2) / n), rtol=1e-8)
    assert errors.weights == pytest.approx(0, abs=1e-12) and errors.distance < 1e-6
    tied = GaussianMixture(covariance_type="tied", reg_covar=0).fit(X).standard_errors(X)
    np.testing.assert_allclose(tied.covariances, errors.covariances[0], rtol=1e-8)
    diagonal = GaussianMixture(covariance_type="diag", reg_covar=0).fit(X).standard_errors(X)
    np.testing.assert_allclose(diagonal.covariances[0], np.sqrt(2 / n) * v, rtol=1e-8)
    spherical = GaussianMixture(covariance_type="spherical", reg_covar=0).fit(IRIS).standard_errors(IRIS)
    variance = IRIS.var(axis=0).mean()
    np.testing.assert_allclose(spherical.covariances, np.sqrt(2 / (4 * n)) * variance, rtol=1e-8)


def test_weights_are_repetitions():
    times = np.random.default_rng(0).integers(0, 3, 150)
    model = GaussianMixture(2, covariance_type="diag", method="auto", random_state=0)
    one = model.fit(IRIS, sample_weight=times).standard_errors(IRIS, times)
    repeated = np.repeat(IRIS, times, axis=0)
    other = model.standard_errors(repeated)
    for name in ("weights", "means", "covariances"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)


def test_against_a_bootstrap():
    """Two components in the plane, resampled from the fitted mixture."""
    truth = GaussianMixture(2, random_state=0)
    rng = np.random.default_rng(0)
    which = rng.random(1000) < 0.3
    X = np.where(which[:, None], rng.normal([3, 0], [1, 0.5], (1000, 2)), rng.normal(0, 1, (1000, 2)))
    truth.set_params(method="auto").fit(X)
    errors = truth.standard_errors(X)
    start = {"weights_init": truth.weights_, "means_init": truth.means_, "precisions_init": truth.precisions_}
    found = []
    for seed in range(80):
        again, _ = truth.set_params(random_state=seed).sample(1000)
        model = GaussianMixture(2, tol=1e-8, max_iter=1000, **start).fit(again)
        found.append(np.concatenate([model.weights_, model.means_.ravel(), model.covariances_.ravel()]))
    spread = np.std(found, axis=0)
    ours = np.concatenate([errors.weights, errors.means.ravel(), errors.covariances.ravel()])
    assert np.all(np.abs(np.log(ours / spread)) < 0.3)  # 80 samples know a spread to 8 %


def test_far_from_the_maximum():
    model = GaussianMixture(3, random_state=0, tol=3e-3).fit(IRIS)
    with pytest.warns(ConvergenceWarning, match="standard errors away"):
        errors = model.standard_errors(IRIS)
    assert errors.distance > 0.1


def test_no_maximum():
    """Two components that are one: the likelihood is flat."""
    model = GaussianMixture(2, covariance_type="spherical", max_iter=0, weights_init=[0.5, 0.5],
                            means_init=np.repeat(IRIS.mean(axis=0)[None], 2, axis=0),
                            precisions_init=np.ones(2) / IRIS.var(axis=0).mean()).fit(IRIS)  # fmt: skip
    with pytest.raises(ArgumentError, match="no strict maximum"):
        model.standard_errors(IRIS)
