r"""What a point is on constraints g(x) = 0: the method of Lagrange multipliers, read backwards.

With L(x, λ) = f(x) + Σ λᵢ gᵢ(x), a feasible point is stationary on the constraints when

    ∇ₓL = ∇f + Jᵀλ = 0,     J = ∂g/∂x,

for some multipliers λ, which are found by least squares.  What kind of point it is depends on the curvature of L, not
of f, and only along the tangent space {v : J v = 0}: with Z a basis of it, the eigenvalues of

    Zᵀ (∇²f + Σ λᵢ ∇²gᵢ) Z

decide as those of the Hessian do without constraints.  For x² + y² on x + y = 1 at (½, ½): λ = −1, and the one
eigenvalue is 2, so it is a strict minimum.

The rank of J is decided after its rows have been brought to length one, so a repeated constraint is no obstacle: its
multipliers are not unique then, and those of least length are given.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), §12.5, theorems 12.5–12.6, and §16.2 (reduced Hessian).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .certificate import Certificate, Travel
from .classify import TOLERANCE, Classification
from .curvature import EPS, inertia, nearby
from .problem import Matrix, Point, Vector
from .scaling import equilibrate

__all__ = ["Equalities", "classify_on"]


@dataclass(frozen=True)
class Equalities:
    """Constraints g(x) = 0 over a flat vector.

    Parameters
    ----------
    g_and_jacobian : callable
        ``x -> (g, J)`` of shapes (m,) and (m, n).
    g_hessian : callable
        ``(x, λ) -> Σ λᵢ ∇²gᵢ(x)``.
    unravel : callable
        λ as a vector → in the structure of the user's constraints.
    """

    g_and_jacobian: Callable[[Vector], tuple[Vector, Matrix]]
    g_hessian: Callable[[Vector, Vector], Matrix]
    unravel: Callable[[Vector], Any] = lambda multipliers: multipliers


def classify_on(point: Point, equalities: Equalities, tol: float = TOLERANCE) -> Classification:
    """Say what a point is on the constraints.

    Examples
    --------
    >>> from thalweg.optimize.problem import Problem
    >>> f = Problem(2, lambda x: (x @ x, 2 * x), lambda x: 2 * np.eye(2))
    >>> line = Equalities(lambda x: (np.array([x[0] + x[1] - 1]), np.ones((1, 2))), lambda x, m: np.zeros((2, 2)))
    >>> c = classify_on(f.at([0.5, 0.5]), line)
    >>> c.kind, c.multipliers, c.eigenvalues
    ('strict minimum', array([-1.]), array([2.]))
    """
    x, n = point.x, point.problem.n
    with np.errstate(all="ignore"):
        g, J = equalities.g_and_jacobian(x)
    if not (point.finite and np.isfinite(g).all() and np.isfinite(J).all()):
        return _named("not stationary", "the function or a constraint is not finite here", point, point.gradient_norm)
    multipliers = _multipliers(point.gradient, J)
    residual = point.gradient + J.T @ multipliers
    W = _hessian_of_L(point.problem.hessian, equalities, x, multipliers)
    if not np.isfinite(W).all():
        return _named("degenerate", "a second derivative is not finite here", point, float(np.max(np.abs(residual))))
    d = equilibrate(W)
    rank, Z = _tangent_space(J / d)
    step = _newton_step(W, J, residual, g)
    fall = 0.5 * abs(float(residual @ step))
    error = np.abs(_hessian_of_L(point.problem.hessian, equalities, nearby(x, step), multipliers) - W)
    scaled, noise = W / np.outer(d, d), np.nan_to_num(error, posinf=0.0) / np.outer(d, d)
    values, zero_below, _ = inertia(
        Z.T @ scaled @ Z, np.abs(Z).T @ noise @ np.abs(Z) + n * EPS * np.max(np.abs(scaled))
    )
    plain_Z = _tangent_space(J)[1]
    shown = np.asarray(np.linalg.eigvalsh(plain_Z.T @ W @ plain_Z), dtype=np.float64)
    certificate = Certificate(
        stationarity=float(np.max(np.abs(residual))),
        feasibility=float(np.max(np.abs(g), initial=0.0)),
        eigenvalues=shown,
        zero_below=zero_below,
        condition=_condition(values),
        expected_error=float(np.max(np.abs(step))),
        expected_decrease=fall,
        constraint_rank=rank,
    )
    kind, why = _verdict(values, zero_below, shown, n, rank)
    if np.any(np.abs(g) > tol * np.maximum(1.0, np.abs(J) @ np.abs(x))):
        kind, why = "not stationary", f"the point is not on the constraints: g(x) = {_listed(g)}"
    elif np.any(np.abs(residual) > tol * np.maximum(1.0, np.abs(W) @ np.abs(x) + np.abs(point.gradient))):
        kind, why = (
            "not stationary",
            (f"no multipliers balance the gradient: ∇f + Σ λᵢ∇gᵢ has a component of {certificate.stationarity:.4g}"),
        )
    elif Travel(np.abs(x)).still_far(point.value, step, fall):
        kind, why = "not stationary", f"by the curvature the stationary point is {certificate.expected_error:.2g} away"
    return _named(kind, why, point, certificate.stationarity, certificate, equalities.unravel(multipliers))


def _multipliers(gradient: Vector, J: Matrix) -> Vector:
    """The least-squares solution of Jᵀλ = −∇f, with rows of J brought to length one for the decision on its rank."""
    lengths = np.linalg.norm(J, axis=1)
    lengths = np.where(lengths > 0, lengths, 1.0)
    solution = np.linalg.lstsq((J / lengths[:, None]).T, -gradient, rcond=1e-10)[0]
    return np.asarray(solution / lengths + 0.0)


def _hessian_of_L(
    hessian: Callable[[Vector], Matrix], equalities: Equalities, x: Vector, multipliers: Vector
) -> Matrix:
    with np.errstate(all="ignore"):
        G = np.asarray(equalities.g_hessian(x, multipliers), dtype=np.float64)
    return hessian(x) + 0.5 * (G + G.T)


def _tangent_space(J: Matrix) -> tuple[int, Matrix]:
    """Return the rank of J and an orthonormal basis of {v : J v = 0} as columns."""
    lengths = np.linalg.norm(J, axis=1)
    _, sizes, Vt = np.linalg.svd(J / np.where(lengths > 0, lengths, 1.0)[:, None])
    rank = int(np.sum(sizes > 1e-10))
    return rank, Vt[rank:].T


def _newton_step(W: Matrix, J: Matrix, residual: Vector, g: Vector) -> Vector:
    """The step of Newton's method on ∇L = 0, g = 0."""
    m, n = J.shape
    K = np.block([[W, J.T], [J, np.zeros((m, m))]])
    return np.asarray(np.linalg.lstsq(K, -np.concatenate([residual, g]), rcond=1e-12)[0][:n])


