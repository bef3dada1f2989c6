r"""The ℓ₁ merit function: one number for the value and for the violation of the constraints.

    φ(x; w) = f(x) + Σ wᵢ vᵢ(x),      vᵢ the violation of row i.

For wᵢ > |yᵢ*| a strict minimum of the problem is a minimum of φ: the penalty is exact.  Along a step d whose linear
model leaves the violations v′ the slope of φ is at most

    D = ∇fᵀd − Σ wᵢ (vᵢ − v′ᵢ).

Each weight follows its multiplier by Powell's rule, wᵢ ← max(|yᵢ|, (wᵢ + |yᵢ|)/2), so a weight that was large once
does not stay so; and all are raised together where D is not negative enough.

References
----------
Powell, *A fast algorithm for nonlinearly constrained optimization calculations* (1978).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §18.3 and (18.36).
"""

from __future__ import annotations

import numpy as np

from ..problem import Vector

__all__ = ["follow", "raised"]


def follow(weights: Vector, y: Vector) -> Vector:
    """Return the weights after multipliers y.

    Examples
    --------
    >>> follow(np.array([8.0, 1.0]), np.array([2.0, -3.0]))
    array([5., 3.])
    """
    size = np.abs(y)
    return np.maximum(size, 0.5 * (weights + size))


def raised(weights: Vector, slope: float, curvature: float, gain: Vector) -> tuple[Vector, float]:
    """Return weights for which the step is one of descent, and D.

    Parameters
    ----------
    weights : array
        w.
    slope : float
        ∇fᵀd.
    curvature : float
        dᵀHd of the model.
    gain : array
        v − v′, the violation that the step removes to first order.

    Examples
    --------
    >>> raised(np.array([1.0]), 3.0, 2.0, np.array([1.0]))
    (array([4.44444444]), -1.4444444444444446)
    """
    total = float(gain.sum())
    D = slope - float(weights @ gain)
    if total > 0 and D > -0.5 * max(curvature, 0.0) - 0.1 * total * float(weights.max()):
        enough = (slope + 0.5 * max(curvature, 0.0)) / (0.9 * total)
        if enough > 0:
            weights = np.maximum(weights, enough)
            D = slope - float(weights @ gain)
    return weights, D
