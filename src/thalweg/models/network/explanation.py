r"""Backpropagation, shown with numbers: the chain rule from the last layer to the first.

    δᴸ = ∂L/∂z^L,        δˡ = (δˡ⁺¹ Wˡ⁺¹ᵀ) ⊙ φ′(zˡ)          how the loss changes with the sums of layer l
    ∂L/∂Wˡ = aˡ⁻¹ᵀ δˡ,   ∂L/∂bˡ = the sum of the rows of δˡ

where L is the mean of the losses of the rows.  Each δ is made from the one of the layer behind it: that is why the
gradient of all weights costs little more than the loss itself.

References
----------
Rumelhart, Hinton & Williams, Nature 323 (1986).  Bishop, *Pattern Recognition and Machine Learning* (2006), §5.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.calculus.gradient import grad

from .activations import Activation
from .layers import SMALL
from .losses import Rows

__all__ = ["Backpropagation", "explained"]


@dataclass(frozen=True)
class Backpropagation:
    """The chain rule of one network on some rows.

    Attributes
    ----------
    loss : float
        The mean of the losses of the rows.
    sums, outputs : list of array
        zˡ and aˡ of each layer, l = 1, …, L; `outputs` begins with a⁰ = X.
    deltas : list of array
        δˡ of each layer.
    gradients : list of tuples
        ∂L/∂W and ∂L/∂b of each layer; with batch normalization also ∂L/∂γ and ∂L/∂β, where mean and variance are those
        of the training data.
    activation : str
        The name of φ.
    """

    loss: float
    sums: list[Any]
    outputs: list[Any]
    deltas: list[Any]
    gradients: list[tuple[Any, ...]]
    activation: str

    def __str__(self) -> str:
        last, φ = len(self.deltas), self.activation
        rows = self.outputs[0].shape[0]
        lines = [f"Forward, {rows} rows: a⁰ = X, zˡ = aˡ⁻¹ Wˡ + bˡ, aˡ = {φ}(zˡ)", ""]
        for l in range(1, last + 1):
            W = self.gradients[l - 1][0]
            then = f"a{_up(l)} = {φ}(z{_up(l)})   ‖a{_up(l)}‖ = {_norm(self.outputs[l])}" if l < last else "the outputs"
            lines.append(
                f"  z{_up(l)} {_shape(self.sums[l - 1])} = a{_up(l - 1)} {_shape(self.outputs[l - 1])} · "
                f"W{_up(l)} {_shape(W)} + b{_up(l)}   ‖z{_up(l)}‖ = {_norm(self.sums[l - 1])}   {then}"
            )
        lines += [f"  L = {self.loss:.6g}, the mean of the losses of the rows", ""]
        lines += ["Backward: δˡ = ∂L/∂zˡ, from the last layer to the first", ""]
        for l in range(last, 0, -1):
            δ, slopes = self.deltas[l - 1], self.gradients[l - 1]
            made = "∂L/∂z, from the loss" if l == last else f"(δ{_up(l + 1)} W{_up(l + 1)}ᵀ) ⊙ {φ}′(z{_up(l)})"
            lines.append(f"  δ{_up(l)} {_shape(δ)} = {made}   ‖δ{_up(l)}‖ = {_norm(δ)}")
            lines.append(
                f"    ∂L/∂W{_up(l)} {_shape(slopes[0])} = a{_up(l - 1)}ᵀ δ{_up(l)}   ‖·‖ = {_norm(slopes[0])}      "
                f"∂L/∂b{_up(l)} {_shape(slopes[1])} = Σ rows of δ{_up(l)}   ‖·‖ = {_norm(slopes[1])}"
            )
            if len(slopes) > 2:
                lines.append(f"    ‖∂L/∂γ{_up(l)}‖ = {_norm(slopes[2])}      ‖∂L/∂β{_up(l)}‖ = {_norm(slopes[3])}")
        return "\n".join(lines)

    __repr__ = __str__


def explained(
    parameters: Sequence[Any],
    X: Any,
    Y: Any,
    activation: Activation,
    rows: Rows,
    name: str,
    moments: Sequence[Any] | None = None,
) -> Backpropagation:
    """Go forward and back through the layers, by the formulas above."""
    slope = grad(lambda z: np.sum(activation(z)))  # φ works on each number alone, so the gradient of the sum is φ′
    outputs: list[Any] = [X]
    sums: list[Any] = []
    normal: list[Any] = []  # with batch normalization: ẑ, and ∂(γ ẑ + β)/∂z
    for l, layer in enumerate(parameters):
        z = outputs[-1] @ layer[0] + layer[1]
        normal.append(None)
        if len(layer) == 4 and moments is not None:
            centre, spread = moments[l][0], np.sqrt(moments[l][1] + SMALL)
            normal[-1] = ((z - centre) / spread, layer[2] / spread)
            z = normal[-1][0] * layer[2] + layer[3]
        sums.append(z)
        outputs.append(activation(z) if l < len(parameters) - 1 else z)

    def mean(z: Any) -> Any:
        return np.sum(rows(z, Y)) / len(Y)

    δ = grad(mean)(sums[-1])
    deltas: list[Any] = []
    gradients: list[tuple[Any, ...]] = []
    for l in range(len(parameters) - 1, -1, -1):
        more: tuple[Any, ...] = ()
        before = δ
        if normal[l] is not None:
            ẑ, factor = normal[l]
            more, before = ((δ * ẑ).sum(axis=0), δ.sum(axis=0)), δ * factor
        deltas.insert(0, δ)
        gradients.insert(0, (outputs[l].T @ before, before.sum(axis=0), *more))
        if l:
            δ = (before @ parameters[l][0].T) * slope(sums[l - 1])
    return Backpropagation(float(mean(sums[-1])), sums, outputs, deltas, gradients, name)


def _up(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _shape(array: Any) -> str:
    return "(" + "×".join(map(str, array.shape)) + ")"


def _norm(array: Any) -> str:
    return f"{np.linalg.norm(array):.4g}"