def _verdict(values: Vector, zero_below: float, shown: Vector, n: int, rank: int) -> tuple[str, str]:
    if rank == n:
        return (
            "strict minimum",
            "the constraints leave no direction to move in: the point is alone in its neighbourhood",
        )
    positive, negative = int(np.sum(values > zero_below)), int(np.sum(values < -zero_below))
    where = "the Hessian of L on the tangent space"
    if positive and negative:
        return "saddle", f"{where} has eigenvalues of both signs ({shown[0]:.4g} to {shown[-1]:.4g})"
    if positive + negative < len(values):
        return "degenerate", f"an eigenvalue of {where} cannot be told from zero"
    nearest = shown[np.argmin(np.abs(shown))]
    if positive:
        return "strict minimum", f"all eigenvalues of {where} are positive (nearest to zero: {nearest:.4g})"
    return "maximum", f"all eigenvalues of {where} are negative (nearest to zero: {nearest:.4g}): a strict maximum"


def _condition(values: Vector) -> float:
    sizes = np.abs(values)
    return float(np.max(sizes) / np.min(sizes)) if sizes.size and np.min(sizes) > 0 else float("inf")


def _listed(g: Vector) -> str:
    return ", ".join(f"{value:.4g}" for value in g[:5]) + (", …" if len(g) > 5 else "")


def _named(
    kind: str,
    why: str,
    point: Point,
    stationarity: float,
    certificate: Certificate | None = None,
    multipliers: Any = None,
) -> Classification:
    return Classification(
        kind,
        why,
        point.problem.unravel(point.x),
        point.value,
        stationarity,
        certificate or Certificate(stationarity),
        multipliers,
    )
