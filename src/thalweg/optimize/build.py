r"""From a user's function to a `Problem`: the one place of this room that differentiates.

The function of a structure becomes a function of a flat vector,

    F(v) = f(unravel(v)),

and `thalweg.calculus` gives ∇F, ∇²F, ∇²F·v and the Taylor coefficients of t ↦ F(x + t v) exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from thalweg import calculus
from thalweg.errors import ArgumentError
from thalweg.tracing.captured import undisturbed

from .constrained import Equalities
from .problem import DENSE_LIMIT, Matrix, Problem, Vector
from .structure import Structure, structure_of

__all__ = ["equalities_from", "problem_from"]


def problem_from(f: Callable[..., Any] | Problem, x0: Any) -> tuple[Problem, Vector]:
    """Return the problem of f and the starting point as a vector.

    Parameters
    ----------
    f : callable or Problem
        A scalar function of one argument with the structure of `x0`.  A formula of several variables is called with
        them: by name if `x0` is a dict, in order if it is a sequence.  A `Problem` is taken as it is.
    x0 : number, array, or nested dict, tuple, list or dataclass of them
        The starting point.

    Examples
    --------
    >>> problem, start = problem_from(lambda p: p["a"] ** 2 + p["b"], {"a": 3.0, "b": 1.0})
    >>> problem.names, problem.at(start).gradient
    (('a', 'b'), array([6., 1.]))
    """
    if isinstance(f, Problem):
        start = np.atleast_1d(np.asarray(x0, dtype=np.float64))
        if start.shape != (f.n,):
            raise ArgumentError(f"The problem has {f.n} variables, but x0 has the shape {start.shape}.")
        return f, start
    if not callable(f):
        raise ArgumentError(f"f must be a function, not {f!r}; for a text, use thalweg.formula(text).")
    layout = _layout(f, x0)

    def flat(v: Any) -> Any:
        return _scalar(_call(f, layout.unravel(v)))

    second = calculus.hessian(flat)
    first = calculus.value_and_grad(flat)

    def line(x: Vector, v: Vector, order: int) -> Vector:
        coefficients = np.zeros(order + 1)
        found = np.asarray(calculus.taylor(lambda t: flat(x + t * v), 0.0, order).coefficients, dtype=np.float64)
        coefficients[: found.size] = found
        return coefficients

    def explain(x: Vector) -> str | None:
        if not np.all(np.isfinite(x)):
            return None  # no fault of the function
        found = calculus.diagnose(flat, x)
        return "; ".join(str(fault) for fault in found.faults) or None

    problem = Problem(
        n=layout.start.size,
        f_and_gradient=first,
        f_hessian=second,
        f_hessian_product=_product(flat) if layout.start.size > DENSE_LIMIT else None,
        f_line=line,
        unravel=layout.unravel,
        names=layout.names,
        explain=explain,
        undisturbed=undisturbed,
    )
    return problem, layout.start


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
    layout = _layout(functions[0], x0)
    shapes = [_shape(_value(g, layout.unravel(layout.start))) for g in functions]

    def flat(v: Any) -> Any:
        parts = [np.reshape(_value(g, layout.unravel(v)), (-1,)) for g in functions]
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


def _product(flat: Callable[[Any], Any]) -> Callable[[Vector, Vector], Vector]:
    product = calculus.hvp(flat)
    return lambda x, v: np.asarray(product(x, v))


def _layout(f: Callable[..., Any], x0: Any) -> Structure:
    """The structure of the starting point; the coordinates of a formula are named by its variables."""
    layout = structure_of(x0)
    variables = tuple(getattr(f, "variables", ()))
    if variables and not isinstance(x0, Mapping) and len(variables) == layout.start.size:
        return Structure(layout.start, layout.unravel, tuple(str(v) for v in variables))
    return layout


def _call(f: Callable[..., Any], x: Any) -> Any:
    """Call f; a formula of several variables with all of them."""
    variables = getattr(f, "variables", None)
    if variables is not None:
        if isinstance(x, Mapping):
            return f(**x)
        if len(variables) > 1 and _length(x) == len(variables):
            return f(*(x[i] for i in range(len(variables))))
    return f(x)


def _value(g: Callable[..., Any], x: Any) -> Any:
    value = _call(g, x)
    return (
        np.stack([np.asarray(v) if type(v) in (int, float) else v for v in value])
        if type(value) in (list, tuple)
        else value
    )


def _scalar(value: Any) -> Any:
    """The value as a scalar, or an error that says what was returned instead."""
    if isinstance(value, (list, tuple)):
        shape: tuple[int, ...] = (len(value),)
    elif value is not None:
        shape = _shape(value)
        if shape == ():
            return value
        if int(np.prod(shape)) == 1:
            return np.reshape(value, ())
    else:
        raise ArgumentError("The function to minimize must return a number, but it returned None; is a return missing?")
    raise ArgumentError(
        f"The function to minimize must return one number, but it returned an array of shape {shape}. Sum it up: "
        "np.sum(values), or np.sum(residuals**2) for least squares."
    )


def _shape(value: Any) -> tuple[int, ...]:
    shape = getattr(value, "shape", None)
    return tuple(shape) if shape is not None else np.shape(value)


def _length(x: Any) -> int:
    shape = getattr(x, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else 0
    return len(x) if isinstance(x, Sequence) else 0
