"""How the user's functions are called: as SciPy calls them, on floats and on traced values alike.

x is a vector of floats, a copy that the function may write to; further arguments come after it.  What comes back may be
a number, a list or an array of any shape.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.errors import ThalwegError
from thalweg.tracing.tracer import Tracer

__all__ = ["Failed", "as_tuple", "flat", "named", "number", "reason_of", "scalar_function", "vector_function"]

#: Where code stands that is not the user's.
LIBRARIES = tuple(str(Path(np.__file__).parent.parent / name) for name in ("numpy", "scipy", "numba"))
OURS = str(Path(__file__).parent.parent)


class Failed(Exception):
    """An error of the user's callback on its way out: it is no reason to look for other derivatives."""


def as_tuple(args: Any) -> tuple[Any, ...]:
    """Further arguments as SciPy takes them: a tuple, or one alone."""
    return args if isinstance(args, tuple) else (args,)


def number(value: Any) -> Any:
    """What an objective returned, as one number.

    Examples
    --------
    >>> number([3.0]), number(np.array([[2.0]]))
    (3.0, 2.0)
    """
    if isinstance(value, (list, tuple)):
        value = np.asarray(value)
    if type(value) is Tracer:
        return value if value.shape == () or value.size != 1 else np.reshape(value, ())
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError("The user-provided objective function must return a scalar value.")
    return float(array.reshape(()))


def flat(value: Any) -> Any:
    """What a vector-valued function returned, as a vector.

    Examples
    --------
    >>> flat([1, 2]), flat(3.0)
    (array([1., 2.]), array([3.]))
    """
    if type(value) is Tracer:
        return value if value.ndim == 1 else np.reshape(value, (-1,))
    array = np.asarray(value)
    if type(array) is Tracer:
        return array if array.ndim == 1 else np.reshape(array, (-1,))
    return np.asarray(array, dtype=np.float64).reshape(-1)


def _own(x: Any) -> Any:
    """A copy of x, which the function may write to."""
    return x if type(x) is Tracer else np.array(x, dtype=np.float64)


def scalar_function(fun: Callable[..., Any], args: tuple[Any, ...], pair: bool = False) -> Callable[[Any], Any]:
    """Return x ↦ fun(x, *args) as a number; with `pair` fun returns it together with a gradient."""

    def objective(x: Any) -> Any:
        value = fun(_own(x), *args)
        return number(value[0] if pair else value)

    return objective


def vector_function(
    fun: Callable[..., Any], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
) -> Callable[[Any], Any]:
    """Return x ↦ fun(x, *args, **kwargs) as a vector."""
    words = kwargs or {}

    def function(x: Any) -> Any:
        return flat(fun(_own(x), *args, **words))

    return function


def named(fun: Any, fallback: str) -> str:
    """The name of a function for messages."""
    name = str(getattr(fun, "__name__", ""))
    return fallback if name in ("", "<lambda>") else name


def reason_of(error: BaseException) -> str:
    """Why a function could not be traced, with the line of the user's code."""
    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ThalwegError):
        return words.rstrip(".")
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if Path(frame.filename).exists() and not frame.filename.startswith((*LIBRARIES, OURS)):
            place = f" ({Path(frame.filename).name}:{frame.lineno})"
    return f"{type(error).__name__}: {words.rstrip('.')}{place}"
