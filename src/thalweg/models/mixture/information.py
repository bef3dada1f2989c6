"""Standard errors of maximum likelihood: the inverse of the observed information, carried over to what is reported.

The observed information is the Hessian of −log L = W f(θ) at the estimate, over all free parameters θ at once; its
inverse estimates their covariance, C.  A quantity q(θ), such as a weight or a variance, then has the variance
(∂q/∂θ) C (∂q/∂θ)ᵀ (the delta method).  All derivatives are exact.

They hold where the estimate is a strict maximum of the likelihood inside the parameters' space, the components do not
change places from sample to sample, and there are many rows to each parameter.

References
----------
G. McLachlan and D. Peel (2000), *Finite Mixture Models*, section 2.15; B. Efron and D. V. Hinkley (1978), "Assessing
the accuracy of the maximum likelihood estimator: observed versus expected Fisher information", Biometrika 65.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from sklearn.exceptions import ConvergenceWarning

from thalweg.calculus import hessian, jacobian, value_and_grad
from thalweg.errors import ArgumentError

from .blocks import Array, Rows
from .direct import Units
from .objective import inverse_factors, log_weights, objective
from .state import Mixture, to_parameters

__all__ = ["StandardErrors", "standard_errors"]

_NEAR = 0.1  # standard errors between estimate and maximum that do not matter


@dataclass(frozen=True, eq=False)
class StandardErrors:
    """Standard errors of a mixture's parameters, in the shapes of the attributes of the same names.

    Attributes
    ----------
    weights : array of shape (n_components,)
    means : array of shape (n_components, n_features)
    covariances : array
    distance : float
        How far the estimate is from the maximum of the likelihood, in standard errors of the farthest parameter.
    """

    weights: Array
    means: Array
    covariances: Array
    distance: float


def standard_errors(rows: Rows, mixture: Mixture, reg_covar: float) -> StandardErrors:
    """Return the standard errors of a fitted mixture.

    Raises
    ------
    ArgumentError
        Where the information is singular or indefinite, so that there is no strict maximum.
    """
    units = Units.of(rows, mixture.kind)
    Z, weights = (rows.X - units.centre) / units.scale, rows.weights
    noise = reg_covar / units.scale**2
    flat, unflat = _flattened(to_parameters(units.enter(mixture)))

    def f(theta: Any) -> Any:
        return objective(unflat(theta), Z, weights, reg_covar=noise)

    def reported(theta: Any) -> Any:
        return _reported(unflat(theta), mixture.kind)

    _, slope = value_and_grad(f)(flat)
    information = rows.total * np.asarray(hessian(f)(flat))
    covariance = _inverse(information, flat, unflat)
    distance = float(np.max(np.abs(covariance @ (rows.total * slope)) / np.sqrt(np.diag(covariance))))
    if distance > _NEAR:
        warnings.warn(
            f"The estimate is {distance:.2g} standard errors away from the maximum of the likelihood, because EM ended "
            "before it was reached: fit with method='auto', or with a smaller tol.",
            ConvergenceWarning,
            stacklevel=3,
        )
    J = np.asarray(jacobian(reported)(flat))
    errors = np.sqrt(np.maximum(np.einsum("qi,ij,qj->q", J, covariance, J), 0.0))
    K, d = mixture.means.shape
    spread = errors[K + K * d :].reshape(mixture.factors.shape)
    if mixture.kind in ("full", "tied"):
        scale = np.outer(units.scale, units.scale)
    else:
        scale = units.scale**2 if mixture.kind == "diag" else units.scale[0] ** 2
    return StandardErrors(errors[:K], errors[K : K + K * d].reshape(K, d) * units.scale, spread * scale, distance)


def _reported(parameters: Any, kind: str) -> Any:
    """Weights, means and covariances, one after the other."""
    if kind in ("full", "tied"):
        V = np.linalg.inv(inverse_factors(parameters))
        covariances = np.swapaxes(V, -1, -2) @ V
    else:
        covariances = np.exp(-2 * parameters["log_diagonal"])
    return np.concatenate([
        np.exp(log_weights(parameters)), np.reshape(parameters["means"], -1), np.reshape(covariances, -1)
    ])  # fmt: skip


def _flattened(parameters: dict[str, Array]) -> tuple[Array, Any]:
    """The parameters as a vector, and the way back."""
    shapes = {name: array.shape for name, array in parameters.items()}
    sizes = [int(np.prod(shape, dtype=int)) for shape in shapes.values()]
    ends = np.cumsum(sizes)

    def unflat(theta: Any) -> Any:
        parts = zip(shapes.items(), ends - sizes, ends, strict=True)
        return {name: np.reshape(theta[start:end], shape) for (name, shape), start, end in parts}

    return np.concatenate([array.reshape(-1) for array in parameters.values()]), unflat


def _inverse(information: Array, flat: Array, unflat: Any) -> Array:
    information = 0.5 * (information + information.T)
    scale = np.sqrt(np.abs(np.diag(information)))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    if not np.all(np.isfinite(values)) or values[0] <= 1e-12 * values[-1]:
        along = np.argmax(np.abs(vectors[:, 0]))
        where = {name: np.flatnonzero(part.reshape(-1) == along) for name, part in unflat(np.arange(len(flat))).items()}
        name = next(name for name, at in where.items() if len(at))
        raise ArgumentError(
            f"The information is not positive definite (mostly along {name!r}): the estimate is no strict maximum of "
            "the likelihood, so there are no standard errors. Look at solution_.kind and collapsed_; fit with "
            "method='auto' or fewer components."
        )
    return np.asarray(scipy.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale))
