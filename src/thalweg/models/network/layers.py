r"""A network as one plain function of its parameters.

    a⁰ = X,      zˡ = aˡ⁻¹ Wˡ + bˡ,      aˡ = φ(zˡ)   (l < L),        output z^L

The parameters are a list of layers, ``[(W, b), (W, b), …]``.  With *batch normalization* a hidden layer is
``(W, b, γ, β)``, and

    ẑ = (z − μ)/√(v + 10⁻⁵),      a = φ(γ ẑ + β),

with μ and v the mean and the variance of the columns of z: over the batch while the network learns, over all training
data afterwards.  *Dropout* multiplies the outputs of hidden layers by masks of zeros and 1/(1 − p), which are drawn
outside.

The objective is the mean of the losses of the rows with their weights, and a penalty,

    L = Σᵢ wᵢ ℓ(zᵢ, yᵢ) / Σᵢ wᵢ  +  α/(2 Σᵢ wᵢ) Σ_l ‖Wˡ‖²,

divided by the number of rows as scikit-learn does.

References
----------
Ioffe & Szegedy, *Batch normalization*, ICML (2015).  Srivastava et al., *Dropout*, JMLR 15 (2014).
Glorot & Bengio, AISTATS (2010), §4.2.1; He et al., *Delving deep into rectifiers*, ICCV (2015), §2.2: the starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.tracing import tree

from .activations import Activation
from .losses import Rows

__all__ = ["INITIALIZATIONS", "SMALL", "forward", "mean_loss", "penalty", "start", "statistics"]

#: Added to the variance of a column.
SMALL = 1e-5
INITIALIZATIONS = ("auto", "glorot", "he")


def forward(
    parameters: Sequence[Any],
    X: Any,
    activation: Activation,
    masks: Sequence[Any] | None = None,
    moments: Sequence[Any] | None = None,
) -> Any:
    """Return the outputs of the last layer, before any link.

    Parameters
    ----------
    parameters : list of tuples
        ``(W, b)`` for each layer, or ``(W, b, γ, β)`` for hidden ones.
    X : array (rows, features)
    activation : callable
    masks : list of array, optional
        What the outputs of each hidden layer are multiplied by.
    moments : list of (mean, variance), optional
        For batch normalization; without them those of these rows.

    Examples
    --------
    >>> W, b = np.array([[1.0, -1.0]]), np.zeros(2)
    >>> forward([(W, b), (np.ones((2, 1)), np.zeros(1))], np.array([[-3.0], [2.0]]), np.abs)
    array([[6.],
           [4.]])
    """
    a = X
    for l, layer in enumerate(parameters[:-1]):
        z = a @ layer[0] + layer[1]
        if len(layer) == 4:
            mean, variance = (np.mean(z, axis=0), np.var(z, axis=0)) if moments is None else moments[l]
            z = (z - mean) / np.sqrt(variance + SMALL) * layer[2] + layer[3]
        a = activation(z)
        if masks is not None:
            a = a * masks[l]
    W, b = parameters[-1][:2]
    return a @ W + b


def mean_loss(z: Any, y: Any, weights: Any, rows: Rows) -> Any:
    """Return the mean of the losses of the rows, with weights where there are any."""
    if weights is None:
        return np.sum(rows(z, y)) / np.shape(z)[0]
    return np.sum(weights * rows(z, y)) / np.sum(weights)


def penalty(parameters: Any) -> Any:
    """Return ½ Σ ‖W‖² over all arrays of two axes or more: weights are drawn to zero, biases are not."""
    return 0.5 * sum(np.sum(p * p) for p in tree.flatten(parameters)[0] if np.ndim(p) > 1)


def statistics(parameters: Sequence[Any], X: Any, activation: Activation) -> list[Any]:
    """Return mean and variance of the sums of each hidden layer over all rows; None for one that is not normalized."""
    moments: list[Any] = []
    a = X
    for layer in parameters[:-1]:
        z = a @ layer[0] + layer[1]
        moments.append(None)
        if len(layer) == 4:
            mean, variance = moments[-1] = (np.mean(z, axis=0), np.var(z, axis=0))
            z = (z - mean) / np.sqrt(variance + SMALL) * layer[2] + layer[3]
        a = activation(z)
    return moments


def start(
    sizes: Sequence[int],
    random: np.random.RandomState,
    dtype: Any,
    *,
    initialization: str = "auto",
    activation: Any = "relu",
    normalized: bool = False,
) -> list[Any]:
    """Draw the parameters to begin with.

    With "auto" they are scikit-learn's, in its order: weights and biases uniform within ±√(6/(fan in + fan out)), or
    √2 in place of √6 for the logistic function.  "glorot" has biases of zero, "he" also weights within ±√(6/fan in).

    Examples
    --------
    >>> [tuple(p.shape for p in layer) for layer in start([3, 5, 2], np.random.RandomState(0), np.float32)]
    [((3, 5), (5,)), ((5, 2), (2,))]
    """
    if initialization not in INITIALIZATIONS:
        raise ArgumentError(f"initialization={initialization!r}: give one of {', '.join(map(repr, INITIALIZATIONS))}.")
    layers: list[Any] = []
    for l, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        factor = 2.0 if initialization == "auto" and activation == "logistic" else 6.0
        bound = np.sqrt(factor / (fan_in + (0 if initialization == "he" else fan_out)))
        W = random.uniform(-bound, bound, (fan_in, fan_out))
        b = random.uniform(-bound, bound, fan_out) if initialization == "auto" else np.zeros(fan_out)
        layer = [W, b]
        if normalized and l < len(sizes) - 2:
            layer += [np.ones(fan_out), np.zeros(fan_out)]
        layers.append(tuple(p.astype(dtype, copy=False) for p in layer))
    return layers
