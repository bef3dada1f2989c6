"""`scipy.optimize.root_scalar` with exact derivatives where Newton's and Halley's methods ask for them.

Bracketing methods need none, and are SciPy's own: they cannot fail on a sign change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import scipy.optimize

from thalweg import calculus

from .calls import as_tuple, number

__all__ = ["root_scalar"]


def root_scalar(
    f: Callable[..., Any],
    args: Any = (),
    method: str | None = None,
    bracket: Any = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: float | None = None,
    x1: float | None = None,
    xtol: float | None = None,
    rtol: float | None = None,
    maxiter: int | None = None,
    options: dict[str, Any] | None = None,
) -> Any:
    """Find a root of a function of one variable, as `scipy.optimize.root_scalar`.

    Parameters
    ----------
    f : callable
        ``f(x, *args) -> number``.
    args : tuple
        Further arguments.
    method : str, optional
        Any of SciPy's names.
    bracket : pair, optional
        Two points between which f changes its sign.
    fprime, fprime2 : callable or bool, optional
        Not needed: found exactly for 'newton' and 'halley'.
    x0, x1 : float, optional
        First guesses.
    xtol, rtol, maxiter, options
        As SciPy.

    Returns
    -------
    RootResults
        SciPy's.

    Examples
    --------
    >>> float(root_scalar(lambda x: x**3 - 1, x0=0.2, method="newton").root)
    1.0
    >>> float(root_scalar(lambda x: x**3 - 1, x0=0.2, method="halley").root)
    1.0
    """
    theirs: Any = scipy.optimize.root_scalar
    key = "" if method is None else str(method).lower()
    newton = key in ("newton", "halley") or (not key and bracket is None and x0 is not None and x1 is None)
    if newton and x0 is not None and not fprime:
        more = as_tuple(args)
        first = calculus.derivative(lambda t: number(f(t, *more)))
        second = calculus.derivative(lambda t: number(f(t, *more)), order=2)
        try:
            first(float(x0)), second(float(x0))
        except Exception:
            pass  # f cannot be traced: SciPy does without, as it always has
        else:
            fprime = lambda t, *_: float(first(float(t)))  # noqa: E731
            if key == "halley":
                fprime2 = fprime2 or (lambda t, *_: float(second(float(t))))
    return theirs(f, args, method, bracket, fprime, fprime2, x0, x1, xtol, rtol, maxiter, options)
