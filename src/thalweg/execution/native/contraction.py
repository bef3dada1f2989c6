"""Contractions in compiled code: which way each is carried out, and the lines that do it.

A contraction becomes a call of BLAS where one matrix product, product with a vector, or scalar product covers most of its
loops (the rest are loops round the call), and loops of our own (`tiles`) where a call would cost more than it saves:
small arrays, long and thin ones, integers. Operands are read where they lie: a transpose is a flag of BLAS, or a step.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from thalweg.execution.native import blas, llvm
from thalweg.execution.native.axes import Axis, Labels, Operand, axes_of
from thalweg.execution.native.counting import Loop, Size
from thalweg.execution.native.module import Body, memory_type
from thalweg.execution.native.tiles import BYTES, Tiles, Tiling

__all__ = ["Operand", "Plan", "emit_contraction", "plan_contraction"]

_STACK_BYTES = 1 << 16  # of a packed argument: a thread of our own may have a small stack


@dataclass(frozen=True)
class Plan:
    """How a contraction is carried out.

    Attributes
    ----------
    kind : str
        "gemm", "gemv" or "dot" (with "batched " before it where loops go round the call), "loops", "zeros" or "nothing".
    m, n, k : int
        Rows and columns of the result and terms of the sum, in one call (of a batch).
    batch : int
        How many such calls.
    flops : int
        Additions and multiplications altogether.
    copies : tuple of str
        The arguments ("a", "b") that no fast way reads where they lie: worth copying to C order first.
    """

    kind: str
    m: int
    n: int
    k: int
    batch: int
    flops: int
    copies: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Call:
    """A call of BLAS over a row axis, a column axis and an inner axis, within loops over the rest."""

    name: str
    m: Axis | None
    n: Axis | None
    k: Axis
    outer: tuple[Axis, ...]


# --- the machine ----------------------------------------------------------------------------------------------------


@functools.cache
def vector_registers() -> tuple[int, int]:
    """Bytes of a vector register of this CPU, and how many it has."""
    features = llvm.cpu()
    if "+avx512f" in features:
        return 64, 32
    if "+avx," in features or "+avx2" in features:
        return 32, 16
    return 16, 32 if "aarch64" in features or "arm64" in features else 16


# --- loops of our own -----------------------------------------------------------------------------------------------


def _lanes(axis: Axis, kind: str) -> int:
    most = vector_registers()[0] // BYTES[kind]
    lanes = 1
    while lanes < most and lanes < axis.known():
        lanes *= 2
    return lanes


def _tilings(axes: Sequence[Axis], kind: str) -> Iterator[Tiling]:
    """All tilings worth comparing: one for each axis that can lie in the lanes, and one without lanes."""
    for axis in axes:
        if axis.known() == 1:
            continue
        strange = [name for name in ("a", "b") if getattr(axis, name) not in (0, 1)]
        if axis.kept:
            if axis.o != 1:
                continue
            plain = _tiling(axes, axis, kind, "")
            if len(strange) < 2:
                yield plain
            moving = [name for name in ("a", "b") if getattr(axis, name)]
            for name in moving:
                if (not strange or strange == [name]) and _can_pack(plain, name, kind):
                    yield replace(plain, packed=name)
        elif not strange and (axis.a or axis.b):
            yield _tiling(axes, axis, kind, "")
    yield _tiling(axes, None, kind, "")


def _can_pack(t: Tiling, name: str, kind: str) -> bool:
    sizes = [x.size for x in (*t.inner, t.along) if x is not None]
    reused = any(not getattr(x, name) and x.known() >= 4 for x in (*t.outer, t.rows, t.columns) if x is not None)
    still = all(not getattr(x, name) for x in (t.rows, t.columns) if x is not None)
    if not reused or not still or not all(isinstance(n, int) for n in sizes):
        return False
    assert t.along is not None
    wide = t.lanes * t.count
    room = -(-t.along.known() // wide) * wide * int(np.prod([x.known() for x in t.inner], dtype=float)) * BYTES[kind]
    return room <= _STACK_BYTES


def _tiling(axes: Sequence[Axis], along: Axis | None, kind: str, packed: str) -> Tiling:
    rest = [x for x in axes if x.kept and x is not along]
    inner = [x for x in axes if not x.kept and x is not along]
    inner.sort(key=lambda x: -(abs(x.a) + abs(x.b)))
    lanes = 1 if along is None else _lanes(along, kind)
    registers = vector_registers()[1]
    sums = 24 if registers == 32 else 12
    rows: Axis | None = None
    columns: Axis | None = None
    count = high = wide = 1
    if along is not None and along.kept:
        most = -(-along.known() // lanes) if isinstance(along.size, int) else 1
        moving = "a" if along.a else "b"
        sharing = [x for x in rest if not getattr(x, moving)] or rest
        rows = max(sharing, key=Axis.known, default=None)
        at_most = (4 if registers == 32 else 3) if rows is not None and rows.known() > 1 else 8
        count = -(-most // -(-most // at_most))
        high = _block(rows, min(sums // count, 12))
    else:
        rows = max((x for x in rest if x.kind == "rows"), key=Axis.known, default=None)
        columns = max((x for x in rest if x.kind == "columns"), key=Axis.known, default=None)
        if rows is None and columns is None:
            rows = max(rest, key=Axis.known, default=None)
        both = rows is not None and columns is not None
        if both:
            high, wide = (_block(x, 4 if registers == 32 else 3) for x in (rows, columns))
        else:  # as many sums as lanes can be added up together
            high, wide = (1 if x is None else min(max(lanes, 4), x.known()) for x in (rows, columns))
    outer = tuple(sorted((x for x in rest if x not in (rows, columns)), key=lambda x: -abs(x.o)))
    return Tiling(lanes, along, count, rows, high, columns, wide, outer, tuple(inner), packed)


def _block(axis: Axis | None, most: int) -> int:
    """How much of an axis is worked on at once: such that nothing is left over, if that is not much less."""
    if axis is None:
        return 1
    if not isinstance(axis.size, int) or axis.size <= most:
        return min(most, axis.known())
    n = axis.size
    return min(range(most, most // 2, -1), key=lambda i: -(-n // i) * i)


def _cost(t: Tiling, kind: str) -> float:
    """Estimated cycles."""
    block = [(t.rows, t.high), (t.columns, t.wide), (t.along if t.along and t.along.kept else None, t.count)]
    turns = 1.0
    for x in (*t.inner, *t.outer):
        turns *= x.known()
    if t.along is not None and not t.along.kept:
        turns *= -(-t.along.known() // t.lanes)
    tiles = 1.0
    for x in t.outer:
        tiles *= x.known()
    for (x, n), lanes in zip(block, (1, 1, t.lanes), strict=True):
        if x is not None:
            turns *= -(-x.known() // (n * lanes))
            tiles *= -(-x.known() // (n * lanes))
    places = t.high * t.wide * t.count
    loads = 0.0
    for name in ("a", "b"):
        many = 1
        for x, n in block:
            many *= n if x is not None and getattr(x, name) else 1
        stride = getattr(t.along, name) if t.along is not None and t.packed != name else 0
        loads += many * (1 if stride in (0, 1) else 4.0 * t.lanes)
    cost = turns * max(places / 2, loads / 2, 1) + tiles * (places * 1.0 + 4)
    if t.along is not None and not t.along.kept:
        cost += tiles * places * 1.5
    if t.along is not None and t.along.kept and t.rows is not None and not t.packed:
        cost *= 1 + 0.05 * _out_of_cache(t, kind)
    if t.packed:
        many = float(t.along.known()) if t.along is not None else 1.0
        for x in t.inner:
            many *= x.known()
        for x in t.outer:
            many *= x.known() if getattr(x, t.packed) else 1
        cost += 1.5 * many + 50
    return cost


def _out_of_cache(t: Tiling, kind: str) -> float:
    """How often the argument that lies along the lanes doubles beyond what a core keeps near it: it is read for each block."""
    assert t.along is not None
    size = float(t.along.known() * BYTES[kind])
    for x in t.inner:
        size *= x.known()
    return max(0.0, math.log2(size / (1 << 18)))


def _best_tiling(axes: Sequence[Axis], kind: str) -> Tiling:
    return min(_tilings(axes, kind), key=lambda t: _cost(t, kind))


# --- calls of BLAS --------------------------------------------------------------------------------------------------


def _calls(axes: Sequence[Axis]) -> Iterator[_Call]:
    """The ways to cover three, two or one of the axes with one call; the loops round it must not sum."""
    summed = [x for x in axes if not x.kept]
    if len(summed) != 1 or summed[0].kind != "inner":
        return
    (k,) = summed
    rows: list[Axis | None] = [None, *(x for x in axes if x.kind == "rows")]
    columns: list[Axis | None] = [None, *(x for x in axes if x.kind == "columns")]
    for m in rows:
        for n in columns:
            outer = tuple(x for x in axes if x is not k and x is not m and x is not n)
            if m is not None and n is not None:
                if (
                    _matrix(m.a, m.size, k.a, k.size)
                    and _matrix(n.b, n.size, k.b, k.size)
                    and _matrix(m.o, m.size, n.o, n.size)
                ):
                    yield _Call("gemm", m, n, k, outer)
            elif m is not None:
                if _matrix(m.a, m.size, k.a, k.size):
                    yield _Call("gemv", m, None, k, outer)
            elif n is not None:
                if _matrix(n.b, n.size, k.b, k.size):
                    yield _Call("gemv", None, n, k, outer)
            else:
                yield _Call("dot", None, None, k, outer)


def _matrix(rows: int, m: Size, columns: int, n: Size) -> bool:
    """Whether BLAS takes a matrix with these steps from row to row and from column to column."""
    return _lies(columns, n, rows) or _lies(rows, m, columns)


def _lies(step: int, size: Size, distance: int) -> bool:
    """Lines of contiguous elements, ``distance`` apart; a length known at run time only cannot be a line's."""
    return step == 1 and isinstance(size, int) and distance >= size


