"""Constraints g(x) = 0 beside a problem that was stated without them, for `classify`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from thalweg import calculus
from thalweg.errors import ArgumentError

from .calling import call
from .constrained import Equalities
from .problem import Matrix, Vector
from .returned import shape_of
from .structure import layout_of

__all__ = ["equalities_from"]


def equalities_from(subject_to: Any, x0: Any) -> Equalities:
    """Return the constraints g(x) = 0 over the flat vector.

    Parameters
    ----------
    subject_to : callable, list of callables, or dict {"eq": ...} of them
        Each read as g(x) = 0; scalar or array.
    x0
        A point that shows the structure.
    """
    if isinstance(subject_to, Mapping):
        unknown = set(subject_to) - {"eq"}
        if unknown:
            raise ArgumentError(f"A point is classified on equalities, {{'eq': g}}; there is also {sorted(unknown)}.")
        inner = equalities_from(subject_to["eq"], x0)
        return Equalities(inner.g_and_jacobian, inner.g_hessian, lambda m: {"eq": inner.unravel(m)})
    several = isinstance(subject_to, Sequence)
    functions = list(subject_to) if several else [subject_to]
    if not functions or not all(callable(g) for g in functions):
        raise ArgumentError(
            f"subject_to must be a function g, read as g(x) = 0, or a list of such, not {subject_to!r}."
        )
    layout = layout_of(functions[0], x0)
    shapes = [shape_of(_vector(g, layout.unravel(layout.start))) for g in functions]

    def flat(v: Any) -> Any:
        parts = [np.reshape(_vector(g, layout.unravel(v)), (-1,)) for g in functions]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    jacobian = calculus.jacobian(flat)
    weighted = calculus.hessian(lambda v, multipliers: multipliers @ flat(v))

    def g_and_jacobian(x: Vector) -> tuple[Vector, Matrix]:
        return np.asarray(flat(x), dtype=np.float64), np.asarray(jacobian(x), dtype=np.float64)

    def unravel(multipliers: Vector) -> Any:
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = [
            float(multipliers[end - 1]) if shape == () else multipliers[end - int(np.prod(shape)) : end].reshape(shape)
            for end, shape in zip(ends, shapes)
        ]
        return parts if several else parts[0]

    return Equalities(g_and_jacobian, weighted, unravel)


def _vector(g: Callable[..., Any], x: Any) -> Any:
    value = call(g, x)
    return (
        np.stack([np.asarray(v) if type(v) in (int, float) else v for v in value])
        if type(value) in (list, tuple)
        else value
    )
