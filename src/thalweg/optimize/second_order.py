r"""The rows of the table of methods that use second derivatives, or the residuals of a sum of squares, or bounds.

    name                   what it takes                      how
    newton                 ∇²f dense, sparse, or products     trust region; between bounds `projected-newton`
    newton-cg              products ∇²f·v                     trust region by conjugate gradients and Lanczos
    projected-newton       ∇²f in any form, bounds            trust region, projected steps
    gauss-newton           residuals                          damped Gauss–Newton steps
    levenberg-marquardt    residuals, bounds                  trust region, ∇²f where the residuals stay large
    l-bfgs-b               gradients, bounds                  compact L-BFGS, projected steps, strong Wolfe

Which of them when: `newton` wherever second derivatives are affordable, since nothing is as quick near the minimum nor
as sure far from it; `levenberg-marquardt` for sums of squares; `l-bfgs-b` for many variables between bounds whose
Hessian is neither sparse nor cheap to multiply with.
"""

from __future__ import annotations

from .directed import Directed
from .engine import Engine
from .gauss_newton import gauss_newton
from .hessian_form import hessian_form
from .levenberg_marquardt import LevenbergMarquardt
from .method import Method
from .newton import newton
from .newton_products import NewtonProducts
from .newton_sparse import NewtonSparse
from .problem import Problem
from .projected_lbfgs import ProjectedLBFGS
from .projected_newton import ProjectedNewton
from .trust_region import TrustRegion

__all__ = ["SECOND_ORDER"]


def _newton(problem: Problem) -> Engine:
    if problem.bounded:
        return ProjectedNewton()
    form = hessian_form(problem)
    if form == "sparse":
        return Directed(NewtonSparse, TrustRegion, second_order=True)
    if form == "products":
        return Directed(NewtonProducts, TrustRegion, second_order=True)
    return Directed(lambda: newton, TrustRegion, second_order=True)


def _newton_cg(problem: Problem) -> Engine:
    return Directed(NewtonProducts, TrustRegion, second_order=True)


def _gauss_newton(problem: Problem) -> Engine:
    return Directed(lambda: gauss_newton, TrustRegion, second_order=True)


def _levenberg_marquardt(problem: Problem) -> Engine:
    if problem.bounded:
        return ProjectedNewton(squares=True)
    return Directed(LevenbergMarquardt, TrustRegion, second_order=True)


def _l_bfgs_b(problem: Problem, memory: int = 10) -> Engine:
    return ProjectedLBFGS(memory=memory)


SECOND_ORDER = (
    Method(
        "newton",
        "trust region on the exact Hessian, dense, sparse or by products: quadratic convergence, leaves saddle points",
        _newton,
        max_iterations=1_000,
        second_order=True,
        bounds=True,
    ),
    Method(
        "newton-cg",
        "trust region with Hessian products only, by conjugate gradients and Lanczos: for very many variables",
        _newton_cg,
        max_iterations=1_000,
        second_order=True,
    ),
    Method(
        "projected-newton",
        "Newton's trust region between bounds, with projected steps: finds the bounds that hold, then as newton",
        lambda problem: ProjectedNewton(),
        max_iterations=1_000,
        second_order=True,
        bounds=True,
    ),
    Method(
        "gauss-newton",
        "for sums of squares: the step of the linearized residuals, shortened where they bend",
        _gauss_newton,
        max_iterations=1_000,
        residuals=True,
    ),
    Method(
        "levenberg-marquardt",
        "for sums of squares, also between bounds: Gauss-Newton in a trust region, Newton where residuals stay large",
        _levenberg_marquardt,
        max_iterations=2_000,
        second_order=True,
        bounds=True,
        residuals=True,
    ),
    Method(
        "l-bfgs-b",
        "gradients of the last steps only, between bounds: for very many variables (memory= pairs, 10)",
        _l_bfgs_b,
        max_iterations=15_000,
        options=("memory",),
        bounds=True,
    ),
)
