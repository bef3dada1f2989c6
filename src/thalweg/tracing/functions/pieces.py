"""Functions given in pieces, polynomials given by their coefficients or roots, and phases without jumps.

These are programs in other functions: each is written here as NumPy writes it, on arrays under trace.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from thalweg.graph import BOOL, FLOAT64, Node, as_node
from thalweg.ops import elementwise as e
from thalweg.ops.movement import broadcast, concatenate, reshape
from thalweg.ops.reduce import CUMSUM
from thalweg.tracing.functions.differences import diff
from thalweg.tracing.functions.elementwise import floating
from thalweg.tracing.functions.movement import cut
from thalweg.tracing.functions.registry import implements, normalize_axis
from thalweg.tracing.tracer import Tracer, node_of, nodes_of, unsupported

# --- pieces -----------------------------------------------------------------------------------------------------------


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Node:
    """The first choice whose condition holds; the choices not taken have derivative 0, whatever their value."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if len(condlist) == 0:
        raise ValueError("select with an empty condition list is not possible")
    conditions = [node_of(c) for c in condlist]
    for i, c in enumerate(conditions):
        if c.dtype != BOOL:
            raise TypeError(f"invalid entry {i} in condlist: should be boolean ndarray")
    *choices, result = nodes_of([*choicelist, default])
    dtype = np.result_type(*(c.dtype for c in (*choices, result)))
    shape = np.broadcast_shapes(*(n.shape for n in (*conditions, *choices)))
    result = broadcast(e.astype(result, dtype), shape)
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = e.where(condition, e.astype(choice, dtype), result)
    return result


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Tracer:
    """Each function sees only the elements on which its condition holds: a guard fixes which these are."""
    at = Tracer(node_of(x))
    if np.isscalar(condlist) or (not isinstance(condlist[0], list | np.ndarray) and at.ndim != 0):
        condlist = [condlist]
    conditions = [broadcast(e.astype(node_of(c), BOOL), at.shape) for c in condlist]
    if len(funclist) == len(conditions) + 1:
        some = conditions[0]
        for c in conditions[1:]:
            some = e.logical_or(some, c)
        conditions.append(e.logical_not(some))
    elif len(funclist) != len(conditions):
        n = len(conditions)
        raise ValueError(
            f"with {n} condition(s), either {n} or {n + 1} functions are expected; {len(funclist)} were given"
        )
    result: Any = np.zeros_like(at)  # under trace too
    for c, function in zip(conditions, funclist, strict=True):
        where = Tracer(c)
        if not callable(function):
            result[where] = function
            continue
        part = at[where]
        if part.size > 0:
            result[where] = function(part, *args, **kw)
    return result


# --- polynomials ------------------------------------------------------------------------------------------------------


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Node:
    """Horner's scheme; differentiable in the coefficients (highest power first) and in ``x``."""
    if isinstance(x, np.poly1d):
        raise unsupported("np.polyval at a polynomial, for coefficients that are differentiated,")
    coefficients, at = nodes_of([p, x])
    dtype = np.result_type(coefficients.dtype, at.dtype)
    coefficients, at = e.astype(coefficients, dtype), e.astype(at, dtype)
    y = broadcast(as_node(0, dtype), at.shape)
    for k in range(coefficients.shape[0]):
        y = y * at + reshape(cut(coefficients, 0, k, k + 1), coefficients.shape[1:])
    return y


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Node:
    """The coefficients of the polynomial with the given roots."""
    roots = floating(node_of(seq_of_zeros))
    if roots.ndim == 2 and roots.shape[0] == roots.shape[1] != 0:
        raise unsupported("np.poly of a matrix (its characteristic polynomial)")
    if roots.ndim > 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    roots = reshape(roots, (roots.size,))
    zero, a = broadcast(as_node(0.0, roots.dtype), (1,)), broadcast(as_node(1.0, roots.dtype), (1,))
    for k in range(roots.size):
        a = concatenate([a, zero], 0) - cut(roots, 0, k, k + 1) * concatenate([zero, a], 0)
    return a


@implements(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, *, w: Any = None) -> Tracer:
    """Least squares on the columns xᵏ, each scaled to length one."""
    at: Any = Tracer(floating(node_of(x)))
    values: Any = Tracer(floating(node_of(y)))
    order = int(deg) + 1
    if order < 1:
        raise ValueError("expected deg >= 0")
    if at.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if at.size == 0:
        raise TypeError("expected non-empty vector for x")
    if not 1 <= values.ndim <= 2:
        raise TypeError("expected 1D or 2D array for y")
    if at.shape[0] != values.shape[0]:
        raise TypeError("expected x and y to have same length")
    columns: Any = np.vander(at, order)  # arrays under trace
    if w is not None:
        weights = Tracer(floating(node_of(w)))
        if weights.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if weights.shape[0] != at.shape[0]:
            raise TypeError("expected w and y to have the same length")
        columns = columns * weights[:, None]
        values = values * (weights[:, None] if values.ndim == 2 else weights)
    scale = np.sqrt((columns * columns).sum(axis=0))
    cut_off = len(at) * np.finfo(at.dtype).eps if rcond is None else rcond
    c = np.linalg.lstsq(columns / scale, values, cut_off)[0]
    return (c.T / scale).T


# --- phases -----------------------------------------------------------------------------------------------------------


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * math.pi) -> Node:
    """The jumps that are taken away are whole periods, so the derivative in ``p`` is that of ``p`` itself."""
    phase, whole = nodes_of([p, period])
    phase = e.astype(phase, FLOAT64) if phase.dtype.kind != "f" else phase
    whole = e.astype(whole, phase.dtype)
    half = whole / 2
    axis = normalize_axis(axis, phase.ndim)
    size = phase.shape[axis]
    step = diff(Tracer(phase), axis=axis)
    near = e.remainder(step + half, whole) - half
    near = e.where(e.logical_and(e.equal(near, -half), step > 0), near + whole, near)
    limit = half if discont is None else node_of(discont, phase.dtype)
    correction = e.where(e.absolute(step) < limit, as_node(0.0, phase.dtype), near - step)
    rest = cut(phase, axis, 1, size) + CUMSUM(correction, params=(axis,))
    return concatenate([cut(phase, axis, 0, min(1, size)), rest], axis)
