"""The likelihood against SciPy's densities, row by row."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import thalweg as tw
from thalweg.models.mixture.objective import log_weights, objective
from thalweg.models.mixture.state import TYPES, from_parameters, number_of_parameters, to_parameters


def point(kind, K=2, d=3, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {"full": (K, d), "tied": (d,), "diag": (K, d), "spherical": (K,)}
    parameters = {
        "log_odds": rng.normal(size=K - 1),
        "means": rng.normal(size=(K, d)),
        "log_diagonal": 0.3 * rng.normal(size=shapes[kind]),
    }
    if kind in ("full", "tied"):
        parameters["upper"] = rng.normal(size=(*shapes[kind][:-1], d * (d - 1) // 2))
    return parameters


def whole(mixture):
    """Covariances as matrices, one a component."""
    K, d = mixture.means.shape
    covariances = mixture.covariances()
    if mixture.kind == "spherical":
        covariances = np.repeat(covariances[:, None], d, axis=1)
    if mixture.kind in ("diag", "spherical"):
        return np.stack([np.diag(c) for c in covariances])
    return np.broadcast_to(covariances, (K, d, d))


def expected(mixture, X, weights, reg_covar):
    each = []
    for x in X:
        seen = ~np.isnan(x)
        p = 0.0
        for w, m, S in zip(mixture.weights, mixture.means, whole(mixture), strict=True):
            density = multivariate_normal.pdf(x[seen], m[seen], S[np.ix_(seen, seen)]) if seen.any() else 1.0
            p += w * density * np.exp(-0.5 * reg_covar * np.trace(np.linalg.inv(S)))
        each.append(np.log(p))
    return -np.average(each, weights=weights)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("missing", [False, True])
def test_values(kind, missing):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 3))
    if missing:
        X[rng.random(X.shape) < 0.3] = np.nan
        X[0] = np.nan
    weights = rng.uniform(1, 2, 40)
    parameters = point(kind)
    mixture = from_parameters(parameters, kind)
    for w, rho in ((None, 0.0), (weights, 0.1)):
        want = expected(mixture, X, w, rho)
        assert objective(parameters, X, w, reg_covar=rho) == pytest.approx(want, rel=1e-13)
        # traced, with its slope along a direction
        value, slope = tw.value_and_grad(lambda p, w=w, rho=rho: objective(p, X, w, reg_covar=rho))(parameters)
        assert value == pytest.approx(want, rel=1e-12)
        step = {name: rng.normal(size=a.shape) for name, a in parameters.items()}

        def along(t, step=step, w=w, rho=rho):
            return objective({n: parameters[n] + t * step[n] for n in step}, X, w, reg_covar=rho)

        numeric = (along(1e-5) - along(-1e-5)) / 2e-5
        assert sum(np.sum(slope[n] * step[n]) for n in step) == pytest.approx(numeric, rel=1e-7)


def test_regularization_by_feature():
    X = np.random.default_rng(0).normal(size=(20, 3))
    for kind in ("full", "tied", "diag"):
        parameters = point(kind)
        mixture = from_parameters(parameters, kind)
        rho = np.array([0.1, 0.2, 0.4])
        scaled = [np.trace(rho[:, None] * np.linalg.inv(S)) for S in whole(mixture)]
        each = [
            w * multivariate_normal.pdf(X, m, S) * np.exp(-0.5 * t)
            for w, m, S, t in zip(mixture.weights, mixture.means, whole(mixture), scaled, strict=True)
        ]
        want = -np.mean(np.log(np.sum(each, axis=0)))
        assert objective(parameters, X, reg_covar=rho) == pytest.approx(want, rel=1e-13)


@pytest.mark.parametrize("kind", TYPES)
def test_there_and_back(kind):
    parameters = point(kind, K=4)
    again = to_parameters(from_parameters(parameters, kind))
    assert set(again) == set(parameters)
    for name, value in parameters.items():
        np.testing.assert_allclose(again[name], value, rtol=1e-12, atol=1e-14)
    assert sum(a.size for a in parameters.values()) == number_of_parameters(kind, 4, 3)
    assert np.exp(log_weights(parameters)).sum() == pytest.approx(1, rel=1e-15)
