"""Problem 67: an alkylation process whose intermediate quantities solve two fixed-point equations.

The book finds y₂ and y₄ by iteration, to 10⁻³ and 10⁻⁴, which makes every function discontinuous. Both equations are
quadratic, so that their limits are written here instead:

    0.006667 u² + (1/1.22 − 0.13167) u + (1 − x₂/x₁)/1.22 − 1.12 = 0       for u = y₆, and y₂ = (x₁(u + 1) − x₂)/1.22,
    B y₂ y₄² − (A y₂ + 1000 x₃) y₄ + 98000 x₃ = 0                          where y₇ = A − B y₄,

each with the root that the iteration finds. The published value is that of the iteration: −1162.0365, where the limit
has −1162.0270.
"""

from __future__ import annotations

import numpy as np

LOWEST = (0, 0, 85, 90, 3, 0.01, 145)
HIGHEST = (5000, 2000, 93, 95, 12, 4, 162)


def quantities(x):
    """The seven quantities y₂ … y₈ of a plan x."""
    slope = 1 / 1.22 - 0.13167
    rest = (1 - x[1] / x[0]) / 1.22 - 1.12
    y6 = 2 * -rest / (slope + np.sqrt(slope**2 - 4 * 0.006667 * rest))
    y2 = (x[0] * (y6 + 1) - x[1]) / 1.22
    y3 = 1.22 * y2 - x[0]
    fixed = 86.35 + 1.098 * y6 - 0.038 * y6**2 - 0.325 * 89
    b = 0.222 * 3 * 0.325
    middle = (35.82 + 0.222 * 133 - 0.222 * 3 * fixed) * y2 + 1000 * x[2]
    y4 = 2 * 98000 * x[2] / (middle + np.sqrt(middle**2 - 4 * b * y2 * 98000 * x[2]))
    y5 = fixed + 0.325 * y4
    y8 = -133 + 3 * y5
    y7 = 35.82 - 0.222 * y8
    return [y2, y3, y4, y5, y6, y7, y8]


def loss(x):
    """Minus the profit of a day."""
    y2, y3, _, y5, _, _, _ = quantities(x)
    return 5.04 * x[0] + 0.035 * x[1] + 10 * x[2] + 3.36 * y3 - 0.063 * y2 * y5


def limits(x):
    """Every quantity between its least and its greatest value."""
    y = quantities(x)
    return [q - low for q, low in zip(y, LOWEST)] + [high - q for q, high in zip(y, HIGHEST)]
