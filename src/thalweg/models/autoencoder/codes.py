r"""An autoencoder as plain functions of its parameters.

    c = E(x),      x̂ = D(c)

Encoder and decoder are networks (`thalweg.models.network.layers`), whose last layers have no activation.  The
parameters are ``{"encoder": [(W, b), …], "decoder": [(W, b), …]}``.  With *tied weights* the decoder has the encoder's
matrices, transposed and in reverse, and its layers are ``(b,)``.

    L = mean over the rows of ½ ‖x − D(E(x̃))‖²  +  α/(2n) Σ ‖W‖²

*Denoising*: x̃ = x + σ ε, so that the code learns what is left of x under noise.  The *variational* encoder returns the
mean and the logarithm of the variance of the code, μ and log s², the code is drawn, c = μ + s ε, and

    L = mean over the rows of ½ ‖x − D(c)‖² + β KL,      KL = ½ Σₖ (μₖ² + sₖ² − 1 − log sₖ²),

which for β = 1 is, up to a constant, minus the evidence lower bound of x = D(c) + noise of variance 1 with c normal.
ε is drawn outside: given it, L is a function like any other (*reparametrization*).

References
----------
Baldi & Hornik, Neural Networks 2 (1989): with squares and without activations the code spans the principal components.
Vincent et al., JMLR 11 (2010), denoising.  Kingma & Welling, *Auto-encoding variational Bayes*, ICLR (2014).
Higgins et al., *β-VAE*, ICLR (2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thalweg.models.network.activations import Activation
from thalweg.models.network.layers import forward, mean_loss, start
from thalweg.models.network.losses import Rows

__all__ = ["decode", "divergence", "encode", "parameters_to_begin_with", "reconstruction_loss"]


def encode(parameters: Mapping[str, Any], X: Any, activation: Activation) -> Any:
    """Return the codes, (rows, components); of a variational encoder means and logarithms of variances, side by side.

    Examples
    --------
    >>> halves = {"encoder": [(np.array([[0.5], [0.5]]), np.zeros(1))]}
    >>> encode(halves, np.array([[1.0, 3.0]]), np.tanh)
    array([[2.]])
    """
    return forward(parameters["encoder"], X, activation)


def decode(parameters: Mapping[str, Any], codes: Any, activation: Activation) -> Any:
    """Return the rows that codes stand for."""
    layers = parameters["decoder"]
    if len(layers[0]) == 1:  # tied: the encoder's matrices
        width = np.shape(codes)[1]
        matrices = [np.transpose(layer[0]) for layer in reversed(parameters["encoder"])]
        matrices[0] = matrices[0][:width]  # of a variational encoder what makes the means
        layers = [(W, b) for W, (b,) in zip(matrices, layers)]
    return forward(layers, codes, activation)


def divergence(mean: Any, log_variance: Any) -> Any:
    """Return the Kullback–Leibler divergence of the normal distribution of each row's code from the standard one."""
    return 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance, axis=1)


def reconstruction_loss(
    parameters: Mapping[str, Any],
    X: Any,
    weights: Any,
    noise: Any,
    draws: Any,
    *,
    activation: Activation,
    rows: Rows,
    variational: bool,
    beta: float,
) -> Any:
    """Return L without the penalty.

    Parameters
    ----------
    parameters : dict
    X : array (rows, features)
    weights : array (rows,) or None
    noise : array (rows, features) or None
        σ ε, added to what is encoded.
    draws : array (rows, components) or None
        ε of a variational code; None takes its mean.
    activation, rows
        As functions.
    variational : bool
    beta : float
    """
    codes = encode(parameters, X if noise is None else X + noise, activation)
    if not variational:
        return mean_loss(decode(parameters, codes, activation), X, weights, rows)
    k = np.shape(codes)[1] // 2
    mean, log_variance = codes[:, :k], codes[:, k:]
    drawn = mean if draws is None else mean + np.exp(0.5 * log_variance) * draws

    def both(z: Any, y: Any) -> Any:
        return rows(z, y) + beta * divergence(mean, log_variance)

    return mean_loss(decode(parameters, drawn, activation), X, weights, both)


def parameters_to_begin_with(
    encoder: Sequence[int],
    decoder: Sequence[int],
    middle: Any,
    random: np.random.RandomState,
    dtype: Any,
    *,
    activation: Any,
    initialization: str,
    tied: bool,
) -> dict[str, Any]:
    """Draw the parameters to begin with; the last bias is the middle of the rows: what differs is left to learn."""
    settings: dict[str, Any] = {"activation": activation, "initialization": initialization}
    back = start(decoder, random, dtype, **settings)
    back[-1] = (back[-1][0], np.asarray(middle, dtype))
    if tied:
        back = [(b,) for _, b in back]
    return {"encoder": start(encoder, random, dtype, **settings), "decoder": back}
