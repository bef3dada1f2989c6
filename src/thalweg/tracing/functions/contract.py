"""NumPy's products of vectors, matrices and stacks of them: all are contractions."""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node, shape_error
from thalweg.ops import contract as c
from thalweg.ops.correlate import convolve as full_convolution
from thalweg.ops.correlate import correlate as valid_correlation
from thalweg.ops.movement import concatenate, move_axis, normalize_basic, reshape, slice_
from thalweg.ops.reduce import flip
from thalweg.tracing.functions.registry import array_methods, implements, implements_ufunc, normalize_axis
from thalweg.tracing.tracer import nodes_of

# --- products by name -----------------------------------------------------------------------------------------------


@implements_ufunc(np.matmul)
def matmul(a: Node, b: Node) -> Node:
    return c.matmul(a, b)


@implements(np.linalg.matmul)
def linalg_matmul(x1: Any, x2: Any, /) -> Node:
    return c.matmul(*nodes_of([x1, x2]))


@implements(np.dot)
def dot(a: Any, b: Any, out: None = None) -> Node:
    """The last axis of a with the last but one of b."""
    x, y = nodes_of([a, b])
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    la = tuple(range(x.ndim))
    summed = la[-1]
    lb = list(range(x.ndim, x.ndim + y.ndim))
    lb[-2 if y.ndim > 1 else -1] = summed
    lo = (*la[:-1], *(label for label in lb if label != summed))
    return c.contract(x, y, la, tuple(lb), lo)


@implements(np.vdot)
def vdot(a: Any, b: Any, /) -> Node:
    x, y = nodes_of([a, b])
    return c.contract(reshape(x, (x.size,)), reshape(y, (y.size,)), (0,), (0,), ())


@implements(np.inner)
def inner(a: Any, b: Any, /) -> Node:
    """The last axis of both."""
    x, y = nodes_of([a, b])
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    la = tuple(range(x.ndim))
    lb = (*range(x.ndim, x.ndim + y.ndim - 1), la[-1])
    return c.contract(x, y, la, lb, (*la[:-1], *lb[:-1]))


@implements(np.outer)
def outer(a: Any, b: Any, out: None = None) -> Node:
    x, y = nodes_of([a, b])
    return c.contract(reshape(x, (x.size,)), reshape(y, (y.size,)), (0,), (1,), (0, 1))


@implements(np.linalg.outer)
def linalg_outer(x1: Any, x2: Any, /) -> Node:
    x, y = nodes_of([x1, x2])
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are {x.ndim=} and {y.ndim=}.")
    return outer(x, y)


def _stacked(a: Node, b: Node, core_a: int, core_b: int, labels: tuple[int, ...]) -> Node:
    """A product of the last axes of stacks: ``labels`` are those of the core axes of a, of b and of the result."""
    if a.ndim < core_a or b.ndim < core_b:
        raise shape_error(f"a product of stacks: shapes {a.shape} and {b.shape} have too few axes")
    lead = np.broadcast_shapes(a.shape[: a.ndim - core_a], b.shape[: b.ndim - core_b])
    (x, lx), (y, ly) = (_lead_of(s, core, lead) for s, core in ((a, core_a), (b, core_b)))
    base = len(lead)
    own = [base + i for i in labels]
    return c.contract(x, y, (*lx, *own[:core_a]), (*ly, *own[core_a : core_a + core_b]),
                      (*range(base), *own[core_a + core_b :]))  # fmt: skip


def _lead_of(x: Node, core: int, lead: tuple[int, ...]) -> tuple[Node, tuple[int, ...]]:
    """The stacking axes; those of length one that only stretch are dropped."""
    n = x.ndim - core
    offset = len(lead) - n
    kept = [i for i in range(n) if x.shape[i] == lead[offset + i]]
    return reshape(x, (*(x.shape[i] for i in kept), *x.shape[n:])), tuple(offset + i for i in kept)


@implements_ufunc(np.vecdot)
def vecdot(a: Node, b: Node) -> Node:
    return _stacked(a, b, 1, 1, (0, 0))


@implements(np.linalg.vecdot)
def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Node:
    a, b = nodes_of([x1, x2])
    a, b = (move_axis(x, normalize_axis(axis, x.ndim), x.ndim - 1) for x in (a, b))
    return vecdot(a, b)


@implements_ufunc(np.matvec)
def matvec(a: Node, b: Node) -> Node:
    return _stacked(a, b, 2, 1, (0, 1, 1, 0))


