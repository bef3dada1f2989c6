r"""What kind of point is it?  The second-order conditions, with the numbers behind the answer.

At a point where the gradient is zero, the eigenvalues λ of the Hessian decide:

    all λ > 0           strict minimum
    all λ < 0           maximum (a strict one)
    both signs          saddle
    some λ = 0          higher derivatives decide if they can (`degenerate`); if not, degenerate
    at a kink           derivatives are conventions, and values are looked at (`kinks`)

and where the gradient is not zero the point is *not stationary*.  "Zero" is always beside the measured error of the
number (`curvature`).  The kinds are the six words of :data:`KINDS`, nothing else.

On constraints g(x) = 0 the gradient to vanish is that of L(x, λ) = f(x) + Σ λᵢ gᵢ(x), and the curvature is that of L
along the tangent space of the constraints (`constrained`).

References
----------
Nocedal & Wright, *Numerical Optimization* (2nd ed.), theorems 2.2–2.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .certificate import Certificate, Travel
from .curvature import Curvature, curvature_at
from .degenerate import Verdict, Way, decide_by_higher_order
from .kinks import verdict_on_kink
from .large import densified, look
from .patience import Check
from .problem import Point, Vector
from .sizes import ALL_DENSE, DENSE_LIMIT

__all__ = ["KINDS", "Classification", "classify_point"]

#: All that a point can be.
KINDS = ("strict minimum", "minimum", "maximum", "saddle", "degenerate", "not stationary")

#: ‖∇f‖ up to this size, relative to what rounding x in the sixth digit would make of it, is zero.
TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Classification:
    """The kind of a point, why, and the numbers that show it.

    Attributes
    ----------
    kind : str
        One of 'strict minimum', 'minimum', 'maximum', 'saddle', 'degenerate', 'not stationary'.
    why : str
        The reason, a sentence.
    x, value, gradient_norm
        The point, the function there, and ‖∇f‖∞ (with constraints ‖∇ₓL‖∞).
    eigenvalues : array
        Of the Hessian, ascending (with constraints: of the Hessian of L on the tangent space).
    certificate : Certificate
        All residuals.
    multipliers
        λ in the structure of the constraints; None without constraints.
    falling, rising : Way or None
        Ways out of the point along which f falls and rises, where known.
    y, z : array or None
        Signed multipliers of all rows and of all bounds, ∇f + Jᵀy + z = 0, zero where not active; None without
        constraints.
    """

    kind: str
    why: str
    x: Any
    value: float
    gradient_norm: float
    certificate: Certificate
    multipliers: Any = None
    falling: Way | None = None
    rising: Way | None = None
    y: Vector | None = None
    z: Vector | None = None

    @property
    def eigenvalues(self) -> Any:
        """Eigenvalues of the Hessian that decide, ascending."""
        return self.certificate.eigenvalues

    @property
    def stationary(self) -> bool:
        """Whether the first-order condition holds."""
        return self.kind != "not stationary"

    def to_dict(self) -> dict[str, Any]:
        """Return the classification as plain Python values; the keys are those of the attributes."""
        from .display import plain

        return {
            "kind": self.kind,
            "why": self.why,
            "x": plain(self.x),
            "value": self.value,
            "gradient_norm": self.gradient_norm,
            "eigenvalues": plain(self.eigenvalues),
            "multipliers": plain(self.multipliers),
            "certificate": self.certificate.to_dict(),
        }

    def __str__(self) -> str:
        from .display import classification_text

        return classification_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .display import classification_html

        return classification_html(self)


def classify_point(
    point: Point, tol: float = TOLERANCE, travel: Travel | None = None, check: Check | None = None
) -> Classification:
    """Say what an evaluated point is, without constraints.

    Parameters
    ----------
    point : Point
        Where.
    tol : float
        How small the gradient must be: |∂ᵢf| ≤ tol · max(1, Σⱼ |Hᵢⱼ| |xⱼ|), so that x needs to be right to `tol` only.
    travel : Travel, optional
        What a run has seen on its way here, a measure for what is near.
    check : callable, optional
        Raises `engine.OutOfTime` when there is no time left; nothing that takes long is begun then, and `why` says so.

    Examples
    --------
    >>> import numpy as np
    >>> from thalweg.optimize.problem import Problem
    >>> pass_ = Problem(2, lambda x: (x[0]**2 - x[1]**2, np.array([2*x[0], -2*x[1]])), lambda x: np.diag([2.0, -2.0]))
    >>> classify_point(pass_.at([0.0, 0.0])).kind
    'saddle'
    >>> classify_point(pass_.at([0.0, 1.0])).kind
    'not stationary'
    """
    if not point.finite:
        return _result(point, Verdict("not stationary", "the value or the gradient is not finite here"), None)
    travel = travel or Travel(np.abs(point.x))
    if point.problem.sparse:
        return _sparse(point, tol, travel, check)
    c = curvature_at(point, tol)
    if c is None:
        if point.gradient_norm > tol:
            return _result(point, Verdict("not stationary", _slope_sentence(point)), None)
        return _result(point, Verdict("degenerate", "the gradient is zero, but the Hessian is not finite here"), None)
    if not _gradient_is_zero(point, c, tol):
        return _result(point, Verdict("not stationary", _slope_sentence(point)), c)
    if (rough := verdict_on_kink(point, point.__dict__.get("hessian"))) is not None:
        return _result(point, rough, c)
    if travel.still_far(point.value, c.newton_step, c.expected_decrease):
        move = float(np.max(np.abs(c.newton_step)))
        sentence = f"the gradient is small, but by the curvature the stationary point is {move:.2g} away"
        return _result(point, Verdict("not stationary", sentence), c)
    found = verdict(point, c, check)
    if found.kind == "degenerate" and point.problem.convex and c.zero:
        found = Verdict("minimum", f"{found.why}; but the problem is convex: a minimum, perhaps one of many")
    if found.kind == "strict minimum" and not c.zero and travel.moves(c.newton_step):
        sentence = "the function flattens out here: by the curvature its stationary point is "
        found = Verdict("degenerate", f"{sentence}{float(np.max(np.abs(c.newton_step))):.2g} away")
    return _result(point, found, c)


def _sparse(point: Point, tol: float, travel: Travel, check: Check | None) -> Classification:
    """The same where the Hessian is a sparse matrix."""
    if point.problem.n <= ALL_DENSE:
        return classify_point(densified(point), tol, travel, check)
    looked = look(point, None, None, tol, travel, None, check)
    result = _result(point, looked.verdict, None)
    return replace(result, certificate=replace(looked.certificate, constraint_rank=None, number_active=None))


def verdict(point: Point, c: Curvature, check: Check | None = None) -> Verdict:
    """Say what a stationary point is."""
    if c.positive and c.negative:
        down, up = c.extreme(-1), c.extreme(+1)
        why = f"the Hessian has eigenvalues of both signs ({c.eigenvalues[0]:.4g} to {c.eigenvalues[-1]:.4g})"
        return Verdict("saddle", why, Way(down[0], 0.5 * down[1], 2), Way(up[0], 0.5 * up[1], 2))
    if c.zero:
        if point.problem.n > DENSE_LIMIT or not c.complete:
            return Verdict("degenerate", "the lowest Hessian eigenvalue cannot be told from zero")
        return decide_by_higher_order(point, c, check)
    if not c.complete:
        why = "the extreme eigenvalues of the Hessian could not be found to enough digits"
        return Verdict("degenerate", f"{why}, by {c.products} products with it")
    if c.positive:
        return Verdict("strict minimum", _definite_sentence(c, "positive"), None, Way(c.extreme(1)[0], 1.0, 2))
    way = Way(c.extreme(-1)[0], 0.5 * c.extreme(-1)[1], 2)
    return Verdict("maximum", _definite_sentence(c, "negative") + ": a strict maximum", way)


def _gradient_is_zero(point: Point, c: Curvature, tol: float) -> bool:
    if point.problem.n > DENSE_LIMIT:
        scale = np.asarray(np.max(np.abs(c.eigenvalues)) * np.linalg.norm(point.x))
    else:
        with np.errstate(over="ignore"):
            scale = np.abs(point.hessian) @ np.abs(point.x)
    return bool(np.all(np.abs(point.gradient) <= tol * np.maximum(1.0, scale)))


def _slope_sentence(point: Point) -> str:
    return f"the gradient is not zero: its largest component is {point.gradient_norm:.4g}"


def _definite_sentence(c: Curvature, word: str) -> str:
    if len(c.eigenvalues) == 1:
        return f"the second derivative is {word} ({c.eigenvalues[0]:.4g})"
    nearest = c.eigenvalues[np.argmin(np.abs(c.eigenvalues))]
    how = f", by {c.products} products" if c.products else ""
    return f"all Hessian eigenvalues are {word} (nearest to zero: {nearest:.4g}{how})"


def _result(point: Point, v: Verdict, c: Curvature | None) -> Classification:
    certificate = (
        Certificate(point.gradient_norm)
        if c is None
        else Certificate(
            stationarity=point.gradient_norm,
            eigenvalues=c.eigenvalues,
            zero_below=c.tolerance,
            condition=c.condition,
            expected_error=float(np.max(np.abs(c.newton_step), initial=0.0)),
            expected_decrease=c.expected_decrease,
        )
    )
    return Classification(
        v.kind,
        v.why,
        point.problem.unravel(point.x),
        point.value,
        point.gradient_norm,
        certificate,
        None,
        v.falling,
        v.rising,
    )
