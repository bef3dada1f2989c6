r"""What a point is in a large sparse problem: the same conditions, by factorization instead of eigenvalues.

The rules are those of `constrained`.  Variables at a bound are taken out; with A the gradients of the active rows over
the others, and W the Hessian of L there,

- the multipliers are those that a method found, or those of least squares, by a factorization of [I Aᵀ; A 0];
- Newton's step and the change of the multipliers come from a factorization of the Karush–Kuhn–Tucker matrix;
- the number of negative eigenvalues of W ± τD on the tangent space is read off factorizations too (`signature`), with τ
  above the measured error of W and of the factorization;
- the lowest and the highest eigenvalue are estimated by Lanczos' method, and one that is negative shows a way down.

Where constraints are active with multiplier zero, W > 0 on the larger space, where they do not count, is enough for a
minimum, and W with a negative eigenvalue on the smaller one, where they do, for a saddle point; the cone between is not
looked at.  Up to `sizes.ALL_DENSE` variables all this is left to `constrained`, with full matrices.

References
----------
Gould, Math. Prog. 32 (1985), as in `signature`; Golub & Van Loan, *Matrix Computations* (4th ed.), §10.1 (Lanczos).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .active import Active, active_at
from .certificate import Certificate, Travel
from .curvature import EPS, nearby
from .degenerate import Verdict, Way
from .kinks import verdict_on_kink
from .lanczos import Lanczos
from .patience import Check, time_left
from .problem import Matrix, Point, Vector
from .signature import Signature

__all__ = ["Looked", "densified", "look"]

#: Steps of Lanczos' method, to find a way out and for an estimate.
STEPS, QUICK = 60, 16


@dataclass(frozen=True, eq=False)
class Looked:
    """The verdict on a large problem, its multipliers and its certificate."""

    verdict: Verdict
    certificate: Certificate
    y: Vector
    z: Vector


def densified(point: Point) -> Point:
    """Return the same point of the same problem with full matrices.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> from thalweg.optimize.problem import Problem
    >>> bowl = Problem(2, lambda x: (x @ x, 2 * x), lambda x: csr_array(2 * np.eye(2)), sparse=True)
    >>> densified(bowl.at([1.0, 0.0])).hessian
    array([[2., 0.],
           [0., 2.]])
    """
    problem = point.problem
    hessian, lagrangian, first, constraints = (
        problem.f_hessian,
        problem.lagrangian,
        problem.first,
        problem.constraints,
    )

    def filled_first(x: Vector) -> tuple[float, Vector, Vector, Any]:
        assert first is not None
        value, gradient, c, J = first(x)
        return value, gradient, c, _full(J)

    if constraints is not None:
        c_and_jacobian, of_rows = constraints.c_and_jacobian, constraints.hessian

        def filled_rows(x: Vector) -> tuple[Vector, Matrix]:
            c, J = c_and_jacobian(x)
            return c, _full(J)

        constraints = replace(constraints, c_and_jacobian=filled_rows, hessian=lambda x, y: _full(of_rows(x, y)))
    full = replace(
        problem,
        sparse=False,
        f_hessian=None if hessian is None else lambda x: _full(hessian(x)),
        lagrangian=None if lagrangian is None else lambda x, factor, y: _full(lagrangian(x, factor, y)),
        first=None if first is None else filled_first,
        constraints=constraints,
    )
    there = Point(full, point.x, point.value, point.gradient, point.c, _full(point.J))
    if "hessian" in point.__dict__:
        there.__dict__["hessian"] = _full(point.hessian)
    return there


def _full(A: Any) -> Any:
    return A.toarray() if hasattr(A, "toarray") else A


@dataclass(eq=False)
class _System:
    """The Hessian of L over the free variables, with the active rows."""

    point: Point
    active: Active
    free: NDArray[np.intp]
    A: Any
    mu: Vector
    residual: Vector
    W: Any

    @property
    def y(self) -> Vector:
        y = np.zeros(self.point.problem.m)
        y[self.active.rows] = self.mu
        return y

    @property
    def z(self) -> Vector:
        z = np.zeros(self.point.problem.n)
        z[self.active.variables] = -self.residual[self.active.variables]
        return z

    @cached_property
    def onto(self) -> Signature | None:
        """The projection onto the tangent space of the active rows; None without any."""
        from scipy.sparse import eye_array

        if not self.A.shape[0]:
            return None
        found = Signature(eye_array(self.free.size, format="csr"), self.A, 1e-12)
        return found if found.negative(0.0) is not None else None

    @property
    def rank(self) -> int:
        """Number of independent gradients among the active rows, over the free variables."""
        m = int(self.A.shape[0])
        return m if self.onto is None else m - self.onto.dependent()

    @property
    def left(self) -> Vector:
        """What of the gradient no multiplier balances."""
        left = self.residual.copy()
        left[self.active.variables] = 0.0
        return left


def look(
    point: Point,
    y: Vector | None,
    z: Vector | None,
    tol: float,
    travel: Travel,
    sense: str | None,
    check: Check | None,
) -> Looked:
    """Say what a feasible point of a sparse problem is; the arguments are those of `classify_on`."""
    s = _system(point, _active(point, y, z, tol), y)
    if not np.isfinite(s.W.data).all():
        return _looked(s, Verdict("degenerate", "a second derivative is not finite here"))
    size = np.maximum(1.0, abs(s.W) @ np.abs(point.x) + np.abs(point.gradient))
    if np.any(np.abs(s.left) > tol * size):
        worst = float(np.max(np.abs(s.left)))
        slope = "the gradient is not zero: its largest component is"
        if s.active.size:
            slope = "no multipliers balance the gradient: ∇f + Σ λᵢ∇gᵢ has a component of"
        return _looked(s, Verdict("not stationary", f"{slope} {worst:.4g}"))
    if time_left(check) <= 0:
        return _looked(s, Verdict("degenerate", "there was no time to look at the curvature"))
    return _judged(s, tol, travel, sense, check)


def _active(point: Point, y: Vector | None, z: Vector | None, tol: float) -> Active:
    """What is within `tol` of its side, and what within √tol is held there by a multiplier that a method found."""
    near = active_at(point, tol)
    if y is None or z is None:
        return near
    wide = active_at(point, tol**0.5)
    mu = wide.collect(y, z)
    close = np.concatenate([np.isin(wide.rows, near.rows), np.isin(wide.variables, near.variables)])
    pulling = (wide.side * mu > tol) & (np.abs(mu * wide.offset) <= tol * max(1.0, abs(point.value)))
    return wide.only(close | pulling)


def _system(point: Point, active: Active, y: Vector | None) -> _System:
    problem = point.problem
    fixed = np.zeros(problem.n, dtype=bool)
    fixed[active.variables] = True
    free = np.flatnonzero(~fixed)
    J = point.J.tocsr() if problem.m else _no_rows(problem.n)
    A = J[active.rows][:, free]
    mu = np.zeros(active.rows.size) if y is None else np.asarray(y, dtype=np.float64)[active.rows]
    residual = point.gradient + J[active.rows].T @ mu
    rough = float(np.max(np.abs(residual[free]), initial=0.0))
    if active.rows.size and (y is None or rough > 1e-9 * max(1.0, float(np.max(np.abs(point.gradient))))):
        change = _least_squares(A, residual[free])
        if change is not None:
            better = residual + J[active.rows].T @ change
            if float(np.max(np.abs(better[free]), initial=0.0)) < rough:
                mu, residual = mu + change, better
    whole = np.zeros(problem.m)
    whole[active.rows] = mu
    W = problem.lagrangian_hessian(point.x, whole).tocsr()
    return _System(point, active, free, A, mu, residual, W)


def _no_rows(n: int) -> Any:
    from scipy.sparse import csr_array

    return csr_array((0, n))


def _least_squares(A: Any, residual: Vector) -> Vector | None:
    """The μ with the least |residual + Aᵀμ|."""
    from scipy.sparse import eye_array

    found = Signature(eye_array(A.shape[1], format="csr"), A)
    if found.negative(0.0) is None:
        return None
    solved = found.solve(-residual)
    return None if solved is None else solved[1]


def _judged(s: _System, tol: float, travel: Travel, sense: str | None, check: Check | None) -> Looked:
    point, active = s.point, s.active
    m = active.rows.size
    F = s.free
    everything = Signature(s.W[F][:, F], s.A)
    everything.negative(0.0)
    solved = everything.solve(-s.residual[F], -active.offset[:m])
    step, dmu = np.zeros(point.problem.n), np.zeros(m)
    step[active.variables] = -active.offset[m:]
    if solved is not None:
        step[F], dmu = solved[0], solved[1]
    error = _error(s, step, dmu)
    strong = _strong(s, step, dmu)
    fall = 0.5 * abs(float(s.left @ step)) + abs(float(s.mu @ active.offset[:m]))
    pull = active.side * np.concatenate([s.mu, s.z[active.variables]])
    right, wrong = int(np.sum(pull[strong] > 0)), int(np.sum(pull[strong] < 0))
    inner = everything if strong.all() else _without_weak(s, strong)
    verdict, tau = _verdict(s, everything, inner, error, right, wrong, sense, check)
    if solved is not None and travel.still_far(point.value, step, fall):
        move = float(np.max(np.abs(step)))
        verdict = Verdict("not stationary", f"by the curvature the stationary point is {move:.2g} away")
    sized = np.abs(pull)
    largest = max(float(np.max(sized, initial=0.0)), float(np.max(np.abs(point.gradient), initial=0.0)))
    sided = active.side != 0
    certificate = Certificate(
        stationarity=float(np.max(np.abs(s.left), initial=0.0)),
        feasibility=point.violation,
        eigenvalues=_eigenvalues(s, everything, verdict.kind, check),
        zero_below=tau,
        expected_error=float(np.max(np.abs(step))) if solved is not None else float("nan"),
        expected_decrease=fall if solved is not None else float("nan"),
        constraint_rank=s.rank + active.variables.size if point.problem.constrained else None,
        number_active=active.size if point.problem.constrained else None,
        complementarity=float(np.max(np.abs(pull * active.offset), initial=0.0)),
        multiplier_signs=_wrong_sign(pull, verdict.kind),
        strict_complementarity=float(np.min(np.where(strong, sized, 0.0)[sided])) / (largest or 1.0)
        if sided.any()
        else None,
    )
    return Looked(verdict, certificate, s.y, s.z)


def _looked(s: _System, verdict: Verdict) -> Looked:
    certificate = Certificate(float(np.max(np.abs(s.left), initial=0.0)), feasibility=s.point.violation)
    return Looked(verdict, certificate, s.y, s.z)


def _wrong_sign(pull: Vector, kind: str) -> float:
    low, high = float(np.max(-pull, initial=0.0)), float(np.max(pull, initial=0.0))
    return {"maximum": high, "saddle": min(low, high)}.get(kind, low) + 0.0


def _error(s: _System, step: Vector, dmu: Vector) -> Vector:
    """The size of the error of each entry of W, row by row summed, as seen from a second place."""
    problem, x = s.point.problem, s.point.x
    there = nearby(x, step)
    if problem.lower is not None and problem.upper is not None:
        there = np.clip(there, problem.lower, problem.upper)
    y = s.y
    y[s.active.rows] = s.mu * (1 + 16 * EPS) + 2 * dmu
    with np.errstate(all="ignore"):
        other = problem.lagrangian_hessian(there, y).tocsr()
    error = abs(other - s.W)
    error.data[~np.isfinite(error.data)] = 0.0
    return error


def _strong(s: _System, step: Vector, dmu: Vector) -> NDArray[np.bool_]:
    """Which active constraints have a multiplier that is not zero, beyond what Newton's step would change in it."""
    m = s.active.rows.size
    through = s.W @ step
    change = np.concatenate([dmu, -through[s.active.variables]])
    mu = np.concatenate([s.mu, s.z[s.active.variables]])
    forces = abs(s.W) @ np.abs(s.point.x) + np.abs(s.point.gradient)
    rounding = 100 * EPS * np.concatenate([np.full(m, np.max(forces, initial=0.0)), forces[s.active.variables]])
    return np.asarray((s.active.side == 0) | (np.abs(mu + change) > 2 * np.abs(change) + rounding))


