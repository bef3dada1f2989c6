"""Matrices in stacks: what the ops of linear algebra share.

A matrix stands in the last two axes; all axes before them are a stack, on which every op here works at once, as NumPy's
``linalg`` does. The rules in `solve`, `determinant`, `factorizations`, `spectral` and `expm` are written with these few
words: transpose, product, triangle, diagonal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thalweg.graph import Node, Op, Shape, describe_place, location, make, make_several
from thalweg.ops.contract import contract
from thalweg.ops.elementwise import astype
from thalweg.ops.movement import broadcast, reshape, slice_, transpose
from thalweg.ops.reduce import sum_

LinAlgError = np.linalg.LinAlgError


def linalg_error(message: str, where: Any = None) -> np.linalg.LinAlgError:
    """NumPy's ``LinAlgError``, ending with the user's line."""
    at = describe_place(location.where if where is None else where)
    return LinAlgError(f"{message}\n  at {at}" if at else message)


def blamed(node: Node) -> Callable[..., Any]:
    """The kernel of an op that may fail on the numbers it meets (a singular matrix, say): the error names the line."""
    evaluate, params, where = node.op.evaluate, node.params, node.where

    def run(*arrays: Any) -> Any:
        try:
            return evaluate(*arrays, *params)
        except LinAlgError as error:
            raise linalg_error(str(error), where) from None

    return run


def check_matrix(x: Node) -> None:
    if x.ndim < 2:
        raise linalg_error(f"{x.ndim}-dimensional array given. Array must be at least two-dimensional")


def check_square(x: Node) -> None:
    check_matrix(x)
    if x.shape[-1] != x.shape[-2]:
        raise linalg_error(f"Last 2 dimensions of the array must be square, not {x.shape[-2]}×{x.shape[-1]}")


def matrix_op(
    name: str,
    infer: Callable[..., Any],
    evaluate: Callable[..., Any],
    *,
    several: bool = False,
    stacked: int | None = None,
    **rules: Any,
) -> Op:
    """Enter an op that works on stacks of matrices anyway: to batch it, its arguments get the new axis.

    Only the first ``stacked`` arguments are passed on, if that is given: the rest is known of single matrices alone.
    """
    op = Op(name, infer, evaluate, family="linalg", kernel=blamed, **rules)

    def batch(args: tuple[Node, ...], batched: tuple[bool, ...], size: int, *params: Any) -> Node:
        given = [a if b else broadcast(a, (size, *a.shape)) for a, b in zip(args, batched, strict=True)][:stacked]
        return make_several(op, tuple(given), params) if several else make(op, tuple(given), params)

    if op.batch is None:
        op.batch = batch
    return op


def lapack(name: str, dtype: np.dtype[Any]) -> Callable[..., Any]:
    """A routine of LAPACK in the precision of ``dtype``. SciPy is loaded when the first one is called."""
    from scipy.linalg import lapack as routines

    return getattr(routines, ("s" if dtype.itemsize == 4 else "d") + name)


def each(f: Callable[..., Any], shape: Shape, dtype: np.dtype[Any], *stacks: Any) -> Any:
    """``f`` of the matrices of the stacks, one at a time, put together to an array of ``shape``."""
    out = np.empty(shape, dtype)
    for i in np.ndindex(shape[:-2]):
        out[i] = f(*(s[i] for s in stacks))
    return out


# --- words ------------------------------------------------------------------------------------------------------------


def mT(x: Node) -> Node:
    """The transpose of each matrix."""
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def product(*factors: Node) -> Node:
    """The matrix product of stacks of one shape."""
    y = factors[0]
    for x in factors[1:]:
        n = y.ndim
        stack = tuple(range(n - 2))
        y = contract(y, x, (*stack, n - 2, n - 1), (*stack, n - 1, n), (*stack, n - 2, n))
    return y


def inner(a: Node, b: Node) -> Node:
    """⟨A, B⟩ = Σ aᵢⱼ bᵢⱼ of each pair of matrices."""
    labels = tuple(range(a.ndim))
    return contract(a, b, labels, labels, labels[:-2])


def spread(d: Node, shape: Shape, columns: bool) -> Node:
    """A vector as the factor of each column (or row) of matrices of ``shape``."""
    return broadcast(reshape(d, (*d.shape[:-1], 1, d.shape[-1]) if columns else (*d.shape, 1)), shape)


def _diagonal_index(shape: Shape) -> tuple[Any, ...]:
    """The main diagonal of an m×n matrix in the row-major vector of its elements."""
    *stack, m, n = shape
    k = min(m, n)
    return (*((0, s, 1) for s in stack), (0, k * (n + 1), n + 1) if k else (0, 0, 1))


def diagonal(x: Node) -> Node:
    """The main diagonal of each matrix."""
    return slice_(reshape(x, (*x.shape[:-2], x.shape[-2] * x.shape[-1])), _diagonal_index(x.shape))


def trace(x: Node) -> Node:
    return sum_(diagonal(x), (x.ndim - 2,))


def _evaluate_triangle(x: Any, lower: bool, weight: float) -> Any:
    y = np.tril(x) if lower else np.triu(x)
    if weight != 1:
        i = np.arange(min(x.shape[-2:]))
        y[..., i, i] *= y.dtype.type(weight)
    return y


TRIANGLE = matrix_op(
    "triangle",
    lambda x, lower, weight: (x.shape, x.dtype),
    _evaluate_triangle,
    linear=(0,),
    transpose=lambda g, k, args, lower, weight: triangle(g, lower, weight),
    note="one triangle, with the diagonal times a weight; its own transpose",
)


def triangle(x: Node, lower: bool = True, weight: float = 1.0) -> Node:
    """The lower (upper) triangle of each matrix, zeros elsewhere, with ``weight`` times its diagonal."""
    return make(TRIANGLE, (x,), (lower, float(weight)))


def mirror(x: Node, lower: bool = True) -> Node:
    """The symmetric matrix of which ``x`` gives one triangle."""
    half = triangle(x, lower, 0.5)
    return half + mT(half)


# --- symmetric arguments ----------------------------------------------------------------------------------------------


def _evaluate_pair_weights(a: Any) -> Any:
    b = np.swapaxes(a, -1, -2)
    if a.all() and np.array_equal(a, b):
        return np.broadcast_to(a.dtype.type(0.5), a.shape)
    scale = np.max(np.abs(a), axis=(-2, -1), keepdims=True, initial=0)
    same = (np.abs(a - b) <= 64 * np.finfo(a.dtype).eps * scale) & (a != 0)
    weights = np.where(same, a.dtype.type(0.5), np.tril(np.ones(a.shape[-2:], a.dtype)))
    i = np.arange(a.shape[-1])
    weights[..., i, i] = 0.5
    return weights


PAIR_WEIGHTS = matrix_op("pair_weights", lambda a: (a.shape, a.dtype), _evaluate_pair_weights,
                         note="how much each entry counts where the lower triangle is read: no derivative")  # fmt: skip


def symmetric_tangent(da: Node, a: Node) -> Node:
    """The symmetric change of the matrix that Cholesky or eigh sees when the entries of ``a`` change by ``da``.

    They read the lower triangle. Where ``a`` is symmetric, an entry and its mirror image are one number written twice
    and share the derivative evenly, so that the gradient of a symmetric matrix is symmetric. Where the two differ (the
    upper triangle was left empty, say), or are both exactly 0, the derivative is that of the lower one alone.
    """
    read = da * make(PAIR_WEIGHTS, (a,))
    return read + mT(read)


def common_stack(arrays: Sequence[Node]) -> list[Node]:
    """The matrices stretched to one stack."""
    lead = np.broadcast_shapes(*(x.shape[:-2] for x in arrays))
    return [broadcast(x, (*lead, *x.shape[-2:])) for x in arrays]


def as_floats(*arrays: Node) -> list[Node]:
    """Integers and booleans as float64; all in one precision."""
    dtype = np.result_type(*(x.dtype if x.dtype.kind == "f" else np.dtype(np.float64) for x in arrays))
    return [astype(x, dtype) for x in arrays]
