"""Sparse Jacobians and Hessians: the structure from the graph, a colouring, and one product a colour.

The columns of J that share no row are found by one product J·s, s the sum of their unit vectors; the products for all
colours run as one batch. Then every entry of J stands somewhere among the results, at a place that is known beforehand:
reading them off is one gather (Curtis, Powell & Reid 1974; Coleman & Moré 1984 for Hessians; Gebremedhin, Manne &
Pothen 2005). All of it is worked out at the first call and kept with the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from thalweg.calculus.call import Assemble, Variables
from thalweg.calculus.gradient import gradients
from thalweg.errors import ArgumentError
from thalweg.graph import FLOAT64, Node, constant, full, input_node, substitute
from thalweg.ops.elementwise import astype
from thalweg.ops.gather import take
from thalweg.ops.movement import concatenate, reshape
from thalweg.tracing import tree
from thalweg.tracing.context import concrete
from thalweg.tracing.reach import answered
from thalweg.tracing.trace import Traced
from thalweg.tracing.tracer import Tracer
from thalweg.transforms.batch import batched
from thalweg.transforms.coloring import column_coloring, star_coloring
from thalweg.transforms.forward import pushforward
from thalweg.transforms.pattern import TooDense, at_most
from thalweg.transforms.reverse import sparse_pullback
from thalweg.transforms.sparsity import share, structure

Array = np.ndarray[Any, Any]

_REVERSE = 2  # what a reverse product costs, in forward ones
_LONG = 64  # entries of a row from which star colours are looked for first
_WORTH = 1 << 28  # entries of a pattern beyond which a matrix is called sparse only where that is asked for
_AT_ONCE = 1 << 24  # elements of the largest array of a batch of products; more colours go in further batches


class WithKnownPositions:
    """``f`` with the integers among its plain arguments held fast: they say where elements stand, so they shape the
    structure. Other integers at a later call are another trace."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.__wrapped__ = f
        self.__name__ = getattr(f, "__name__", type(f).__name__)
        self.__module__ = getattr(f, "__module__", "")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, nesting = tree.flatten((args, kwargs))
        fixed = [concrete(x.node) if type(x) is Tracer and x.dtype.kind == "i" else x for x in leaves]
        args, kwargs = tree.unflatten(nesting, fixed)
        return answered(self.__wrapped__)(*args, **kwargs)


@dataclass(frozen=True)
class Compressed:
    """How the entries of a sparse matrix are read off from products.

    Attributes
    ----------
    column_colors : array of int
        For each column its seed in forward mode.
    row_colors : array of int
        For each row its seed in reverse mode, or −1 if forward products show it.
    places : array of int
        For each entry of the pattern, where it stands in the forward products, laid out seed after seed, and the
        reverse ones after them.
    """

    column_colors: Array
    row_colors: Array
    places: Array

    @property
    def cost(self) -> int:
        return _count(self.column_colors) + _REVERSE * _count(self.row_colors)


def _count(colors: Array) -> int:
    return int(colors.max(initial=-1)) + 1


class Moved:
    """How the outputs move along a direction: graphs linear in it, and their structure, found when first asked for."""

    def __init__(self, outputs: Sequence[Node], inputs: Sequence[Node]) -> None:
        self.outputs, self.inputs = outputs, inputs
        self.directions = [input_node(x.shape, x.dtype) for x in inputs]
        self.moved = pushforward(outputs, dict(zip(inputs, self.directions, strict=True)))

    @property
    def share(self) -> float:
        """The share of entries that can be nonzero, estimated from a few columns."""
        return share(self.moved, [y.size for y in self.outputs], self.directions)

    @cached_property
    def pattern(self) -> Any:
        """Which entries can be nonzero."""
        return structure(self.moved, [y.size for y in self.outputs], self.directions)

    def is_sparse(self, most: float) -> bool:
        """Whether at most this share of the entries can be nonzero: first by a few columns, which may deny it."""
        if self.share > most:
            return False
        whole = float(sum(y.size for y in self.outputs)) * sum(x.size for x in self.inputs)
        try:
            with at_most(_WORTH):
                return bool(self.pattern.nnz <= most * whole)
        except TooDense:
            return False

    def pattern_of(self, name: str) -> Any:
        """The pattern, or an error that names the function that was called."""
        try:
            return self.pattern
        except TooDense as error:
            raise ArgumentError(
                f"tw.{name}(sparse=True): the matrix is not sparse, it has {error}. Products need no matrix: "
                "use tw.hvp, tw.jvp or tw.vjp"
            ) from None