def _without_weak(s: _System, strong: NDArray[np.bool_]) -> Signature:
    """The signature where constraints with multiplier zero are left out."""
    m = s.active.rows.size
    fixed = np.zeros(s.point.problem.n, dtype=bool)
    fixed[s.active.variables[strong[m:]]] = True
    F = np.flatnonzero(~fixed)
    J = s.point.J.tocsr() if s.point.problem.m else _no_rows(s.point.problem.n)
    return Signature(s.W[F][:, F], J[s.active.rows[strong[:m]]][:, F])


def _verdict(
    s: _System,
    everything: Signature,
    inner: Signature,
    error: Any,
    right: int,
    wrong: int,
    sense: str | None,
    check: Check | None,
) -> tuple[Verdict, float]:
    """Read the kind off the signs; also the τ beyond which they count."""
    point = s.point
    where = "the Hessian of L on the tangent space" if s.active.size else "the Hessian"
    if right and wrong:
        why = "some active constraints push f down and others up: it falls where one is left, and rises at another"
        return Verdict("saddle", why, _leave(s, -1), _leave(s, +1)), 0.0
    rough = _rough(s)
    if rough is not None:
        return rough, 0.0
    up = not wrong and (bool(right) or sense != "maximize")
    if inner.n <= inner.m and s.rank == inner.n:
        return Verdict("strict minimum" if up else "maximum", "the constraints leave no direction to move in"), 0.0
    scaled = _scaled_norm(error, everything, s.free)
    positive, tau = _beyond(inner, scaled, +1) if not wrong else (False, scaled)
    if positive:
        return Verdict("strict minimum", f"{where} is positive definite beyond its error"), tau
    negative = False
    if not right:
        negative, tau = _beyond(inner, scaled, -1)
    if negative:
        falling = _leave(s, -1) or _along(s, -1)
        return Verdict("maximum", f"{where} is negative definite beyond its error: a strict maximum", falling), tau
    low, tau = _somewhere(everything, scaled, -1)
    high = True if right else _somewhere(everything, scaled, +1)[0]
    falls, rises = low or wrong > 0, high or right > 0
    if falls and rises:
        falling = (_along(s, -1) if low else None) or _leave(s, -1)
        rising = (_along(s, +1) if not right else None) or _leave(s, +1)
        why = f"{where} has negative eigenvalues" + (
            ", and f rises where a constraint is left" if right else " and others"
        )
        return Verdict("saddle", why, falling, rising), tau
    if not wrong and not low and point.problem.convex:
        return Verdict(
            "minimum", f"{where} is singular, but the problem is convex: a minimum, perhaps one of many"
        ), tau
    return Verdict("degenerate", f"the lowest eigenvalue of {where} cannot be told from zero"), tau


