r"""The question at the end of a run: is this what was looked for?  And what is done where it is not.

A stationary point of the wrong kind is left along a way on which the function falls (`escape`), or reported as such; it
is never a success.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .certificate import Certificate, Travel
from .classify import Classification, classify_point
from .constrained import classify_on
from .degenerate import Way
from .engine import Iterate
from .problem import Point, Problem, Vector
from .sizes import NEWTON_LIMIT

__all__ = ["Judge"]


class Judge:
    """Says what points are, in the terms of the function that the user wrote.

    Parameters
    ----------
    problem : Problem
        As the user wrote it.
    orientation : float
        −1 where the methods work on its negative.
    second_order : bool
        Whether the method forms Hessians anyway.
    """

    def __init__(self, problem: Problem, orientation: float, second_order: bool) -> None:
        self.problem = problem
        self.orientation = orientation
        self.second_order = second_order
        self._turned: tuple[Point, Point] | None = None

    @property
    def sense(self) -> str:
        """'minimize' or 'maximize'."""
        return "minimize" if self.orientation > 0 else "maximize"

    def as_user_sees(self, point: Point) -> Point:
        """The same point of the function that the user wrote, whose sign a maximization has turned."""
        if self.orientation > 0:
            return point
        if self._turned is None or self._turned[0] is not point:
            seen = Point(self.problem, point.x, -point.value, -point.gradient, point.c, point.J)
            if "hessian" in point.__dict__:
                seen.__dict__["hessian"] = -point.hessian
            self._turned = (point, seen)
        return self._turned[1]

    def kind_of(self, at: Iterate, tol: float, travel: Travel, check: Any = None) -> Classification:
        """Classify the point of an iterate."""
        point = at.point
        if point.problem.constrained:
            seen = self.as_user_sees(point)
            y = self.orientation * at.y
            z = self.orientation * at.z if at.z.size else np.zeros(point.x.size)
            known = (y, z) if y.size == point.problem.m and z.size == point.x.size else (None, None)
            return classify_on(seen, known[0], known[1], tol=tol, travel=travel, sense=self.sense, check=check)
        n = point.problem.n
        if self.second_order and point.finite and (n <= NEWTON_LIMIT or point.problem.sparse):
            _ = point.hessian  # affordable, as the method forms it at every step, and it shows all eigenvalues
        return classify_point(self.as_user_sees(point), tol, travel, check)

    def unlooked(self, point: Point, residual: float, why: str) -> Classification:
        """What is said of a point at which second derivatives were not looked at."""
        seen = self.as_user_sees(point)
        x = self.problem.unravel(point.x)
        certificate = Certificate(residual, point.violation)
        return Classification("not stationary", why, x, seen.value, residual, certificate)

    def way_out(self, c: Classification) -> Way | None:
        """A way along which the function goes on in the direction of the search."""
        return c.falling if self.sense == "minimize" else c.rising

    def is_wrong(self, c: Classification) -> bool:
        """Whether the kind is not what is looked for, whatever the tolerance."""
        if self.sense == "minimize":
            return c.kind in ("saddle", "maximum")
        return c.kind in ("saddle", "minimum", "strict minimum")

    def along(self, way: Way) -> str:
        """A way out in words."""
        down = self.sense == "minimize"
        if way.order < 2:
            return "down a kink" if down else "up a kink"
        if way.order == 2:
            return f"along {'negative' if down else 'positive'} curvature"
        return f"along a direction where f {'falls' if down else 'rises'} with power {way.order}"


def residual_of(point: Point, y: Vector, z: Vector) -> float:
    """‖∇f + Jᵀy + z‖∞ at a point, with what multipliers there are."""
    slope = point.gradient
    if y.size and point.J is not None:
        slope = slope + point.J.T @ y
    if z.size:
        slope = slope + z
    return float(np.max(np.abs(slope), initial=0.0))
