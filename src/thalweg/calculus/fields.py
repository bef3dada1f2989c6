"""Divergence, curl and Laplacian: the derivatives of vector analysis.

- div F = Σ ∂Fᵢ/∂xᵢ, the trace of the Jacobian;
- curl F = (∂F₃/∂x₂ − ∂F₂/∂x₃, ∂F₁/∂x₃ − ∂F₃/∂x₁, ∂F₂/∂x₁ − ∂F₁/∂x₂), in the plane ∂F₂/∂x₁ − ∂F₁/∂x₂;
- Δf = Σ ∂²f/∂xᵢ², twice the sum of the second Taylor coefficients along the axes (one batched expansion; the Hessian is
  not formed).

Each gives a function of the point, so they compose: div(grad f), curl(curl F); ``tw.batch`` evaluates them on a grid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from thalweg.calculus.call import Assemble, Variables, as_returned, first
from thalweg.calculus.jacobian import columns, unit_vectors
from thalweg.calculus.transformed import Transformed
from thalweg.errors import ArgumentError
from thalweg.graph import FLOAT64, Node, input_node, zeros_like
from thalweg.ops.elementwise import astype
from thalweg.ops.movement import normalize_basic, pack, reshape, slice_
from thalweg.ops.reduce import sum_
from thalweg.tracing import tree
from thalweg.tracing.trace import Traced
from thalweg.transforms.batch import batched
from thalweg.transforms.taylor import line_series


def divergence(F: Callable[..., Any]) -> Callable[..., Any]:
    """The divergence of a vector field: how much flows out of a point, div F = Σ ∂Fᵢ/∂xᵢ.

    Parameters
    ----------
    F : callable
        A function from vectors to vectors of the same size, written with NumPy; a list or tuple of its components will
        do. Further arguments are passed on.

    Returns
    -------
    callable
        Takes the arguments of ``F``; returns a number.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> float(tw.divergence(lambda x: x**2)(np.array([1.0, 2.0, 3.0])))
    12.0
    """

    return Transformed(F, 0, _divergence, "divergence")


def _divergence(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    x, y = _field(traced, variables, "divergence", None)
    n = x.size
    J = reshape(columns([y], x)[0], (n * n,))
    diagonal = slice_(J, normalize_basic((n * n,), [slice(None, None, n + 1)]))
    return [sum_(diagonal, (0,))], first


def curl(F: Callable[..., Any]) -> Callable[..., Any]:
    """The curl of a vector field: how it turns around a point.

    Parameters
    ----------
    F : callable
        A field R³ → R³, or R² → R² in the plane, written with NumPy; a list or tuple of its components will do. Further
        arguments are passed on.

    Returns
    -------
    callable
        Takes the arguments of ``F``; returns a vector of three components, for a plane field one number.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> tw.curl(lambda x: np.array([-x[1], x[0], x[0] * x[1]]))(np.array([1.0, 2.0, 3.0]))
    array([ 1., -2.,  2.])
    >>> float(tw.curl(lambda x: [-x[1], x[0]])(np.array([1.0, 2.0])))
    2.0
    """

    return Transformed(F, 0, _curl, "curl")


def _curl(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    x, y = _field(traced, variables, "curl", (2, 3))
    J = columns([y], x)[0]

    def entry(i: int, j: int) -> Node:
        return slice_(J, (i, j))

    if x.size == 2:
        return [entry(1, 0) - entry(0, 1)], first
    turning = [entry(2, 1) - entry(1, 2), entry(0, 2) - entry(2, 0), entry(1, 0) - entry(0, 1)]
    return [pack(turning)], first


def laplacian(f: Callable[..., Any]) -> Callable[..., Any]:
    """The Laplacian of a function: how far its value is below the mean around a point, Δf = Σ ∂²f/∂xᵢ².

    Parameters
    ----------
    f : callable
        A function of an array, written with NumPy. If it returns an array, each component has its Laplacian. Further
        arguments are passed on.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns the Laplacian in the first, in the shape of the value.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> float(tw.laplacian(lambda x: x @ x)(np.zeros(3)))
    6.0
    """

    return Transformed(f, 0, _laplacian, "laplacian")


def _laplacian(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    x = _one_array(variables, "laplacian")
    outputs = [y if y.dtype.kind == "f" else astype(y, FLOAT64) for y in traced.outputs]
    direction = input_node(x.shape, x.dtype)
    second = [terms[2] for terms in line_series(outputs, {x: direction}, 2)]
    known = [c for c in second if c is not None]
    stacked = iter(batched(known, {direction: unit_vectors(x)}, x.size))
    results = [zeros_like(y) if c is None else 2 * sum_(next(stacked), (0,)) for y, c in zip(outputs, second)]
    return results, as_returned(traced)


def _one_array(variables: Variables, name: str) -> Node:
    if variables.structures[0] is not tree.LEAF:
        raise ArgumentError(f"tw.{name} needs a function of one array, this argument is nested")
    return variables.nodes[0]


def _field(traced: Traced, variables: Variables, name: str, sizes: Sequence[int] | None) -> tuple[Node, Node]:
    """The argument and the value of a vector field Rⁿ → Rⁿ."""
    wanted = "a field R³ → R³ (or R² → R²)" if sizes else "a field Rⁿ → Rⁿ"
    x = _one_array(variables, name)
    outputs = [y if y.dtype.kind == "f" else astype(y, FLOAT64) for y in traced.outputs]
    if len(outputs) > 1 and all(y.shape == () for y in outputs):
        outputs = [pack(outputs)]
    shapes = ", ".join(str(y.shape) for y in outputs) or "nothing"
    if len(outputs) != 1 or outputs[0].shape != x.shape or x.ndim != 1 or (sizes and x.size not in sizes):
        raise ArgumentError(
            f"tw.{name} needs {wanted}, this function maps shape {x.shape} to {shapes}. Perhaps you meant tw.jacobian "
            "(all derivatives of a vector-valued function) or tw.grad (of one value)"
        )
    return x, outputs[0]
