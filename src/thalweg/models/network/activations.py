r"""Activation functions: what a layer does to each of its sums.

    identity   z                        relu       max(z, 0)
    tanh       tanh z                   logistic   1/(1 + e⁻ᶻ)
    softplus   log(1 + eᶻ)              swish      z/(1 + e⁻ᶻ)
    gelu       z Φ(z),  Φ the distribution function of the normal distribution

Each is plain NumPy or SciPy, written so that no z overflows.  Instead of a name, a function of the user's own will do.

References
----------
Hendrycks & Gimpel, *Gaussian error linear units*, arXiv:1606.08415 (2016).  Ramachandran, Zoph & Le, *Searching for
activation functions*, arXiv:1710.05941 (2017).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit, ndtr

from thalweg.errors import ArgumentError

__all__ = ["ACTIVATIONS", "Activation", "activation_of"]

#: From the sums of a layer, an array, to its outputs, an array of the same shape.
Activation = Callable[[Any], Any]


def identity(z: Any) -> Any:
    """Return z."""
    return z


def relu(z: Any) -> Any:
    """Return max(z, 0)."""
    return np.maximum(z, 0)


def tanh(z: Any) -> Any:
    """Return tanh z."""
    return np.tanh(z)


def logistic(z: Any) -> Any:
    """Return 1/(1 + e⁻ᶻ)."""
    return expit(z)


def softplus(z: Any) -> Any:
    """Return log(1 + eᶻ)."""
    return np.logaddexp(0, z)


def gelu(z: Any) -> Any:
    """Return z Φ(z)."""
    return z * ndtr(z)


def swish(z: Any) -> Any:
    """Return z/(1 + e⁻ᶻ)."""
    return z * expit(z)


ACTIVATIONS: dict[str, Activation] = {f.__name__: f for f in (identity, relu, tanh, logistic, softplus, gelu, swish)}


def activation_of(given: Any) -> Activation:
    """Return the activation function that is meant by a name, or a function itself.

    Examples
    --------
    >>> import numpy as np
    >>> activation_of("relu")(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if isinstance(given, str) and given in ACTIVATIONS:
        return ACTIVATIONS[given]
    if callable(given):
        return given
    raise ArgumentError(
        f"activation={given!r}: give one of {', '.join(map(repr, ACTIVATIONS))}, or a function of the sums of a layer."
    )
