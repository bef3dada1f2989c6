r"""The step of a trust-region method in a box: a quadratic model, less and less of it free.

    minimize  q(s) = gᵀs + ½ sᵀBs    over  xₗ ≤ x + s ≤ xᵤ,  ‖D s‖ ≤ Δ,

approximately, but never worse than the *Cauchy step*, the best that projected steepest descent P(x − αD⁻²g) does for
the model; that is what convergence rests on.

1. The model is minimized over the ball with the *free* variables only (`projected`).  If x + s is in the box, that is
   the step: the Cauchy path moves no other variables, so nothing is lost.
2. Otherwise its projection P(x + s) is taken, or the Cauchy step where that is lower (it is not looked for where the
   projection keeps a good part of the decrease of s, which no point of the box exceeds), and the model is minimized
   again over the variables that lie strictly between their bounds there.  Each such step is projected if that lowers
   the model, else cut where it meets the first bound, and it is repeated while bounds are met: a *face* of the box is
   left only for a smaller one.

For large models, where minimizing on a face is dear, the face is looked for by products first (`faces`).

Near a nondegenerate solution the first step moves on the face of the solution, and is Newton's step there: the bounds
that hold are found after finitely many steps, and convergence is quadratic.

References
----------
Lin & Moré, *Newton's method for large bound-constrained optimization problems*, SIAM J. Optim. 9 (1999): Cauchy step,
minor iterations, projected searches.
Conn, Gould & Toint, *Trust-Region Methods* (2000), §12.2.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .composition import Path, Proposal
from .faces import Exploration, explore
from .problem import Vector
from .projected import Box
from .trust_region import WHOLE

__all__ = ["BoxStep", "QuadraticModel", "minimize_by_exploring", "minimize_in_box"]

#: Part of the linear decrease that a Cauchy step must reach in the model.
SUFFICIENT = 0.01
#: A projected step that reaches this part of the decrease of the whole one needs no comparison with the Cauchy step.
ENOUGH = 0.1
#: Faces that are tried for one step, at most.
FACES = 20


class QuadraticModel(Protocol):
    """A quadratic model of the objective at a point."""

    g: Vector
    d: Vector
    #: Products that may be used to look for a face before it is minimized on; 0 where that is cheap.
    exploring: int

    def product(self, s: Vector) -> Vector:
        """Return B s."""

    def path(self, free: NDArray[np.intp] | None, s: Vector | None, gradient: Vector) -> Path:
        """Return the path of steps from x + s in the variables `free` (None: all); `gradient` is g + B s, all of it."""


class BoxStep(NamedTuple):
    """A step of the model in the box, and the point that it leads to, exactly on its bounds."""

    x: Vector
    proposal: Proposal


def minimize_in_box(
    model: QuadraticModel,
    box: Box,
    x: Vector,
    free: NDArray[np.intp] | None,
    first: Path,
    radius: float,
    faces: int = FACES,
) -> BoxStep:
    """Minimize the model over the box and the ball, approximately.

    Parameters
    ----------
    model, box, x
        The model at x, and the bounds.
    free : array of int or None
        The variables that are free at x; None where all are.
    first : Path
        The model's path from x in these variables.
    radius : float
        Δ.
    faces : int
        How often the model is minimized again on a smaller face, at most.
    """
    proposal = first(radius)
    w = _embedded(proposal.step, free, x.size)
    ahead = x + w
    y = box.project(ahead)
    if (y == ahead).all():
        return BoxStep(y, proposal if free is None else proposal._replace(step=w))
    s, kind = y - x, "projected"
    Bs = model.product(s)
    q = float(model.g @ s + 0.5 * (s @ Bs))
    enough = q <= -ENOUGH * proposal.predicted
    cauchy = None if enough else _cauchy(model, box, x, free, radius)
    if cauchy is not None and cauchy[2] < q:
        y, s, q, Bs, kind = cauchy[0], cauchy[0] - x, cauchy[2], cauchy[1], "Cauchy"
    steep = float(np.linalg.norm((model.g if free is None else model.g[free]) / _at(model.d, free)))
    return _on_faces(model, box, x, Exploration(y, s, Bs, q), kind, 1e-3 * steep, radius, faces)


def minimize_by_exploring(
    model: QuadraticModel, box: Box, x: Vector, free: NDArray[np.intp] | None, radius: float, budget: int
) -> BoxStep | None:
    """Minimize the model approximately, by products first, and on the face that they lead to as `minimize_in_box`.

    None where products lead nowhere, as in a direction of negative curvature at once.

    Parameters
    ----------
    model, box, x, free, radius
        As for `minimize_in_box`.
    budget : int
        Products to be used before the model is minimized on a face.
    """
    steep = float(np.linalg.norm((model.g if free is None else model.g[free]) / _at(model.d, free)))
    found = explore(model.product, model.g, model.d, box, x, radius, 1e-2 * steep, budget)
    if not found.q < 0:
        return None
    if not found.settled:
        return BoxStep(found.y, Proposal(found.s, -found.q, float(np.linalg.norm(model.d * found.s)), "projected"))
    return _on_faces(model, box, x, found, "projected", 1e-12 * steep, radius, 1)


def _on_faces(
    model: QuadraticModel, box: Box, x: Vector, at: Exploration, kind: str, demand: float, radius: float, faces: int
) -> BoxStep:
    """Minimize the model on the face of a point, and again while that leads to a smaller face."""
    y, s, Bs, q = at.y, at.s, at.Bs, at.q
    for _ in range(faces):
        length = float(np.linalg.norm(model.d * s))
        inside = np.flatnonzero(box.inside(y))
        gradient = model.g + Bs
        if not inside.size or length >= 0.99 * radius:
            break
        if float(np.linalg.norm(gradient[inside] / model.d[inside])) <= demand:
            break
        path = model.path(inside, s, gradient)
        onward = path(radius if radius < np.inf else 2 * path.natural)
        w = _embedded(onward.step, inside, x.size)
        whole = y + w
        there = box.project(whole)
        held = bool((there == whole).all())
        moved = there - x
        B_moved = model.product(moved)
        value = float(model.g @ moved + 0.5 * (moved @ B_moved))
        if not held and not value <= q + SUFFICIENT * min(float(gradient @ (there - y)), 0.0):
            there = box.project(y + box.room(y, w) * w)
            moved = there - x
            B_moved = model.product(moved)
            value = float(model.g @ moved + 0.5 * (moved @ B_moved))
        if not value < q:
            break
        y, s, q, Bs = there, moved, value, B_moved
        kind = "Newton" if held and onward.kind in WHOLE else "projected"
        if held:
            break
    return BoxStep(y, Proposal(s, -q, float(np.linalg.norm(model.d * s)), kind))


def _cauchy(
    model: QuadraticModel, box: Box, x: Vector, free: NDArray[np.intp] | None, radius: float
) -> tuple[Vector, Vector, float] | None:
    """The point P(x − αD⁻²g) that projected steepest descent reaches, with B s and q(s) there."""
    p = -model.g / model.d**2
    if free is not None:
        p = _embedded(p[free], free, x.size)
    slope, bend = -float(model.g @ p), float(p @ model.product(p))
    length = float(np.linalg.norm(model.d * p))
    if not (slope > 0 and length > 0):
        return None
    alpha = radius / length if bend <= 0 else min(slope / bend, radius / length)
    best: tuple[Vector, Vector, float] | None = None
    for _ in range(40):
        y = box.project(x + alpha * p)
        s = y - x
        Bs = model.product(s)
        linear = float(model.g @ s)
        q = linear + 0.5 * float(s @ Bs)
        good = q <= SUFFICIENT * linear and float(np.linalg.norm(model.d * s)) <= radius * (1 + 1e-12)
        if best is not None and not (good and q < best[2]):
            return best
        if good:
            best = (y, Bs, q)
            alpha *= 4.0
        else:
            alpha *= 0.25
    return best


def _embedded(step: Vector, free: NDArray[np.intp] | None, n: int) -> Vector:
    """The step of the free variables as a step of all."""
    if free is None:
        return step
    whole = np.zeros(n)
    whole[free] = step
    return whole


def _at(d: Vector, free: NDArray[np.intp] | None) -> Vector:
    return d if free is None else d[free]
