"""`scipy.optimize.minimize` with exact derivatives: the same call, the same result, and what the point is.

A program that is written for SciPy is run as follows.  The objective and the constraints are traced, and so are exact;
``jac``, ``hess``, ``hessp`` and finite-difference options are not needed and not used.  Where tracing fails, they are
(`fallback`).  The method asked for is taken where there is one of its kind (`names`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.optimize
from scipy.optimize import Bounds

from thalweg import calculus, optimize
from thalweg.errors import ArgumentError
from thalweg.optimize.problem import Vector
from thalweg.optimize.solution import Solution, Status

from .calls import Failed, as_tuple, named, reason_of, scalar_function
from .conditions import Condition, conditions_from
from .fallback import Objective, Pieces, pieces
from .names import lookup, ours, warn_of_unknown
from .options import asked
from .result import Result, compose, summary
from .watching import Watch

__all__ = ["box_from", "descended", "minimize", "vector_start"]

#: A gradient by differences is not right to more digits than this.
DIFFERENCED = 1e-6


def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str | Callable[..., Any] | None = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Minimize a scalar function of one or more variables, as `scipy.optimize.minimize`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> number``, of a vector x; with ``jac=True`` it returns ``(number, gradient)``.
    x0 : array (n,)
        The starting point.
    args : tuple
        Further arguments of fun and its derivatives.
    method : str or callable, optional
        Any of SciPy's names.  It is run by the method of the same kind that there is here; the message says which.  By
        default the structure of the problem decides.  Thalweg's own names are taken too.  A callable is called as SciPy
        does, with an exact ``jac``.
    jac, hess, hessp : optional
        Not needed: derivatives are exact.  Used where fun cannot be traced.
    bounds : sequence of pairs or `scipy.optimize.Bounds`, optional
        Kept by every method.
    constraints : dict, constraint object or list of them
        SciPy's; kept by every method.
    tol : float, optional
        As the option ``gtol`` where the method has one.
    callback : callable, optional
        ``callback(xk)``, ``callback(intermediate_result)`` or, for trust-constr, ``callback(xk, state)``.
    options : dict, optional
        ``maxiter``, ``maxfev``, ``gtol``, ``disp``, ``return_all`` …; those without a meaning here are named in the
        message.

    Returns
    -------
    OptimizeResult
        With the fields that SciPy's method has, and besides `kind` (what the point is), `certificate`, `multipliers`
        and `solution`.

    Raises
    ------
    ValueError, TypeError, KeyError
        As SciPy.

    Examples
    --------
    >>> from scipy.optimize import rosen
    >>> result = minimize(rosen, [1.3, 0.7, 0.8, 1.9, 1.2], method="BFGS")
    >>> result.x, result.success, result.kind
    (array([1., 1., 1., 1., 1.]), True, 'strict minimum')

    The saddle of x² − y² + y⁴, where SciPy's methods end from here:

    >>> result = minimize(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4, [1.0, 0.0])
    >>> round(float(result.fun), 12)
    -0.25
    """
    start = vector_start(x0)
    args = as_tuple(args)
    options = dict(options or {})
    if callable(method):
        return _custom(fun, start, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options)
    conditions, notes = conditions_from(constraints, start.size)
    default = "slsqp" if conditions else "l-bfgs-b" if bounds is not None else "bfgs"
    name, theirs = lookup(default if method is None else str(method))
    implied = name.title.lower()
    warn_of_unknown(name, options, stacklevel=2)
    wanted = asked(options, implied, tol)
    lower, upper = box_from(bounds, start.size)
    objective = _objective(fun, args, jac, hess, hessp)
    if start.size and np.all(lower == upper):
        return _fixed(objective, conditions, lower)
    watch = Watch(callback, implied, wanted.evaluations, wanted.target, wanted.keep_all)
    box_given = bool(np.isfinite(lower).any() or np.isfinite(upper).any())
    chosen, note = str(method).lower(), ""
    if theirs:
        chosen, note = ours(None if method is None else name, box_given, bool(conditions))
    start = np.clip(start, lower, upper)
    solution, used = descended(objective, conditions, start, lower, upper, chosen, wanted.tol, wanted.iterations, watch)
    notes = [*([note] if note else []), *notes, *wanted.notes, *([] if used is None else used.notes)]
    calls = None if used is None else max(used.parts[0].calls, solution.nfev)
    result = compose(solution, name, watch, conditions, notes, calls, (lower, upper))
    if wanted.display:
        _show(result)
    return result


def descended(
    objective: Objective,
    conditions: list[Condition],
    start: Vector,
    lower: Vector,
    upper: Vector,
    method: str,
    tol: float,
    iterations: int | None,
    watch: Watch,
) -> tuple[Solution, Pieces | None]:
    """Run from the start, traced if that can be; else with the best derivatives there are, which are returned too."""
    settings: dict[str, Any] = {"method": method, "max_iterations": iterations, "callback": watch}
    try:
        solution = optimize.minimize(
            objective.value,
            start,
            subject_to=[condition.comparison for condition in conditions] or None,
            bounds=_bounds(lower, upper),
            tol=tol,
            **settings,
        )
        return _finished(solution, watch), None
    except Failed:
        assert watch.error is not None
        raise watch.error from None
    except ArgumentError:
        raise
    except Exception:  # of whatever kind: fun is called on plain numbers next, and raises it again if it is its own
        watch.again()
    found = pieces(objective, conditions, start, lower, upper)
    if found.differenced:
        tol = max(tol, DIFFERENCED)
    try:
        return _finished(optimize.minimize(found.problem, found.start, tol=tol, **settings), watch), found
    except Failed:
        assert watch.error is not None
        raise watch.error from None


