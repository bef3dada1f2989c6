"""Jacobians and Hessians: all derivatives at once, by a batch of forward or reverse products with unit vectors.

The Jacobian J = [∂fᵢ/∂xⱼ] has one column an input and one row an output. Forward mode gives J·v, a column for each unit
vector v; reverse mode gives wᵀ·J, a row for each w. The cheaper side is taken. The Hessian is the Jacobian of the
gradient, taken forward over reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.calculus.gradient import gradients
from thalweg.calculus.transformed import Transformed, Variables, Wrt
from thalweg.graph import FLOAT64, Node, constant, full, input_node, zeros_like
from thalweg.ops.elementwise import astype
from thalweg.ops.movement import reshape, transpose
from thalweg.tracing import tree
from thalweg.tracing.trace import Traced
from thalweg.transforms.batch import batched
from thalweg.transforms.forward import pushforward
from thalweg.transforms.reverse import sparse_pullback


def unit_vectors(x: Node) -> Node:
    """The unit vectors of the space of ``x``, stacked along a leading axis."""
    n = x.size
    return constant(np.eye(n, dtype=x.dtype).reshape((n, *x.shape)))


def columns(outputs: Sequence[Node], x: Node) -> list[Node]:
    """∂output/∂x for each output, in the shape output.shape + x.shape, by forward mode."""
    if x.size == 1:
        moved = pushforward(outputs, {x: full(x.shape, 1.0, x.dtype)})
        return [
            reshape(zeros_like(y) if t is None else t, (*y.shape, *x.shape))
            for y, t in zip(outputs, moved, strict=True)
        ]
    direction = input_node(x.shape, x.dtype)
    moved = pushforward(outputs, {x: direction})
    known = [t for t in moved if t is not None]
    stacked = iter(batched(known, {direction: unit_vectors(x)}, x.size))
    blocks = []
    for y, t in zip(outputs, moved, strict=True):
        if t is None:
            blocks.append(full((*y.shape, *x.shape), 0.0, y.dtype))
        else:
            first_last = (*range(1, y.ndim + 1), 0)
            blocks.append(reshape(transpose(next(stacked), first_last), (*y.shape, *x.shape)))
    return blocks


def rows(y: Node, inputs: Sequence[Node]) -> list[Node]:
    """∂y/∂x for each input, in the shape y.shape + x.shape, by reverse mode."""
    if y.size == 1:
        found = sparse_pullback([y], [full(y.shape, 1.0, y.dtype)], inputs)
        return [
            full((*y.shape, *x.shape), 0.0, x.dtype) if g is None else reshape(g, (*y.shape, *x.shape))
            for x, g in zip(inputs, found, strict=True)
        ]
    weight = input_node(y.shape, y.dtype)
    found = sparse_pullback([y], [weight], inputs)
    known = [g for g in found if g is not None]
    stacked = iter(batched(known, {weight: unit_vectors(y)}, y.size))
    return [
        full((*y.shape, *x.shape), 0.0, x.dtype) if g is None else reshape(next(stacked), (*y.shape, *x.shape))
        for x, g in zip(inputs, found, strict=True)
    ]


def jacobian_blocks(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[list[Node]]:
    """∂output/∂input, a row of blocks for each output, from the cheaper side."""
    outputs = [y if y.dtype.kind == "f" else astype(y, FLOAT64) for y in outputs]
    if sum(x.size for x in inputs) <= 2 * sum(
        y.size for y in outputs
    ):  # a forward product costs about half a reverse one
        by_input = [columns(outputs, x) for x in inputs]
        return [[by_input[j][i] for j in range(len(inputs))] for i in range(len(outputs))]
    return [rows(y, inputs) for y in outputs]


def jacobian(f: Callable[..., Any], wrt: Wrt = 0) -> Callable[..., Any]:
    """The Jacobian matrix of a vector-valued function: ∂fᵢ/∂xⱼ.

    Parameters
    ----------
    f : callable
        A function written with NumPy; it may return an array of any shape, or a nested structure of arrays.
    wrt : int, str or tuple of these, default 0
        The argument in which to differentiate.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns an array of shape *output shape + input shape*. For nested outputs or
        arguments, the outer nesting is that of the output, the inner that of the argument.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> polar = lambda p: np.array([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])])
    >>> J = tw.jacobian(polar)(np.array([2.0, 0.0]))
    >>> J
    array([[1., 0.],
           [0., 2.]])
    """

    def rule(traced: Traced, variables: Variables) -> tuple[list[Node], Callable[[list[Any]], Any]]:
        blocks = jacobian_blocks(traced.outputs, variables.nodes)
        width = len(variables.nodes)
        structure = traced.out_structure

        def assemble(values: list[Any]) -> Any:
            nested = [variables.nest(values[i : i + width]) for i in range(0, len(values), width)]
            return tree.unflatten(structure, nested)

        return [b for row in blocks for b in row], assemble

    return Transformed(f, wrt, rule, "jacobian")


def hessian(f: Callable[..., Any], wrt: Wrt = 0) -> Callable[..., Any]:
    """The Hessian matrix of a scalar function: ∂²f/∂xᵢ∂xⱼ, symmetric.

    Parameters
    ----------
    f, wrt
        As for `thalweg.grad`.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns an array of shape *input shape + input shape*; for nested arguments, a
        nesting of nestings of such blocks.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> tw.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """

    def rule(traced: Traced, variables: Variables) -> tuple[list[Node], Callable[[list[Any]], Any]]:
        _, slopes = gradients(traced, variables, "hessian")
        by_column = [columns(slopes, x) for x in variables.nodes]
        k = len(variables.nodes)

        def assemble(values: list[Any]) -> Any:
            return variables.nest([variables.nest([values[j * k + i] for j in range(k)]) for i in range(k)])

        return [b for column in by_column for b in column], assemble

    return Transformed(f, wrt, rule, "hessian")