def _best_call(axes: Sequence[Axis]) -> _Call | None:
    return max(_calls(axes), key=lambda c: _flops([x for x in (c.m, c.n, c.k) if x is not None]), default=None)


def _flops(axes: Sequence[Axis]) -> int:
    total = 2
    for x in axes:
        total *= x.known()
    return total


# --- the choice -----------------------------------------------------------------------------------------------------


def _way(axes: Sequence[Axis], kind: str) -> _Call | Tiling:
    tiling = _best_tiling(axes, kind)
    if kind not in ("double", "float"):
        return tiling
    call = _best_call(axes)
    if call is None:
        return tiling
    return call if _call_cost(call, kind) < _cost(tiling, kind) else tiling


def _call_cost(call: _Call, kind: str) -> float:
    """Estimated cycles of the calls, on one core."""
    sizes = [x.known() for x in (call.m, call.n, call.k) if x is not None]
    turns = _flops(call.outer) // 2
    flops = 2.0 * math.prod(sizes)
    lanes = vector_registers()[0] // BYTES[kind]
    if call.name != "gemm":  # one load for each multiplication
        return turns * (300 + flops / (2 * lanes))
    most = 4 * lanes * (0.5 if blas.narrow(vector_registers()[0]) else 0.9)
    return turns * (500 + flops / (most * math.prod(n / (n + 8) for n in sizes)))


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
    flops = _flops(axes)
    m, n, k = (_size_of_kind(axes, kind) for kind in (("rows",), ("columns",), ("inner", "lonely")))
    if isinstance(way, _Call):
        sizes = [1 if x is None else x.known() for x in (way.m, way.n, way.k)]
        batch = _flops(way.outer) // 2
        return Plan(("batched " if batch > 1 else "") + way.name, *sizes, batch, flops)
    return Plan("loops", m, n, k, _size_of_kind(axes, ("batch", "still")), flops)