def _scaled_norm(error: Any, at: Signature, free: NDArray[np.intp]) -> float:
    """A bound of the error of eigenvalues, in units of the factorization."""
    from scipy.sparse import diags_array

    S = diags_array(1 / at.d)
    E = S @ error[free][:, free] @ S
    return 2 * float(np.max(E.sum(axis=1), initial=0.0)) + 100 * EPS


def _beyond(at: Signature, tau: float, sign: int) -> tuple[bool, float]:
    """Whether sign · W > τ on the tangent space, for τ not below the error of the factorization."""
    size = at.n - min(at.m, at.n)
    for _ in range(4):
        found = at.negative(sign * tau)
        if found is not None and at.error <= tau:
            if sign < 0:
                return found >= size, tau
            return found <= 0, tau
        tau = max(10 * tau, min(10 * at.error, 1e-4))
        if tau > 1e-3:
            break
    return False, tau


def _somewhere(at: Signature, tau: float, sign: int) -> tuple[bool, float]:
    """Whether W has an eigenvalue of that sign, beyond τ, on the tangent space."""
    size = at.n - min(at.m, at.n)
    for _ in range(4):
        found = at.negative(sign * tau)
        if found is not None and at.error <= tau:
            return (found > 0) if sign < 0 else (found < size), tau
        tau = max(10 * tau, min(10 * at.error, 1e-4))
        if tau > 1e-3:
            break
    return False, tau


