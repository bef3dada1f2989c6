r"""Quadratic models of an objective at a point, in each form in which second derivatives are at hand.

    q(s) = gᵀs + ½ sᵀBs,      B = ∇²f  (dense, sparse, or by its products)   or   B = JᵀJ  for ½‖r‖².

Each knows its products B s, units D for the variables, and how to minimize itself over a ball in some of the
variables, starting from some displacement: this is what `box_step` asks for.  For residuals the model r + J s is
minimized as it stands, without forming JᵀJ, which would lose half of the digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .box_step import QuadraticModel
from .composition import NoDirection, Path
from .dense_path import DensePath
from .hessian_form import hessian_form
from .krylov import KrylovPath
from .least_squares_path import LeastSquaresPath
from .newton_sparse import SparsePath, sparse_path, sparse_scales
from .problem import Matrix, Point, Vector
from .scaling import equilibrate
from .sparse_factor import ShiftedFactor

__all__ = ["DenseModel", "LeastSquaresModel", "ProductModel", "SparseModel", "newton_model"]


class DenseModel:
    """The model with a dense Hessian."""

    exploring = 0

    def __init__(self, H: Matrix, point: Point, d: Vector | None = None) -> None:
        if not np.isfinite(H).all():
            raise NoDirection("the Hessian is not finite")
        self.H, self.g, self.x = H, point.gradient, point.x
        self.d = equilibrate(H) if d is None else d

    def product(self, s: Vector) -> Vector:
        """Return H s."""
        return np.asarray(self.H @ s)

    def path(self, free: NDArray[np.intp] | None, s: Vector | None, gradient: Vector) -> Path:
        """Return the path in the free variables."""
        if free is None:
            return DensePath(self.H, gradient, self.d, float(np.linalg.norm(self.d * self.x)))
        d = self.d[free]
        return DensePath(self.H[free[:, None], free], gradient[free], d, float(np.linalg.norm(d * self.x[free])))


class SparseModel:
    """The model with a sparse Hessian, factorized."""

    exploring = 300

    def __init__(self, H: Any, point: Point, d: Vector | None = None, factor: ShiftedFactor | None = None) -> None:
        if not np.isfinite(H.data).all():
            raise NoDirection("the Hessian is not finite")
        self.spare = self.factor = factor
        self.H, self.g, self.x = H, point.gradient, point.x
        self.d = sparse_scales(H) if d is None else d

    def product(self, s: Vector) -> Vector:
        """Return H s."""
        return np.asarray(self.H @ s)

    def path(self, free: NDArray[np.intp] | None, s: Vector | None, gradient: Vector) -> Path:
        """Return the path in the free variables."""
        H, g, d, x = self.H, gradient, self.d, self.x
        if free is not None:
            H, g, d, x = H[free][:, free], g[free], d[free], x[free]
        known, self.spare = self.spare, None  # for one path only: a factorization holds one matrix at a time
        path = sparse_path(H, g, d, float(np.linalg.norm(d * x)), known)
        if isinstance(path, SparsePath):
            self.factor = path.factor
        return path


class ProductModel:
    """The model with a Hessian that is known by its products only."""

    exploring = 300

    def __init__(self, point: Point, d: Vector, accuracy: float, check: Callable[[], None]) -> None:
        self.point, self.g, self.d, self.accuracy, self.check = point, point.gradient, d, accuracy, check

    def product(self, s: Vector) -> Vector:
        """Return H s."""
        self.check()
        return self.point.problem.hessian_product(self.point.x, s)

    def path(self, free: NDArray[np.intp] | None, s: Vector | None, gradient: Vector) -> Path:
        """Return the path in the free variables."""
        x = self.point.x
        if free is None:
            return KrylovPath(self.product, gradient, self.d, self.accuracy, float(np.linalg.norm(self.d * x)))

        def product(v: Vector) -> Vector:
            whole = np.zeros(x.size)
            whole[free] = v
            return self.product(whole)[free]

        d = self.d[free]
        return KrylovPath(product, gradient[free], d, self.accuracy, float(np.linalg.norm(d * x[free])))


class LeastSquaresModel:
    """The model ½ ‖r + J s‖² of Gauss and Newton."""

    exploring = 0

    def __init__(self, r: Vector, J: Matrix, d: Vector, point: Point) -> None:
        self.r, self.J, self.d, self.g, self.x = r, J, d, point.gradient, point.x

    def product(self, s: Vector) -> Vector:
        """Return JᵀJ s."""
        return np.asarray(self.J.T @ (self.J @ s))

    def path(self, free: NDArray[np.intp] | None, s: Vector | None, gradient: Vector) -> Path:
        """Return the path in the free variables."""
        r = self.r if s is None else self.r + self.J @ s
        if free is None:
            return LeastSquaresPath(r, self.J, self.d, float(np.linalg.norm(self.d * self.x)))
        d = self.d[free]
        return LeastSquaresPath(r, self.J[:, free], d, float(np.linalg.norm(d * self.x[free])))


def newton_model(
    point: Point,
    accuracy: float = 0.1,
    method: str = "projected-newton",
    check: Callable[[], None] = lambda: None,
    d: Vector | None = None,
    factor: ShiftedFactor | None = None,
) -> QuadraticModel:
    """Return the exact quadratic model at `point`, in the form that suits the problem.

    Parameters
    ----------
    point : Point
        Where.
    accuracy : float
        How exactly the model is to be minimized where only products are at hand (relative norm of its gradient).
    method : str
        The name of the method that asks, for the message of an error.
    check : callable
        Called before each product; it may raise to end the run.
    d : array, optional
        Units for the variables; by default those in which the Hessian is equilibrated.
    factor : ShiftedFactor, optional
        That of a sparse matrix before, to be used again where the pattern is the same.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x @ x, 2 * x), lambda x: 2 * np.eye(2))
    >>> newton_model(bowl.at([1.0, 2.0])).product(np.array([1.0, 0.0]))
    array([2., 0.])
    """
    form = hessian_form(point.problem, method)
    if form == "sparse":
        return SparseModel(point.hessian, point, d, factor)
    if form == "products":
        return ProductModel(point, np.ones(point.x.size) if d is None else d, accuracy, check)
    return DenseModel(point.hessian, point, d)
