"""The likelihood of a Gaussian mixture as one plain function of parameters that are free to be any numbers.

    f(θ) = −1/W Σᵢ wᵢ log Σₖ πₖ exp(−ρ/2 ‖Uₖ‖²) N(xᵢ | μₖ, (UₖUₖᵀ)⁻¹),    W = Σᵢ wᵢ

Each inverse covariance is UUᵀ with U upper triangular and a positive diagonal; θ holds the logarithms of the diagonal,
what stands above it, the means μ, and log πₖ/π₁ for k ≥ 2, so that different θ are different mixtures (but for the
order of the components), and a minimum can be strict.

ρ is `reg_covar`.  The factor exp(−ρ/2 ‖U‖²) = exp(−ρ/2 tr Σ⁻¹) is the expected effect of noise of variance ρ on log N:
with it, expectation–maximization adds ρ to the diagonal of every covariance, and f is bounded below however many
components there are.  With ρ = 0, f is the mean negative log-likelihood.

Values that are missing (NaN) are integrated out: a row counts with the marginal density of what it has.

References
----------
C. M. Bishop (2006), *Pattern Recognition and Machine Learning*, section 9.2; J. C. Pinheiro and D. M. Bates (1996),
"Unconstrained parametrizations for variance-covariance matrices", Statistics and Computing 6, for the logarithms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

__all__ = ["Parameters", "inverse_factors", "log_joint", "log_weights", "objective", "patterns"]

Parameters = Mapping[str, Any]
LOG_2PI = float(np.log(2.0 * np.pi))


def objective(parameters: Parameters, X: Any, sample_weight: Any = None, *, reg_covar: Any = 0.0) -> Any:
    """−mean log p(x), with the regularization that `GaussianMixture.fit` puts into it.

    Parameters
    ----------
    parameters : dict
        "log_odds" (n_components − 1,), "means" (n_components, n_features), "log_diagonal" and "upper"; the last two
        are (n_components, n_features) and (n_components, n_features · (n_features − 1) / 2) for full covariances, the
        same without the first axis for a tied one; without "upper", "log_diagonal" of shape (n_components, n_features)
        means diagonal covariances and (n_components,) spherical ones.
    X : array of shape (n_samples, n_features)
        NaN where a value is missing.
    sample_weight : array of shape (n_samples,), optional
    reg_covar : float, or array of shape (n_features,)
    """
    each = special.logsumexp(log_joint(parameters, X, reg_covar=reg_covar), axis=0)
    if sample_weight is None:
        return -np.mean(each)
    return -np.sum(sample_weight * each) / np.sum(sample_weight)


def log_joint(parameters: Parameters, X: Any, *, reg_covar: Any = 0.0) -> Any:
    """Return log πₖ N(xᵢ | μₖ, Σₖ), an array (n_components, n_samples), each with its regularization."""
    U = inverse_factors(parameters)
    constant = log_weights(parameters)
    if np.any(reg_covar):
        constant = constant - 0.5 * _noise(parameters, U, reg_covar)
    missing = np.isnan(X)
    if not np.any(missing):
        return constant[:, None] + _log_density(parameters, X, U)
    if "upper" in parameters:
        return constant[:, None] + _log_marginal(parameters, X, U)
    return constant[:, None] + _log_density(parameters, np.where(missing, 0.0, X), U, ~missing)


def log_weights(parameters: Parameters) -> Any:
    """Return log π."""
    odds = np.concatenate([np.zeros(1), parameters["log_odds"]])
    return odds - special.logsumexp(odds)


def inverse_factors(parameters: Parameters) -> Any:
    """Return U: matrices for full covariances, one for a tied one, else the diagonals as they are broadcast."""
    log_diagonal = parameters["log_diagonal"]
    if "upper" not in parameters:
        return np.exp(log_diagonal)[:, None, :] if log_diagonal.ndim == 2 else np.exp(log_diagonal)[:, None, None]
    parts = [np.zeros_like(log_diagonal[..., :1]), np.exp(log_diagonal), parameters["upper"]]
    return np.concatenate(parts, axis=-1)[..., _places(log_diagonal.shape[-1])]


def _places(d: int) -> Any:
    """Where each entry of U stands in [0, diagonal, upper]."""
    places = np.zeros((d, d), int)
    places[np.arange(d), np.arange(d)] = np.arange(1, d + 1)
    places[np.triu_indices(d, 1)] = np.arange(d + 1, d + 1 + d * (d - 1) // 2)
    return places


def patterns(X: Any) -> tuple[Any, Any]:
    """Return what is observed in each pattern of missing values, and which pattern each row has."""
    observed, which = np.unique(~np.isnan(X), axis=0, return_inverse=True)
    return observed, which.reshape(-1)


def _noise(parameters: Parameters, U: Any, variances: Any) -> Any:
    """tr ρΣₖ⁻¹ = Σⱼ ρⱼ Σᵢ Uⱼᵢ²."""
    features = parameters["means"].shape[1]
    rho = np.broadcast_to(variances, (features,))
    if "upper" in parameters:
        return np.sum(rho[:, None] * U**2, axis=(-2, -1))
    return np.sum(rho * U**2, axis=(1, 2))


def _log_density(parameters: Parameters, X: Any, U: Any, observed: Any = None) -> Any:
    """Rows without missing values, or independent features."""
    centred = X - parameters["means"][:, None, :]
    log_diagonal = parameters["log_diagonal"]
    y = centred @ U if "upper" in parameters else centred * U
    if observed is not None:
        y = np.where(observed, y, 0.0)
        count = np.sum(observed, axis=1)
        scale = log_diagonal @ observed.T.astype(float) if log_diagonal.ndim == 2 else log_diagonal[:, None] * count
        return scale - 0.5 * (np.sum(y**2, axis=2) + LOG_2PI * count)
    features = X.shape[1]
    if "upper" not in parameters and log_diagonal.ndim == 1:
        scale = features * log_diagonal
    else:
        scale = np.sum(log_diagonal, axis=-1)
    return np.reshape(scale, (-1, 1)) - 0.5 * (np.sum(y**2, axis=2) + LOG_2PI * features)


def _log_marginal(parameters: Parameters, X: Any, U: Any) -> Any:
    """Rows with missing values under dependent features: their blocks of Σ = U⁻ᵀU⁻¹, filled up by the identity."""
    V = np.linalg.inv(U)
    observed, which = patterns(X)
    seen = np.asarray(observed, float)[:, None, :] if U.ndim == 3 else np.asarray(observed, float)
    blocks = (np.swapaxes(V, -1, -2) @ V) * seen[..., :, None] * seen[..., None, :]
    L = np.linalg.cholesky(blocks + np.eye(X.shape[1]) * (1.0 - seen)[..., None, :])  # a pattern, and a component
    scale = -np.sum(np.log(np.diagonal(L, axis1=-2, axis2=-1)), axis=-1)[which]
    inverse = np.linalg.inv(L)[which]
    centred = np.where(np.isnan(X), 0.0, X)[:, None, :] - parameters["means"]
    centred = centred * observed[which][:, None, :]
    y = np.sum((inverse if U.ndim == 3 else inverse[:, None]) * centred[:, :, None, :], axis=-1)
    count = np.sum(observed, axis=1)[which]
    return (scale.T if U.ndim == 3 else scale) - 0.5 * (np.sum(y**2, axis=2).T + LOG_2PI * count)