def _rough(s: _System) -> Verdict | None:
    """Look for kinks of L in a few directions."""
    problem, z = s.point.problem, s.z
    if problem.smooth or s.A.shape[0]:
        return None  # on constraints the directions would have to be tangent
    at = Point(problem, s.point.x, s.point.value + float(z @ s.point.x), s.left)
    size = abs(s.point.value) + float(np.abs(z) @ np.abs(s.point.x))
    first, f_and_gradient = problem.first, problem.f_and_gradient

    def L(x: Vector) -> float:
        value = first(x)[0] if first is not None else f_and_gradient(x)[0]
        return float(value) + float(z @ x)

    return verdict_on_kink(at, s.W, None, size, L)


def _leave(s: _System, sign: int) -> Way | None:
    """The way that leaves the constraint with the largest multiplier that lets f fall (−1) or rise (+1)."""
    m = s.active.rows.size
    pull = sign * s.active.side * np.concatenate([s.mu, s.z[s.active.variables]])
    if not np.any(pull > 0):
        return None
    place = int(np.argmax(pull))
    v = np.zeros(s.point.problem.n)
    rows = np.ones(m, dtype=bool)
    if place >= m:
        j = s.active.variables[place - m]
        v[j] = -s.active.side[place]
        off = -(s.point.J.tocsr()[s.active.rows] @ v) if m else np.zeros(0)
    else:
        off = np.zeros(m)
        off[place] = -s.active.side[place]
        rows[place] = False
    if m:
        from scipy.sparse.linalg import lsmr

        v[s.free] += lsmr(s.A, off, atol=1e-13, btol=1e-13, maxiter=2000)[0]
    length = float(np.linalg.norm(v))
    rate = float(s.point.gradient @ v) / length
    if sign * rate <= 0:
        return None
    return Way(v / length, rate, 1, None, s.active.rows[rows], False, _noise(s))


