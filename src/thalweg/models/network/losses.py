r"""Losses: how far the outputs of a network are from the targets, a number a row.

With z the outputs of the last layer before its activation, and k over the outputs,

    squared_error    ½ Σₖ (zₖ − yₖ)²
    absolute_error   Σₖ |zₖ − yₖ|
    huber            Σₖ  ½ r² where r = |zₖ − yₖ| ≤ δ,  δ (r − δ/2) beyond
    poisson          Σₖ  e^{zₖ} − yₖ zₖ + yₖ log yₖ − yₖ                      half the deviance; predicts e^z
    cross_entropy    log Σₖ e^{zₖ} − Σₖ yₖ zₖ                                 y one-hot; predicts softmax z
    binary           Σₖ  log(1 + e^{zₖ}) − yₖ zₖ                              y 0 or 1; predicts 1/(1 + e^{−zₖ})

All are functions of z, not of the prediction: there is no logarithm of a probability that has been rounded to 0.

References
----------
Bishop, *Pattern Recognition and Machine Learning* (2006), §5.2.  Huber, Ann. Math. Statist. 35 (1964).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from thalweg.errors import ArgumentError

__all__ = ["LINKS", "LOSSES", "REGRESSION", "Rows", "rows_of"]

#: ``(outputs, targets) -> a number a row``, the arrays of shape (rows, outputs).
Rows = Callable[[Any, Any], Any]


def squared_error(z: Any, y: Any) -> Any:
    """Return half the square of the distance."""
    return 0.5 * np.sum((z - y) ** 2, axis=1)


def absolute_error(z: Any, y: Any) -> Any:
    """Return the sum of the distances."""
    return np.sum(np.abs(z - y), axis=1)


def poisson(z: Any, y: Any) -> Any:
    """Return half the deviance of counts from e^z."""
    return np.sum(np.exp(z) - y * z + (special.xlogy(y, y) - y), axis=1)


def cross_entropy(z: Any, y: Any) -> Any:
    """Return minus the logarithm of the probability of the class, one-hot."""
    return special.logsumexp(z, axis=1) - np.sum(y * z, axis=1)


def binary(z: Any, y: Any) -> Any:
    """Return minus the logarithm of the probability of each label, yes or no."""
    return np.sum(np.logaddexp(0, z) - y * z, axis=1)


def huber(z: Any, y: Any, delta: float = 1.0) -> Any:
    """Return Huber's loss: squares near 0, and straight beyond delta."""
    r = np.abs(z - y)
    return np.sum(np.where(r <= delta, 0.5 * r * r, delta * (r - 0.5 * delta)), axis=1)


LOSSES: dict[str, Rows] = {
    f.__name__: f for f in (squared_error, absolute_error, huber, poisson, cross_entropy, binary)
}
#: Those of a regressor.
REGRESSION = ("squared_error", "absolute_error", "huber", "poisson")
#: From the outputs of the last layer to the prediction, by scikit-learn's names.
LINKS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "exp": np.exp,
    "softmax": lambda z: special.softmax(z, axis=1),
    "logistic": special.expit,
}


def rows_of(given: Any, delta: float = 1.0) -> Rows:
    """Return the loss that is meant by a name, or by a function ``loss(y, z)`` of the user's own.

    Such a function returns a number a row, or one an output, which are added up.

    Examples
    --------
    >>> import numpy as np
    >>> rows_of(lambda y, z: (z - y) ** 4)(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]]))
    array([17.])
    """
    if given == "huber":
        return lambda z, y: huber(z, y, delta)
    if isinstance(given, str) and given in LOSSES:
        return LOSSES[given]
    if not callable(given):
        raise ArgumentError(
            f"loss={given!r}: give one of {', '.join(map(repr, REGRESSION))}, or a function loss(y, prediction)."
        )

    def rows(z: Any, y: Any) -> Any:
        found = given(y, z)
        shape = np.shape(found)
        if shape == np.shape(z):
            return np.sum(found, axis=1)
        if shape == np.shape(z)[:1]:
            return found
        raise ArgumentError(
            f"The loss of {np.shape(z)[0]} rows and {np.shape(z)[1]} outputs came out in the shape {shape}: return a "
            f"number a row, {np.shape(z)[:1]}, or one an output, {np.shape(z)}."
        )

    return rows
