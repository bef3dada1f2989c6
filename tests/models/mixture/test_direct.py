"""Direct maximum likelihood reaches EM's optimum, and EM the direct one's."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from thalweg.models import GaussianMixture
from thalweg.models.mixture.blocks import Rows
from thalweg.models.mixture.direct import Units, direct
from thalweg.models.mixture.em import em
from thalweg.models.mixture.start import fitting, responsibilities
from thalweg.models.mixture.state import TYPES

IRIS = load_iris().data


@pytest.mark.parametrize("kind", TYPES)
def test_either_reaches_the_others_optimum(kind):
    X = IRIS * [1.0, 100.0, 0.01, 1.0] + [0, 1e4, 0, 0] if kind in ("full", "diag") else IRIS
    rows = Rows.of(X, np.random.default_rng(0).uniform(0.5, 2, 150))
    start = fitting(rows, responsibilities(rows, 2, "kmeans", np.random.RandomState(0)), 2, kind, 1e-6)
    mixture, curve, solution = direct(rows, start, reg_covar=1e-6, max_iter=200)
    assert solution.kind == "strict minimum" and solution.success
    run = em(rows, start, reg_covar=1e-6, tol=0.0, max_iter=1500)
    assert curve[-1] == pytest.approx(run.value, abs=1e-12)
    np.testing.assert_allclose(mixture.means, run.mixture.means, rtol=1e-7)
    np.testing.assert_allclose(mixture.covariances(), run.mixture.covariances(), rtol=1e-5, atol=1e-9)
    # EM does not move where the direct method ended
    after = em(rows, mixture, reg_covar=1e-6, tol=0.0, max_iter=5)
    np.testing.assert_allclose(after.mixture.means, mixture.means, rtol=1e-9)
    assert after.value == pytest.approx(curve[-1], abs=1e-12)


@pytest.mark.parametrize("kind", ["diag", "spherical"])
def test_missing_values(kind):
    X = np.where(np.random.default_rng(0).random(IRIS.shape) < 0.15, np.nan, IRIS)
    rows = Rows.of(X)
    start = fitting(rows, responsibilities(rows, 2, "kmeans", np.random.RandomState(0)), 2, kind, 1e-6)
    mixture, curve, solution = direct(rows, start, reg_covar=1e-6, max_iter=200)
    run = em(rows, start, reg_covar=1e-6, tol=0.0, max_iter=1500)
    assert solution.success and curve[-1] == pytest.approx(run.value, abs=1e-12)
    np.testing.assert_allclose(mixture.means, run.mixture.means, rtol=1e-7)


def test_missing_values_of_dependent_features():
    X = IRIS[:, 2:].copy()
    X[::9, 0] = np.nan
    models = [
        GaussianMixture(2, covariance_type="tied", random_state=0, method=method, tol=0, max_iter=800).fit(X)
        for method in ("gradient",)
    ]
    with pytest.warns(UserWarning, match="Not converged"):
        models.append(GaussianMixture(2, covariance_type="tied", random_state=0, tol=0, max_iter=800).fit(X))
    direct_, em_ = models
    assert direct_.lower_bound_ == pytest.approx(em_.lower_bound_, abs=1e-11)
    np.testing.assert_allclose(direct_.means_, em_.means_, rtol=1e-6)


@pytest.mark.parametrize("kind", TYPES)
def test_units(kind):
    rows = Rows.of(IRIS)
    mixture = fitting(rows, load_iris().target, 3, kind, 0.0)
    units = Units.of(rows, kind)
    inside = units.enter(mixture)
    z = (IRIS - units.centre) / units.scale
    want = fitting(Rows.of(z), load_iris().target, 3, kind, 0.0)
    np.testing.assert_allclose(inside.means, want.means, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(inside.covariances(), want.covariances(), rtol=1e-9, atol=1e-12)
    back = units.leave(inside)
    np.testing.assert_allclose(back.factors, mixture.factors, rtol=1e-12)
