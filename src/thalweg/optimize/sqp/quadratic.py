r"""Quadratic programs: a minimum of ½ xᵀHx + gᵀx over linear constraints and bounds, dense and small.

    minimize ½ xᵀHx + gᵀx    subject to    lower ≤ A x ≤ upper,   xl ≤ x ≤ xu.

H need not be definite, not even positive: H = 0 is a linear program.  First the sides are guessed and corrected in
blocks (`pivoting`), with H as it is; that ends at once from a good guess.  Where it does not, the program is solved as
a sequence of strictly convex ones,

    x ← argmin  (g + H x_k)ᵀ(x − x_k) + ½ (x − x_k)ᵀ|H|(x − x_k)

over the same constraints, each by the dual method (`dual_steps`), where |H| ⪰ H is positive definite (`convexify`).
Each is an upper bound of the objective that touches it at x_k, so the values fall: for convex H this is the proximal
point method, which for linear and convex quadratic programs finds the right sides after finitely many steps.  As soon
as the sides are right, the basic solution with the true H is the exact answer.

A stationary point where the objective curves down along a free direction is left along it, to the next limit.
A direction along which the objective falls for ever and no limit comes is the ray of an unbounded program.

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), chapter 16.
Rockafellar, *Monotone operators and the proximal point algorithm*, SIAM J. Control Optim. 14 (1976).
Arnström, Bemporad & Axehill, *A dual active-set solver for embedded quadratic programming using recursive LDLᵀ
updates*, IEEE Trans. Autom. Control 67 (2022): proximal steps around a dual active-set method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.errors import ArgumentError

from ..problem import Matrix, Vector
from .convexify import convexified
from .dual_steps import dual_steps
from .pivoting import block_pivots
from .system import Basic, Sides, System

__all__ = ["QPSolution", "solve_qp"]

#: Smallest curvature of the convex models, as a fraction of the largest entry of H (or of g).
FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class QPSolution:
    """What a quadratic program came to.

    Attributes
    ----------
    x : array (n,)
        The solution; for an unbounded program a feasible point, for an infeasible one the last point tried.
    y, z : array
        Signed multipliers of the rows and of the bounds: H x + g + Aᵀy + z = 0; positive at an upper side.
    status : str
        'optimal' (a local minimum where H is not positive semidefinite), 'infeasible', 'unbounded', or 'limit'.
    value : float
        ½ xᵀHx + gᵀx.
    sides : array of int8 (n + m,)
        Which variables and rows are held at their upper (+1) or lower (−1) side: a start for a similar program.
    ray : array or None
        Where unbounded: a direction along which the objective falls for ever.
    iterations : int
        Convex programs solved; 0 where guessing the sides was enough.
    """

    x: Vector
    y: Vector
    z: Vector
    status: str
    value: float
    sides: Sides
    ray: Vector | None = None
    iterations: int = 0


def solve_qp(
    H: Any,
    g: Any,
    A: Any = None,
    lower: Any = None,
    upper: Any = None,
    xl: Any = None,
    xu: Any = None,
    x0: Any = None,
    sides: Sides | None = None,
    max_iterations: int = 200,
    check: Callable[[], None] = lambda: None,
) -> QPSolution:
    """Minimize ½ xᵀHx + gᵀx subject to lower ≤ A x ≤ upper and xl ≤ x ≤ xu.

    Parameters
    ----------
    H : array (n, n)
        Symmetric.
    g : array (n,)
        The linear part.
    A : array (m, n), optional
        Rows.
    lower, upper : array (m,), optional
        Sides of the rows, ∓∞ where there is none; equal for an equality.
    xl, xu : array (n,), optional
        Bounds of the variables.
    x0 : array (n,), optional
        Where to begin; it matters only where H is not positive definite.
    sides : array of int8 (n + m,), optional
        A guess of what is held, as in an earlier solution.
    max_iterations : int
        Limit of the convex programs.
    check : callable
        Called now and then; raises where the time is up.

    Returns
    -------
    QPSolution
        The solution with multipliers.

    Examples
    --------
    >>> qp = solve_qp(np.eye(2), [-1.0, -3.0], A=[[1.0, 1.0]], upper=[2.0], xl=[0.0, 0.0])
    >>> qp.status, qp.x, qp.y, qp.sides
    ('optimal', array([0., 2.]), array([1.]), array([0, 0, 1], dtype=int8))

    A linear program:

    >>> solve_qp(np.zeros((2, 2)), [-1.0, -2.0], A=[[1.0, 1.0]], upper=[4.0], xl=[0.0, 0.0], xu=[3.0, 3.0]).x
    array([1., 3.])
    """
    H, g, A, lo, hi = _checked(H, g, A, lower, upper, xl, xu)
    n, m = g.size, A.shape[0]
    system = System(n, m)
    if bool((lo > hi).any()):
        x = np.zeros(n)
        return QPSolution(x, np.zeros(m), np.zeros(n), "infeasible", 0.0, np.zeros(n + m, np.int8))
    if sides is None:
        sides = (lo == hi).astype(np.int8)
    system.load(H, A, g, lo, hi)
    found = block_pivots(system, sides)
    if found is not None:
        return _solution(H, g, found[0], found[1], 0)
    return _by_convex_programs(system, H, A, g, lo, hi, x0, sides, max_iterations, check)


def _checked(
    H: Any, g: Any, A: Any, lower: Any, upper: Any, xl: Any, xu: Any
) -> tuple[Matrix, Vector, Matrix, Any, Any]:
    g = np.asarray(g, dtype=np.float64)
    n = g.size
    H = np.asarray(H, dtype=np.float64)
    A = np.zeros((0, n)) if A is None else np.asarray(A, dtype=np.float64)
    if g.ndim != 1 or H.shape != (n, n) or A.ndim != 2 or A.shape[1] != n:
        raise ArgumentError(f"The shapes of a quadratic program do not fit: H {H.shape}, g {g.shape}, A {A.shape}.")
    m = A.shape[0]
    sides = []
    for name, side, size, default in (
        ("xl", xl, n, -np.inf),
        ("lower", lower, m, -np.inf),
        ("xu", xu, n, np.inf),
        ("upper", upper, m, np.inf),
    ):
        array = np.full(size, default) if side is None else np.asarray(side, dtype=np.float64)
        if array.shape != (size,):
            raise ArgumentError(f"{name} of a quadratic program must have the shape ({size},), not {array.shape}.")
        sides.append(array)
    lo, hi = np.concatenate(sides[:2]), np.concatenate(sides[2:])
    if not (np.isfinite(H).all() and np.isfinite(g).all() and np.isfinite(A).all()) or np.isnan([lo, hi]).any():
        raise ArgumentError("The data of a quadratic program must be finite numbers; only its sides may be infinite.")
    return 0.5 * (H + H.T), g, A, lo, hi


def _solution(H: Matrix, g: Vector, basic: Basic, sides: Sides, iterations: int, status: str = "optimal") -> QPSolution:
    x = basic.d.copy()
    value = float(g @ x + 0.5 * x @ H @ x)
    return QPSolution(x, basic.y.copy(), basic.dual[: g.size].copy(), status, value, sides, iterations=iterations)


def _by_convex_programs(
    system: System,
    H: Matrix,
    A: Matrix,
    g: Vector,
    lo: Vector,
    hi: Vector,
    x0: Any,
    sides: Sides,
    max_iterations: int,
    check: Callable[[], None],
) -> QPSolution:
    n, m = g.size, A.shape[0]
    x = np.clip(np.zeros(n) if x0 is None else np.asarray(x0, dtype=np.float64), lo[:n], hi[:n])
    size = float(np.abs(H).max(initial=0.0)) or float(np.abs(g).max(initial=0.0)) or 1.0
    model = convexified(H, FLOOR * size)
    cap = np.full(n + m, np.inf)
    result = QPSolution(x, np.zeros(m), np.zeros(n), "limit", float(g @ x + 0.5 * x @ H @ x), sides)
    feasible = False
    for iteration in range(1, max_iterations + 1):
        check()
        at = np.concatenate([x, A @ x])
        system.load(model, A, g + H @ x, lo - at, hi - at)
        found = dual_steps(system, sides, cap, check)
        if found is None or found.status == "limit":
            return result
        if found.status == "infeasible":
            return QPSolution(x, result.y, result.z, "infeasible", result.value, found.sides, iterations=iteration)
        sides, d = found.sides, found.basic.d
        if feasible or not np.abs(lo - at).min(initial=np.inf) == 0:
            ray = _ray(H, g + H @ x, A, lo, hi, d)
            if ray is not None:
                value = float(g @ x + 0.5 * x @ H @ x)
                return QPSolution(x, result.y, result.z, "unbounded", value, sides, ray, iteration)
        x = np.clip(x + d, lo[:n], hi[:n])
        feasible = True
        z, y = found.basic.dual[:n], found.basic.y
        result = QPSolution(x, y, z, "limit", float(g @ x + 0.5 * x @ H @ x), sides, iterations=iteration)
        system.load(H, A, g, lo, hi)
        exact = _exact(system, sides)
        if exact is not None:
            return _solution(H, g, exact, sides, iteration)
        error = float(np.abs(H @ x + g + A.T @ y + z).max(initial=0.0))
        if error <= 1e-10 * (float(np.abs(g).max(initial=0.0)) + float(np.abs(H @ x).max(initial=0.0)) + 1e-300):
            down = _downhill(H, A, g + H @ x, sides, n)
            if down is None:
                return QPSolution(x, y, z, "optimal", result.value, sides, iterations=iteration)
            reach = _reach(A, lo, hi, x, down)
            if reach == np.inf:
                return QPSolution(x, y, z, "unbounded", result.value, sides, down, iteration)
            x = np.clip(x + reach * down, lo[:n], hi[:n])
    return result


def _exact(system: System, sides: Sides) -> Basic | None:
    """The basic solution with the true H, if it is the answer."""
    found = block_pivots(system, sides)
    if found is None or not np.array_equal(found[1], sides):
        return None
    return found[0]


def _ray(H: Matrix, gradient: Vector, A: Matrix, lo: Vector, hi: Vector, d: Vector) -> Vector | None:
    """The direction of d, if the objective falls along it for ever and it meets no limit."""
    length = float(np.abs(d).max(initial=0.0))
    if length < 1e3:
        return None
    r = d / length
    r[np.abs(r) < 1e-9] = 0.0
    along = np.concatenate([r, A @ r])
    noise = 1e-9
    blocked = ((along > noise) & (hi < np.inf)) | ((along < -noise) & (lo > -np.inf))
    flat = float(np.abs(H @ r).max()) <= noise * max(1.0, float(np.abs(H).max())) or float(r @ H @ r) < 0
    falls = float(gradient @ r) < -1e-9 * float(np.abs(gradient).max(initial=0.0))
    return r if falls and flat and not blocked.any() else None


def _downhill(H: Matrix, A: Matrix, gradient: Vector, sides: Sides, n: int) -> Vector | None:
    """A direction of negative curvature along which everything held stays held, or None."""
    rows = np.concatenate([np.eye(n)[sides[:n] != 0], A[sides[n:] != 0]])
    if rows.shape[0]:
        _, sizes, Vt = np.linalg.svd(rows)
        Z = Vt[int(np.sum(sizes > 1e-10 * max(1.0, float(sizes[0])))) :].T
    else:
        Z = np.eye(n)
    if not Z.shape[1]:
        return None
    values, Q = np.linalg.eigh(Z.T @ H @ Z)
    if values[0] >= -1e-9 * max(float(np.abs(H).max()), 1e-300):
        return None
    v = Z @ Q[:, 0]
    lead = v[int(np.argmax(np.abs(v)))]
    slope = float(gradient @ v)
    return -v if slope > 0 or (slope == 0 and lead < 0) else v


def _reach(A: Matrix, lo: Vector, hi: Vector, x: Vector, v: Vector) -> float:
    """How far x can go along v before a limit comes."""
    at, along = np.concatenate([x, A @ x]), np.concatenate([v, A @ v])
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(along > 1e-14, (hi - at) / along, np.where(along < -1e-14, (lo - at) / along, np.inf))
    return float(max(np.min(room, initial=np.inf), 0.0))
