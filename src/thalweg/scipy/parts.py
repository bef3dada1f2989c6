r"""Functions g: ℝⁿ → ℝᵐ whose derivatives come from the best source there is.

    exact        the function is traced
    given        it cannot be traced, and the caller has supplied ∂g/∂x
    differences  neither: (g(x + h eᵢ) − g(x − h eᵢ)) / 2h

A drop-in must go on working where a function calls a compiled library.  What is used is kept in `source`, and why in
`reason`, so that the result can say so.  A function may be traced at the start and turn out not to be further on, when
another branch is taken; the source is changed then.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §8.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg import calculus
from thalweg.optimize.given import differences
from thalweg.optimize.problem import Matrix, Vector

from .calls import reason_of

__all__ = ["Part", "dense"]

EPS = float(np.finfo(float).eps)


def dense(matrix: Any, shape: tuple[int, int]) -> Matrix:
    """A matrix that a user's function returned, as an array: it may be sparse, or a linear operator.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> dense(csr_array(np.eye(2)), (2, 2))
    array([[1., 0.],
           [0., 1.]])
    """
    if hasattr(matrix, "toarray"):
        matrix = matrix.toarray()
    elif hasattr(matrix, "matvec"):
        matrix = matrix @ np.eye(shape[1])
    array = np.asarray(matrix, dtype=np.float64)
    if array.size != shape[0] * shape[1]:
        raise ValueError(f"A derivative has the shape {array.shape}, and should have {shape}.")
    return array.reshape(shape)


class Part:
    """A function with its first and second derivatives.

    Parameters
    ----------
    g : callable
        ``x -> vector``, on floats and on traced values.
    jacobian : callable, optional
        ``x -> (m, n)``, for a function that cannot be traced.
    hessian : callable, optional
        ``(x, y) -> Σ yᵢ ∇²gᵢ``, likewise.
    lower, upper : array
        Differences stay within.
    name : str
        For messages.

    Examples
    --------
    >>> nowhere = np.full(2, np.inf)
    >>> part = Part(lambda x: np.reshape(x[0] * x[1], (1,)), None, None, -nowhere, nowhere, "f")
    >>> part.jacobian(np.array([2.0, 3.0])), part.source
    (array([[3., 2.]]), 'exact')
    """

    def __init__(
        self,
        g: Callable[[Any], Any],
        jacobian: Callable[[Vector], Any] | None,
        hessian: Callable[[Vector, Vector], Any] | None,
        lower: Vector,
        upper: Vector,
        name: str,
    ) -> None:
        self.g = g
        self.given_jacobian = jacobian
        self.given_hessian = hessian
        self.lower = lower
        self.upper = upper
        self.name = name
        self.source = "exact"
        self.reason = ""
        self.calls = 0
        self._traced = calculus.jacobian(g)
        self._curved = calculus.hessian(lambda x, y: y @ g(x))

    def value(self, x: Vector) -> Vector:
        """g(x)."""
        self.calls += 1
        return np.asarray(self.g(x), dtype=np.float64)

    def jacobian(self, x: Vector) -> Matrix:
        """∂g/∂x, (m, n)."""
        if self.source == "exact":
            try:
                return np.asarray(self._traced(x), dtype=np.float64)
            except Exception as error:
                self._cannot(error, x)
        if self.given_jacobian is not None:
            found = self.given_jacobian(x)
            rows = np.shape(found)[0] if np.ndim(found) == 2 else max(np.size(found) // x.size, 1)
            return dense(found, (int(rows), x.size))
        return differences(self.value, x, self.lower, self.upper)

    def hessian(self, x: Vector, y: Vector) -> Matrix:
        """Σ yᵢ ∇²gᵢ(x), (n, n)."""
        if self.source == "exact":
            try:
                return np.asarray(self._curved(x, y), dtype=np.float64)
            except Exception as error:
                self._cannot(error, x)
        if self.given_hessian is not None:
            return dense(self.given_hessian(x, y), (x.size, x.size))
        step = EPS ** (1 / 3) if self.given_jacobian is not None else EPS ** (1 / 4)
        return differences(lambda v: self.jacobian(v).T @ y, x, self.lower, self.upper, step)

    @property
    def curvature(self) -> bool:
        """Whether second derivatives are better than differences."""
        return self.source == "exact" or self.given_hessian is not None

    @property
    def note(self) -> str:
        """A sentence where derivatives are not exact; empty otherwise."""
        if self.source == "exact":
            return ""
        used = "the derivatives given were used" if self.source == "given" else "finite differences were used"
        return f"{self.name} cannot be differentiated, so {used}: {self.reason}"

    def probe(self, x: Vector) -> None:
        """Find out which source there is."""
        self.jacobian(x)

    def _cannot(self, error: Exception, x: Vector) -> None:
        """Note that the function cannot be traced; an error that it raises on plain numbers too is the user's."""
        self.value(x)
        self.source = "differences" if self.given_jacobian is None else "given"
        self.reason = reason_of(error)