@implements_ufunc(np.vecmat)
def vecmat(a: Node, b: Node) -> Node:
    return _stacked(a, b, 1, 2, (0, 0, 1, 1))


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Node:
    x, y = nodes_of([a, b])
    if isinstance(axes, int | np.integer):
        if axes > min(x.ndim, y.ndim):
            raise shape_error(f"tensordot over {axes} axes of arrays of shapes {x.shape} and {y.shape}")
        of_x, of_y = list(range(x.ndim - axes, x.ndim)), list(range(axes))
    else:
        of_x, of_y = ([int(s)] if isinstance(s, int | np.integer) else list(s) for s in axes)
    of_x = [normalize_axis(i, x.ndim) for i in of_x]
    of_y = [normalize_axis(i, y.ndim) for i in of_y]
    if len(of_x) != len(of_y) or any(x.shape[i] != y.shape[j] for i, j in zip(of_x, of_y, strict=True)):
        raise shape_error(f"tensordot: axes {of_x} of shape {x.shape} do not fit axes {of_y} of shape {y.shape}")
    la = list(range(x.ndim))
    lb = list(range(x.ndim, x.ndim + y.ndim))
    for i, j in zip(of_x, of_y, strict=True):
        lb[j] = la[i]
    lo = (*(i for i in la if i not in lb), *(j for j in lb if j >= x.ndim))
    return c.contract(x, y, tuple(la), tuple(lb), lo)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Any, *, out: None = None) -> Node:
    """A chain of matrices, multiplied in the cheapest order (which the shapes alone decide)."""
    nodes = nodes_of(arrays)
    if len(nodes) < 2:
        raise ValueError("Expecting at least two arrays.")
    ends = (nodes[0].ndim, nodes[-1].ndim)
    if any(d not in (1, 2) for d in ends) or any(n.ndim != 2 for n in nodes[1:-1]):
        raise np.linalg.LinAlgError("multi_dot: the first and last may be vectors, all others must be matrices")
    if ends[0] == 1:
        nodes[0] = reshape(nodes[0], (1, nodes[0].size))
    if ends[1] == 1:
        nodes[-1] = reshape(nodes[-1], (nodes[-1].size, 1))
    y = _chain(nodes)
    kept = [n for n, d in zip(y.shape, ends, strict=True) if d == 2]
    return reshape(y, tuple(kept))


def _chain(nodes: list[Node]) -> Node:
    """Dynamic programming over the splits (Cormen et al., *Introduction to Algorithms*, §15.2)."""
    n = len(nodes)
    p = [nodes[0].shape[0], *(x.shape[1] for x in nodes)]
    cost = [[0.0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i][j], split[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + p[i] * p[k + 1] * p[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Node:
        return nodes[i] if i == j else c.matmul(product(i, split[i][j]), product(split[i][j] + 1, j))

    return product(0, n - 1)


# --- convolution ----------------------------------------------------------------------------------------------------


def _centered(y: Node, length: int, start: int) -> Node:
    return slice_(y, normalize_basic(y.shape, [slice(start, start + length)]))


def _sequences(a: Any, v: Any) -> tuple[Node, Node]:
    x, y = (reshape(n, (1,)) if n.ndim == 0 else n for n in nodes_of([a, v]))
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError("object too deep for desired array")
    if not x.size or not y.size:
        raise ValueError("a sequence to be convolved cannot be empty")
    return x, y


def _convolution(long: Node, short: Node, mode: Any) -> Node:
    n, m = long.size, short.size
    if mode == "full":
        return full_convolution(long, short)
    if mode == "valid":
        return valid_correlation(long, flip(short, 0))
    if mode == "same":
        return _centered(full_convolution(long, short), n, (m - 1) // 2)
    raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: Any = "full") -> Node:
    x, y = _sequences(a, v)
    return _convolution(x, y, mode) if x.size >= y.size else _convolution(y, x, mode)


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: Any = "valid") -> Node:
    """Σ_i a_{k+i} v_i: a convolution with v turned round."""
    x, y = _sequences(a, v)
    if x.size >= y.size:
        if mode == "valid":
            return valid_correlation(x, y)
        return _convolution(x, flip(y, 0), mode)
    return flip(correlate(y, x, mode), 0)


# --- cross product --------------------------------------------------------------------------------------------------


def _component(x: Node, i: int) -> Node:
    """The i-th component along the last axis, which is kept."""
    index = [slice(None)] * (x.ndim - 1) + [slice(i, i + 1)]
    return slice_(x, normalize_basic(x.shape, index))


_COMPONENTS = (2, 3) if np.lib.NumpyVersion(np.__version__) < "2.5.0.dev0" else (3,)
"""How many components the vectors of a cross product may have: NumPy 2.5 dropped those in the plane."""


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Node:
    if axis is not None:
        axisa, axisb, axisc = (axis,) * 3
    x, y = nodes_of([a, b])
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("At least one array has zero dimension")
    x = move_axis(x, normalize_axis(axisa, x.ndim), x.ndim - 1)
    y = move_axis(y, normalize_axis(axisb, y.ndim), y.ndim - 1)
    n, m = x.shape[-1], y.shape[-1]
    if n not in _COMPONENTS or m not in _COMPONENTS:
        raise ValueError(f"Both input arrays must be vectors of 3 components, but they have {n} and {m}.")
    x0, x1, y0, y1 = (_component(v, i) for v in (x, y) for i in (0, 1))
    z = x0 * y1 - x1 * y0
    if n == m == 2:
        return reshape(z, z.shape[:-1])
    if n == 2:
        y2 = _component(y, 2)
        parts = [x1 * y2, -(x0 * y2), z]
    elif m == 2:
        x2 = _component(x, 2)
        parts = [-(x2 * y1), x2 * y0, z]
    else:
        x2, y2 = _component(x, 2), _component(y, 2)
        parts = [x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, z]
    out = concatenate(parts, z.ndim - 1)
    return move_axis(out, out.ndim - 1, normalize_axis(axisc, out.ndim))


@implements(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Node:
    a, b = nodes_of([x1, x2])
    if a.shape[normalize_axis(axis, a.ndim)] != 3 or b.shape[normalize_axis(axis, b.ndim)] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors.")
    return cross(a, b, axis=axis)


array_methods(dot=np.dot)
