r"""The signs of curvature: how many eigenvalues of a Hessian are positive, negative and zero, beyond its errors.

The kind of a stationary point rests on signs, and a sign is only worth something beside the error of the number.
With H known up to an error |ΔH| ≤ E (entry by entry), Weyl's inequality bounds the change of every eigenvalue by ‖E‖;
so

    λ > τ  is positive,   λ < −τ  is negative,   |λ| ≤ τ  is called zero,       τ = 2 ‖E‖ + 10 n ε max|λ|,

all after equilibration (`scaling`), which changes no sign (Sylvester) but makes the verdict independent of the units of
the variables; a permutation of the variables only permutes H.

E is measured, not assumed: the Hessian is computed a second time at x + 2s, s = −H⁺∇f, plus a few units in the last
place.  That covers two errors at once.  *Rounding*: noise such as 10⁻¹⁶ in place of 0 changes from place to place.
*Truncation*: x is not exactly the stationary point, but s away from it; at x = ε the Hessian 6ε of x³ is positive,
yet at the stationary point it is not, and H(x + 2s) shows this.  (This is the quantity in Kantorovich's theorem.)

References
----------
Golub & Van Loan, *Matrix Computations* (4th ed.), §8.1 (Weyl, Sylvester).
Nocedal & Wright, *Numerical Optimization* (2nd ed.), theorems 2.3–2.5; Ortega & Rheinboldt (1970), §12.6 (Kantorovich).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .clock import OutOfTime
from .lanczos import Lanczos
from .problem import Matrix, Point, Vector
from .scaling import equilibrate
from .sizes import DENSE_LIMIT, NEWTON_LIMIT

__all__ = ["Curvature", "curvature_at", "inertia"]

EPS = float(np.finfo(float).eps)
#: An eigenvalue that Lanczos' method finds below this part of the largest is called zero.
TAU = 2e-6
#: Products that a verdict may cost: up to `NEWTON_LIMIT` variables, beyond, and where the run has cost more.
MANY, SOME, MOST = 300, 150, 500
#: Numbers that the basis of Lanczos' method may hold.
MEMORY = 20_000_000


@dataclass(frozen=True, eq=False)
class Curvature:
    """Signs and directions of the curvature at a point.

    `eigenvalues` are those of the Hessian as the user would compute it; `scaled` those after equilibration, from
    which the signs are taken (`tolerance` is τ).  The columns of `directions` belong to `scaled`.  Where the Hessian
    was not formed, these are the extreme ones that so many `products` with it have shown, `complete` if they have
    settled.
    """

    eigenvalues: Vector
    scaled: Vector
    tolerance: float
    directions: Matrix
    newton_step: Vector
    expected_decrease: float
    complete: bool = True
    products: int = 0

    @property
    def positive(self) -> int:
        """Number of eigenvalues that are positive beyond their error."""
        return int(np.sum(self.scaled > self.tolerance))

    @property
    def negative(self) -> int:
        """Number of eigenvalues that are negative beyond their error."""
        return int(np.sum(self.scaled < -self.tolerance))

    @property
    def zero(self) -> int:
        """Number of eigenvalues that cannot be told from zero."""
        return len(self.scaled) - self.positive - self.negative

    @property
    def null(self) -> Matrix:
        """Directions of zero curvature, of unit length, as columns."""
        V = self.directions[:, np.abs(self.scaled) <= self.tolerance]
        return V / np.linalg.norm(V, axis=0)

    @property
    def condition(self) -> float:
        """Ratio of the largest to the smallest |eigenvalue| after equilibration."""
        size = np.abs(self.scaled)
        return float(np.max(size) / np.min(size)) if size.size and np.min(size) > 0 else float("inf")

    def extreme(self, sign: int) -> tuple[Vector, float]:
        """Direction of the most positive (+1) or most negative (−1) curvature, of unit length, and the curvature."""
        place = int(np.argmax(sign * self.scaled))
        v = self.directions[:, place]
        length = float(np.linalg.norm(v))
        return v / length, float(self.scaled[place]) / length**2


def inertia(H: Matrix, error: Matrix) -> tuple[Vector, float, Matrix]:
    """Return equilibrated eigenvalues, the size τ below which one is zero, and directions v with vᵀHv = eigenvalue.

    Examples
    --------
    A curvature of 10⁻¹² beside one of 1 is not zero: only the units differ.  One below its own error is.

    >>> import numpy as np
    >>> exact = np.zeros((2, 2))
    >>> values, tolerance, _ = inertia(np.diag([1.0, 1e-12]), exact)
    >>> bool(values[0] > tolerance)
    True
    >>> values, tolerance, _ = inertia(np.diag([1.0, 1e-16]), np.diag([0.0, 1e-16]))
    >>> bool(values[0] > tolerance)
    False
    """
    n = len(H)
    if n == 1:
        return _of_one(float(H[0, 0]), float(error[0, 0]))
    error = error + n * EPS * np.abs(H)
    d = equilibrate(H, 2 * error)
    units = d[:, None] * d
    values, Q = np.linalg.eigh(H / units)
    tolerance = 2 * float(np.linalg.norm(error / units)) + 10 * n * EPS * float(abs(values).max(initial=0.0))
    return values, tolerance, Q / d[:, None]


def _of_one(h: float, error: float) -> tuple[Vector, float, Matrix]:
    """The same for a single number."""
    error += EPS * abs(h)
    size = abs(h) if abs(h) > 2 * error else 1.0
    return np.array([h / size]), 2 * error / size + 10 * EPS * abs(h) / size, np.array([[size**-0.5]])


def curvature_at(point: Point, tol: float | None = None) -> Curvature | None:
    """Return the curvature at `point`, or None where the Hessian is not finite.

    With `tol`, only its size where that shows that the gradient is not zero (relatively, as for `classify_point`).
    """
    formed = "hessian" in point.__dict__  # by the method that came here
    return _dense(point) if formed or point.problem.n <= DENSE_LIMIT else _extreme(point, tol)


def newton_step(H: Matrix, gradient: Vector) -> tuple[Vector, float]:
    """Return −H⁺∇f and ½ |∇fᵀ H⁺ ∇f|: how far the stationary point of the model is, and how much lower."""
    d = equilibrate(H)
    values, Q = np.linalg.eigh(H / (d[:, None] * d))
    gamma = Q.T @ (gradient / d)
    usable = np.abs(values) > len(H) * EPS * np.max(np.abs(values), initial=0.0)
    z = np.zeros_like(gamma)
    z[usable] = -gamma[usable] / values[usable]
    return (Q @ z) / d, 0.5 * float(np.sum(gamma[usable] ** 2 / np.abs(values[usable])))


def nearby(x: Vector, step: Vector, probe: int = 0) -> Vector:
    """x + 2 step, kept close, and moved by a few units in the last place so that rounding differs."""
    reach = 0.1 * np.maximum(np.abs(x), 1.0)
    side = np.where((np.arange(x.size) >> (probe % 3)) % 2, -1.0, 1.0)
    return x + np.clip(2 * step, -reach, reach) + (4 + 3 * probe) * EPS * np.abs(x) * side * (-1) ** probe


def measured_error(point: Point, H: Matrix, step: Vector) -> Matrix:
    """Return the size of the error of each entry of H, as seen from a second place; from five where one is suspect."""
    problem, x = point.problem, point.x
    error = np.zeros_like(H)
    suspect = _suspect(point, H)
    for probe in range(5 if suspect else 1):
        there = nearby(x, step, probe)
        if not np.array_equal(there, x):
            error = np.maximum(error, np.abs(problem.hessian(there) - H))
    error *= 4 if suspect else 1
    if not problem.exact_hessian:
        error = error + EPS ** (1 / 2) * np.max(np.abs(H), initial=0.0)
    return np.where(np.isfinite(error), error, np.abs(H))


def _suspect(point: Point, H: Matrix) -> bool:
    """Whether a variable has so little curvature, beside the others and the value, that it may be rounding."""
    curvature = equilibrate(H) ** 2
    scale = max(float(np.max(curvature)), abs(point.value) / max(1.0, float(np.max(np.abs(point.x)))) ** 2)
    return bool(np.min(curvature) <= 1e-10 * scale)


def _dense(point: Point) -> Curvature | None:
    H = point.hessian
    if not np.isfinite(H).all():
        return None
    s, fall = newton_step(H, point.gradient)
    values, tolerance, V = inertia(H, measured_error(point, H, s))
    return Curvature(np.asarray(np.linalg.eigvalsh(H), dtype=np.float64), values, tolerance, V, s, fall)


def _extreme(point: Point, tol: float | None) -> Curvature | None:
    """The lowest and the highest eigenvalues by Lanczos' method, for a Hessian too large to form.

    It ends as soon as the signs are sure: a Ritz value that is negative beyond τ proves itself, one that is positive
    must have settled.  The error is measured where it matters, along the eigenvector whose eigenvalue is nearest to
    zero.  With `tol` it also ends, incomplete, where the gradient is seen not to be zero.
    """
    from scipy.sparse.linalg import LinearOperator, minres  # 0.2 s to import, and rarely needed

    problem, n = point.problem, point.problem.n

    def product(v: Vector) -> Vector:
        return problem.hessian_product(point.x, v.ravel())

    found = Lanczos(product, n, _products(point))
    reach, steep = float(np.linalg.norm(point.x)), point.gradient_norm
    settled, going, step, fall, error = False, True, np.zeros(n), 0.0, 0.0
    try:
        while going and not settled:
            going = found.extend()
            k = found.products
            if not k or (going and k % 8):
                continue
            values, residuals, S = found.ritz()
            size = float(np.max(np.abs(values)))
            if tol is not None and k >= 8 and steep > 4 * tol * max(1.0, size * reach):
                break  # not stationary: nobody asks further
            settled = found.whole or (k >= 24 and _sure(found, values, residuals, TAU * size))
        if found.finite and (settled or not going):
            H = LinearOperator((n, n), matvec=product, dtype=np.float64)
            step, _ = minres(H, -point.gradient, maxiter=50)
            fall = 0.5 * abs(float(point.gradient @ step))
            nearest = 0 if abs(values[0]) <= abs(values[-1]) else len(values) - 1
            v = found.vectors(S[:, [nearest]])[:, 0]
            there = problem.hessian_product(nearby(point.x, step), v)
            error = abs(float(v @ there) - values[nearest]) if np.isfinite(there).all() else abs(values[nearest])
    except OutOfTime:
        if found.products < 8:
            raise
    if not found.finite:
        return None
    values, _, S = found.ritz()
    ends = sorted({0, min(1, len(values) - 1), max(len(values) - 2, 0), len(values) - 1})
    size = float(np.max(np.abs(values))) or 1.0
    tolerance = max((TAU if problem.exact_hessian else 10 * TAU) * size, 2 * error)
    V = found.vectors(S[:, ends])
    return Curvature(values[ends], values[ends], tolerance, V, step, fall, settled, found.products)


def _products(point: Point) -> int:
    """How many products a verdict may cost: about as many as the run that led here has asked for gradients."""
    n = point.problem.n
    enough = MANY if n <= NEWTON_LIMIT else SOME
    return max(min(max(enough, point.problem.count.gradient), MOST, MEMORY // n), 20)


def _sure(found: Lanczos, values: Vector, residuals: Vector, tau: float) -> bool:
    """Whether the lowest and the highest Ritz value are near enough to eigenvalues for what their signs say."""
    low, high = float(values[0]), float(values[-1])
    if found.Q.shape[1] > NEWTON_LIMIT:  # the signs are enough, however rough the numbers
        if low < -tau and high > tau:
            return bool(residuals[0] <= 0.1 * -low and residuals[-1] <= 0.1 * high)
        if min(abs(low), abs(high)) - found.beyond(values) > tau:
            return True
    fine = 0.1 * tau
    return bool(residuals[0] <= max(fine, 1e-4 * abs(low)) and residuals[-1] <= max(fine, 1e-4 * abs(high)))
