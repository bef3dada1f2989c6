r"""Steepest descent: θ ← θ − η ∇L(θ).

The gradient points where the function rises fastest; its opposite is where it falls fastest.  The path is the ray

    s(η) = −η ∇L(θ),        L(θ) − L(θ + s) ≈ η ‖∇L‖²,

and η, the *learning rate*, is the size that a step rule chooses: fixed (`fixed_rate`), decaying (`decaying_rate`), by
backtracking, by an exact search, or from the last step (`barzilai_borwein`).  The first trial moves x by a tenth of its
length.

On a quadratic with Hessian eigenvalues in [m, M] a fixed η multiplies the error by max(|1 − ηm|, |1 − ηM|) in each
step: it converges if and only if η < 2/M, fastest for η = 2/(m + M) with rate (κ − 1)/(κ + 1), κ = M/m.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §2.2 and §3.3.
"""

from __future__ import annotations

from .problem import Point
from .ray import Ray, first_size

__all__ = ["steepest_descent"]


def steepest_descent(point: Point) -> Ray:
    """Return the ray −η ∇f from `point`, by learning rate η.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x @ x, 2 * x))
    >>> steepest_descent(bowl.at([3.0, 4.0]))(0.5).step
    array([-3., -4.])
    """
    g = point.gradient
    return Ray(point, -g, -float(g.dot(g)), first_size(point), "steepest descent")