def vector_start(x0: Any) -> Vector:
    """The starting point as a vector of floats."""
    array = np.atleast_1d(np.asarray(x0))
    if array.ndim != 1:
        raise ValueError("'x0' must only have one dimension.")
    if array.dtype.kind == "c":
        raise ValueError("'x0' must be real.")
    array = array.astype(np.float64)
    if not array.size:
        raise ValueError("'x0' has no elements: there is nothing to vary.")
    return array


def box_from(bounds: Any, n: int) -> tuple[Vector, Vector]:
    """Bounds in either of SciPy's forms, as two vectors."""
    if bounds is None:
        return np.full(n, -np.inf), np.full(n, np.inf)
    if isinstance(bounds, Bounds):
        low, high = np.asarray(bounds.lb, dtype=np.float64), np.asarray(bounds.ub, dtype=np.float64)
    else:
        sides = list(zip(*bounds, strict=True))
        if len(sides) != 2:
            raise ValueError("bounds must be a sequence of pairs (min, max), one for each element of `x0`.")
        low = np.array([-np.inf if side is None else float(np.asarray(side).item()) for side in sides[0]])
        high = np.array([np.inf if side is None else float(np.asarray(side).item()) for side in sides[1]])
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    if np.any(high < low):
        raise ValueError("An upper bound is less than the corresponding lower bound.")
    try:
        return np.broadcast_to(low, (n,)).copy(), np.broadcast_to(high, (n,)).copy()
    except ValueError:
        raise ValueError("The number of bounds is not compatible with the length of `x0`.") from None


def _bounds(lower: Vector, upper: Vector) -> Bounds | None:
    return Bounds(lower, upper) if np.isfinite(lower).any() or np.isfinite(upper).any() else None


def _objective(fun: Callable[..., Any], args: tuple[Any, ...], jac: Any, hess: Any, hessp: Any) -> Objective:
    if not callable(fun):
        raise TypeError(f"fun must be callable, not {fun!r}.")
    pair = jac is True or (not callable(jac) and not isinstance(jac, str) and bool(jac))
    gradient: Callable[[Vector], Any] | None = None
    if pair:
        gradient = _second_of_pair(fun, args)
    elif callable(jac):
        gradient = lambda x: jac(x.copy(), *args)  # noqa: E731
    return Objective(
        scalar_function(fun, args, pair),
        gradient,
        (lambda x: hess(x.copy(), *args)) if callable(hess) else None,
        (lambda x, v: hessp(x.copy(), v, *args)) if callable(hessp) else None,
        named(fun, "the function"),
    )


def _second_of_pair(fun: Callable[..., Any], args: tuple[Any, ...]) -> Callable[[Vector], Any]:
    return lambda x: fun(x.copy(), *args)[1]


def _finished(solution: Solution, watch: Watch) -> Solution:
    """The solution, unless the user pressed Ctrl-C: that ends a program that is written for SciPy."""
    if solution.status is Status.INTERRUPTED and not watch.stopped:
        raise KeyboardInterrupt
    return solution


def _fixed(objective: Objective, conditions: Sequence[Condition], x: Vector) -> Result:
    """There is nothing to vary."""
    worst = 0.0
    for condition in conditions:
        values = condition.g(x)
        low, high = condition.sides(values.size)
        worst = max(worst, float(np.max(np.maximum(low - values, values - high), initial=0.0)))
    message = "All independent variables were fixed by bounds."
    if conditions and worst:
        message = (
            "All independent variables were fixed by bounds, but the independent variables do not satisfy the "
            f"constraints exactly. (Maximum violation: {worst})."
        )
    elif conditions:
        message = "All independent variables were fixed by bounds at values that satisfy the constraints."
    result = Result(x=x.copy(), fun=np.float64(objective.value(x)), success=not worst, message=message, status=0)
    result.update(nfev=1, njev=0, nhev=0, nit=0)
    return result


def _custom(
    fun: Callable[..., Any],
    start: Vector,
    args: tuple[Any, ...],
    method: Callable[..., Any],
    jac: Any,
    hess: Any,
    hessp: Any,
    bounds: Any,
    constraints: Any,
    tol: float | None,
    callback: Callable[..., Any] | None,
    options: dict[str, Any],
) -> Any:
    """A method of the user's own: called as SciPy calls it, with an exact gradient where it would get none."""
    if not callable(jac) and jac is not True:
        gradient = calculus.grad(scalar_function(fun, args))
        try:
            gradient(start)
        except Exception as error:
            warnings.warn(
                f"{named(fun, 'the function')} cannot be differentiated, so the method gets no jac: {reason_of(error)}",
                RuntimeWarning,
                stacklevel=3,
            )
        else:
            jac = lambda x, *_: np.asarray(gradient(np.asarray(x, dtype=np.float64)))  # noqa: E731
    words = dict(jac=jac, hess=hess, hessp=hessp, bounds=bounds, constraints=constraints, callback=callback)
    theirs: Any = scipy.optimize.minimize
    return theirs(fun, start, args, method, tol=tol, options=options, **words)


def _show(result: Any) -> None:
    """What ``disp`` asks for: printed on success, warned of otherwise, as SciPy does."""
    text = summary(result)
    if result.success:
        print(text)
    else:
        warnings.warn(result.message, RuntimeWarning, stacklevel=3)
        print("\n".join(text.splitlines()[1:]))