def sparse_jacobian(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    """The rule of ``tw.jacobian(f, sparse=True)``."""
    return read_jacobian(moved_outputs(traced, variables))


def moved_outputs(traced: Traced, variables: Variables) -> Moved:
    """How the outputs of a trace move."""
    return Moved([y if y.dtype.kind == "f" else astype(y, FLOAT64) for y in traced.outputs], variables.nodes)


def read_jacobian(found: Moved) -> tuple[list[Node], Assemble]:
    """The entries of the Jacobian, from products for all colours."""
    outputs, inputs, pattern = found.outputs, found.inputs, found.pattern_of("jacobian")
    dtype = np.result_type(*(y.dtype for y in outputs)) if outputs else FLOAT64
    how = _by_columns_and_rows(pattern)
    parts = _products(found.moved, outputs, found.directions, how.column_colors, dtype)
    if _count(how.row_colors):
        weights = [input_node(y.shape, y.dtype) for y in outputs]
        parts += _products(sparse_pullback(outputs, weights, inputs), inputs, weights, how.row_colors, dtype)
    return [_read(parts, how.places, dtype)], _assembled(pattern, "jacobian")


def sparse_hessian(traced: Traced, variables: Variables) -> tuple[list[Node], Assemble]:
    """The rule of ``tw.hessian(f, sparse=True)``: forward over reverse, as for the dense one."""
    return read_hessian(moved_gradient(traced, variables))


def moved_gradient(traced: Traced, variables: Variables) -> Moved:
    """How the gradient moves."""
    return Moved(gradients(traced, variables, "hessian")[1], variables.nodes)


def read_hessian(found: Moved) -> tuple[list[Node], Assemble]:
    """The entries of the Hessian, from products for all colours of its symmetric structure."""
    dtype = np.result_type(*(y.dtype for y in found.outputs)) if found.outputs else FLOAT64
    pattern = _symmetric(found.pattern_of("hessian"))
    how = _by_symmetry(pattern)
    parts = _products(found.moved, found.outputs, found.directions, how.column_colors, dtype)
    return [_read(parts, how.places, dtype)], _assembled(pattern, "hessian")


# --- colours, and where each entry is found ---------------------------------------------------------------------------


def _by_columns_and_rows(pattern: Any) -> Compressed:
    """Columns by forward products and the densest rows by reverse ones (none or all of them, say): the cheapest found.

    A row of k entries needs k forward products, or one reverse. What a choice costs at least is known from the lengths
    of rows and columns alone; the choices are tried in this order, until no other can be better.
    """
    lengths = np.diff(pattern.indptr)
    m = lengths.size
    if not pattern.nnz:
        return Compressed(np.full(pattern.shape[1], -1), np.full(m, -1), np.zeros(0, np.int64))
    order = np.argsort(-lengths, kind="stable")
    least = np.append(lengths[order], 0) + _REVERSE * np.arange(m + 1)  # the first k rows by reverse products
    least[m] = _REVERSE * np.bincount(pattern.indices, minlength=1).max()
    best: Compressed | None = None
    for k in sorted({0, m, int(least.argmin())}, key=lambda k: int(least[k])):
        if best is None or least[k] < best.cost:
            found = _split(pattern, order[:k])
            best = found if best is None or found.cost < best.cost else best
    assert best is not None
    return best


def _split(pattern: Any, by_reverse: Array) -> Compressed:
    """These rows by reverse products, all others by forward ones."""
    m, n = pattern.shape
    row, column = _rows(pattern), pattern.indices
    if not by_reverse.size:
        colors = column_coloring(pattern)
        return Compressed(colors, np.full(m, -1), colors[column] * m + row)
    chosen = np.zeros(m, dtype=bool)
    chosen[by_reverse] = True
    column_colors = np.full(n, -1)
    if by_reverse.size < m:
        column_colors = column_coloring(_only(pattern, ~chosen))
    across = _only(pattern, chosen).T.tocsr()
    across.sort_indices()
    row_colors = np.where(chosen, column_coloring(across), -1)
    places = np.where(
        chosen[row], _count(column_colors) * m + row_colors[row] * n + column, column_colors[column] * m + row
    )
    return Compressed(column_colors, row_colors, places)


def _only(pattern: Any, rows: Array) -> Any:
    """The pattern with other rows emptied."""
    from scipy.sparse import csr_array

    kept = np.repeat(rows, np.diff(pattern.indptr))
    indptr = np.append(0, np.cumsum(np.where(rows, np.diff(pattern.indptr), 0)))
    return csr_array((pattern.data[kept], pattern.indices[kept], indptr), shape=pattern.shape)


def _rows(pattern: Any) -> Array:
    return np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))


