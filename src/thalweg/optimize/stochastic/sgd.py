r"""Stochastic gradient descent, plain, with momentum, or with Nesterov's.

    x ← x − η g                                   plain
    v ← β v + g,    x ← x − η v                   momentum
    v ← β v + g,    x ← x − η (g + β v)           Nesterov's momentum

where g is the gradient over a batch.  Nesterov's form takes the gradient a step ahead along the momentum; here x is
that point, so that the gradient is evaluated where the run is.

References
----------
Robbins & Monro, Ann. Math. Statist. 22 (1951).  Sutskever, Martens, Dahl & Hinton, ICML (2013), §2.
"""

from __future__ import annotations

from dataclasses import dataclass

from thalweg.errors import ArgumentError
from thalweg.optimize.problem import Vector

__all__ = ["SGD"]


@dataclass(eq=False)
class SGD:
    """The step of stochastic gradient descent.

    Parameters
    ----------
    momentum : float
        β, from 0 to below 1.
    nesterov : bool
        Whether to look ahead.

    Examples
    --------
    >>> import numpy as np
    >>> sgd, g, x = SGD(momentum=0.5), np.array([1.0]), np.zeros(1)
    >>> [float(sgd.step(x, g, 0.1)[0]) for _ in range(3)]
    [-0.1, -0.15, -0.175]
    """

    momentum: float = 0.0
    nesterov: bool = False
    velocity: Vector | None = None
    name: str = "SGD"

    def __post_init__(self) -> None:
        if not 0 <= self.momentum < 1:
            raise ArgumentError(f"momentum must lie between 0 and 1 (1 excluded), not {self.momentum!r}.")

    def step(self, x: Vector, gradient: Vector, rate: float) -> Vector:
        """Return the step of that learning rate, and remember the velocity."""
        if self.momentum == 0:
            return -rate * gradient
        v = gradient.copy() if self.velocity is None else self.momentum * self.velocity + gradient
        self.velocity = v
        return -rate * (gradient + self.momentum * v) if self.nesterov else -rate * v

    def reset(self) -> None:
        """Forget the velocity."""
        self.velocity = None
