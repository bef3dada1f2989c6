"""Sparse Jacobians and Hessians: the structure from the graph, a colouring, and one product a colour.

The columns of J that share no row are found by one product J·s, s the sum of their unit vectors; the products for all
colours run as one batch. Then every entry of J stands somewhere among the results, at a place that is known beforehand:
reading them off is one gather (Curtis, Powell & Reid 1974; Coleman & Moré 1984 for Hessians; Gebremedhin, Manne & Pothen
2005). All of it is worked out at the first call and kept with the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.calculus.gradient import gradients
from thalweg.calculus.call import Assemble, Variables
from thalweg.errors import ArgumentError
from thalweg.graph import FLOAT64, Node, constant, full, input_node, substitute
from thalweg.ops.elementwise import astype
from thalweg.ops.gather import take
from thalweg.ops.movement import concatenate, reshape
from thalweg.tracing import tree
from thalweg.tracing.context import concrete
from thalweg.tracing.trace import Traced
from thalweg.tracing.tracer import Tracer
from thalweg.transforms.batch import batched
from thalweg.transforms.coloring import column_coloring, star_coloring
from thalweg.transforms.forward import pushforward
from thalweg.transforms.pattern import TooDense
from thalweg.transforms.reverse import sparse_pullback
from thalweg.transforms.sparsity import structure

Array = np.ndarray[Any, Any]

_AT_ONCE = 1 << 24  # elements of the largest array of a batch of products; more colours go in further batches


class WithKnownPositions:
    """``f`` with the integers among its plain arguments held fast: they say where elements stand, so they shape the
    structure. Other integers at a later call are another trace."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.__wrapped__ = f
        self.__name__ = getattr(f, "__name__", type(f).__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, nesting = tree.flatten((args, kwargs))
        fixed = [concrete(x.node) if type(x) is Tracer and x.dtype.kind == "i" else x for x in leaves]
        args, kwargs = tree.unflatten(nesting, fixed)
        return self.__wrapped__(*args, **kwargs)


@dataclass(frozen=True)
class Compressed:
    """How the entries of a sparse matrix are read off from products with seeds.

    Attributes
    ----------
    pattern : csr_array of bool
        The structure.
    colors : array of int
        For each column (row, in reverse mode) the seed that it belongs to.
    places : array of int
        For each entry of the pattern, where it stands in the products, laid out seed after seed.
    """

    pattern: Any
    colors: Array
    places: Array

    @property
    def seeds(self) -> int:
        return int(self.colors.max(initial=-1)) + 1


def sparse_jacobian(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    """The rule of ``tw.jacobian(f, sparse=True)``."""
    inputs = variables.nodes
    outputs = [y if y.dtype.kind == "f" else astype(y, FLOAT64) for y in traced.outputs]
    directions, moved, pattern = _moved(outputs, inputs, "jacobian")
    dtype = np.result_type(FLOAT64 if not outputs else np.float32, *(y.dtype for y in outputs))
    by_columns, by_rows = _by_columns_or_rows(pattern)
    if by_rows is None:
        assert by_columns is not None
        data = _entries(moved, outputs, directions, by_columns, dtype)
    else:
        weights = [input_node(y.shape, y.dtype) for y in outputs]
        data = _entries(sparse_pullback(outputs, weights, inputs), inputs, weights, by_rows, dtype)
    return [data], _assembled(pattern, "jacobian")


def sparse_hessian(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    """The rule of ``tw.hessian(f, sparse=True)``: forward over reverse, as for the dense one."""
    inputs = variables.nodes
    value, slopes = gradients(traced, variables, "hessian")
    directions, moved, pattern = _moved(slopes, inputs, "hessian")
    pattern = _symmetric(pattern)
    data = _entries(moved, slopes, directions, _by_symmetry(pattern), value.dtype)
    return [data], _assembled(pattern, "hessian")


def _moved(outputs: Sequence[Node], inputs: Sequence[Node], name: str) -> tuple[list[Node], list[Node | None], Any]:
    """Directions, the graphs linear in them that say how the outputs move, and their structure."""
    directions = [input_node(x.shape, x.dtype) for x in inputs]
    moved = pushforward(outputs, dict(zip(inputs, directions, strict=True)))
    try:
        pattern = structure(moved, [y.size for y in outputs], directions)
    except TooDense as error:
        raise ArgumentError(
            f"tw.{name}(sparse=True): the matrix is not sparse, it has {error}. Products need no matrix: "
            "use tw.hvp, tw.jvp or tw.vjp"
        ) from None
    return directions, moved, pattern


# --- colours, and where each entry is found ---------------------------------------------------------------------------


def _by_columns_or_rows(pattern: Any) -> tuple[Compressed | None, Compressed | None]:
    """One product a colour of columns (forward) or of rows (reverse, counted twice), whichever costs less."""
    fewest_columns = int(np.diff(pattern.indptr).max(initial=0))
    fewest_rows = int(np.bincount(pattern.indices, minlength=1).max())
    colors = None
    if fewest_columns <= 2 * fewest_rows:
        colors = column_coloring(pattern)
        if colors.max(initial=0) + 1 <= 2 * fewest_rows:
            return _compressed_columns(pattern, colors), None
    across = pattern.T.tocsr()
    across.sort_indices()
    row_colors = column_coloring(across)
    if colors is None and fewest_columns < 2 * (row_colors.max(initial=0) + 1):
        colors = column_coloring(pattern)
    if colors is not None and colors.max(initial=0) + 1 <= 2 * (row_colors.max(initial=0) + 1):
        return _compressed_columns(pattern, colors), None
    n = pattern.shape[1]
    return None, Compressed(pattern, row_colors, row_colors[_rows(pattern)] * n + pattern.indices)


def _compressed_columns(pattern: Any, colors: Array) -> Compressed:
    return Compressed(pattern, colors, colors[pattern.indices] * pattern.shape[0] + _rows(pattern))


def _rows(pattern: Any) -> Array:
    return np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))


def _symmetric(pattern: Any) -> Any:
    """What stands on both sides of the diagonal: an entry that is missing on one side is zero on the other."""
    across = pattern.T.tocsr()
    both = pattern.multiply(across).tocsr()
    both.sort_indices()
    return both


def _by_symmetry(pattern: Any) -> Compressed:
    """Column colours, or star colours if they are fewer: then an entry that is hidden in its row is read across."""
    colors = column_coloring(pattern)
    if colors.max(initial=0) < 2:
        return _compressed_columns(pattern, colors)
    stars = star_coloring(pattern)
    if stars.max() >= colors.max():
        return _compressed_columns(pattern, colors)
    n, row, column = pattern.shape[0], _rows(pattern), pattern.indices
    own, across = stars[column] * n + row, stars[row] * n + column
    alone = np.bincount(own, minlength=(int(stars.max()) + 1) * n) == 1
    return Compressed(pattern, stars, np.where(alone[own], own, across))


# --- products ---------------------------------------------------------------------------------------------------------


def _entries(
    results: Sequence[Node | None], shaped: Sequence[Node], seeded: Sequence[Node], how: Compressed, dtype: Any
) -> Node:
    """The entries of the matrix: ``results``, linear in ``seeded``, for all seeds, read off at their places."""
    if how.places.size == 0:
        return constant(np.zeros(0, dtype))
    products = []
    largest = max(1, *(y.size for y in shaped), *(x.size for x in seeded))
    step = max(1, _AT_ONCE // largest)
    for first in range(0, how.seeds, step):
        products.append(_products(results, shaped, seeded, how.colors, first, min(first + step, how.seeds), dtype))
    flat = concatenate(products, 0)
    if how.places.size == flat.size and np.array_equal(how.places, np.arange(flat.size)):
        return flat
    return take(flat, constant(how.places.astype(np.int64, copy=False)), 0)


def _products(
    results: Sequence[Node | None], shaped: Sequence[Node], seeded: Sequence[Node], colors: Array,
    first: int, last: int, dtype: Any,
) -> Node:  # fmt: skip
    """All results, side by side, for the seeds ``first … last − 1``, one after the other."""
    count, known = last - first, [y for y in results if y is not None]
    seeds: dict[Node, Node] = {}
    start = 0
    for x in seeded:
        own = colors[start : start + x.size] == np.arange(first, last)[:, None]
        shape = x.shape if count == 1 else (count, *x.shape)
        seeds[x] = constant(own.astype(x.dtype).reshape(shape))
        start += x.size
    found = iter(substitute(known, seeds) if count == 1 else batched(known, seeds, count))
    blocks = []
    for y, like in zip(results, shaped, strict=True):
        if like.size:
            block = full((count, like.size), 0.0, dtype) if y is None else reshape(next(found), (count, like.size))
            blocks.append(astype(block, dtype))
        elif y is not None:
            next(found)
    return reshape(concatenate(blocks, 1), (count * sum(y.size for y in shaped),))


def _assembled(pattern: Any, name: str) -> Assemble:
    shape, indices, indptr = pattern.shape, pattern.indices, pattern.indptr

    def assemble(values: Sequence[Any]) -> Any:
        from scipy.sparse import csr_array

        (data,) = values
        if type(data) is Tracer:
            raise ArgumentError(
                f"tw.{name}(sparse=True) gives a scipy.sparse array, which cannot be differentiated or batched further: "
                f"use tw.{name} without sparse, or products (tw.jvp, tw.vjp, tw.hvp) inside such a function"
            )
        return csr_array((np.asarray(data), indices.copy(), indptr.copy()), shape=shape)

    return assemble
