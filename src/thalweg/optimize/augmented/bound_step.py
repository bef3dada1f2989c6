r"""A trust-region step between bounds, by conjugate gradients alone.

    minimize  m(s) = gᵀs + ½ sᵀBs    subject to    xₗ ≤ x + s ≤ xᵤ,   ‖D s‖ ≤ Δ,

of B only products are used.  Three stages (Moré & Toraldo; Lin & Moré's TRON):

1. the *Cauchy step*: along the projection of −D⁻²g onto the bounds, as far as the model falls in proportion.  It alone
   ensures convergence, and it changes what is at a bound by many variables at once;
2. *conjugate gradients* on the variables that are then off their bounds, preconditioned by D², until the residual is
   small, the boundary ‖D s‖ = Δ is reached, or a direction of negative curvature is found, which is followed to that
   boundary (Steihaug, Toint);
3. the result is projected onto the bounds, shortened until the model falls; where that puts new variables at their
   bounds, stage 2 is repeated on the rest.

References
----------
Lin & Moré, *Newton's method for large bound-constrained optimization problems*, SIAM J. Optim. 9 (1999).
Steihaug, SIAM J. Numer. Anal. 20 (1983); Conn, Gould & Toint, *Trust-Region Methods* (2000), §7.5.1 and chapter 12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..problem import Vector

__all__ = ["BoundStep", "bound_step"]

#: Part of the linear decrease that the Cauchy step must have in the model.
SUFFICIENT = 0.01
#: How often the set of free variables is refined.
REFINEMENTS = 10


class BoundStep(NamedTuple):
    """A step, the decrease that the model promises, its length ‖D s‖, and the number of products used."""

    s: Vector
    predicted: float
    length: float
    products: int


def bound_step(
    g: Vector,
    product: Callable[[Vector], Vector],
    lo: Vector,
    hi: Vector,
    d: Vector,
    radius: float,
    accuracy: float,
    most: int,
    alpha: float = 1.0,
) -> BoundStep:
    """Minimize the model approximately.

    Parameters
    ----------
    g : array
        The gradient.
    product : callable
        ``v -> B v``.
    lo, hi : array
        Bounds of s: lo ≤ 0 ≤ hi.
    d : array
        Diagonal of D, positive.
    radius : float
        Δ.
    accuracy : float
        Conjugate gradients end when the residual on the free variables is this part of the first one.
    most : int
        Largest number of products.
    alpha : float
        The first length tried for the Cauchy step, in units of D⁻²g.

    Examples
    --------
    >>> H = np.diag([1.0, 100.0])
    >>> step = bound_step(np.array([-2.0, -100.0]), lambda v: H @ v, np.full(2, -9.0), np.array([1.0, 9.0]), np.ones(2),
    ...                   10.0, 1e-8, 50)
    >>> step.s
    array([1., 1.])
    """
    s, Bs, used = _cauchy(g, product, lo, hi, d, radius, alpha)
    first = float(np.linalg.norm(g / d))
    for _ in range(REFINEMENTS):
        free = (s > lo) & (s < hi)
        residual = np.where(free, g + Bs, 0.0)
        if not free.any() or float(np.linalg.norm(residual / d)) <= accuracy * first or used >= most:
            break
        w, boundary, count = _conjugate_gradients(residual, product, free, d, s, radius, accuracy * first, most - used)
        used += count
        before = float(g @ s + 0.5 * s @ Bs)
        trial, change, size = s, s, 1.0
        for _ in range(20):
            trial = np.clip(s + size * w, lo, hi)
            change = product(trial)
            used += 1
            if float(g @ trial + 0.5 * trial @ change) <= before + SUFFICIENT * min(0.0, float(residual @ (trial - s))):
                break
            size *= 0.5
        else:
            break
        moved = not np.array_equal(trial, s)
        s, Bs = trial, change
        now_free = (s > lo) & (s < hi)
        if boundary or not moved or np.array_equal(now_free, free):
            break
    return BoundStep(s, -float(g @ s + 0.5 * s @ Bs), float(np.linalg.norm(d * s)), used)


def _cauchy(
    g: Vector, product: Callable[[Vector], Vector], lo: Vector, hi: Vector, d: Vector, radius: float, alpha: float
) -> tuple[Vector, Vector, int]:
    """A step along the projected gradient with a proportional decrease of the model, within the region."""
    direction = -g / d**2
    used = 0

    def candidate(size: float) -> tuple[Vector, Vector, bool]:
        s = np.clip(size * direction, lo, hi)
        inside = float(np.linalg.norm(d * s)) <= radius
        Bs = product(s) if inside else s
        return s, Bs, inside and float(0.5 * s @ Bs) <= (SUFFICIENT - 1.0) * float(g @ s)

    s, Bs, good = candidate(alpha)
    used += 1
    if good:
        while used < 10:
            longer, B_longer, still = candidate(alpha * 10.0)
            used += 1
            if not still or np.array_equal(longer, s):
                break
            s, Bs, alpha = longer, B_longer, alpha * 10.0
    else:
        while not good and used < 60:
            alpha *= 0.1
            s, Bs, good = candidate(alpha)
            used += 1
        if not good:
            return np.zeros_like(g), np.zeros_like(g), used
    return s, Bs, used


def _conjugate_gradients(
    residual: Vector,
    product: Callable[[Vector], Vector],
    free: NDArray[np.bool_],
    d: Vector,
    s: Vector,
    radius: float,
    target: float,
    most: int,
) -> tuple[Vector, bool, int]:
    """Minimize residualᵀw + ½ wᵀBw over the free variables with ‖D(s + w)‖ ≤ Δ; whether the boundary stopped it."""
    w = np.zeros_like(s)
    r = -residual
    z = r / d**2
    p = z.copy()
    rz = float(r @ z)
    base = d * s
    for used in range(1, most + 1):
        Bp = np.where(free, product(p), 0.0)
        curvature = float(p @ Bp)
        step = rz / curvature if curvature > 0 else np.inf
        Dp, Dw = d * p, base + d * w
        if curvature <= 0 or float(np.linalg.norm(Dw + step * Dp)) >= radius:
            return w + _to_boundary(Dw, Dp, radius) * p, True, used
        w = w + step * p
        r = r - step * Bp
        z = r / d**2
        new = float(r @ z)
        if np.sqrt(new) <= target:
            return w, False, used
        p = z + (new / rz) * p
        rz = new
    return w, False, most


def _to_boundary(a: Vector, b: Vector, radius: float) -> float:
    """The larger τ with ‖a + τ b‖ = radius."""
    bb, ab, aa = float(b @ b), float(a @ b), float(a @ a)
    if bb == 0:
        return 0.0
    root = np.sqrt(max(ab * ab + bb * (radius * radius - aa), 0.0))
    return max((root - ab) / bb, 0.0) if ab <= 0 else max((radius * radius - aa) / (ab + root), 0.0)