def _noise(s: _System) -> float:
    return 2 * float(np.sum(np.abs(s.mu * s.active.offset[: s.active.rows.size])))


def _along(s: _System, sign: int) -> Way | None:
    """The way along the lowest (−1) or highest (+1) curvature on the tangent space."""
    extreme = _extreme(s, sign, STEPS)
    if extreme is None or sign * extreme[0] <= 0:
        return None
    v = np.zeros(s.point.problem.n)
    v[s.free] = extreme[1]
    return Way(v, 0.5 * extreme[0], 2, None, s.active.rows, False, _noise(s))


def _eigenvalues(s: _System, at: Signature, kind: str, check: Check | None) -> Vector:
    """The lowest and the highest on the tangent space, where there is time."""
    if time_left(check) < 0.2:
        return np.zeros(0)
    high = _extreme(s, +1, QUICK)
    if kind == "strict minimum" and at.negative(0.0) is not None:
        inverse = _lanczos(at.rough, s.free.size, +1, QUICK)
        low = None if inverse is None or inverse[0] <= 0 else 1 / inverse[0]
    else:
        found = _extreme(s, -1, QUICK)
        low = None if found is None else found[0]
    return np.array([e for e in (low, None if high is None else high[0]) if e is not None])


def _extreme(s: _System, sign: int, steps: int) -> tuple[float, Vector] | None:
    """The lowest or highest eigenvalue of W on the tangent space, and its direction over the free variables."""
    F = s.free
    W = s.W[F][:, F]
    onto = s.onto
    if onto is None:
        return _lanczos(lambda v: W @ v, F.size, sign, steps)
    return _lanczos(lambda v: onto.rough(W @ v), F.size, sign, steps, onto.rough)


def _lanczos(
    product: Callable[[Vector], Vector],
    n: int,
    sign: int,
    steps: int,
    onto: Callable[[Vector], Vector] | None = None,
) -> tuple[float, Vector] | None:
    """Return the extreme Ritz value and its vector after some steps."""
    found = Lanczos(product, n, steps, onto)
    while found.extend():
        pass
    if not found.finite:
        return None
    values, _, S = found.ritz()
    place = 0 if sign < 0 else len(values) - 1
    return float(values[place]), found.vectors(S[:, [place]])[:, 0]
