"""A mixture as numbers: weights, means, and the Cholesky factors U of the inverse covariances, Σ⁻¹ = UUᵀ.

U is upper triangular with a positive diagonal.  It is the matrix that makes a component's rows white: y = Uᵀ(x − μ).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import lapack

from .blocks import Array
from .objective import Parameters, inverse_factors, log_weights

__all__ = [
    "TYPES",
    "Mixture",
    "factored",
    "factors_of_precisions",
    "from_parameters",
    "number_of_parameters",
    "to_parameters",
]

TYPES = ("full", "tied", "diag", "spherical")


@dataclass(frozen=True, eq=False)
class Mixture:
    """The parameters of a mixture.

    Attributes
    ----------
    kind : {'full', 'tied', 'diag', 'spherical'}
    weights : array of shape (K,)
    means : array of shape (K, d)
    factors : array
        U: (K, d, d), (d, d), or its diagonal (K, d), or one number a component (K,).
    """

    kind: str
    weights: Array
    means: Array
    factors: Array

    def log_scales(self) -> Array:
        """Return log πₖ + log det Uₖ − d/2 log 2π."""
        d = self.means.shape[1]
        if self.kind in ("full", "tied"):
            logarithms = np.log(np.diagonal(self.factors, axis1=-2, axis2=-1)).sum(axis=-1)
        elif self.kind == "diag":
            logarithms = np.log(self.factors).sum(axis=1)
        else:
            logarithms = d * np.log(self.factors)
        return np.asarray(np.log(self.weights) + logarithms - 0.5 * d * np.log(2 * np.pi))

    def squares(self) -> Array:
        """Return tr Σₖ⁻¹ = ‖Uₖ‖²."""
        if self.kind in ("full", "tied"):
            return np.asarray(np.square(self.factors).sum(axis=(-2, -1)))
        if self.kind == "diag":
            return np.asarray(np.square(self.factors).sum(axis=1))
        return np.asarray(self.means.shape[1] * np.square(self.factors))

    def unwhitened(self) -> Array:
        """Return U⁻ᵀ, the lower Cholesky factors of Σ; of full and tied covariances."""
        matrices = self.factors[None] if self.kind == "tied" else self.factors
        inverses = np.stack([lapack.dtrtri(U, lower=0)[0].T for U in matrices])
        return inverses[0] if self.kind == "tied" else inverses

    def covariances(self) -> Array:
        """Return Σ."""
        if self.kind in ("full", "tied"):
            L = self.unwhitened()
            return np.asarray(L @ np.swapaxes(L, -1, -2))
        return np.asarray(1.0 / np.square(self.factors))

    def precisions(self) -> Array:
        """Return Σ⁻¹."""
        if self.kind in ("full", "tied"):
            return np.asarray(self.factors @ np.swapaxes(self.factors, -1, -2))
        return np.asarray(np.square(self.factors))


def factored(covariances: Array, kind: str) -> tuple[Array, Array]:
    """Return U, and the numbers of the components whose covariance is not positive definite."""
    if kind in ("diag", "spherical"):
        good = covariances > 0
        bad = np.flatnonzero(~(good if kind == "spherical" else good.all(axis=1)))
        return 1.0 / np.sqrt(np.where(good, covariances, 1.0)), bad
    factors: list[Array] = []
    singular: list[int] = []
    for number, covariance in enumerate(covariances if kind == "full" else covariances[None]):
        L, failed = lapack.dpotrf(covariance, lower=1, clean=1)
        if failed or not np.all(np.isfinite(L)):
            singular.append(number)
            L = np.eye(len(L))
        factors.append(lapack.dtrtri(L, lower=1)[0].T)
    return (np.stack(factors) if kind == "full" else factors[0]), np.array(singular, int)


def factors_of_precisions(precisions: Array, kind: str) -> Array:
    """Return U for given Σ⁻¹: Cholesky's factor with rows and columns turned around, Σ⁻¹ = UUᵀ."""
    if kind in ("diag", "spherical"):
        return np.asarray(np.sqrt(precisions))
    return np.asarray(np.linalg.cholesky(precisions[..., ::-1, ::-1])[..., ::-1, ::-1])


def to_parameters(mixture: Mixture) -> dict[str, Array]:
    """Return the parameters as `objective` takes them."""
    logarithms = np.log(mixture.weights)
    parameters = {"log_odds": logarithms[1:] - logarithms[0], "means": mixture.means.copy()}
    if mixture.kind in ("diag", "spherical"):
        return {**parameters, "log_diagonal": np.log(mixture.factors)}
    d = mixture.means.shape[1]
    rows, columns = np.triu_indices(d, 1)
    return {
        **parameters,
        "log_diagonal": np.log(np.diagonal(mixture.factors, axis1=-2, axis2=-1)),
        "upper": mixture.factors[..., rows, columns],
    }


def from_parameters(parameters: Parameters, kind: str) -> Mixture:
    """Return the mixture of parameters as `objective` takes them."""
    plain: dict[str, Any] = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
    U = inverse_factors(plain) if "upper" in plain else np.exp(plain["log_diagonal"])
    return Mixture(kind, np.exp(log_weights(plain)), plain["means"], U)


def number_of_parameters(kind: str, components: int, features: int) -> int:
    """Return how many numbers a mixture has: its degrees of freedom."""
    triangle = features * (features + 1) // 2
    shapes = {"full": components * triangle, "tied": triangle, "diag": components * features, "spherical": components}
    return components - 1 + components * features + shapes[kind]
