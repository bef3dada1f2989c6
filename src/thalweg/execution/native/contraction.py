"""Contractions in compiled code: which way each is carried out, and the lines that do it.

It becomes a call of BLAS (`products`) where one matrix product, product with a vector, or scalar product covers most of
its loops and is large, and loops of our own (`tiles`) where a call would cost more than it saves: small arrays, long
and thin ones, integers, and nearly everything on a CPU that BLAS does not know. Large ones are `divided` among threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thalweg.execution.native import divided
from thalweg.execution.native.axes import Axis, Labels, Operand, axes_of
from thalweg.execution.native.counting import Loop, Size
from thalweg.execution.native.module import IN_MEMORY, Body, memory_type
from thalweg.execution.native.products import Call, best_call, call_cost, emit_call, flops
from thalweg.execution.native.tiles import Tiles
from thalweg.execution.native.tiling import BYTES, Tiling, best_tiling, cost

__all__ = ["Operand", "Plan", "emit_contraction", "plan_contraction"]


@dataclass(frozen=True)
class Plan:
    """How a contraction is carried out.

    Attributes
    ----------
    kind : str
        "gemm", "gemv" or "dot" (with "batched " before it where loops go round the call), "loops", "zeros" or
        "nothing".
    m, n, k : int
        Rows and columns of the result and terms of the sum, in one call (of a batch).
    batch : int
        How many such calls.
    flops : int
        Additions and multiplications altogether.
    parts : int
        Among how many calls of a function the work is divided, for threads; 1 if it is not.
    """

    kind: str
    m: int
    n: int
    k: int
    batch: int
    flops: int
    parts: int = 1


def _way(axes: Sequence[Axis], kind: str) -> Call | Tiling:
    tiling = best_tiling(axes, kind)
    if kind not in ("double", "float"):
        return tiling
    call = best_call(axes)
    if call is None:
        return tiling
    return call if call_cost(call, kind) < cost(tiling, kind) else tiling


def _zero_or_empty(shapes: Sequence[Sequence[Size]]) -> str | None:
    if 0 in shapes[2]:
        return "nothing"
    return "zeros" if 0 in shapes[0] or 0 in shapes[1] else None


def plan_contraction(
    dtype: np.dtype[Any],
    a_shape: Sequence[Size],
    a_strides: Sequence[int],
    la: Labels,
    b_shape: Sequence[Size],
    b_strides: Sequence[int],
    lb: Labels,
    o_shape: Sequence[Size],
    o_strides: Sequence[int],
    lo: Labels,
) -> Plan:
    """How `emit_contraction` carries out a contraction of arrays with these shapes and strides (in elements)."""
    shapes, strides = (a_shape, b_shape, o_shape), (a_strides, b_strides, o_strides)
    none = _zero_or_empty(shapes)
    if none is not None:
        return Plan(none, 0, 0, 0, 0, 0)
    axes = axes_of(shapes, strides, (la, lb, lo))
    way = _way(axes, memory_type(dtype))
    total = flops(axes)
    parts = 1
    if isinstance(way, Tiling):
        division = divided.divide(axes, way, memory_type(dtype))
        parts = 1 if division is None else division.count
    m, n, k = (_size_of_kind(axes, kind) for kind in (("rows",), ("columns",), ("inner", "lonely")))
    if isinstance(way, Call):
        m, n, k = (1 if x is None else x.known() for x in (way.m, way.n, way.k))
        batch = flops(way.outer) // 2
        return Plan(("batched " if batch > 1 else "") + way.name, m, n, k, batch, total)
    return Plan("loops", m, n, k, _size_of_kind(axes, ("batch", "still")), total, parts)


def _size_of_kind(axes: Sequence[Axis], kinds: Sequence[str]) -> int:
    return flops([x for x in axes if x.kind in kinds]) // 2


def emit_contraction(
    body: Body,
    dtype: np.dtype[Any],
    a: Operand,
    la: Labels,
    b: Operand,
    lb: Labels,
    out: Operand,
    lo: Labels,
    threaded: bool = False,
) -> bool:
    """Write the lines that compute out = Σ a·b, overwriting ``out``; a sum of no terms is zero.

    The lines begin in the block that is open and end in a new one. One axis may have a length known only at run time
    (a register of type i64, the same in each operand that has the axis). ``out`` overlaps neither argument.
    If ``threaded``, large contractions are divided among the threads of `runtime`, which must be started before the
    code is loaded.

    Returns
    -------
    bool
        False, with nothing written, for a type that is not handled.
    """
    kind = IN_MEMORY.get(dtype.char, "")
    if kind not in BYTES:
        return False
    shapes, strides = (a.shape, b.shape, out.shape), (a.strides, b.strides, out.strides)
    none = _zero_or_empty(shapes)
    if none == "nothing":
        return True
    if none == "zeros":
        _emit_zeros(body, kind, out)
        return True
    axes = axes_of(shapes, strides, (la, lb, lo))
    way = _way(axes, kind)
    division = divided.divide(axes, way, kind) if threaded and isinstance(way, Tiling) else None
    if isinstance(way, Call):
        emit_call(body, kind, way, a.pointer, b.pointer, out.pointer)
    elif division is not None:
        divided.emit(body, kind, axes, division, (a.pointer, b.pointer, out.pointer))
    else:
        Tiles(body, kind, way).emit(a.pointer, b.pointer, out.pointer)
    return True


def _emit_zeros(body: Body, kind: str, out: Operand) -> None:
    pointer, loops = out.pointer, []
    for n, step in zip(out.shape, out.strides, strict=True):
        loops.append(Loop(body, n))
        at = body.emit(f"mul nsw i64 {loops[-1].index}, {step}")
        pointer = body.emit(f"getelementptr {kind}, ptr {pointer}, i64 {at}")
    body.line(f"store {kind} {'0.0' if kind in ('double', 'float') else '0'}, ptr {pointer}")
    for loop in reversed(loops):
        loop.close()
