r"""Adam and AdamW: each variable with a step of its own.

    m ← β₁ m + (1 − β₁) g            the mean of the gradients
    v ← β₂ v + (1 − β₂) g²           the mean of their squares
    m̂ = m/(1 − β₁ᵏ),   v̂ = v/(1 − β₂ᵏ)             k the number of the step, from 1: both began at 0
    x ← x − η m̂ / (√v̂ + ε)

The step of each variable is at most about η, whatever the scale of its gradient.  **AdamW** also lets the variables
decay, apart from the gradient,

    x ← x − η (m̂ / (√v̂ + ε) + λ x),

which a penalty λ‖x‖²/2 in f would not do, since its gradient would be divided by √v̂ too.  Where AdamW comes to rest,
∇f is not zero but balances the decay.

References
----------
Kingma & Ba, *Adam*, ICLR (2015), algorithm 1.  Loshchilov & Hutter, *Decoupled weight decay regularization*, ICLR
(2019), algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thalweg.errors import ArgumentError
from thalweg.optimize.problem import Vector

__all__ = ["Adam"]


@dataclass(eq=False)
class Adam:
    """The step of Adam, or with `weight_decay` of AdamW.

    Parameters
    ----------
    beta1, beta2 : float
        The weights of the past in the two means.
    epsilon : float
        Added to √v̂.
    weight_decay : float
        λ.

    Examples
    --------
    >>> adam, x = Adam(), np.zeros(2)
    >>> adam.step(x, np.array([3.0, -1e-3]), 0.1).round(4)
    array([-0.1,  0.1])
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    steps: int = 0
    mean: Vector | None = None
    square: Vector | None = None

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ArgumentError(f"{name} must lie between 0 and 1 (1 excluded), not {getattr(self, name)!r}.")
        if not self.epsilon > 0:
            raise ArgumentError(f"epsilon must be positive, not {self.epsilon!r}.")
        if not 0 <= self.weight_decay < np.inf:
            raise ArgumentError(f"weight_decay must be zero or positive, not {self.weight_decay!r}.")

    @property
    def name(self) -> str:
        """'Adam' or 'AdamW'."""
        return "AdamW" if self.weight_decay else "Adam"

    def step(self, x: Vector, gradient: Vector, rate: float) -> Vector:
        """Return the step of that learning rate from x, and remember the means."""
        if self.mean is None or self.square is None:
            self.mean, self.square = np.zeros_like(gradient), np.zeros_like(gradient)
        self.steps += 1
        b1, b2 = self.beta1, self.beta2
        self.mean = b1 * self.mean + (1 - b1) * gradient
        self.square = b2 * self.square + (1 - b2) * (gradient * gradient)
        step = np.sqrt(self.square / (1 - b2**self.steps))
        step += self.epsilon
        np.divide(self.mean, step, out=step)
        step *= -rate / (1 - b1**self.steps)
        if self.weight_decay:
            step -= (rate * self.weight_decay) * x
        return step

    def reset(self) -> None:
        """Forget the means."""
        self.steps, self.mean, self.square = 0, None, None
