"""NumPy's functions that put arrays together, repeat them and take them apart."""

from __future__ import annotations

import operator
from itertools import pairwise
from typing import Any

import numpy as np

from thalweg.graph import DTYPES, Node, canonical, constant
from thalweg.ops.elementwise import astype
from thalweg.ops.gather import take
from thalweg.ops.movement import broadcast, move_axis, reshape
from thalweg.ops.movement import concatenate as join
from thalweg.tracing.context import concrete
from thalweg.tracing.functions.movement import at_least, cut, tracer_of
from thalweg.tracing.functions.registry import array_methods, implements, normalize_axis
from thalweg.tracing.reach import reaches
from thalweg.tracing.tracer import Tracer, contains_tracer, node_of, unsupported


def one_dtype(parts: list[Node], dtype: Any = None) -> list[Node]:
    """Nodes cast to the dtype that NumPy gives their union, or to the asked one."""
    common = np.result_type(*{p.dtype for p in parts}) if dtype is None else graph_dtype(dtype)
    return [astype(p, common) for p in parts]


def graph_dtype(dtype: Any) -> np.dtype[Any]:
    """The dtype of a graph that stands for an asked one."""
    wanted = np.dtype(dtype)
    return wanted if wanted in DTYPES else canonical(np.empty(0, wanted)).dtype


# --- joining --------------------------------------------------------------------------------------------------------


@implements(np.concatenate)
def concatenate(arrays: Any, /, axis: Any = 0, *, dtype: Any = None, casting: str = "same_kind") -> Node:
    parts = [node_of(a) for a in arrays]
    if not parts:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        axis, parts = 0, [reshape(p, (p.size,)) for p in parts]
    if parts[0].ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    return join(one_dtype(parts, dtype), normalize_axis(axis, parts[0].ndim))


@implements(np.stack)
def stack(arrays: Any, axis: int = 0, *, dtype: Any = None, casting: str = "same_kind") -> Node:
    parts = [node_of(a) for a in arrays]
    if not parts:
        raise ValueError("need at least one array to stack")
    if len({p.shape for p in parts}) > 1:
        raise ValueError("all input arrays must have the same shape")
    axis = normalize_axis(axis, parts[0].ndim + 1)
    shape = (*parts[0].shape[:axis], 1, *parts[0].shape[axis:])
    return join([reshape(p, shape) for p in one_dtype(parts, dtype)], axis)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Node:
    return concatenate([at_least(2, a) for a in tup], 0, dtype=dtype)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Node:
    arrays = [at_least(1, a) for a in tup]
    return concatenate(arrays, 0 if arrays and arrays[0].ndim == 1 else 1, dtype=dtype)


@implements(np.dstack)
def dstack(tup: Any) -> Node:
    return concatenate([at_least(3, a) for a in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Node:
    arrays = [tracer_of(a) for a in tup]
    return concatenate([a if a.ndim >= 2 else a.reshaped((a.size, 1)) for a in arrays], 1)


@implements(np.block)
def block(arrays: Any) -> Node:
    depth = _depth(arrays)
    rank = max(depth, _rank(arrays))
    return _block(arrays, depth, rank)


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    if not arrays:
        raise ValueError("List at arrays cannot be empty")
    depths = {_depth(a) for a in arrays}
    if len(depths) > 1:
        raise ValueError("List depths are mismatched")
    return 1 + depths.pop()


def _rank(arrays: Any) -> int:
    return max(map(_rank, arrays)) if isinstance(arrays, list) else node_of(arrays).ndim


def _block(arrays: Any, depth: int, rank: int) -> Node:
    if depth == 0:
        x = node_of(arrays)
        return reshape(x, (*(1,) * (rank - x.ndim), *x.shape))
    return join(one_dtype([_block(a, depth - 1, rank) for a in arrays]), rank - depth)


@implements(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Node:
    return concatenate((arr, values), axis)


# --- repeating ------------------------------------------------------------------------------------------------------


@implements(np.tile)
def tile(A: Any, reps: Any) -> Node:
    x = node_of(A)
    counts = tuple(map(operator.index, reps if np.iterable(reps) else (reps,)))
    rank = max(len(counts), x.ndim)
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - x.ndim) + x.shape
    paired = reshape(x, tuple(n for m in shape for n in (1, m)))
    spread = broadcast(paired, tuple(n for c, m in zip(counts, shape, strict=True) for n in (c, m)))
    return reshape(spread, tuple(c * m for c, m in zip(counts, shape, strict=True)))


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Node:
    x = node_of(a)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    axis = normalize_axis(axis, x.ndim)
    counts = np.asarray(concrete(node_of(repeats)))
    if counts.dtype.kind not in "iub":
        raise TypeError("Cannot cast array data from dtype('float64') to dtype('int64') according to the rule 'safe'")
    if np.any(counts < 0):
        raise ValueError("repeats may not contain negative values.")
    n = x.shape[axis]
    if counts.size == 1:
        k = int(counts.reshape(()))
        lined = reshape(x, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]))
        spread = broadcast(lined, (*x.shape[: axis + 1], k, *x.shape[axis + 1 :]))
        return reshape(spread, (*x.shape[:axis], n * k, *x.shape[axis + 1 :]))
    return take(x, constant(np.repeat(np.arange(n, dtype=np.int64), counts)), axis)


