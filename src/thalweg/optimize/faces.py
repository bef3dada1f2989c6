r"""The faces of a box, explored by products: gradient projection and conjugate gradients in turn.

A factorization moves a point to the minimum of the model on one face of the box.  Where the bounds of many variables
hold, on a grid say, the right face may be many faces away, and one product with the matrix is a thousand times cheaper
than a factorization.  So for large models the face is found by products:

1. *Gradient projection*  y ← P(y − αD⁻²∇q)  until the set of variables on their bounds settles, or the model falls
   less and less.
2. *Conjugate gradients* in the variables strictly inside, until they gain little; then a projected search along what
   they found.  If that meets bounds, or lets go of one, back to 1.

The exploration ends when a search has changed no bound, when the model's projected gradient is small enough, when its
products are used up, at the boundary of the ball ‖D s‖ ≤ Δ, or where the curvature is not positive.

References
----------
Moré & Toraldo, *On the solution of large quadratic programming problems with bound constraints*, SIAM J. Optim. 1
(1991).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .problem import Vector
from .projected import Box

__all__ = ["Exploration", "explore"]

#: A phase ends when a step gains less than this part of the best step of the phase.
LITTLE_GRADIENT, LITTLE_CONJUGATE = 0.25, 0.1


@dataclass
class Exploration:
    """Where an exploration stands: y = x + s, B s, and the model q(s).

    `settled` says whether it ended on a face that the last search has not left.
    """

    y: Vector
    s: Vector
    Bs: Vector
    q: float = 0.0
    settled: bool = False
    products: int = 0


def explore(
    product: Callable[[Vector], Vector],
    g: Vector,
    d: Vector,
    box: Box,
    x: Vector,
    radius: float,
    tolerance: float,
    budget: int,
) -> Exploration:
    """Lower the model gᵀs + ½ sᵀBs over the box and the ball by about `budget` products.

    Parameters
    ----------
    product : callable
        ``v -> B v``.
    g, d : array
        The gradient, and the diagonal of D.
    box, x
        The bounds, and the point of the box where s = 0.
    radius : float
        Δ.
    tolerance : float
        ‖D⁻¹ ∇q‖ of the free variables that is small enough.
    budget : int
        Products to be used.

    Examples
    --------
    >>> box = Box(np.zeros(2), np.full(2, np.inf))
    >>> found = explore(lambda v: v, np.array([1.0, -1.0]), np.ones(2), box, np.zeros(2), np.inf, 1e-9, 20)
    >>> found.y, found.q
    (array([0., 1.]), -0.5)
    """
    at = Exploration(x, np.zeros_like(x), np.zeros_like(x))
    while at.products < budget:
        if not _project_gradients(at, product, g, d, box, x, radius, tolerance):
            return at
        if at.products >= budget or not _conjugate(at, product, g, d, box, x, radius, tolerance, budget):
            return at
    return at


def _try(at: Exploration, product: Callable[[Vector], Vector], g: Vector, y: Vector, x: Vector) -> Exploration:
    at.products += 1
    s = y - x
    Bs = product(s)
    return Exploration(y, s, Bs, float(g @ s + 0.5 * (s @ Bs)), False, at.products)


def _take(at: Exploration, to: Exploration) -> None:
    at.y, at.s, at.Bs, at.q = to.y, to.s, to.Bs, to.q


def _project_gradients(
    at: Exploration,
    product: Callable[[Vector], Vector],
    g: Vector,
    d: Vector,
    box: Box,
    x: Vector,
    radius: float,
    tolerance: float,
) -> bool:
    """Gradient projection until the bounds settle; False where the exploration ends."""
    most = 0.0
    for _ in range(10):
        gradient = g + at.Bs
        free = box.free(at.y, gradient)
        p = np.where(free, -gradient / d**2, 0.0)
        slope = -float(gradient @ p)
        if not np.sqrt(slope) > tolerance:
            at.settled = True
            return False
        at.products += 1
        bend = float(p @ product(p))
        if not bend > 0:
            return False
        before = box.inside(at.y)
        alpha = slope / bend
        for _ in range(20):
            to = _try(at, product, g, box.project(at.y + alpha * p), x)
            if to.q <= at.q + 0.01 * float(gradient @ (to.y - at.y)):
                break
            alpha *= 0.5
        else:
            return False
        if float(np.linalg.norm(d * to.s)) > radius:
            return False
        gain = at.q - to.q
        _take(at, to)
        if gain <= LITTLE_GRADIENT * most or (box.inside(at.y) == before).all():
            return True
        most = max(most, gain)
    return True


def _conjugate(
    at: Exploration,
    product: Callable[[Vector], Vector],
    g: Vector,
    d: Vector,
    box: Box,
    x: Vector,
    radius: float,
    tolerance: float,
    budget: int,
) -> bool:
    """Conjugate gradients on the face, and a projected search; False where the exploration ends."""
    inside = box.inside(at.y)
    r = np.where(inside, -(g + at.Bs), 0.0)
    z = r / d**2
    p, w = z, np.zeros_like(r)
    rz = float(r @ z)
    first = rz
    most, gained = 0.0, 0.0
    while at.products < budget and np.sqrt(rz) > tolerance:
        at.products += 1
        Bp = np.where(inside, product(p), 0.0)
        bend = float(p @ Bp)
        if not bend > 0:
            break
        alpha = rz / bend
        w = w + alpha * p
        r = r - alpha * Bp
        gain = 0.5 * alpha * rz
        gained += gain
        z = r / d**2
        following = float(r @ z)
        p = z + (following / rz) * p
        rz = following
        if gain <= LITTLE_CONJUGATE * most:
            break
        most = max(most, gain)
    if not gained > 0:
        at.settled = first == 0.0
        return False
    beta = 1.0
    slope = float((g + at.Bs) @ w)
    for _ in range(10):
        to = _try(at, product, g, box.project(at.y + beta * w), x)
        if to.q <= at.q + 0.01 * min(float((g + at.Bs) @ (to.y - at.y)), 0.0):
            break
        beta *= 0.5
    else:
        to = _try(at, product, g, box.project(at.y + min(box.room(at.y, w), 1.0) * w), x)
    if not to.q < at.q or not slope < 0 or float(np.linalg.norm(d * to.s)) > radius:
        return False
    _take(at, to)
    at.settled = bool((box.inside(to.y) == inside).all() and not (box.free(to.y, g + to.Bs) & ~inside).any())
    return not at.settled
