"""The answer: where the run ended, what is there, how far it can be trusted. Data only; the text is in `display`."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from .certificate import Certificate
from .classify import Classification
from .held import Held, held
from .history import History
from .problem import Evaluations, Matrix, Point, Vector
from .relations import Relations

if TYPE_CHECKING:
    from .built import Built
    from .sensitivity import Sensitivity

__all__ = ["Solution", "Status"]


class Status(StrEnum):
    """Why a run ended; each member carries a sentence.

    Examples
    --------
    >>> Status("converged") is Status.CONVERGED
    True
    >>> Status.TIME_LIMIT == "time_limit", Status.TIME_LIMIT.sentence
    (True, 'The time limit was reached before the gradient was small.')
    """

    sentence: str

    CONVERGED = "converged", "The gradient is zero to the requested accuracy."
    ITERATION_LIMIT = "iteration_limit", "The iteration limit was reached before the gradient was small."
    TIME_LIMIT = "time_limit", "The time limit was reached before the gradient was small."
    INFEASIBLE = "infeasible", "No point satisfies the constraints, as far as can be seen from here."
    UNBOUNDED = "unbounded", "The function has no bound on this side: there is no such point."
    STALLED = "stalled", "No further progress is possible, and the point found is not what was asked for."
    NOT_FINITE = "not_finite", "The function or its gradient is not finite where the run must go."
    INTERRUPTED = "interrupted", "The run was stopped before it was finished; this is the best point so far."

    def __new__(cls, value: str, sentence: str = "") -> Status:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member


@dataclass(frozen=True, eq=False)
class Solution:
    """The outcome of `minimize` or `maximize`.

    Attributes
    ----------
    x
        The point, in the structure of the starting point.
    value : float
        The function there.
    kind : str
        'strict minimum', 'minimum', 'maximum', 'saddle', 'degenerate' or 'not stationary'.
    status : Status
        Why the run ended; equal to its name, e.g. ``solution.status == "converged"``.
    message : str
        A sentence for the user: what happened and, where it did not converge, what to try.
    gradient
        ∇f in the structure of x.
    classification : Classification
        The kind of point with the numbers behind it.
    method, method_reason : str
        The method that ran, and why it was chosen.
    iterations : int
    evaluations : Evaluations
    time : float
        Seconds.
    history : History
        Every iteration, as arrays.
    names : tuple of str
        Names of the coordinates, in the order of `flat`, of `hessian` and of the eigenvectors.
    flat : array
        x as a vector.
    hessian : array or None
        ∇²f over the flat coordinates, of f alone also under constraints; None beyond 200 variables, in a sparse
        problem, or where it was not computed.
    sense : str
        'minimize' or 'maximize'.
    y, z : array
        Signed multipliers of the constraints' rows and of the variables' bounds: ∇f + Jᵀy + z = 0; positive (when
        minimizing) where an upper side is active.  `multipliers` has them as the constraints were written.
    c : array
        The rows of the constraints at x: left side minus right side, or the middle of a range.
    ray : array or None
        A direction along which the function is unbounded, where one was found; its largest component is ±1.
    minima : tuple of Solution
        All distinct ones that ``starts=N`` runs have found, the best first; empty for a single run.

    Notes
    -----
    `fun`, `success`, `nit`, `nfev`, `njev`, `nhev`, `jac` and `hess` are the names of `scipy.optimize.OptimizeResult`
    for the same.

    A solution can be copied and pickled.  The functions of the problem do not travel: after unpickling all numbers and
    texts are the same, but `sensitivity` and the map of `plot`, which evaluate them, raise an error.
    """

    x: Any
    value: float
    status: Status
    message: str
    gradient: Any
    classification: Classification
    method: str
    method_reason: str
    iterations: int
    evaluations: Evaluations
    time: float
    history: History
    names: tuple[str, ...]
    flat: Vector
    hessian: Matrix | None = None
    sense: str = "minimize"
    notes: tuple[str, ...] = field(default=())
    y: Vector = field(default_factory=lambda: np.zeros(0))
    z: Vector = field(default_factory=lambda: np.zeros(0))
    built: Built | None = field(default=None, repr=False)
    ray: Vector | None = None
    minima: tuple[Solution, ...] = field(default=(), repr=False)
    c: Vector = field(default_factory=lambda: np.zeros(0))

    @property
    def multipliers(self) -> Any:
        """λ, named and shaped like the constraints: L(x, λ) = f(x) + Σ λᵢ gᵢ(x).

        An equality a == b is read as g = a − b, and an inequality as g ≤ 0, whichever way it was written; so λ ≥ 0 for
        inequalities at a minimum, and λ ≤ 0 at a maximum.  None without constraints.
        """
        return self._of_relations(Relations.multipliers)

    @property
    def shadow_prices(self) -> Any:
        """By how much the optimal value changes when the right side of a constraint, as written, rises by one.

        The same meaning for every method and for minimize and maximize; nested as `multipliers`.
        """
        return self._of_relations(Relations.shadow_prices)

    @property
    def bound_multipliers(self) -> Any:
        """∂(optimal value)/∂(bound), with the sign turned: the multipliers of the argument `bounds`, shaped like x.

        Negative (when minimizing) where a lower bound is active, positive where an upper one is; None without bounds.
        """
        built = self.built
        if built is None or built.layout is None or (built.problem.lower is None and built.free is None):
            return None
        return built.layout.unravel(built.relations.left_over(self.over_all(self.z), *self.sides()))

    def _of_relations(self, read: Callable[..., Any]) -> Any:
        built = self.built
        if built is None or not built.relations.all:
            return None
        return read(built.relations, self.y, self.over_all(self.z), *self.sides())

    def over_all(self, z: Vector) -> Vector:
        """The multipliers of the free variables' bounds with those of the fixed variables."""
        built = self.built
        assert built is not None
        whole = built.spread(z)
        if built.free is not None and built.slope is not None:
            force = -built.slope(built.whole(self.flat), self.y)
            whole = np.where(np.isin(np.arange(whole.size), built.free), whole, force)
        return whole

    def sides(self) -> tuple[Vector | None, Vector | None]:
        """The bounds of all variables that held; None without any."""
        built = self.built
        assert built is not None
        lower, upper = built.problem.lower, built.problem.upper
        if built.free is not None:
            n = self.flat.size
            low, high = (np.full(n, -np.inf), np.full(n, np.inf)) if lower is None or upper is None else (lower, upper)
            return built.whole(low), built.whole(high)
        return (None, None) if lower is None or upper is None else (lower, upper)

    @property
    def constraints(self) -> tuple[Held, ...]:
        """Each constraint as it was written, with whether it is active, its multiplier and its shadow price."""
        return held(self)

    @property
    def infeasibility(self) -> float:
        """By how much the worst constraint or bound is violated at x; 0 without any."""
        if self.built is None:
            return self.certificate.feasibility
        return Point(self.built.problem, self.flat, self.value, self.flat, self.c).violation

    @property
    def success(self) -> bool:
        """True only for `converged`."""
        return self.status is Status.CONVERGED

    @property
    def kind(self) -> str:
        """What kind of point x is."""
        return self.classification.kind

    @property
    def certificate(self) -> Certificate:
        """The residuals and curvature that show it."""
        return self.classification.certificate

    @property
    def gradient_norm(self) -> float:
        """‖∇f‖∞."""
        return self.classification.gradient_norm

    @property
    def eigenvalues(self) -> Vector:
        """Eigenvalues of the Hessian, ascending; empty where it was not computed."""
        return self.certificate.eigenvalues

    @property
    def fun(self) -> float:
        """SciPy's name of `value`."""
        return self.value

    @property
    def jac(self) -> Any:
        """SciPy's name of `gradient`."""
        return self.gradient

    @property
    def hess(self) -> Matrix | None:
        """SciPy's name of `hessian`."""
        return self.hessian

    @property
    def nit(self) -> int:
        """SciPy's name of `iterations`."""
        return self.iterations

    @property
    def nfev(self) -> int:
        """SciPy's name of ``evaluations.value``."""
        return self.evaluations.value

    @property
    def njev(self) -> int:
        """SciPy's name of ``evaluations.gradient``."""
        return self.evaluations.gradient

    @property
    def nhev(self) -> int:
        """SciPy's name of ``evaluations.hessian``."""
        return self.evaluations.hessian

    def sensitivity(self, parameter: int | str = 0) -> Sensitivity:
        """How the optimum moves with one of the ``args``: dx*/dp, df*/dp and dλ*/dp, by implicit differentiation.

        Parameters
        ----------
        parameter : int or str
            Which of ``args``: its place, or the name that the function gives it.

        Returns
        -------
        Sensitivity
            With `x`, `value` and `multipliers`.

        Raises
        ------
        ArgumentError
            Where the optimum does not depend smoothly on it: a flat minimum, dependent constraints, or an active
            constraint with multiplier zero.

        Examples
        --------
        >>> import thalweg as tw
        >>> s = tw.minimize(lambda x, p: (x[0] - p) ** 2 + x[1] ** 2, [0.0, 0.0], args=(2.0,),
        ...                 subject_to=lambda x: x[0] + x[1] == 1)
        >>> d = s.sensitivity("p")
        >>> d.x.round(9), round(d.value, 9)
        (array([ 0.5, -0.5]), 1.0)
        """
        from .sensitivity import sensitivity_of

        return sensitivity_of(self, parameter)

    def to_dict(self) -> dict[str, Any]:
        """Return the solution as plain Python values (str, float, int, bool, list, dict, None).

        The keys are stable: ``sense, x, value, kind, why, status, success, message, gradient, gradient_norm,
        multipliers, shadow_prices, bound_multipliers, infeasibility, constraints [{text, place, sign, active,
        violation, multiplier, shadow_price}], ray, eigenvalues, certificate, method, method_reason, iterations,
        evaluations {value, gradient, hessian}, time, notes, minima [{x, value, kind}]``.  `x`, `gradient` and
        `bound_multipliers` keep the user's structure, and `multipliers` and `shadow_prices` that of the constraints,
        with lists for arrays; dataclasses become dicts.  What there is none of is None.
        """
        from .display import plain

        return {
            "sense": self.sense,
            "x": plain(self.x),
            "value": float(self.value),
            "kind": self.kind,
            "why": self.classification.why,
            "status": str(self.status),
            "success": self.success,
            "message": self.message,
            "gradient": plain(self.gradient),
            "gradient_norm": float(self.gradient_norm),
            "multipliers": plain(self.multipliers),
            "shadow_prices": plain(self.shadow_prices),
            "bound_multipliers": plain(self.bound_multipliers),
            "infeasibility": float(self.infeasibility),
            "constraints": [one.to_dict() for one in self.constraints],
            "ray": plain(self.ray),
            "eigenvalues": plain(np.asarray(self.eigenvalues)),
            "certificate": self.certificate.to_dict(),
            "method": self.method,
            "method_reason": self.method_reason,
            "iterations": self.iterations,
            "evaluations": plain(self.evaluations),
            "time": self.time,
            "notes": list(self.notes),
            "minima": [{"x": plain(one.x), "value": float(one.value), "kind": one.kind} for one in self.minima],
        }

    def plot(self, path: Any = None, ax: Any = None) -> Any:
        """Draw the run: how it converged, and for two variables the map of f with the path and the constraints.

        Parameters
        ----------
        path : str or path, optional
            A file to write: .png, .svg or .pdf.
        ax : matplotlib Axes, optional
            Where to draw; the map for two variables, else the convergence.  Without it, a new figure has both.

        Returns
        -------
        Figure
            Of matplotlib, which has to be installed: ``pip install thalweg[plot]``.
        """
        from .picture import picture

        return picture(self, path, ax)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the force on fixed variables, which is a function until then, goes along as numbers."""
        built = self.built
        if built is not None and built.slope is not None:
            from .built import Force

            force = Force(np.asarray(built.slope(built.whole(self.flat), self.y)))
            built = replace(built, slope=force)
        return self.__dict__ | {"built": built}

    def __copy__(self) -> Solution:
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Solution:
        """A copy of all numbers; the problem, which nobody writes to, and its functions are shared."""
        known = {item.name: getattr(self, item.name) for item in fields(self)}
        return Solution(**{k: v if k == "built" else deepcopy(v, memo) for k, v in known.items()})

    def __str__(self) -> str:
        from .display import solution_text

        return solution_text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .display import solution_html

        return solution_html(self)
