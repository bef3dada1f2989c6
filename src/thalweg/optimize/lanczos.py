r"""Lanczos' method: the extreme eigenvalues of a symmetric matrix that is known by its products.

In the orthonormal basis Q of span{q, Hq, H²q, …}, q random, H is a tridiagonal matrix T; its extreme eigenvalues θ, the
*Ritz values*, approach those of H, and quickly where these stand apart.  With T s = θ s, y = Q s and β the next entry
beside the diagonal,

    ‖H y − θ y‖ = β |last entry of s|,

so that some eigenvalue lies that near to θ.  And yᵀHy = θ for ‖y‖ = 1: a Ritz value that is negative proves negative
curvature, however rough it is.  That it is positive proves nothing, since the lowest eigenvalue may hide; but after k
products it is not further below the lowest Ritz value than the part ε of the width of the spectrum, unless with a
probability of at most 1.648 √n exp(−(2k − 1) √ε) over the choice of q (Kuczyński & Woźniakowski).

The basis is orthogonalized in full, twice.

References
----------
Kuczyński & Woźniakowski, *Estimating the largest eigenvalue by the power and Lanczos algorithms with a random start*,
SIAM J. Matrix Anal. 13 (1992).
Golub & Van Loan, *Matrix Computations* (4th ed.), §10.1–10.3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .problem import Matrix, Vector

__all__ = ["Lanczos"]

#: How probable it may be that an eigenvalue is overlooked.
CHANCE = 1e-6


class Lanczos:
    """The Krylov space of a random vector, one product after the other.

    Parameters
    ----------
    product : callable
        ``v -> H v``.
    n : int
        The number of variables.
    steps : int
        Products at most.
    onto : callable, optional
        The projection onto the space that `product` maps into itself.

    Attributes
    ----------
    finite : bool
        Whether all products were.

    Examples
    --------
    >>> h = np.linspace(-1.0, 5.0, 100)
    >>> found = Lanczos(lambda v: h * v, 100, 60)
    >>> while found.extend():
    ...     pass
    >>> values, residuals, _ = found.ritz()
    >>> np.round(values[[0, -1]], 9), bool(residuals[0] < 1e-6), found.products
    (array([-1.,  5.]), True, 60)
    """

    def __init__(
        self,
        product: Callable[[Vector], Vector],
        n: int,
        steps: int,
        onto: Callable[[Vector], Vector] | None = None,
    ) -> None:
        self.product = product
        self.steps = min(steps, n)
        q = np.random.default_rng(0).standard_normal(n)
        q = q if onto is None else onto(q)
        length = float(np.linalg.norm(q))
        self.finite = bool(np.isfinite(length)) and length > 0
        self.whole = False  # the space is invariant
        self.Q = np.empty((min(self.steps + 1, 17), n))
        if self.finite:
            self.Q[0] = q / length
        self.diagonal: list[float] = []
        self.off: list[float] = []

    @property
    def products(self) -> int:
        """How many were asked for."""
        return len(self.diagonal)

    def extend(self) -> bool:
        """Go one product further; False where that is all."""
        k = self.products
        if not self.finite or self.whole or k >= self.steps:
            return False
        w = self.product(self.Q[k])
        if not np.isfinite(w).all():
            self.finite = False
            return False
        self.diagonal.append(float(w @ self.Q[k]))
        for _ in range(2):
            w = w - (self.Q[: k + 1] @ w) @ self.Q[: k + 1]
        length = float(np.linalg.norm(w))
        self.off.append(length)
        if length <= 1e-10 * max(float(np.max(np.abs(self.diagonal))), 1e-300):
            self.off[-1], self.whole = 0.0, True
            return False
        if k + 1 >= len(self.Q):
            wider = np.empty((min(2 * len(self.Q), self.steps + 1), self.Q.shape[1]))
            wider[: k + 1] = self.Q[: k + 1]
            self.Q = wider
        self.Q[k + 1] = w / length
        return True

    def ritz(self) -> tuple[Vector, Vector, Matrix]:
        """Return the Ritz values in ascending order, their residuals, and the eigenvectors of T."""
        T = np.diag(self.diagonal) + np.diag(self.off[:-1], 1) + np.diag(self.off[:-1], -1)
        values, S = np.linalg.eigh(T)
        return values, self.off[-1] * np.abs(S[-1]), S

    def beyond(self, values: Vector) -> float:
        """Return how far beyond the extreme Ritz values an eigenvalue can be, but for a chance of `CHANCE`."""
        if self.whole:
            return 0.0
        part = (np.log(1.648 * np.sqrt(self.Q.shape[1]) / CHANCE) / (2 * self.products - 1)) ** 2
        return float(part / (1 - 2 * part) * (values[-1] - values[0])) if part < 0.5 else np.inf

    def vectors(self, S: Matrix) -> Matrix:
        """Return the vectors in the whole space, of unit length, as columns, for columns in that of T."""
        V = self.Q[: self.products].T @ S
        return np.asarray(V / np.linalg.norm(V, axis=0))
