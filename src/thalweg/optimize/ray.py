r"""A ray: the straight path  s(t) = t d  that most first-order directions draw.

Along it the function is one of a single variable,

    φ(t) = f(x + t d),        φ'(t) = ∇f(x + t d)ᵀd,

and a step rule that looks at φ and φ' is a *line search*.  It needs to know d and φ'(0), which a general path has not:
a `Ray` has both, and `straight` asks a path to be one.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import cast

from .composition import Path, Proposal
from .problem import Point, Vector

__all__ = ["Ray", "first_size", "straight"]


@dataclass(slots=True, eq=False)
class Ray:
    """The steps t d from a point, by their size t.

    Attributes
    ----------
    point : Point
        Where it begins.
    d : array
        The direction.
    slope : float
        φ'(0) = ∇fᵀd, negative where the function falls along the ray.
    natural : float
        The size to try first.
    kind : str
        The direction in a word or two.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x @ x, 2 * x))
    >>> ray = Ray(bowl.at([3.0, 4.0]), np.array([-3.0, -4.0]), -50.0, 1.0, "against x")
    >>> ray(0.5)
    Proposal(step=array([-1.5, -2. ]), predicted=25.0, size=0.5, kind='against x')
    """

    point: Point
    d: Vector
    slope: float
    natural: float
    kind: str

    def __call__(self, size: float) -> Proposal:
        """Return the step of that size, and the decrease −t φ'(0) of the linear model."""
        return Proposal(size * self.d, -size * self.slope, size, self.kind)

    def measure(self, step: Vector) -> float:
        """Return the size that gives a step of that length."""
        length = sqrt(self.d.dot(self.d))
        return sqrt(step.dot(step)) / length if length > 0 else 1.0

    def steepness(self, gradient: Vector) -> float:
        """Return ‖∇f‖."""
        return sqrt(gradient.dot(gradient))


def straight(path: Path) -> Ray:
    """Return the path as a ray; a line search has no other."""
    if not (hasattr(path, "d") and hasattr(path, "slope")):
        raise TypeError(f"A line search walks along a straight path (Ray), not along a {type(path).__name__}.")
    return cast(Ray, path)


def first_size(point: Point) -> float:
    """Return the rate of a first step −η ∇f that moves x by a tenth of its length (or by 0.1 at the origin).

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> first_size(Problem(1, lambda x: (float(x @ x), 2 * x)).at([3.0]))
    0.05
    """
    length = sqrt(point.x.dot(point.x)) or 1.0
    slope = sqrt(point.gradient.dot(point.gradient))
    return 0.1 * length / slope if slope > 0 else 1.0
