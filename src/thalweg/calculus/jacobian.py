"""Jacobians and Hessians: all derivatives at once, by a batch of forward or reverse products with unit vectors.

The Jacobian J = [∂fᵢ/∂xⱼ] has one column an input and one row an output. Forward mode gives J·v, a column for each unit
vector v; reverse mode gives wᵀ·J, a row for each w. The cheaper side is taken. The Hessian is the Jacobian of the
gradient, taken forward over reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.calculus.call import Assemble, Variables, Wrt, first
from thalweg.calculus.gradient import gradients
from thalweg.calculus.sparse import WithKnownPositions, sparse_hessian, sparse_jacobian
from thalweg.calculus.transformed import Transformed
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


def jacobian(
    f: Callable[..., Any], wrt: Wrt = 0, *, sparse: bool = False, native: bool | None = None
) -> Callable[..., Any]:
    """The Jacobian matrix of a vector-valued function: ∂fᵢ/∂xⱼ.

    Parameters
    ----------
    f : callable
        A function written with NumPy; it may return an array of any shape, or a nested structure of arrays.
    wrt : int, str or tuple of these, default 0
        The argument in which to differentiate.
    sparse : bool, default False
        Whether to return a sparse matrix. Which entries can be nonzero is found from the graph, and columns (or rows)
        that do not meet are computed together: a banded Jacobian costs as many products as its band is wide, whatever
        its size. Where the structure depends on integer arguments (positions), other integers are traced anew.
    native : bool, optional
        Whether hot calls become machine code. By default they do, unless the environment says ``THALWEG_NATIVE=0``.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns an array of shape *output shape + input shape*. For nested outputs or
        arguments, the outer nesting is that of the output, the inner that of the argument.

        If ``sparse``, one ``scipy.sparse.csr_array`` with a row for each element of the output and a column for each
        element of the argument, in C order. Several arrays in an output or argument stand one after the other, in the
        order in which they are nested (dicts by sorted key). Every entry that can be nonzero is stored, so the
        structure is the same at each call of one branch of the function.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> polar = lambda p: np.array([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])])
    >>> J = tw.jacobian(polar)(np.array([2.0, 0.0]))
    >>> J
    array([[1., 0.],
           [0., 2.]])
    >>> J = tw.jacobian(lambda x: x[1:] * x[:-1], sparse=True)(np.arange(5.0))
    >>> J.shape, J.nnz
    ((4, 5), 8)
    >>> J.toarray()[0]
    array([1., 0., 0., 0., 0.])
    """
    if sparse:
        return Transformed(WithKnownPositions(f) if callable(f) else f, wrt, sparse_jacobian, "jacobian", native)
    return Transformed(f, wrt, _jacobian, "jacobian", native)


def _jacobian(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    blocks = jacobian_blocks(traced.outputs, variables.nodes)
    width = len(variables.nodes)
    structure = traced.out_structure
    nest = variables.nesting()

    def assemble(values: Sequence[Any]) -> Any:
        nested = [nest(values[i : i + width]) for i in range(0, len(values), width)]
        return tree.unflatten(structure, nested)

    return [b for row in blocks for b in row], nest if structure is tree.LEAF else assemble


def hessian(
    f: Callable[..., Any], wrt: Wrt = 0, *, sparse: bool = False, native: bool | None = None
) -> Callable[..., Any]:
    """The Hessian matrix of a scalar function: ∂²f/∂xᵢ∂xⱼ, symmetric.

    Parameters
    ----------
    f, wrt, native
        As for `thalweg.grad`.
    sparse : bool, default False
        Whether to return a sparse matrix, found in a few products as for `thalweg.jacobian`; the symmetry is used.

    Returns
    -------
    callable
        Takes the arguments of ``f``; returns an array of shape *input shape + input shape*; for nested arguments, a
        nesting of nestings of such blocks. If ``sparse``, one ``scipy.sparse.csr_array`` with a row and a column for
        each element of the argument, all arrays of a nested one laid end to end.

    Examples
    --------
    >>> import numpy as np, thalweg as tw
    >>> tw.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    >>> H = tw.hessian(lambda x: np.sum((x[1:] - x[:-1] ** 2) ** 2), sparse=True)(np.ones(1000))
    >>> H.shape, H.nnz
    ((1000, 1000), 2998)
    """
    if sparse:
        return Transformed(WithKnownPositions(f) if callable(f) else f, wrt, sparse_hessian, "hessian", native)
    return Transformed(f, wrt, dense_hessian, "hessian", native)


def dense_hessian(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    """The rule of ``tw.hessian(f)``."""
    _, slopes = gradients(traced, variables, "hessian")
    by_column = [columns(slopes, x) for x in variables.nodes]
    k = len(variables.nodes)
    nest = variables.nesting()

    def assemble(values: Sequence[Any]) -> Any:
        return nest([nest([values[j * k + i] for j in range(k)]) for i in range(k)])

    return [b for column in by_column for b in column], nest if nest is first else assemble
