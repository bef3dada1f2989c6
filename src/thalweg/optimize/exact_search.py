r"""Exact line search: go to the minimum along the ray.

    t = argmin φ(t),      φ(t) = f(x + t d),

the first local minimum from 0.  It is the zero of φ', to |φ'(t)| ≤ 10⁻⁷ |φ'(0)| or as far as rounding lets it.

Where second derivatives are at hand the first trial is Newton's for φ', t = −φ'(0) / dᵀ∇²f d, which on a quadratic is
the minimum: one evaluation.  What follows is the interval of `bracket`, with cubic steps where values can be told
apart and secants of φ' where they cannot; both converge faster than linearly.

This is the textbook's rule, and the one for which the textbook's theorems are true: with it steepest descent lowers the
error of a quadratic by (κ − 1)/(κ + 1) at least, and conjugate gradients and BFGS end after n steps.  For other
functions the evaluations that it costs are better spent on further steps (`wolfe`).

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §3.3 and theorem 3.3; Brent, *Algorithms for Minimization without
Derivatives* (1973), chapters 4–5, for the safeguards.
"""

from __future__ import annotations

from dataclasses import dataclass

from .problem import Point
from .ray import Ray
from .wolfe import Wolfe

__all__ = ["ExactSearch"]


@dataclass
class ExactSearch(Wolfe):
    """Search along a ray for the minimum.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.gradient_descent import steepest_descent
    >>> from thalweg.optimize.problem import Problem
    >>> H = np.diag([1.0, 3.0])
    >>> bowl = Problem(2, lambda x: (0.5 * x @ H @ x, H @ x), lambda x: H)
    >>> here = bowl.at([3.0, 1.0])
    >>> ExactSearch()(here, steepest_descent(here), bowl.at).size, bowl.count.gradient
    (0.5, 2)
    """

    curvature: float = 1e-7
    max_trials: int = 100
    margin: float = 1e-4

    def first(self, point: Point, ray: Ray) -> float:
        """Newton's size for φ', where it is known and positive; else that of the direction."""
        if point.problem.exact_hessian:
            curvature = float(ray.d.dot(point.problem.hessian_product(point.x, ray.d)))
            if 0 < curvature < float("inf"):
                return -ray.slope / curvature
        return ray.natural
