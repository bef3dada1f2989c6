"""How a handler enters the table."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from thalweg.tracing.tracer import FUNCTIONS, UFUNC_METHODS, UFUNCS, Tracer, call

Handler = Callable[..., Any]


def implements(*functions: Any) -> Callable[[Handler], Handler]:
    """Enter a handler for NumPy functions (those that dispatch by ``__array_function__``)."""

    def enter(handler: Handler) -> Handler:
        for f in functions:
            FUNCTIONS[f] = handler
        return handler

    return enter


def implements_ufunc(*ufuncs: np.ufunc) -> Callable[[Handler], Handler]:
    """Enter a handler for calls of ufuncs; it gets nodes."""

    def enter(handler: Handler) -> Handler:
        for u in ufuncs:
            UFUNCS[u] = handler
        return handler

    return enter


def implements_method(method: str, *names: str) -> Callable[[Handler], Handler]:
    """Enter a handler for ``ufunc.reduce``, ``.accumulate`` …; it gets the ufunc and the raw arguments."""

    def enter(handler: Handler) -> Handler:
        for name in names:
            UFUNC_METHODS[name, method] = handler
        return handler

    return enter


def array_methods(**methods: Any) -> None:
    """Give tracers array methods that are answered by the NumPy function of the same meaning."""
    for name, function in methods.items():
        setattr(Tracer, name, _method(function))


def _method(function: Any) -> Callable[..., Any]:
    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        return call(function, self, *args, **kwargs)

    return method


def normalize_axis(axis: Any, ndim: int) -> int:
    """A possibly negative axis as 0 ≤ axis < ndim; NumPy's error otherwise."""
    a = operator.index(axis)
    if not -ndim <= a < ndim:
        raise np.exceptions.AxisError(a, ndim)
    return a % ndim


def normalize_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """``None`` (all), an axis or a tuple of axes as a sorted tuple without repeats."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, tuple | list):
        axes = [normalize_axis(a, ndim) for a in axis]
        if len(set(axes)) != len(axes):
            raise ValueError("duplicate value in 'axis'")
        return tuple(sorted(axes))
    return (normalize_axis(axis, ndim),)
