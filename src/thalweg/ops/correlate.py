"""Correlation and convolution along the last axis: two ops that are each other's transposes.

``correlate(a, v)`` slides v along a: y_k = Σ_i a_{k+i} v_i, for the places where v lies wholly inside a.
``convolve(a, v)`` is the product of polynomials: y_k = Σ_i a_{k−i} v_i. With ⋆ for the first and ∗ for the second,
⟨g, a ⋆ v⟩ = ⟨g ∗ v, a⟩ = ⟨a ⋆ g, v⟩ and ⟨g, a ∗ v⟩ = ⟨g ⋆ v, a⟩ = ⟨g ⋆ a, v⟩.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from thalweg.graph import Node, Op, make, shape_error
from thalweg.ops.movement import reshape, unbroadcast


def _infer(name: str, a: Node, v: Node) -> tuple[Any, np.dtype[Any]]:
    if not a.shape or not v.shape or a.shape[-1] == 0 or v.shape[-1] == 0:
        raise shape_error(f"{name}: both sequences need at least one element")
    lead = np.broadcast_shapes(a.shape[:-1], v.shape[:-1])
    n, m = a.shape[-1], v.shape[-1]
    if name == "correlate" and n < m:
        raise shape_error(f"correlate: a sequence of length {m} does not fit into one of length {n}")
    return (*lead, n - m + 1 if name == "correlate" else n + m - 1), np.result_type(a.dtype, v.dtype)


def _evaluate_correlate(a: Any, v: Any) -> Any:
    if a.ndim == 1 and v.ndim == 1:
        return np.correlate(a, v, "valid")
    return _rows(np.correlate, "valid", a, v, a.shape[-1] - v.shape[-1] + 1)


def _evaluate_convolve(a: Any, v: Any) -> Any:
    if a.ndim == 1 and v.ndim == 1:
        return np.convolve(a, v, "full")
    return _rows(np.convolve, "full", a, v, a.shape[-1] + v.shape[-1] - 1)


def _rows(f: Any, mode: str, a: Any, v: Any, length: int) -> Any:
    """One call a row; where a short v is shared by many rows, one step a tap for all of them."""
    lead = np.broadcast_shapes(a.shape[:-1], v.shape[:-1])
    out = np.zeros((*lead, length), np.result_type(a, v))
    m = v.shape[-1]
    if m < out.size // length:
        for i in range(m):
            tap = v[..., i : i + 1]
            if mode == "valid":
                out += a[..., i : i + length] * tap
            else:
                out[..., i : i + a.shape[-1]] += a * tap
        return out
    a = np.broadcast_to(a, (*lead, a.shape[-1]))
    v = np.broadcast_to(v, (*lead, m))
    for place in np.ndindex(lead):
        out[place] = f(a[place], v[place], mode)
    return out


def _batch(op: Op) -> Any:
    """The mapped axis goes in front of all others; the rows of the other argument line up behind it."""

    def batch(args: tuple[Node, ...], batched: tuple[bool, ...], size: int) -> Node:
        rank = max(x.ndim - b for x, b in zip(args, batched, strict=True))
        lined = [
            reshape(x, (size, *(1,) * (rank - x.ndim + 1), *x.shape[1:])) if b else x
            for x, b in zip(args, batched, strict=True)
        ]
        return make(op, tuple(lined))

    return batch


def _fitted(g: Node, x: Node) -> Node:
    """The cotangent of an argument that was repeated over rows: the sum over them."""
    return g if g.shape == x.shape else unbroadcast(g, x.shape)


def _transpose_correlate(g: Node, k: int, args: tuple[Node, ...]) -> Node:
    a, v = args
    return _fitted(convolve(g, v) if k == 0 else correlate(a, g), args[k])


def _transpose_convolve(g: Node, k: int, args: tuple[Node, ...]) -> Node:
    return _fitted(correlate(g, args[1 - k]), args[k])


CORRELATE = Op("correlate", lambda a, v: _infer("correlate", a, v), _evaluate_correlate, family="contract",
               linear=(0, 1), transpose=_transpose_correlate, note="mode valid, along the last axis")  # fmt: skip
CORRELATE.batch = _batch(CORRELATE)
CONVOLVE = Op("convolve", lambda a, v: _infer("convolve", a, v), _evaluate_convolve, family="contract",
              linear=(0, 1), transpose=_transpose_convolve, note="mode full, along the last axis")  # fmt: skip
CONVOLVE.batch = _batch(CONVOLVE)


def correlate(a: Node, v: Node) -> Node:
    """y_k = Σ_i a_{k+i} v_i where v lies wholly inside a."""
    return make(CORRELATE, (a, v))


def convolve(a: Node, v: Node) -> Node:
    """y_k = Σ_i a_{k−i} v_i, all of it."""
    return make(CONVOLVE, (a, v))
