"""In which form the second derivatives of a problem are at hand, which decides how a Newton method works with them.

    dense       the matrix ∇²f is formed and decomposed in full,
    sparse      it is formed as a `csr_array` and factorized,
    products    only ∇²f·v is computed.

A dense matrix of n variables costs about n products to form and n³/3 operations to factorize: nothing up to a few
hundred variables, too much beyond a thousand.
"""

from __future__ import annotations

from typing import Literal

from thalweg.errors import ArgumentError

from .problem import Problem
from .sizes import DENSE_LIMIT

__all__ = ["HessianForm", "hessian_form"]

HessianForm = Literal["dense", "sparse", "products"]


def hessian_form(problem: Problem, method: str = "newton") -> HessianForm:
    """Return the form in which a Newton method should take the Hessian of `problem`.

    Parameters
    ----------
    problem : Problem
        What is minimized.
    method : str
        The name of the method that asks, for the message of the error.

    Examples
    --------
    >>> hessian_form(Problem(2, lambda x: (x @ x, 2 * x), lambda x: x))
    'dense'
    >>> hessian_form(Problem(10_000, lambda x: (x @ x, 2 * x), f_hessian_product=lambda x, v: 2 * v))
    'products'
    """
    if problem.sparse and problem.f_hessian is not None:
        return "sparse"
    if problem.f_hessian_product is not None and (problem.n > DENSE_LIMIT or problem.f_hessian is None):
        return "products"
    if problem.f_hessian is None and problem.n > DENSE_LIMIT:
        raise ArgumentError(
            f"method={method!r} needs second derivatives, which this problem of {problem.n} variables does not have. "
            "Give the Hessian or its products, or use method='l-bfgs'."
        )
    return "dense"