def _size_of_kind(axes: Sequence[Axis], kinds: Sequence[str]) -> int:
    return _flops([x for x in axes if x.kind in kinds]) // 2


# --- the lines ------------------------------------------------------------------------------------------------------


def emit_contraction(
    body: Body, dtype: np.dtype[Any], a: Operand, la: Labels, b: Operand, lb: Labels, out: Operand, lo: Labels
) -> bool:
    """Write the lines that compute out = Σ a·b, overwriting ``out``; a sum of no terms is zero.

    The lines begin in the block that is open and end in a new one. One axis may have a length known only at run time
    (a register of type i64, the same in each operand that has the axis). ``out`` overlaps neither argument.

    Returns
    -------
    bool
        False, with nothing written, for a type that is not handled.
    """
    kind = memory_type(dtype)
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
    if isinstance(way, _Call):
        _emit_call(body, kind, way, a.pointer, b.pointer, out.pointer)
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


def _emit_call(body: Body, kind: str, call: _Call, a: str, b: str, o: str) -> None:
    loops = []
    for axis in call.outer:
        loops.append(Loop(body, axis.size))
        a, b, o = (_moved(body, kind, p, loops[-1].index, s) for p, s in ((a, axis.a), (b, axis.b), (o, axis.o)))
    stack = ""
    if any(isinstance(x.size, str) for x in (call.m, call.n, call.k) if x is not None):
        body.module.declare("@llvm.stacksave.p0", "declare ptr @llvm.stacksave.p0()")
        body.module.declare("@llvm.stackrestore.p0", "declare void @llvm.stackrestore.p0(ptr)")
        stack = body.emit("call ptr @llvm.stacksave.p0()")
    if call.m is not None and call.n is not None:
        _emit_gemm(body, kind, call.m, call.n, call.k, a, b, o)
    elif call.m is not None:
        _emit_gemv(body, kind, call.m, "a", call.k, a, b, o)
    elif call.n is not None:
        _emit_gemv(body, kind, call.n, "b", call.k, b, a, o)
    else:
        k = call.k
        x, y = (_lowest(body, kind, p, k.size, s) for p, s in ((a, k.a), (b, k.b)))
        total = blas.dot(body, kind, k.size, (x, k.a), (y, k.b))
        body.line(f"store {kind} {total}, ptr {o}")
    if stack:
        body.line(f"call void @llvm.stackrestore.p0(ptr {stack})")
    for loop in reversed(loops):
        loop.close()


