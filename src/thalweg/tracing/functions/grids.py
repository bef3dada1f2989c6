"""Grids, products of all pairs, and functions applied from slice to slice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from thalweg.graph import BOOL, Node, full
from thalweg.ops.movement import broadcast, concatenate, reshape
from thalweg.tracing.context import concrete
from thalweg.tracing.functions.joining import stack
from thalweg.tracing.functions.movement import broadcast_to, expand_dims, tracer_of
from thalweg.tracing.functions.registry import implements, normalize_axis
from thalweg.tracing.reach import reaches
from thalweg.tracing.tracer import Tracer, contains_tracer, node_of, nodes_of


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Tracer, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    axes = list(range(n))
    if indexing == "xy" and n > 1:
        axes[0], axes[1] = 1, 0
    lined = []
    for a, x in zip(axes, map(tracer_of, xi), strict=True):
        lined.append(x.reshaped(tuple(x.size if i == a else 1 for i in range(n))))
    if not sparse:
        shape = np.broadcast_shapes(*(x.shape for x in lined))
        lined = [broadcast_to(x, shape) for x in lined]
    return tuple(Tracer(x.node) if copy else x for x in lined)


@implements(np.ix_)
def ix_(*args: Any) -> tuple[Any, ...]:
    out = []
    for k, a in enumerate(args):
        node = node_of(a)
        if node.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if node.dtype == BOOL:
            node = node_of(np.flatnonzero(concrete(node)))
        out.append(Tracer(reshape(node, tuple(node.size if i == k else 1 for i in range(len(args))))))
    return tuple(out)


@implements(np.kron)
def kron(a: Any, b: Any) -> Node:
    x, y = nodes_of([a, b])
    rank = max(x.ndim, y.ndim)
    sx = (1,) * (rank - x.ndim) + x.shape
    sy = (1,) * (rank - y.ndim) + y.shape
    spread_x = reshape(x, tuple(n for m in sx for n in (m, 1)))
    spread_y = reshape(y, tuple(n for m in sy for n in (1, m)))
    return reshape(spread_x * spread_y, tuple(m * n for m, n in zip(sx, sy, strict=True)))


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Node:
    v = node_of(x)
    if v.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    n = v.size if N is None else int(N)
    columns = [full(v.shape, 1, v.dtype)]
    for _ in range(n - 1):
        columns.append(v * columns[-1] if len(columns) > 1 else v)
    columns = columns[:n] if increasing else columns[:n][::-1]
    if not columns:
        return full((v.size, 0), 0, v.dtype)
    return concatenate([reshape(c, (v.size, 1)) for c in columns], 1)


# --- functions applied to slices ------------------------------------------------------------------------------------


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    x = tracer_of(arr)
    axis = normalize_axis(axis, x.ndim)
    lead, rest = x.shape[:axis], x.shape[axis + 1 :]
    if 0 in (*lead, *rest):
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    found = [
        node_of(func1d(x[(*i, slice(None), *j)], *args, **kwargs)) for i in np.ndindex(*lead) for j in np.ndindex(*rest)
    ]
    y = tracer_of(reshape(stack(found), (*lead, *rest, *found[0].shape)))
    n = len(lead)
    back = range(n + len(rest), y.ndim)
    return y.transposed((*range(n), *back, *range(n, n + len(rest))))


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    x = tracer_of(a)
    for axis in np.atleast_1d(axes).tolist():
        axis = normalize_axis(axis, x.ndim)
        y = tracer_of(func(x, axis))
        x = y if y.ndim == x.ndim else expand_dims(y, axis)
    return x


@reaches("numpy", "vectorize")
def vectorize(original: Any, pyfunc: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``np.vectorize`` made inside the function: element by element, as it does."""
    plain = original(pyfunc, *args, **kwargs) if pyfunc is not None else original(*args, **kwargs)
    if pyfunc is None or kwargs.get("signature") is not None:
        return plain

    def each(*arrays: Any, **keywords: Any) -> Any:
        if not contains_tracer(arrays):
            return plain(*arrays, **keywords)
        spread = np.broadcast_arrays(*map(tracer_of, arrays))
        found = [pyfunc(*(s[i] for s in spread), **keywords) for i in np.ndindex(*spread[0].shape)]
        if found and isinstance(found[0], tuple):
            return tuple(_shaped(list(part), spread[0].shape) for part in zip(*found, strict=True))
        return _shaped(found, spread[0].shape)

    return each


def _shaped(values: list[Any], shape: tuple[int, ...]) -> Tracer:
    return Tracer(broadcast(reshape(stack(values), shape), shape))


@reaches("numpy", "ndenumerate")
def ndenumerate(original: Any, arr: Any) -> Any:
    if not isinstance(arr, Tracer):
        return original(arr)
    return _enumerated(arr)


def _enumerated(arr: Tracer) -> Iterator[tuple[tuple[int, ...], Any]]:
    for index in np.ndindex(*arr.shape):
        yield index, arr[index]
