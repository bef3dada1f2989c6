r"""Which steps are taken: the ℓ₁ merit function, and a filter beside it.

The merit function puts the value and the violation of the constraints into one number,

    φ(x; w) = f(x) + Σ wᵢ vᵢ(x),      vᵢ the violation of row i.

For wᵢ > |yᵢ*| a strict minimum of the problem is a minimum of φ: the penalty is exact.  Along a step d whose linear
model leaves the violations v′ the slope of φ is at most

    D = ∇fᵀd − Σ wᵢ (vᵢ − v′ᵢ),

and a step is taken when φ falls by a fixed part of D.  The weights follow the multipliers, wᵢ ← max(|yᵢ|, 0.9 wᵢ +
0.1 |yᵢ|), so that a weight that was large once does not stay so; and all are raised together where D is not negative
enough.

Large weights make φ a steep and crooked valley in which steps are short.  So a step is taken as well when the *filter*
accepts it: when it makes either the violation θ = Σ vᵢ or the value smaller, and no earlier iterate had both smaller.
Close to feasibility, where the value is what counts, it must fall as Armijo demands.

References
----------
Powell, *A fast algorithm for nonlinearly constrained optimization calculations* (1978).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §18.3 and (18.36).
Fletcher & Leyffer, *Nonlinear programming without a penalty function*, Math. Prog. 91 (2002).
Wächter & Biegler, Math. Prog. 106 (2006), §2.3 (the switching condition).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..problem import Vector

__all__ = ["Filter", "Merit"]

#: Part of the slope that a step must realize.
SUFFICIENT = 1e-4
#: How much of an old weight is kept.
KEPT = 0.9
#: Margin around an entry of the filter, as a part of its violation.
MARGIN = 1e-5


@dataclass
class Merit:
    """Weights of the ℓ₁ merit function.

    Examples
    --------
    >>> merit = Merit(np.array([8.0, 1.0]))
    >>> merit.follow(np.array([2.0, -3.0]), 0.0, 0.0, np.zeros(2)).weights
    array([7.4, 3. ])
    """

    weights: Vector

    def follow(self, y: Vector, slope: float, curvature: float, gain: Vector) -> Merit:
        """Return the merit function after multipliers y, for which the step is one of descent.

        Parameters
        ----------
        y : array
            Multipliers of the step.
        slope : float
            ∇fᵀd.
        curvature : float
            dᵀHd of the model.
        gain : array
            v − v′, the violation that the step removes to first order.
        """
        size = np.abs(y)
        weights = np.maximum(size, KEPT * self.weights + (1.0 - KEPT) * size)
        total = float(gain.sum())
        if total > 0:
            curvature = max(curvature, 0.0)
            if slope - float(weights @ gain) > -0.5 * curvature - 0.1 * total * float(weights.max()):
                weights = np.maximum(weights, (slope + 0.5 * curvature) / (0.9 * total))
        return Merit(weights)


@dataclass
class Filter:
    """Pairs (violation, value) that no later iterate may be worse than in both.

    Examples
    --------
    >>> seen = Filter(small=1e-4)
    >>> seen.accepts(1.0, 5.0, 0.5, 7.0, slope=1.0, size=1.0)      # less violation, a larger value
    True
    >>> seen.accepts(0.5, 7.0, 1.0, 5.0, slope=-1.0, size=1.0)     # and back again
    False
    """

    small: float
    entries: list[tuple[float, float]] = field(default_factory=list)

    def accepts(self, theta: float, f: float, theta_new: float, f_new: float, slope: float, size: float) -> bool:
        """Whether a step of that size, with ∇fᵀd = slope, is taken; what is left behind is remembered."""
        for t, value in self.entries:
            if theta_new >= (1.0 - MARGIN) * t and f_new >= value - MARGIN * t:
                return False
        if slope < 0 and theta <= self.small and size * (-slope) ** 2.3 > theta**1.1:
            return f_new <= f + SUFFICIENT * size * slope
        if theta_new <= (1.0 - MARGIN) * theta or f_new <= f - MARGIN * theta:
            self.entries.append((theta, f))
            return True
        return False