# --- taking apart ---------------------------------------------------------------------------------------------------


def _parts(x: Tracer, bounds: list[int], axis: int) -> list[Tracer]:
    """Views between consecutive bounds, which are read as Python's slices read them."""
    lead = (slice(None),) * axis
    return [x[(*lead, slice(a, b), ...)] for a, b in pairwise(bounds)]


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tracer]:
    x = tracer_of(ary)
    n = x.shape[axis]
    axis = normalize_axis(axis, x.ndim)
    if np.iterable(indices_or_sections):
        bounds = [0, *(operator.index(i) for i in indices_or_sections), n]
        return _parts(x, bounds, axis)
    k = operator.index(indices_or_sections)
    if k <= 0:
        raise ValueError("number sections must be larger than 0.")
    sizes = [n // k + (i < n % k) for i in range(k)]
    return _parts(x, [0, *np.cumsum(sizes).tolist()], axis)


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tracer]:
    if not np.iterable(indices_or_sections) and tracer_of(ary).shape[axis] % operator.index(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Tracer]:
    if tracer_of(ary).ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Tracer]:
    rank = tracer_of(ary).ndim
    if rank == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if rank > 1 else 0)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Tracer]:
    if tracer_of(ary).ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


@implements(np.unstack)
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    a = tracer_of(x)
    if a.ndim == 0:
        raise ValueError("Input array must be at least 1-d.")
    lead = (slice(None),) * normalize_axis(axis, a.ndim)
    return tuple(a[(*lead, i)] for i in range(a.shape[axis]))


# --- inserting and deleting -----------------------------------------------------------------------------------------


def _static(positions: Any) -> Any:
    """Positions that decide a shape: a slice as it is, a traced value fixed by a guard."""
    return positions if isinstance(positions, slice) else np.asarray(concrete(node_of(positions)))


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Node:
    x = node_of(arr)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    axis = normalize_axis(axis, x.ndim)
    where = _static(obj)
    if not isinstance(where, slice) and where.size == 0:
        where = where.astype(np.int64)
    kept = np.delete(
        np.arange(x.shape[axis], dtype=np.int64), where if isinstance(where, slice) or where.ndim else int(where)
    )
    return take(x, constant(kept), axis)


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Node:
    x = node_of(arr)
    if axis is None:
        x, axis = reshape(x, (x.size,)), 0
    axis = normalize_axis(axis, x.ndim)
    n = x.shape[axis]
    given = _static(obj)
    where = np.arange(n)[given] if isinstance(given, slice) else given
    where = np.flatnonzero(where) if where.dtype.kind == "b" else where.astype(np.int64)
    if where.size and (where.min() < -n or where.max() > n):
        bad = where[(where < -n) | (where > n)].flat[0]
        raise IndexError(f"index {bad} is out of bounds for axis {axis} with size {n}")
    where = np.where(where < 0, where + n, where)
    v = astype(node_of(values, x.dtype), x.dtype)
    if where.size == 1:
        v = reshape(v, (*(1,) * (x.ndim - v.ndim), *v.shape))
        if where.ndim == 0:  # as for x[i]: the first axis of the values is the one along which they are put in
            v = move_axis(v, 0, axis)
        at = int(where.reshape(()))
        new = broadcast(v, (*x.shape[:axis], v.shape[axis], *x.shape[axis + 1 :]))
        return join([cut(x, axis, 0, at), new, cut(x, axis, at, n)], axis)
    places = where.copy()
    order = np.argsort(where, kind="stable")
    places[order] += np.arange(where.size)
    new = broadcast(v, (*x.shape[:axis], where.size, *x.shape[axis + 1 :]))
    source = np.empty(n + where.size, dtype=np.int64)
    source[places] = n + np.arange(where.size)
    source[np.delete(np.arange(source.size), places)] = np.arange(n)
    return take(join([x, new], axis), constant(source), axis)


array_methods(repeat=np.repeat)


# --- np.c_ and np.r_: used with brackets, so answered by reach ---


@reaches("numpy", "c_")
def columns(original: Any, key: Any) -> Any:
    """``np.c_[a, b]``: vectors become columns, side by side."""
    if not contains_tracer(key):
        return original[key]
    parts = [_piece(entry) for entry in (key if isinstance(key, tuple) else (key,))]
    return Tracer(concatenate([p if p.ndim >= 2 else p.reshaped((p.size, 1)) for p in parts], -1))


@reaches("numpy", "r_")
def rows(original: Any, key: Any) -> Any:
    """``np.r_[a, 1.0, b]``: one after the other along the first axis."""
    if not contains_tracer(key):
        return original[key]
    parts = [_piece(entry) for entry in (key if isinstance(key, tuple) else (key,))]
    return Tracer(concatenate([p if p.ndim else p.reshaped((1,)) for p in parts], 0))


def _piece(entry: Any) -> Tracer:
    if isinstance(entry, str):
        raise unsupported(f"np.r_ or np.c_ with the directive {entry!r}")
    return tracer_of(np.r_[entry] if isinstance(entry, slice) else entry)