def _symmetric(pattern: Any) -> Any:
    """What stands on both sides of the diagonal: an entry that is missing on one side is zero on the other."""
    both = pattern.multiply(pattern.T.tocsr()).tocsr()
    both.sort_indices()
    return both


def _by_symmetry(pattern: Any) -> Compressed:
    """Column colours, or star colours if they are fewer: then an entry that is hidden in its row is read across."""
    n, lengths = pattern.shape[0], np.diff(pattern.indptr)
    row, column = _rows(pattern), pattern.indices
    fewest = int(lengths.max(initial=0))
    if not fewest:
        return Compressed(np.full(n, -1), np.full(n, -1), np.zeros(0, np.int64))
    colors, stars = None, None
    if fewest > _LONG:  # then column colours are many, and cost much to find
        stars = star_coloring(pattern)
    if stars is None or _count(stars) > fewest:
        colors = column_coloring(pattern)
        if stars is None and _count(colors) > max(fewest, 3):
            stars = star_coloring(pattern)
    if stars is None or (colors is not None and _count(colors) <= _count(stars)):
        assert colors is not None
        return Compressed(colors, np.full(n, -1), colors[column] * n + row)
    own, across = stars[column] * n + row, stars[row] * n + column
    alone = np.bincount(own, minlength=_count(stars) * n) == 1
    return Compressed(stars, np.full(n, -1), np.where(alone[own], own, across))


# --- products ---------------------------------------------------------------------------------------------------------


def _products(
    results: Sequence[Node | None], shaped: Sequence[Node], seeded: Sequence[Node], colors: Array, dtype: Any
) -> list[Node]:
    """``results``, linear in ``seeded``, for one seed a colour, one after the other, in as few batches as are wise."""
    seeds = _count(colors)
    largest = max(1, *(y.size for y in shaped), *(x.size for x in seeded)) if seeds else 1
    step = max(1, _AT_ONCE // largest)
    return [
        _batch(results, shaped, seeded, colors, first, min(first + step, seeds), dtype)
        for first in range(0, seeds, step)
    ]


def _batch(
    results: Sequence[Node | None], shaped: Sequence[Node], seeded: Sequence[Node], colors: Array,
    first: int, last: int, dtype: Any,
) -> Node:  # fmt: skip
    """All results, side by side, for the seeds ``first … last − 1``, one after the other."""
    count, known = last - first, [y for y in results if y is not None]
    seeds: dict[Node, Node] = {}
    start = 0
    for x in seeded:
        own = colors[start : start + x.size] == np.arange(first, last)[:, None]
        seeds[x] = constant(own.astype(x.dtype).reshape(x.shape if count == 1 else (count, *x.shape)))
        start += x.size
    found = iter(substitute(known, seeds) if count == 1 else batched(known, seeds, count))
    blocks = []
    for y, like in zip(results, shaped, strict=True):
        moved = None if y is None else next(found)
        if like.size:
            shape = (count, like.size)
            blocks.append(full(shape, 0.0, dtype) if moved is None else astype(reshape(moved, shape), dtype))
    return reshape(concatenate(blocks, 1), (count * sum(y.size for y in shaped),))


def _read(products: Sequence[Node], places: Array, dtype: Any) -> Node:
    """The elements at ``places``."""
    if places.size == 0:
        return constant(np.zeros(0, dtype))
    flat = concatenate(products, 0)
    if places.size == flat.size and np.array_equal(places, np.arange(flat.size)):
        return flat
    return take(flat, constant(places.astype(np.int64, copy=False)), 0)


def _assembled(pattern: Any, name: str) -> Assemble:
    shape, indices, indptr = pattern.shape, pattern.indices, pattern.indptr

    def assemble(values: Sequence[Any]) -> Any:
        from scipy.sparse import csr_array

        (data,) = values
        if type(data) is Tracer and data.node.is_constant:
            data = data.node.value
        if type(data) is Tracer:
            raise ArgumentError(
                f"tw.{name}(sparse=True) gives a scipy.sparse array, which cannot be differentiated or batched: "
                f"inside such a function use tw.{name} without sparse, or products (tw.jvp, tw.vjp, tw.hvp)"
            )
        return csr_array((np.asarray(data), indices.copy(), indptr.copy()), shape=shape)

    return assemble