def _moved(body: Body, kind: str, pointer: str, index: str, step: int) -> str:
    if step == 0:
        return pointer
    return body.emit(f"getelementptr {kind}, ptr {pointer}, i64 {body.emit(f'mul nsw i64 {index}, {step}')}")


def _lowest(body: Body, kind: str, pointer: str, n: Size, step: int) -> str:
    """The lowest address of a vector, by which BLAS knows it; a negative step leads down to it."""
    if step > 0:
        return pointer
    if isinstance(n, int):
        return body.emit(f"getelementptr {kind}, ptr {pointer}, i64 {(n - 1) * step}")
    return _moved(body, kind, pointer, body.emit(f"sub i64 {n}, 1"), step)


def _emit_gemm(body: Body, kind: str, m: Axis, n: Axis, k: Axis, a: str, b: str, o: str) -> None:
    """Row-major results are transposed ones to Fortran: Cᵀ = Bᵀ Aᵀ."""
    if not _lies(m.o, m.size, n.o):  # rows of the result are contiguous
        m, n = (replace(x, a=x.b, b=x.a) for x in (n, m))
        k = replace(k, a=k.b, b=k.a)
        a, b = b, a
    a_flag = not _lies(m.a, m.size, k.a)
    b_flag = not _lies(k.b, k.size, n.b)
    a_ld, b_ld = m.a if a_flag else k.a, k.b if b_flag else n.b
    assert isinstance(k.size, int)
    blas.gemm(body, kind, (a_flag, b_flag), (m.size, n.size, k.size), (a, a_ld), (b, b_ld), (o, n.o))


def _emit_gemv(body: Body, kind: str, m: Axis, name: str, k: Axis, a: str, x: str, y: str) -> None:
    """y[m] = Σₖ a[m, k] x[k], where ``name`` says whose strides are a's."""
    rows, columns = getattr(m, name), getattr(k, name)
    incx = k.b if name == "a" else k.a
    x, y = _lowest(body, kind, x, k.size, incx), _lowest(body, kind, y, m.size, m.o)
    if _lies(rows, m.size, columns):  # contiguous columns: as Fortran has it
        blas.gemv(body, kind, False, (m.size, k.size), (a, columns), (x, incx), (y, m.o))
    else:
        blas.gemv(body, kind, True, (k.size, m.size), (a, rows), (x, incx), (y, m.o))
