"""Calling the user's functions: one point, then the further arguments; a formula with all of its variables.

A call that does not fit the function's parameters fails before the function has begun.  Python then tells how many
arguments are missing; what is missing for the user is that x comes as one.  Errors from inside are left as they are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from thalweg.errors import ArgumentError

__all__ = ["call"]


def call(f: Callable[..., Any], x: Any, args: tuple[Any, ...] = ()) -> Any:
    """Return f(x, *args); a formula of several variables is called with all of them.

    Parameters
    ----------
    f : callable
        A function of one point, or a formula.
    x
        The point, in the structure of x0.
    args : tuple
        Further arguments.

    Examples
    --------
    >>> call(lambda x, a: a * x[0], [3.0], (2.0,))
    6.0
    >>> call(lambda x, y: x + y, [3.0, 1.0])
    Traceback (most recent call last):
        ...
    thalweg.errors.ArgumentError: The function <lambda>(x, y) cannot be called with 1 argument: missing a required \
argument: 'y'. All variables come as one vector, as in `f = lambda x: x[0]**2 + x[1]**2`; what is no variable is given \
by args=(...,).
    """
    variables = getattr(f, "variables", None)
    if variables is not None:
        if isinstance(x, Mapping):
            return f(**x)
        if len(variables) > 1 and _length(x) == len(variables):
            return f(*(x[i] for i in range(len(variables))))
    try:
        return f(x, *args)
    except TypeError as error:
        within = error.__traceback__ is not None and error.__traceback__.tb_next is not None
        misfit = "" if within else _misfit(f, (x, *args))
        if not misfit:
            raise
        raise ArgumentError(misfit) from None


def _misfit(f: Callable[..., Any], given: tuple[Any, ...]) -> str:
    """Why f cannot be called so, by its signature; empty where it can, or where that is not known."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*given)
    except TypeError as error:
        name = f"{getattr(f, '__name__', type(f).__name__)}({', '.join(signature.parameters)})"
        several = f"{len(given)} argument{'s' * (len(given) != 1)}"
        return (
            f"The function {name} cannot be called with {several}: {error}. All variables come as one vector, as in "
            "`f = lambda x: x[0]**2 + x[1]**2`; what is no variable is given by args=(...,)."
        )
    return ""


def _length(x: Any) -> int:
    shape = getattr(x, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else 0
    return len(x) if isinstance(x, Sequence) else 0
