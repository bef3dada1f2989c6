"""NumPy's functions that give an array another shape or order of axes.

Where NumPy returns a view (``reshape``, ``transpose``, ``flip``, ``diagonal`` …) so do these: writing into the result
writes into the array that it shows, and a read-only view refuses.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from thalweg.graph import Node, Shape, constant, shape_error
from thalweg.ops.elementwise import where
from thalweg.ops.gather import take
from thalweg.ops.movement import broadcast as stretch
from thalweg.ops.movement import concatenate, slice_
from thalweg.ops.movement import reshape as reshape_node
from thalweg.ops.movement import transpose as transpose_node
from thalweg.tracing.functions.registry import array_methods, implements, normalize_axes, normalize_axis
from thalweg.tracing.tracer import Tracer, node_of

Axes = int | Sequence[int] | None


def tracer_of(a: Any) -> Tracer:
    """``a`` itself if it is under trace, so that views of it can be made, else a new tracer."""
    return a if type(a) is Tracer else Tracer(node_of(a))


def target_shape(shape: Shape, wanted: Any) -> Shape:
    """A requested shape with its ``-1`` worked out."""
    target = [operator.index(n) for n in (wanted if np.iterable(wanted) else (wanted,))]
    size = int(np.prod(shape, dtype=np.int64))
    if target.count(-1) > 1:
        raise ValueError("can only specify one unknown dimension")
    known = int(np.prod([n for n in target if n != -1], dtype=np.int64))
    if (known == 0 or size % known if -1 in target else known != size) or any(n < -1 for n in target):
        raise shape_error(f"cannot reshape array of size {size} into shape {tuple(target)}")
    return tuple(size // known if n == -1 else n for n in target)


# --- shape ----------------------------------------------------------------------------------------------------------


@implements(np.reshape)
def reshape(a: Any, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Tracer:
    x = tracer_of(a)
    target = target_shape(x.shape, newshape if shape is None else shape)
    if order == "F" or (order == "A" and _is_fortran(x)):
        y = x.T.reshaped(tuple(reversed(target))).T
    else:
        y = x.reshaped(target)
    if copy is False and y._origin is None:
        raise ValueError("Unable to avoid creating a copy while reshaping.")
    return Tracer(y.node) if copy else y


def _is_fortran(x: Tracer) -> bool:
    return _contiguous(x.T) and not _contiguous(x)


def _contiguous(x: Tracer) -> bool:
    step = 1
    for n, s in zip(reversed(x.shape), reversed(x.layout), strict=True):
        if n != 1 and s != step:
            return False
        step *= n
    return True


def ordered(x: Tracer, order: str) -> Tracer:
    """A view in which C order reads the elements in the asked order (``"K"``: as they lie in memory)."""
    if order == "F" or (order == "A" and _is_fortran(x)):
        return x.T
    if order == "K":
        strides = x.layout
        return x.transposed(tuple(sorted(range(x.ndim), key=lambda i: -abs(strides[i]))))
    if order not in ("A", "C"):
        raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got {order!r})")
    return x


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Tracer:
    x = ordered(tracer_of(a), order)
    return x.reshaped((x.size,)) if _contiguous(x) else Tracer(reshape_node(x.node, (x.size,)))


def flatten(self: Tracer, order: str = "C") -> Tracer:
    return Tracer(ravel(self, order).node)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Node:
    x = node_of(a)
    shape = tuple(map(operator.index, new_shape if np.iterable(new_shape) else (new_shape,)))
    size = int(np.prod(shape, dtype=np.int64))
    if any(n < 0 for n in shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    if x.size == 0:
        return stretch(constant(np.zeros((), x.dtype)), shape)
    positions = constant(np.arange(size, dtype=np.int64) % x.size)
    return reshape_node(take(reshape_node(x, (x.size,)), positions, 0), shape)


def resize_in_place(self: Tracer, *new_shape: Any, refcheck: bool = True) -> None:
    raise ValueError("an array under trace cannot be resized in place: write a = np.resize(a, shape)")


@implements(np.squeeze)
def squeeze(a: Any, axis: Axes = None) -> Tracer:
    x = tracer_of(a)
    if axis is None:
        axes: tuple[int, ...] = tuple(i for i, n in enumerate(x.shape) if n == 1)
    else:
        axes = normalize_axes(axis, x.ndim)
        if any(x.shape[i] != 1 for i in axes):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return x.reshaped(tuple(n for i, n in enumerate(x.shape) if i not in axes))


@implements(np.expand_dims)
def expand_dims(a: Any, axis: int | tuple[int, ...]) -> Tracer:
    x = tracer_of(a)
    given = tuple(axis) if isinstance(axis, tuple | list) else (axis,)
    axes = normalize_axes(given, x.ndim + len(given))
    sizes = iter(x.shape)
    return x.reshaped(tuple(1 if i in axes else next(sizes) for i in range(x.ndim + len(given))))


def at_least(rank: int, a: Any) -> Tracer:
    """``a`` with axes added as `numpy.atleast_1d` and its like add them."""
    x = tracer_of(a)
    if x.ndim >= rank:
        return x
    if rank == 3 and x.ndim > 0:
        return x.reshaped((1, *x.shape, 1) if x.ndim == 1 else (*x.shape, 1))
    return x.reshaped((*(1,) * (rank - x.ndim), *x.shape))


def _one_or_all(found: list[Tracer]) -> Any:
    return found[0] if len(found) == 1 else tuple(found)


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    return _one_or_all([at_least(1, a) for a in arys])


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    return _one_or_all([at_least(2, a) for a in arys])


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    return _one_or_all([at_least(3, a) for a in arys])


@implements(np.shape)
def shape(a: Any) -> Shape:
    return node_of(a).shape


@implements(np.ndim)
def ndim(a: Any) -> int:
    return node_of(a).ndim


@implements(np.size)
def size(a: Any, axis: Axes = None) -> int:
    x = node_of(a)
    if axis is None:
        return x.size
    return int(np.prod([x.shape[i] for i in normalize_axes(axis, x.ndim)], dtype=np.int64))


# --- axes -----------------------------------------------------------------------------------------------------------


@implements(np.transpose)
def transpose(a: Any, axes: Any = None) -> Tracer:
    x = tracer_of(a)
    if axes is None:
        return x.T
    if len(axes) != x.ndim:
        raise ValueError("axes don't match array")
    order = tuple(normalize_axis(i, x.ndim) for i in axes)
    if len(set(order)) != x.ndim:
        raise ValueError("repeated axis in transpose")
    return x.transposed(order)


def transpose_method(self: Tracer, *axes: Any) -> Tracer:
    if len(axes) == 1 and (axes[0] is None or np.iterable(axes[0])):
        return transpose(self, axes[0])
    return transpose(self, axes or None)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Tracer:
    a = tracer_of(x)
    if a.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {a.ndim}")
    return a.mT


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Tracer:
    x = tracer_of(a)
    order = list(range(x.ndim))
    i, j = normalize_axis(axis1, x.ndim), normalize_axis(axis2, x.ndim)
    order[i], order[j] = j, i
    return x.transposed(tuple(order))


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Tracer:
    x = tracer_of(a)
    sources = [normalize_axis(i, x.ndim) for i in np.atleast_1d(source)]
    destinations = [normalize_axis(i, x.ndim) for i in np.atleast_1d(destination)]
    if len(set(sources)) != len(sources):
        raise ValueError("repeated axis in `source` argument")
    if len(set(destinations)) != len(destinations):
        raise ValueError("repeated axis in `destination` argument")
    if len(sources) != len(destinations):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [i for i in range(x.ndim) if i not in sources]
    for to, come_from in sorted(zip(destinations, sources, strict=True)):
        order.insert(to, come_from)
    return x.transposed(tuple(order))


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Tracer:
    x = tracer_of(a)
    axis = normalize_axis(axis, x.ndim)
    if start < 0:
        start += x.ndim
    if not 0 <= start <= x.ndim:
        raise np.exceptions.AxisError(
            f"'start' arg requires {-x.ndim} <= start < {x.ndim + 1}, but {start} was passed in"
        )
    order = [i for i in range(x.ndim) if i != axis]
    order.insert(start - (axis < start), axis)
    return x.transposed(tuple(order))


# --- stretching -----------------------------------------------------------------------------------------------------


def _read_only(whole: Node, part: Node) -> Node:
    raise ValueError("assignment destination is read-only")


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any) -> Tracer:
    x = tracer_of(array)
    target = tuple(map(operator.index, shape if np.iterable(shape) else (shape,)))
    lead = len(target) - x.ndim
    strides = (0,) * lead + tuple(0 if n == 1 else s for n, s in zip(x.shape, x.layout, strict=True))
    return x.seen_through(lambda node: stretch(node, target), _read_only, strides)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any) -> tuple[Tracer, ...]:
    arrays = [tracer_of(a) for a in args]
    try:
        target = np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        raise shape_error(
            "shape mismatch: objects cannot be broadcast to a single shape: " + ", ".join(str(a.shape) for a in arrays)
        ) from None
    return tuple(broadcast_to(a, target) for a in arrays)


# --- order of elements ----------------------------------------------------------------------------------------------


@implements(np.flip)
def flip(m: Any, axis: Axes = None) -> Tracer:
    x = tracer_of(m)
    axes = normalize_axes(axis, x.ndim)
    return x[(*(slice(None, None, -1) if i in axes else slice(None) for i in range(x.ndim)), ...)]


@implements(np.flipud)
def flipud(m: Any) -> Tracer:
    x = tracer_of(m)
    if x.ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return flip(x, 0)


@implements(np.fliplr)
def fliplr(m: Any) -> Tracer:
    x = tracer_of(m)
    if x.ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return flip(x, 1)


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tracer:
    x = tracer_of(m)
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    i, j = (normalize_axis(a, x.ndim) for a in axes)
    if i == j:
        raise ValueError("Axes must be different.")
    k %= 4
    if k == 0:
        return x[...]
    if k == 2:
        return flip(flip(x, i), j)
    return swapaxes(flip(x, j), i, j) if k == 1 else flip(swapaxes(x, i, j), j)


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Node:
    x = node_of(a)
    if axis is None:
        return reshape_node(roll(reshape_node(x, (x.size,)), int(np.sum(shift)), 0), x.shape)
    steps, axes = np.broadcast_arrays(np.atleast_1d(shift), np.atleast_1d(axis))
    for step, i in zip(steps.tolist(), axes.tolist(), strict=True):
        i = normalize_axis(i, x.ndim)
        n = x.shape[i]
        step = step % n if n else 0
        if step:
            x = concatenate([cut(x, i, n - step, n), cut(x, i, 0, n - step)], i)
    return x


def cut(x: Node, axis: int, start: int, stop: int) -> Node:
    return slice_(x, tuple((start, stop, 1) if i == axis else (0, n, 1) for i, n in enumerate(x.shape)))


# --- diagonals and triangles ----------------------------------------------------------------------------------------


def _diagonal_node(x: Node, offset: int, i: int, j: int) -> Node:
    rest = [a for a in range(x.ndim) if a not in (i, j)]
    x = transpose_node(x, (*rest, i, j))
    rows, columns = x.shape[-2:]
    k = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))), dtype=np.int64)
    positions = (k - min(offset, 0)) * columns + k + max(offset, 0)
    return take(reshape_node(x, (*x.shape[:-2], rows * columns)), constant(positions), x.ndim - 2)


@implements(np.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tracer:
    x = tracer_of(a)
    if x.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    i, j = normalize_axis(axis1, x.ndim), normalize_axis(axis2, x.ndim)
    if i == j:
        raise ValueError("axis1 and axis2 cannot be the same")
    offset = operator.index(offset)
    return x.seen_through(lambda node: _diagonal_node(node, offset, i, j), _read_only)


@implements(np.linalg.diagonal)
def matrix_diagonal(x: Any, /, *, offset: int = 0) -> Tracer:
    return diagonal(x, offset, -2, -1)


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    x = tracer_of(v)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    return diagflat(x, k)


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Node:
    x = node_of(v)
    k = operator.index(k)
    n = x.size + abs(k)
    i = np.arange(x.size, dtype=np.int64)
    # each place of the matrix holds an element of v, or the zero put after them
    source = np.full((n, n), x.size, dtype=np.int64)
    source[i - min(k, 0), i + max(k, 0)] = i
    with_zero = concatenate([reshape_node(x, (x.size,)), constant(np.zeros(1, x.dtype))], 0)
    return take(with_zero, constant(source), 0)


def _triangle(m: Any, keep: Any) -> Node:
    x = node_of(m)
    if x.ndim == 0:
        raise ValueError("tril and triu need an array of at least one dimension")
    if x.ndim == 1:  # as NumPy: the vector becomes every row of a square
        x = stretch(x, (x.size, x.size))
    return where(constant(keep(*x.shape[-2:])), x, constant(np.zeros((), x.dtype)))


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Node:
    return _triangle(m, lambda n, m: np.tri(n, m, k, dtype=np.bool_))


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Node:
    return _triangle(m, lambda n, m: ~np.tri(n, m, k - 1, dtype=np.bool_))


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Node:
    from thalweg.ops.reduce import sum_

    d = diagonal(a, offset, axis1, axis2).node
    y = sum_(d, (d.ndim - 1,))
    return y if dtype is None else Tracer(y).astype(dtype).node


@implements(np.linalg.trace)
def matrix_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Node:
    return trace(x, offset, -2, -1, dtype)


array_methods(
    ravel=np.ravel,
    swapaxes=np.swapaxes,
    squeeze=np.squeeze,
    diagonal=np.diagonal,
    trace=np.trace,
)
Tracer.flatten = flatten  # type: ignore[attr-defined]
Tracer.transpose = transpose_method  # type: ignore[attr-defined]
Tracer.resize = resize_in_place  # type: ignore[attr-defined]
