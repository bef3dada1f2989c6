"""What the loop yields at each iteration: where it is and what it just did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .problem import Evaluations

__all__ = ["State"]


@dataclass(frozen=True, eq=False)
class State:
    """One iteration of a run.

    Attributes
    ----------
    iteration : int
        0 at the start.
    x, value, gradient
        The iterate, the function and its gradient there; `x` and `gradient` in the user's structure.
    gradient_norm : float
        ‖∇f‖∞.
    residual : float
        How far the point is from being stationary: ‖∇f‖∞, or with constraints the largest residual of the
        Karush–Kuhn–Tucker conditions.
    infeasibility : float
        By how much the worst constraint is violated.
    step
        The step that led here, in the user's structure; None at the start.
    step_length : float
        Its Euclidean length.
    size : float
        What the step rule chose: the learning rate, or the length in the units of the trust region.
    direction : str
        'steepest descent', 'Newton', 'trust region', 'negative curvature'; '' at the start.
    evaluations : Evaluations
        How often function, gradient and Hessian were evaluated so far.
    elapsed : float
        Seconds since the start.
    message : str
        What happened, where it deserves a sentence: 'left a saddle point …'.
    """

    iteration: int
    x: Any
    value: float
    gradient: Any
    gradient_norm: float
    step: Any
    step_length: float
    size: float
    direction: str
    evaluations: Evaluations
    elapsed: float
    message: str = ""
    residual: float = float("nan")
    infeasibility: float = 0.0

    def __str__(self) -> str:
        line = f"{self.iteration:6d}  value {self.value:<14.8g} gradient {self.gradient_norm:<10.3g}"
        line += f" step {self.step_length:<10.3g} {self.direction}"
        return line.rstrip() + (f"  ({self.message})" if self.message else "")
