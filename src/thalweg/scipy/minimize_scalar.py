"""`scipy.optimize.minimize_scalar`, and exact: SciPy's search for the right valley, then Newton's method to its bottom.

Bracketing and Brent's method need no derivatives and find a minimum to half of the digits, since f is flat there.  From
that point the exact derivatives give the other half, a minimum at a bound is met exactly, and the point is classified.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

from thalweg import optimize
from thalweg.optimize.solution import Solution, Status

from .calls import as_tuple, named, number, reason_of
from .result import WORDS, Result

__all__ = ["minimize_scalar"]


def minimize_scalar(
    fun: Callable[..., Any],
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: str | Callable[..., Any] | None = None,
    tol: float | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Find a local minimum of a function of one variable, as `scipy.optimize.minimize_scalar`.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> number``, of a number x.
    bracket : sequence, optional
        Two or three points for methods 'brent' and 'golden'.
    bounds : pair, optional
        For method 'bounded'.
    args : tuple
        Further arguments.
    method : {'brent', 'bounded', 'golden'} or callable, optional
    tol : float, optional
    options : dict, optional

    Returns
    -------
    OptimizeResult
        With SciPy's fields; besides, where fun can be traced, `kind`, `certificate` and `solution`.

    Raises
    ------
    ValueError, TypeError
        As SciPy.

    Examples
    --------
    >>> result = minimize_scalar(lambda x: (x - 2) * x * (x + 2) ** 2)
    >>> round(float(result.x), 14), result.kind  # (1 + √17) / 4
    (1.28077640640442, 'strict minimum')
    """
    theirs: Any = scipy.optimize.minimize_scalar
    options = None if options is None else dict(options)
    found = theirs(fun, bracket=bracket, bounds=bounds, args=args, method=method, tol=tol, options=options)
    if callable(method) or not found.success or np.ndim(found.x) != 0:
        return found
    more = as_tuple(args)
    x, sides = float(found.x), None if bounds is None else (float(bounds[0]), float(bounds[1]))
    if sides is not None and sides[0] >= sides[1]:
        return found
    result = Result(**found)
    try:
        solution = optimize.minimize(lambda t: number(fun(t, *more)), x, bounds=sides)
    except Exception as error:  # whatever tracing met; the search has given an answer already
        words = " ".join(found.message.split())
        name = named(fun, "the function")
        result["message"] = f"{words} Notes: {name} cannot be differentiated: {reason_of(error)}."
        return result
    result["kind"], result["certificate"] = solution.kind, solution.certificate
    result["nfev"] = int(found.nfev) + solution.nfev
    if _belongs(solution, x, float(found.fun), options, tol):
        result["x"], result["fun"] = np.float64(solution.x), np.float64(solution.value)
        result["nit"] = int(found.nit) + solution.iterations
        result["message"] = f"{WORDS[Status.CONVERGED]} {solution.message}"
    return result.attach(solution)


def _belongs(solution: Solution, x: float, value: float, options: dict[str, Any] | None, tol: float | None) -> bool:
    """Whether it is the bottom of the valley that the search had found."""
    words = options or {}
    width = max([1e-4, *(float(w) for w in (tol, words.get("xatol"), words.get("xtol")) if w is not None)])
    near = abs(float(solution.x) - x) <= 10 * width * max(1.0, abs(x))
    return solution.success and near and solution.value <= value + 1e-12 * max(1.0, abs(value))
