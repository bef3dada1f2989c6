r"""Levenberg and Marquardt: Gauss–Newton within a region of trust, and Newton where the residuals stay large.

While the sum of squares f = ½ ‖r‖² falls quickly, ½ ‖r + J s‖² is minimized over ‖D s‖ ≤ Δ, with D the lengths
of the columns of J (`least_squares_path`).  That is Gauss–Newton's step where Δ allows it, and turns towards −∇f as Δ
shrinks; J may lose rank, and there may be fewer residuals than variables.

To a solution with r ≠ 0 this converges only linearly, at the rate of the part of ∇²f that is left out, Σ rᵢ ∇²rᵢ; if
that part is large, hardly at all.  Whether it matters is seen from the run (Fletcher & Xu): towards r = 0 a quickly
convergent method divides f by more and more in every step; once a step has taken off less than a fifth of f, the
residuals will stay.  From then on the exact Hessian is used, unless the gradient shrinks tenfold in every step anyway,
and convergence is quadratic there as well.  Should f fall by a fifth again, so does the choice.

References
----------
Moré, *The Levenberg–Marquardt algorithm: implementation and theory* (1978).
Fletcher & Xu, *Hybrid methods for nonlinear least squares*, IMA J. Numer. Anal. 7 (1987).
Dennis, Gay & Welsch, *An adaptive nonlinear least-squares algorithm* (NL2SOL), ACM Trans. Math. Softw. 7 (1981).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .composition import Path
from .gauss_newton import linearized, linearized_path, units
from .hessian_form import hessian_form
from .newton_products import NewtonProducts
from .problem import Point, Problem, Vector
from .quadratic_model import DenseModel, SparseModel
from .sizes import DENSE_LIMIT

__all__ = ["LevenbergMarquardt", "SecondTerm"]

#: A step that takes off this part of the sum of squares shows that the residuals are still on their way to zero.
FALLING = 0.2
#: A step that leaves this part of the gradient is good enough as it is.
QUICK = 0.1


@dataclass
class SecondTerm:
    """Whether the second term Σ rᵢ ∇²rᵢ of the Hessian is to be used, as seen from the run.

    Examples
    --------
    >>> second = SecondTerm()
    >>> second.wanted(100.0, 10.0), second.wanted(50.0, 5.0), second.wanted(49.0, 4.0), second.wanted(1.0, 0.1)
    (False, False, True, False)
    """

    value: float = np.inf
    steepness: float = np.inf
    used: bool = False

    def wanted(self, value: float, steepness: float) -> bool:
        """Tell of the next point, by f and ‖∇f‖ there, and return whether to use the term from there on."""
        if value < self.value:
            if value <= (1 - FALLING) * self.value:
                self.used = False
            elif steepness > QUICK * self.steepness:
                self.used = True
            self.value, self.steepness = value, steepness
        return self.used


@dataclass
class LevenbergMarquardt:
    """The direction of Levenberg and Marquardt; of Newton where the residuals stay large.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem, Residuals
    >>> def r_and_jacobian(x):
    ...     return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])
    >>> def f_and_gradient(x):
    ...     r, J = r_and_jacobian(x)
    ...     return 0.5 * float(r @ r), J.T @ r
    >>> valley = Problem(2, f_and_gradient, residuals=Residuals(r_and_jacobian))
    >>> path = LevenbergMarquardt()(valley.at([-1.2, 1.0]))
    >>> path(np.inf).kind, path(0.1).kind
    ('Gauss–Newton', 'Levenberg–Marquardt')
    """

    second: SecondTerm = field(default_factory=SecondTerm)
    products: NewtonProducts = field(default_factory=NewtonProducts)
    d: Vector | None = None

    def __call__(self, point: Point) -> Path:
        """Return the path that leaves `point`."""
        r, J = linearized(point, "levenberg-marquardt")
        self.d = units(J, self.d)
        if self.second.wanted(point.value, point.gradient_norm) and second_order_at_hand(point.problem):
            form = hessian_form(point.problem, "levenberg-marquardt")
            if form == "products":
                return self.products(point)
            H = point.hessian
            model = SparseModel(H, point, self.d) if form == "sparse" else DenseModel(H, point, self.d)
            return model.path(None, None, point.gradient)
        return linearized_path(point, r, J, self.d)


def second_order_at_hand(problem: Problem) -> bool:
    """Whether the exact Hessian, or a cheap difference of gradients, can be had."""
    return problem.exact_hessian or problem.n <= min(DENSE_LIMIT, 20)
